// Whose fault it was: the peer's, the certificate's, or our own. The classes decide what may justify a failover, so a fault of
// ours must not pass for an outage, and a dead listener not for a certificate.

import Foundation
import PilotlightHTTP
import Testing

@Suite(.timeLimit(.minutes(2))) struct BlameTests {
  let transport = CurlTransport()

  private func failure(_ request: HTTPRequest) async throws -> HTTPFailure {
    guard case .failure(let failure) = await transport.send(request) else { throw ServerFault("answered") }
    return failure
  }

  @Test(arguments: [false, true])
  func `a handshake that is cut off is a dead listener, not a certificate`(byReset: Bool) async throws {
    try await withServer({ peer, _ in
      _ = peer.read()
      if byReset { peer.reset() }
    }) { server in
      let failure = try await failure(HTTPRequest(url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10)))
      #expect(failure.kind == .reset, "\(failure.detail)")
      #expect(failure.stage == .tls)
      #expect(!failure.requestMayHaveBeenSent)
      #expect(failure.timings.connect > .zero)
      #expect(failure.timings.tls == .zero)
    }
  }

  @Test func `F9: the words about an expired certificate say so`() async throws {
    let certificate = try Certificate(isExpired: true)
    let server = try TLSServer(certificate)
    defer { server.stop() }
    let request = HTTPRequest(
      url: "https://127.0.0.1:\(server.port)/", timeout: .seconds(10), caFile: certificate.certificate)
    let failure = try await failure(request)
    #expect(failure.kind == .tls)
    #expect(failure.stage == .tls)
    #expect(failure.detail.contains("certificate has expired"))
    #expect(failure.timings.connect > .zero)
  }

  @Test(arguments: ["xyz\r\n", "fffffffffffffffffffff\r\n", "-1\r\n\r\n"])
  func `chunks that make no sense are malformed`(chunk: String) async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
      peer.waitUntilGone()
    }) { server in
      let failure = try await failure(HTTPRequest(url: server.url, timeout: .seconds(10)))
      #expect(failure.kind == .malformed, "\(failure.detail)")
      #expect(failure.requestMayHaveBeenSent)
    }
  }

  @Test func `an endless row of 100 Continue ends as malformed`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      while peer.write("HTTP/1.1 100 Continue\r\nX-Wait: a little more\r\n\r\n") {}
    }) { server in
      let failure = try await failure(HTTPRequest(url: server.url, timeout: .seconds(20)))
      #expect(failure.kind == .malformed)
    }
  }

  @Test func `endless trailers end as malformed`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n")
      while peer.write("X-Trailer: one more\r\n") {}
    }) { server in
      let failure = try await failure(HTTPRequest(url: server.url, timeout: .seconds(20)))
      #expect(failure.kind == .malformed)
    }
  }

  @Test func `a folded header is one header, and a colon in the reason is none`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.write("HTTP/1.1 200 OK: fine\r\nX-Fold: one\r\n  two: three\r\nContent-Length: 0\r\n\r\n")
    }) { server in
      let answer = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5))).get()
      #expect(answer.headers.map(\.name) == ["X-Fold", "Content-Length"])
      #expect(answer.headers.first?.value == "one two: three")
    }
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nX-A: 1\r\n", "X-B", "1"), ("", "X-B", "1"), ("GET", "X B", "1"), ("GET", "X-B:", "1"),
    ("GET", "", "1"), ("GET", "X-B\r\nX-C", "1"),
  ])
  func `a method or header name that is no token is refused before anything is sent`(
    method: String, name: String, value: String
  ) async throws {
    try await withServer({ _, _ in }) { server in
      let request = HTTPRequest(
        method: method, url: server.url, headers: [(name: name, value: value)], timeout: .seconds(5))
      let failure = try await failure(request)
      #expect(failure.kind == .local)
      #expect(!failure.requestMayHaveBeenSent)
      #expect(server.connections == 0)
    }
  }

  @Test func `a socket path that is too long is a fault of ours`() async throws {
    let path = "/" + String(repeating: "x", count: 108)
    let request = HTTPRequest(url: "http://localhost/", timeout: .seconds(5), unixSocket: path)
    let failure = try await failure(request)
    #expect(failure.kind == .local)
  }

  @Test func `sockets do not leak into child processes`() async throws {
    try await withServer({ peer, _ in
      while !peer.readRequest().isEmpty { peer.answer("200 OK") }
    }) { server in
      _ = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5))).get()
      let kept = try descriptors(connectedTo: server.port)
      #expect(kept.count == 1)
      #expect(kept.allSatisfy { fcntl($0, F_GETFD) & FD_CLOEXEC != 0 })
    }
  }

  /// Sockets of this process whose peer is `port`.
  private func descriptors(connectedTo port: Int) throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }.filter { descriptor in
      var address = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let found = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) }
      }
      return found == 0 && address.sin_family == AF_INET && Int(UInt16(bigEndian: address.sin_port)) == port
    }
  }
}
