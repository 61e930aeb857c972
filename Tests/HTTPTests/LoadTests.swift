// Many at once: those that hang must not delay the others, and nothing may be left open.

import Foundation
import PilotlightCore
import PilotlightHTTP
import PilotlightProbes
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct LoadTests {
  @Test func `F15: 200 hung targets of 400 do not delay the others`() async throws {
    let transport = CurlTransport()
    let hung = try TestServer { peer, _ in peer.waitUntilGone() }
    let sound = try TestServer { peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK")
    }
    defer {
      hung.stop()
      sound.stop()
    }
    let started = ContinuousClock().now
    let (answers, timeouts) = await withTaskGroup(of: (isHung: Bool, isRight: Bool, took: Duration).self) { group in
      for index in 0..<400 {
        let isHung = index % 2 == 0
        let url = isHung ? hung.url : sound.url
        group.addTask {
          let request = HTTPRequest(url: url, timeout: .seconds(8) * patience, freshConnection: true)
          let result = await transport.send(request)
          let took = ContinuousClock().now - started
          switch result {
          case .success(let answer): return (isHung, !isHung && answer.status == 200, took)
          case .failure(let failure): return (isHung, isHung && failure.kind == .timeout, took)
          }
        }
      }
      var answers: [Duration] = []
      var timeouts: [Duration] = []
      for await result in group {
        #expect(result.isRight)
        if result.isHung { timeouts.append(result.took) } else { answers.append(result.took) }
      }
      return (answers, timeouts)
    }
    #expect(answers.count == 200 && timeouts.count == 200)
    // The sound ones were all through long before the first hung one was given up.
    let slowest = try #require(answers.max())
    let firstGivenUp = try #require(timeouts.min())
    print("F15: slowest of 200 sound targets \(slowest), hung ones given up after \(firstGivenUp)")
    #expect(firstGivenUp >= .milliseconds(7900) * patience)
    #expect(slowest < .seconds(6) * patience)
  }

  @Test func `2,000 requests leave the number of open files where it was`() async throws {
    let transport = CurlTransport()
    let server = try TestServer { peer, _ in
      let request = peer.readRequest()
      if request.contains("/reset") { peer.reset() } else { peer.answer("200 OK") }
    }
    defer { server.stop() }
    let refused = try TestServer.refusedPort()
    let base = "http://127.0.0.1:\(server.port)"
    let urls = ["\(base)/fine", "\(base)/reset", "http://127.0.0.1:\(refused)/"]
    func burst(_ count: Int) async {
      await withTaskGroup(of: Void.self) { group in
        for index in 0..<count {
          group.addTask {
            let request = HTTPRequest(url: urls[index % urls.count], timeout: .seconds(20), freshConnection: true)
            _ = await transport.send(request)
          }
        }
      }
    }
    await burst(50)
    let before = openSockets(to: server.port)
    for _ in 0..<40 { await burst(50) }
    // Other suites open files at the same time; those of this server are ours alone. The serving side closes a moment later.
    let deadline = ContinuousClock().now + .seconds(10)
    while openSockets(to: server.port) > before, ContinuousClock().now < deadline { await Task.yield() }
    #expect(openSockets(to: server.port) <= before)
  }

  @Test func `a pulse is answered while targets hang`() async throws {
    let transport = CurlTransport()
    try await withServer({ peer, _ in peer.waitUntilGone() }) { server in
      let url = server.url
      let task = Task { await transport.send(HTTPRequest(url: url, timeout: .seconds(60))) }
      await withCheckedContinuation { continuation in transport.pulse { continuation.resume() } }
      task.cancel()
      _ = await task.value
    }
  }

  @Test func `a transport that is let go takes its connections along and answers what was asked`() async throws {
    let (ended, signal) = AsyncStream<String>.makeStream()
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      signal.yield("arrived")
      peer.waitUntilGone()
      signal.yield("closed")
    }) { server in
      var transport: CurlTransport? = CurlTransport()
      transport?.start(HTTPRequest(url: server.url, timeout: .seconds(60))) { result in
        if case .failure(let failure) = result { signal.yield(failure.kind.rawValue) }
      }
      var events = ended.makeAsyncIterator()
      #expect(await events.next() == "arrived")
      transport = nil
      let rest = [await events.next(), await events.next()]
      #expect(Set(rest) == ["closed", "cancelled"])
    }
  }
}

/// Sockets of this machine with this port at either end that are held by a process (TIME_WAIT is the kernel's own).
func openSockets(to port: Int) -> Int {
  let table = (try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)) ?? ""
  let suffix = ":" + String(repeating: "0", count: max(0, 4 - String(port, radix: 16).count)) + String(port, radix: 16)
  return table.split(separator: "\n").dropFirst().filter { line in
    let fields = line.split(whereSeparator: \.isWhitespace)
    guard fields.count > 9 else { return false }
    let isEnd = fields[1].lowercased().hasSuffix(suffix) || fields[2].lowercased().hasSuffix(suffix)
    return isEnd && fields[9] != "0"
  }.count
}
