// Certificates are always verified; and a request on a kept TLS connection may have been sent.

import PilotlightHTTP
import Testing

@Suite(.timeLimit(.minutes(2))) struct TLSTests {
  let transport = CurlTransport()

  private func failure(_ request: HTTPRequest) async throws -> HTTPFailure {
    guard case .failure(let failure) = await transport.send(request) else { throw ServerFault("answered") }
    return failure
  }

  @Test func `a certificate of the named authority is accepted`() async throws {
    let certificate = try Certificate()
    let server = try TLSServer(certificate)
    defer { server.stop() }
    let request = HTTPRequest(
      url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10), caFile: certificate.certificate)
    let answer = try await transport.send(request).get()
    #expect(String(decoding: answer.body, as: UTF8.self) == "safe")
    #expect(answer.timings.tls > answer.timings.connect)
  }

  @Test func `a fresh connection shakes hands in full: a session that is resumed shows no certificate`() async throws {
    let certificate = try Certificate()
    let server = try TLSServer(certificate)
    defer { server.stop() }
    let request = HTTPRequest(
      url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10), freshConnection: true,
      caFile: certificate.certificate)
    for _ in 0..<3 {
      let answer = try await transport.send(request).get()
      #expect(answer.headers.first { $0.name.lowercased() == "x-session" }?.value == "new")
    }
  }

  @Test func `a self-signed certificate is refused before anything is sent`() async throws {
    let server = try TLSServer(Certificate())
    defer { server.stop() }
    let failure = try await failure(HTTPRequest(url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10)))
    #expect(failure.kind == .tls)
    #expect(failure.stage == .tls)
    #expect(!failure.requestMayHaveBeenSent)
  }

  @Test func `F9: an expired certificate is a TLS failure before anything is sent`() async throws {
    let certificate = try Certificate(isExpired: true)
    let server = try TLSServer(certificate)
    defer { server.stop() }
    let request = HTTPRequest(
      url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10), caFile: certificate.certificate)
    let failure = try await failure(request)
    #expect(failure.kind == .tls)
    #expect(!failure.requestMayHaveBeenSent)
  }

  @Test func `a certificate for another name is a TLS failure`() async throws {
    let certificate = try Certificate(host: "DNS:other.test")
    let server = try TLSServer(certificate)
    defer { server.stop() }
    let request = HTTPRequest(
      url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10), caFile: certificate.certificate)
    #expect(try await failure(request).kind == .tls)
  }

  @Test func `an authority file that cannot be read is a fault of ours`() async throws {
    let server = try TLSServer(Certificate())
    defer { server.stop() }
    let request = HTTPRequest(
      url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10), caFile: "/nonexistent.pem")
    let failure = try await failure(request)
    #expect(failure.kind == .local)
    #expect(!failure.requestMayHaveBeenSent)
  }

  @Test func `a peer that does not speak TLS is a TLS failure`() async throws {
    try await withServer({ peer, _ in
      _ = peer.read()
      peer.write("HTTP/1.1 400 Bad Request\r\n\r\n")
    }) { server in
      let failure = try await failure(HTTPRequest(url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10)))
      #expect(failure.kind == .tls)
      #expect(!failure.requestMayHaveBeenSent)
    }
  }

  @Test func `a peer that never shakes hands is a timeout in TLS, and nothing was sent`() async throws {
    try await withServer({ peer, _ in peer.waitUntilGone() }) { server in
      let request = HTTPRequest(url: "https://127.0.0.1:\(server.port)/", timeout: .milliseconds(400))
      let failure = try await failure(request)
      #expect(failure.kind == .timeout)
      #expect(failure.stage == .tls)
      #expect(!failure.requestMayHaveBeenSent)
    }
  }

  @Test func `a lost answer on a kept TLS connection is an unknown outcome`() async throws {
    let certificate = try Certificate()
    let server = try TLSServer(certificate)
    defer { server.stop() }
    var request = HTTPRequest(
      url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10), caFile: certificate.certificate)
    _ = try await transport.send(request).get()
    request.method = "POST"
    request.body = [1]
    request.timeout = .milliseconds(500)
    let failure = try await failure(request)
    #expect(failure.kind == .timeout)
    #expect(failure.stage == .firstByte)
    #expect(failure.requestMayHaveBeenSent)
  }
}
