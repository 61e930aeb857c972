// What comes back when the peer does not answer, and whether the request may have reached it: for a write that is the difference
// between repeating it and asking the world first.

import Foundation
import PilotlightHTTP
import Testing

@Suite(.timeLimit(.minutes(2))) struct FailureTests {
  let transport = CurlTransport()

  private func failure(_ request: HTTPRequest) async throws -> HTTPFailure {
    switch await transport.send(request) {
    case .failure(let failure): return failure
    case .success(let answer):
      Issue.record("answered \(answer.status) with \(answer.body.count) bytes")
      throw ServerFault("no failure")
    }
  }

  private func failure(
    timeout: Duration = .milliseconds(300), _ behave: @escaping @Sendable (Peer) -> Void
  ) async throws -> HTTPFailure {
    try await withServer({ peer, _ in behave(peer) }) {
      try await failure(HTTPRequest(method: "POST", url: $0.url, body: [1, 2, 3], timeout: timeout))
    }
  }

  @Test func `a closed port is refused and nothing was sent`() async throws {
    let port = try TestServer.refusedPort()
    let failure = try await failure(HTTPRequest(url: "http://127.0.0.1:\(port)/", timeout: .seconds(5)))
    #expect(failure.kind == .refused)
    #expect(failure.stage == .connect)
    #expect(!failure.requestMayHaveBeenSent)
  }

  @Test func `F10: a name that does not exist is a DNS failure and nothing was sent`() async throws {
    let failure = try await failure(HTTPRequest(url: "http://nonexistent.invalid/", timeout: .seconds(20)))
    #expect(failure.kind == .dns)
    #expect(failure.stage == .dns)
    #expect(!failure.requestMayHaveBeenSent)
  }

  @Test func `F1: silence after the request is a timeout, on time, and the request may have been sent`() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let failure = try await failure { $0.waitUntilGone() }
    #expect(failure.kind == .timeout)
    #expect(failure.stage == .firstByte)
    #expect(failure.requestMayHaveBeenSent)
    #expect(failure.timings.total >= .milliseconds(290))
    #expect(clock.now - start < .seconds(5) * patience)
  }

  @Test func `a connection closed at once is a reset and the request may have been sent`() async throws {
    let failure = try await failure(timeout: .seconds(5)) { _ in }
    #expect(failure.kind == .reset)
    #expect(failure.requestMayHaveBeenSent)
  }

  @Test func `a connection closed after the request is a reset`() async throws {
    let failure = try await failure(timeout: .seconds(5)) { _ = $0.readRequest() }
    #expect(failure.kind == .reset)
    #expect(failure.requestMayHaveBeenSent)
  }

  @Test func `an RST after the request is a reset`() async throws {
    let failure = try await failure(timeout: .seconds(5)) {
      _ = $0.readRequest()
      $0.reset()
    }
    #expect(failure.kind == .reset)
    #expect(failure.requestMayHaveBeenSent)
  }

  @Test(arguments: ["HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n"])
  func `half a head is no answer`(_ head: String) async throws {
    let failure = try await failure(timeout: .seconds(5)) {
      _ = $0.readRequest()
      $0.write(head)
    }
    #expect(failure.kind == .reset)
  }

  @Test func `half a body is a reset in the body`() async throws {
    let failure = try await failure(timeout: .seconds(5)) {
      _ = $0.readRequest()
      $0.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    }
    #expect(failure.kind == .reset)
    #expect(failure.stage == .body)
    #expect(failure.requestMayHaveBeenSent)
  }

  @Test func `half a chunked body is a reset, not a short answer`() async throws {
    let failure = try await failure(timeout: .seconds(5)) {
      _ = $0.readRequest()
      $0.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    }
    #expect(failure.kind == .reset)
  }

  @Test func `a body that stops coming is a timeout in the body`() async throws {
    let failure = try await failure {
      _ = $0.readRequest()
      $0.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
      $0.waitUntilGone()
    }
    #expect(failure.kind == .timeout)
    #expect(failure.stage == .body)
  }

  @Test(arguments: [
    "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/9.9 banana\r\n\r\n", "HTTP/1.1 99999 Nonsense\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
    "<html>captive portal</html>\r\n\r\n",
  ])
  func `bytes that are not HTTP are malformed`(garbage: String) async throws {
    let failure = try await failure(timeout: .seconds(5)) {
      _ = $0.readRequest()
      $0.write(garbage)
    }
    #expect(failure.kind == .malformed)
    #expect(failure.requestMayHaveBeenSent)
  }

  @Test func `more than 64 kB of headers are malformed`() async throws {
    let failure = try await failure(timeout: .seconds(10)) { peer in
      _ = peer.readRequest()
      peer.write("HTTP/1.1 200 OK\r\n")
      let line = "X-Filler: " + String(repeating: "x", count: 1000) + "\r\n"
      while peer.write(line) {}
    }
    #expect(failure.kind == .malformed)
  }

  @Test func `one header line without an end is malformed`() async throws {
    let failure = try await failure(timeout: .seconds(10)) { peer in
      _ = peer.readRequest()
      peer.write("HTTP/1.1 200 OK\r\nX-Endless: ")
      let more = [UInt8](repeating: 120, count: 4096)
      while peer.write(more) {}
    }
    #expect(failure.kind == .malformed)
  }

  @Test func `a silent kept connection may have taken the request`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK")
      peer.waitUntilGone()
    }) { server in
      _ = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5))).get()
      let failure = try await failure(HTTPRequest(url: server.url, timeout: .milliseconds(300)))
      #expect(failure.kind == .timeout)
      #expect(failure.stage == .firstByte)
      #expect(failure.requestMayHaveBeenSent)
      #expect(server.connections == 1)
    }
  }

  @Test func `a cancelled request ends at once and says whether it was sent`() async throws {
    let (arrived, signal) = AsyncStream<Void>.makeStream()
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      signal.yield()
      peer.waitUntilGone()
      signal.finish()
    }) { server in
      let url = server.url
      let task = Task { await transport.send(HTTPRequest(url: url, timeout: .seconds(60))) }
      var events = arrived.makeAsyncIterator()
      _ = await events.next()
      task.cancel()
      guard case .failure(let failure) = await task.value else {
        Issue.record("answered")
        return
      }
      #expect(failure.kind == .cancelled)
      #expect(failure.requestMayHaveBeenSent)
      // The server sees the connection go: nothing is left behind.
      #expect(await events.next() == nil)
    }
  }

  @Test func `a task cancelled beforehand sends nothing that is waited for`() async throws {
    try await withServer({ peer, _ in peer.waitUntilGone() }) { server in
      let url = server.url
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return await transport.send(HTTPRequest(url: url, timeout: .seconds(60)))
      }
      guard case .failure(let failure) = await task.value else {
        Issue.record("answered")
        return
      }
      #expect(failure.kind == .cancelled)
    }
  }

  @Test func `shutdown ends what is under way and refuses what comes later`() async throws {
    let own = CurlTransport()
    let (arrived, signal) = AsyncStream<Void>.makeStream()
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      signal.finish()
      peer.waitUntilGone()
    }) { server in
      let url = server.url
      let task = Task { await own.send(HTTPRequest(url: url, timeout: .seconds(60))) }
      for await _ in arrived {}
      own.shutdown()
      guard case .failure(let failure) = await task.value else {
        Issue.record("answered")
        return
      }
      #expect(failure.kind == .cancelled)
      guard case .failure(let later) = await own.send(HTTPRequest(url: url, timeout: .seconds(5))) else {
        Issue.record("answered")
        return
      }
      #expect(later.kind == .local)
      #expect(!later.requestMayHaveBeenSent)
    }
  }

  @Test(arguments: ["", "not a url", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "gopher://127.0.0.1/"])
  func `what is no http URL is a fault of ours`(url: String) async throws {
    let failure = try await failure(HTTPRequest(url: url, timeout: .seconds(5)))
    #expect([.local, .dns].contains(failure.kind))
    #expect(!failure.requestMayHaveBeenSent)
  }

  @Test(arguments: ["one\r\nX-Smuggled: two", "one\ntwo", "nul\0"])
  func `a header value with control characters is refused, not smuggled`(value: String) async throws {
    try await withServer({ peer, server in
      server.note(peer.readRequest())
      peer.answer("200 OK")
    }) { server in
      let request = HTTPRequest(url: server.url, headers: [(name: "X-Probe", value: value)], timeout: .seconds(5))
      let failure = try await failure(request)
      #expect(failure.kind == .local)
      #expect(server.connections == 0)
    }
  }

  @Test func `an unreachable Unix socket is refused`() async throws {
    let request = HTTPRequest(
      url: "http://localhost/", timeout: .seconds(5), unixSocket: "/nonexistent/pilotlight.sock")
    let failure = try await failure(request)
    #expect(failure.kind == .refused)
    #expect(!failure.requestMayHaveBeenSent)
  }
}
