// What comes back when the peer answers, and what goes out on the wire.

import Foundation
import PilotlightHTTP
import Testing

@Suite(.timeLimit(.minutes(2))) struct AnswerTests {
  let transport = CurlTransport(userAgent: "pilotlight/test")

  @Test func `an answer has status, headers in order, body, address and timings`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK", headers: ["X-First:  one ", "X-Second: two", "x-first: three"], body: "fine")
    }) { server in
      let answer = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5))).get()
      #expect(answer.status == 200)
      #expect(String(decoding: answer.body, as: UTF8.self) == "fine")
      #expect(answer.headers.map(\.name) == ["Content-Length", "X-First", "X-Second", "x-first"])
      #expect(answer.headers.map(\.value) == ["4", "one", "two", "three"])
      #expect(answer.remoteAddress == "127.0.0.1")
      #expect(!answer.bodyTruncated)
      #expect(answer.timings.connect > .zero)
      #expect(answer.timings.tls == .zero)
      #expect(answer.timings.connect <= answer.timings.firstByte)
      #expect(answer.timings.firstByte <= answer.timings.total)
    }
  }

  @Test func `a GET sends our agent and headers, and neither a body nor an Expect`() async throws {
    try await withServer({ peer, server in
      server.note(peer.readRequest())
      peer.answer("200 OK")
    }) { server in
      let headers = [(name: "X-Probe", value: "yes"), (name: "X-Empty", value: "")]
      _ = try await transport.send(HTTPRequest(url: server.url, headers: headers, timeout: .seconds(5))).get()
      let request = try #require(server.requests.first)
      #expect(request.hasPrefix("GET /health HTTP/1.1\r\n"))
      #expect(request.contains("\r\nUser-Agent: pilotlight/test\r\n"))
      #expect(request.contains("\r\nX-Probe: yes\r\n"))
      #expect(request.contains("\r\nX-Empty:\r\n"))
      #expect(!request.lowercased().contains("expect:"))
      #expect(!request.lowercased().contains("content-type:"))
      #expect(!request.lowercased().contains("accept-encoding"))
      #expect(request.hasSuffix("\r\n\r\n"))
    }
  }

  @Test(arguments: ["POST", "PUT"], [0, 1, 5000, 2_000_000])
  func `a body arrives as it was sent`(method: String, count: Int) async throws {
    try await withServer({ peer, _ in
      let request = peer.readRequest()
      let body = request.range(of: "\r\n\r\n").map { String(request[$0.upperBound...]) } ?? ""
      peer.answer("200 OK", headers: ["X-Method: \(request.prefix { $0 != " " })"], body: body)
    }) { server in
      let body = (0..<count).map { UInt8(32 + $0 % 90) }
      let request = HTTPRequest(
        method: method, url: server.url, headers: [(name: "Content-Type", value: "text/plain")], body: body,
        timeout: .seconds(20))
      let answer = try await transport.send(request).get()
      #expect(answer.body == body)
      #expect(answer.headers.contains { $0.name == "X-Method" && $0.value == method })
    }
  }

  @Test func `a body holds any bytes`() async throws {
    try await withServer({ peer, server in
      server.note(peer.readRequest())
      peer.answer("200 OK", body: "taken")
    }) { server in
      let body: [UInt8] = [0, 10, 13, 0, 65]
      let answer = try await transport.send(
        HTTPRequest(method: "PUT", url: server.url, body: body, timeout: .seconds(5))
      ).get()
      #expect(String(decoding: answer.body, as: UTF8.self) == "taken")
      let request = try #require(server.requests.first)
      #expect(Array(request.utf8.suffix(5)) == body)
      #expect(request.contains("Content-Length: 5\r\n"))
    }
  }

  @Test func `DELETE is sent as such`() async throws {
    try await withServer({ peer, server in
      server.note(peer.readRequest())
      peer.write("HTTP/1.1 204 No Content\r\n\r\n")
    }) { server in
      let answer = try await transport.send(
        HTTPRequest(method: "DELETE", url: server.url, timeout: .seconds(5))
      ).get()
      #expect(answer.status == 204)
      #expect(server.requests.first?.hasPrefix("DELETE /health ") == true)
    }
  }

  @Test func `HEAD does not wait for the body it announces`() async throws {
    try await withServer({ peer, server in
      server.note(peer.readRequest())
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
      peer.waitUntilGone()
    }) { server in
      let request = HTTPRequest(method: "HEAD", url: server.url, timeout: .seconds(10), freshConnection: true)
      let answer = try await transport.send(request).get()
      #expect(answer.status == 200)
      #expect(answer.body.isEmpty)
      #expect(server.requests.first?.hasPrefix("HEAD /health ") == true)
    }
  }

  @Test func `a redirect is an answer and is not followed`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("302 Found", headers: ["Location: http://127.0.0.1:1/sorry"])
    }) { server in
      let answer = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5))).get()
      #expect(answer.status == 302)
      #expect(server.connections == 1)
    }
  }

  @Test func `headers of a 100 Continue are not the answer's`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.write("HTTP/1.1 100 Continue\r\nX-Early: yes\r\n\r\n")
      peer.answer("201 Created", headers: ["X-Late: yes"])
    }) { server in
      let answer = try await transport.send(
        HTTPRequest(method: "POST", url: server.url, body: [1], timeout: .seconds(5))
      ).get()
      #expect(answer.status == 201)
      #expect(answer.headers.map(\.name) == ["Content-Length", "X-Late"])
    }
  }

  @Test func `connections are kept, unless a fresh one is asked for`() async throws {
    try await withServer({ peer, _ in
      while !peer.readRequest().isEmpty { peer.answer("200 OK") }
    }) { server in
      for _ in 0..<3 { _ = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5))).get() }
      #expect(server.connections == 1)
      for _ in 0..<3 {
        let request = HTTPRequest(url: server.url, timeout: .seconds(5), freshConnection: true)
        _ = try await transport.send(request).get()
      }
      #expect(server.connections == 4)
    }
  }

  @Test func `resolve leads a name to a fixed address`() async throws {
    try await withServer({ peer, server in
      server.note(peer.readRequest())
      peer.answer("200 OK")
    }) { server in
      let request = HTTPRequest(
        url: "http://alb.invalid:\(server.port)/", timeout: .seconds(5),
        address: NetworkAddress("127.0.0.1"))
      let answer = try await transport.send(request).get()
      #expect(answer.status == 200)
      #expect(server.requests.first?.contains("Host: alb.invalid:\(server.port)\r\n") == true)
    }
  }

  @Test func `a Unix socket carries requests`() async throws {
    let path = NSTemporaryDirectory() + "pilotlight-\(UUID().uuidString.prefix(8)).sock"
    let server = try TestServer(unixPath: path) { peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK", body: "local")
    }
    defer {
      server.stop()
      try? FileManager.default.removeItem(atPath: path)
    }
    let answer = try await transport.send(
      HTTPRequest(url: "http://localhost/", timeout: .seconds(5), unixSocket: path)
    ).get()
    #expect(String(decoding: answer.body, as: UTF8.self) == "local")
  }

  @Test(arguments: [0, 1, 1000, 65_536])
  func `a longer body is cut at the limit and says so`(limit: Int) async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK", body: String(repeating: "x", count: 70_000))
    }) { server in
      let answer = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5), bodyLimit: limit)).get()
      #expect(answer.body.count == limit)
      #expect(answer.bodyTruncated)
    }
  }

  @Test func `a body of exactly the limit is whole`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK", body: String(repeating: "x", count: 70_000))
    }) { server in
      let answer = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5), bodyLimit: 70_000)).get()
      #expect(answer.body.count == 70_000)
      #expect(!answer.bodyTruncated)
    }
  }
}
