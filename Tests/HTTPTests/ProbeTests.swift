// Each fault a probe can meet, over real sockets, and the class it gets. The classes decide what may justify a failover.

import Foundation
import PilotlightCore
import PilotlightHTTP
import PilotlightProbes
import Testing

/// The probes' time line in tests: the machine's monotonic clock.
func machineTime() -> Instant {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return Instant(nanoseconds: Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec))
}

@Suite(.timeLimit(.minutes(2))) struct ProbeTests {
  let prober = HTTPProber(transport: CurlTransport(), now: machineTime)

  private func look(_ settings: ProbeSettings) async -> Observation {
    await withCheckedContinuation { continuation in prober.probe(settings) { continuation.resume(returning: $0) } }
  }

  private func outcome(
    _ change: (inout ProbeSettings) -> Void = { _ in }, _ behave: @escaping @Sendable (Peer) -> Void
  ) async throws -> ProbeOutcome {
    try await withServer({ peer, _ in behave(peer) }) { server in
      var settings = ProbeSettings(url: server.url, timeout: .seconds(5), slowAfter: nil)
      change(&settings)
      return await look(settings).outcome
    }
  }

  private func failure(_ outcome: ProbeOutcome) -> (FailureClass, Int?)? {
    guard case .failure(let failure, let status, _) = outcome else { return nil }
    return (failure, status)
  }

  @Test func `the expected status and body are a success`() async throws {
    let outcome = try await outcome({ $0.bodyContains = "\"ok\"" }) {
      _ = $0.readRequest()
      $0.answer("200 OK", body: "{\"status\": \"ok\"}")
    }
    #expect(outcome == .success(status: 200))
  }

  @Test func `an observation has the moment the probe began and how long it took`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK")
    }) { server in
      let before = machineTime()
      let seen = await look(ProbeSettings(url: server.url))
      #expect(seen.at >= before)
      #expect(seen.took > .zero)
      #expect(seen.at + seen.took <= machineTime())
    }
  }

  @Test func `F1: silence is a timeout, which counts as down`() async throws {
    let outcome = try await outcome({ $0.timeout = .milliseconds(300) }) { $0.waitUntilGone() }
    #expect(failure(outcome)?.0 == .timeout)
    #expect(FailureClass.timeout.countsAsDown)
  }

  @Test(arguments: [500, 502, 503, 504]) func `F3: a 5xx is answering, a class of its own`(status: Int) async throws {
    let outcome = try await outcome {
      _ = $0.readRequest()
      $0.answer("\(status) No Targets", body: "sorry")
    }
    #expect(outcome == .failure(.serverError, status: status, detail: ""))
  }

  @Test func `F4: 200 with the wrong body is wrong content`() async throws {
    let outcome = try await outcome({ $0.bodyContains = "healthy" }) {
      _ = $0.readRequest()
      $0.answer("200 OK", body: "<h1>It works!</h1>")
    }
    #expect(failure(outcome)?.0 == .wrongContent)
    #expect(failure(outcome)?.1 == 200)
  }

  @Test(arguments: [301, 302, 307]) func `F5: a redirect to a sorry page is a wrong status`(status: Int) async throws {
    let outcome = try await outcome {
      _ = $0.readRequest()
      $0.answer("\(status) Moved", headers: ["Location: https://sorry.example/"])
    }
    #expect(outcome == .failure(.wrongStatus, status: status, detail: "redirects to https://sorry.example/"))
  }

  @Test func `F5: a redirect that is expected is a success`() async throws {
    let outcome = try await outcome({ $0.expectedStatus = [StatusRange(301, 302)] }) {
      _ = $0.readRequest()
      $0.answer("302 Found", headers: ["Location: /login"])
    }
    #expect(outcome == .success(status: 302))
  }

  @Test func `F6: the right answer just before the deadline is slow, which never justifies a failover`() async throws {
    let outcome = try await outcome({
      $0.timeout = .seconds(5)
      $0.slowAfter = .milliseconds(100)
    }) { peer in
      _ = peer.readRequest()
      usleep(200_000)
      peer.answer("200 OK")
    }
    #expect(failure(outcome)?.0 == .slow)
    #expect(!FailureClass.slow.countsAsDown)
  }

  @Test func `F6: slow and wrong is wrong`() async throws {
    let outcome = try await outcome({ $0.slowAfter = .milliseconds(1) }) { peer in
      _ = peer.readRequest()
      usleep(20_000)
      peer.answer("503 Service Unavailable")
    }
    #expect(failure(outcome)?.0 == .serverError)
  }

  @Test func `F8: an endless body is cut at 64 kB and the rest is never read`() async throws {
    let (ended, signal) = AsyncStream<Int>.makeStream()
    let before = residentKilobytes()
    let outcome = try await outcome({ $0.bodyContains = "healthy" }) { peer in
      _ = peer.readRequest()
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
      let chunk = [UInt8](repeating: 120, count: 65_536)
      var sent = 0
      while peer.write(chunk) { sent += chunk.count }
      signal.yield(sent)
      signal.finish()
    }
    #expect(failure(outcome)?.0 == .wrongContent)
    var events = ended.makeAsyncIterator()
    let sent = await events.next()
    // What the kernel's buffers hold of a connection, and no gigabytes.
    #expect(try #require(sent) < 64 << 20)
    #expect(residentKilobytes() - before < 200_000)
  }

  @Test func `F8: text in the first 64 kB of an endless body is found`() async throws {
    let outcome = try await outcome({ $0.bodyContains = "healthy" }) { peer in
      _ = peer.readRequest()
      peer.write("HTTP/1.1 200 OK\r\n\r\nhealthy")
      let chunk = [UInt8](repeating: 120, count: 65_536)
      while peer.write(chunk) {}
    }
    #expect(outcome == .success(status: 200))
  }

  @Test func `F9: an expired certificate is class tls, which never justifies a failover`() async throws {
    let certificate = try Certificate(isExpired: true)
    let server = try TLSServer(certificate)
    defer { server.stop() }
    let settings = ProbeSettings(url: "https://127.0.0.1:\(server.port)/", caFile: certificate.certificate)
    #expect(failure(await look(settings).outcome)?.0 == .tls)
    #expect(!FailureClass.tls.countsAsDown)
  }

  @Test func `F10: a name that does not exist is class dns, which never justifies a failover`() async throws {
    let seen = await look(ProbeSettings(url: "http://nonexistent.invalid/health", timeout: .seconds(20)))
    #expect(failure(seen.outcome)?.0 == .dns)
    #expect(!FailureClass.dns.countsAsDown)
  }

  @Test func `a closed port is class refused`() async throws {
    let port = try TestServer.refusedPort()
    #expect(failure(await look(ProbeSettings(url: "http://127.0.0.1:\(port)/")).outcome)?.0 == .refused)
  }

  @Test func `a broken connection is class reset`() async throws {
    let outcome = try await outcome {
      _ = $0.readRequest()
      $0.reset()
    }
    #expect(failure(outcome)?.0 == .reset)
  }

  @Test func `bytes that are not HTTP are class wrong content`() async throws {
    let outcome = try await outcome {
      _ = $0.readRequest()
      $0.write("220 mail.example ESMTP\r\n")
    }
    #expect(failure(outcome)?.0 == .wrongContent)
  }

  @Test func `a fault of ours never counts as down`() async throws {
    let broken = await look(ProbeSettings(url: "no url at all"))
    #expect(failure(broken.outcome)?.0.countsAsDown == false)
    let cancelled = HTTPFailure(kind: .cancelled, stage: .dns, requestMayHaveBeenSent: false, detail: "")
    #expect(!failureClass(cancelled).countsAsDown)
  }

  @Test func `a hostile redirect is printable, one line and short`() async throws {
    let outcome = try await outcome {
      _ = $0.readRequest()
      $0.answer("302 Found", headers: ["Location: \u{1B}[31mred\u{7}" + String(repeating: "a", count: 5000)])
    }
    guard case .failure(.wrongStatus, _, let detail) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(detail.count <= 220)
    #expect(detail.unicodeScalars.allSatisfy { $0.value >= 32 && !(127...159).contains($0.value) })
  }

  @Test(arguments: ["", ":", "X-Only-A-Name", ": value", "X-Good: yes"])
  func `no header line of the configuration brings the probe down`(line: String) async throws {
    let outcome = try await outcome({ $0.headers = [line, "X-Last: 1"] }) { peer in
      let request = peer.readRequest()
      peer.answer(request.contains("\r\nX-Last: 1\r\n") ? "200 OK" : "400 Bad Request")
    }
    #expect(outcome == .success(status: 200))
  }

  @Test func `any answer of a reference shows that our network works`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("503 Service Unavailable")
    }) { server in
      let seen = await withCheckedContinuation { continuation in
        prober.reach(url: server.url, timeout: .seconds(5)) { continuation.resume(returning: $0) }
      }
      #expect(seen.outcome == .success(status: 503))
    }
  }

  @Test func `a compressed clock shortens the timeout in real time`() async throws {
    try await withServer({ peer, _ in peer.waitUntilGone() }) { server in
      let start = machineTime()
      let fast = HTTPProber(
        transport: CurlTransport(),
        now: { Instant(nanoseconds: start.nanoseconds + (machineTime() - start).nanoseconds * 100) }, speed: 100)
      let seen = await withCheckedContinuation { continuation in
        fast.probe(ProbeSettings(url: server.url, timeout: .seconds(30))) { continuation.resume(returning: $0) }
      }
      #expect(failure(seen.outcome)?.0 == .timeout)
      #expect(seen.took >= .seconds(29))
      #expect(machineTime() - start < .seconds(10) * patience)
    }
  }
}

/// Resident memory of this process.
func residentKilobytes() -> Int {
  let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
  return line.flatMap { Int($0.split(whereSeparator: \.isWhitespace)[1]) } ?? 0
}
