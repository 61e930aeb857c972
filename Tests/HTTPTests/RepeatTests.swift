// What may be sent twice, and what must not be. libcurl repeats by itself whatever was lost on a kept connection.

import Foundation
import Glibc
import PilotlightHTTP
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct RepeatTests {
  let transport = CurlTransport()

  @Test(arguments: ["POST", "PUT", "DELETE", "PATCH"])
  func `F29: a write is sent once, though its connection dies before the answer`(method: String) async throws {
    try await withServer({ peer, server in
      while case let request = peer.readRequest(), !request.isEmpty {
        server.note(request)
        // Whatever changes something is taken, and its answer is lost.
        if !request.hasPrefix("GET") { return }
        peer.answer("200 OK")
      }
    }) { server in
      _ = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5))).get()
      let write = HTTPRequest(method: method, url: server.url, body: [1, 2], timeout: .seconds(5))
      guard case .failure(let failure) = await transport.send(write) else {
        Issue.record("answered")
        return
      }
      #expect(failure.kind == .reset)
      #expect(failure.requestMayHaveBeenSent)
      #expect(server.requests.filter { $0.hasPrefix(method) }.count == 1)
    }
  }

  @Test func `a write that is given up is thrown away, and the peer is told`() async throws {
    let ends = Mutex<[Int32]>([])
    let gaveUp = DispatchSemaphore(value: 0)
    try await withServer({ peer, _ in
      // Nothing is taken before it is given up.
      gaveUp.wait()
      while peer.read() != nil {}
      let end = errno
      ends.withLock { $0.append(end) }
    }) { server in
      let write = HTTPRequest(
        method: "POST", url: server.url, body: Array(repeating: 7, count: 8 << 20), timeout: .milliseconds(300))
      let outcome = await transport.send(write)
      gaveUp.signal()
      guard case .failure(let failure) = outcome else {
        Issue.record("answered")
        return
      }
      #expect(failure.kind == .timeout)
      let patience = ContinuousClock.now + .seconds(20)
      while ends.withLock({ $0.isEmpty }), ContinuousClock.now < patience {
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(ends.withLock { $0 } == [ECONNRESET])
    }
  }

  @Test func `a read that is lost with its kept connection is asked again`() async throws {
    try await withServer({ peer, server in
      server.note(peer.readRequest())
      peer.answer("200 OK")
      // The second one on this connection gets no answer.
      if case let second = peer.readRequest(), !second.isEmpty { server.note(second) }
    }) { server in
      for _ in 0..<2 { _ = try await transport.send(HTTPRequest(url: server.url, timeout: .seconds(5))).get() }
      #expect(server.requests.count == 3)
      #expect(server.connections == 2)
    }
  }

  @Test func `a read that is lost on a fresh connection is not asked again`() async throws {
    try await withServer({ peer, server in server.note(peer.readRequest()) }) { server in
      let request = HTTPRequest(url: server.url, timeout: .seconds(5), freshConnection: true)
      guard case .failure(let failure) = await transport.send(request) else {
        Issue.record("answered")
        return
      }
      #expect(failure.kind == .reset)
      #expect(server.requests.count == 1)
    }
  }

  @Test func `a write leaves kept connections to the reads`() async throws {
    try await withServer({ peer, _ in
      while !peer.readRequest().isEmpty { peer.answer("200 OK") }
    }) { server in
      for method in ["GET", "POST", "GET", "DELETE", "HEAD", "GET"] {
        _ = try await transport.send(HTTPRequest(method: method, url: server.url, timeout: .seconds(5))).get()
      }
      #expect(server.connections == 3)
    }
  }
}
