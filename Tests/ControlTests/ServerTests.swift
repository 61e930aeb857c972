import Foundation
import Glibc
import PilotlightControlAPI
import PilotlightControlServer
import Testing

/// The server as its peers meet it: real sockets, real files, hostile bytes.
@Suite struct ServerTests {
  @Test func `a question is answered in JSON and the connection closed`() async throws {
    let scratch = try Scratch()
    try await withServer(scratch.socket) { _ in
      let answer = await exchange(scratch.socket, get("/v1/health"))
      #expect(status(of: answer) == 200)
      #expect(body(of: answer) == #"{"ok":true}"#)
      #expect(answer?.contains("content-type: application/json\r\n") == true)
      #expect(answer?.contains("connection: close\r\n") == true)
    }
  }

  @Test func `the handler is told who asks, by the kernel`() async throws {
    let scratch = try Scratch()
    let seen = Seen<Peer>()
    let handler: ControlHandler = { _, peer in
      seen.add(peer)
      return .json(true)
    }
    try await withServer(scratch.socket, handler: handler) { _ in
      // The first look-up of a name may take longer on a busy machine than a request waits for it.
      for _ in 0..<10 where seen.all.last?.name == nil { _ = await exchange(scratch.socket, get("/v1/status")) }
    }
    let peer = try #require(seen.all.last)
    #expect(peer.uid == getuid() && peer.gid == getgid() && peer.pid == getpid())
    let name = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) }
    #expect(peer.name == name)
    #expect(Peer(uid: 7, gid: 7, pid: 1, name: "eve\u{1b}[2J").description == "eve\\u{1b}[2J (7)")
    #expect(Peer(uid: 7, gid: 7, pid: 1, name: nil).description == "uid 7")
  }

  @Test func `F94 where a group of operators is named its members and root order, and nobody else`() async throws {
    func peer(_ uid: UInt32, _ name: String?) -> Peer { Peer(uid: uid, gid: uid, pid: 1, name: name) }
    let operators = Operators(group: "daemon")
    #expect(await operators.refusal(of: peer(0, "root")) == nil)
    #expect(await operators.refusal(of: peer(1, "daemon")) == nil)
    #expect(
      await operators.refusal(of: peer(2, "bin")) == "bin (2) is no member of the group daemon, and may read only")
    #expect(await operators.refusal(of: peer(4_000_000, nil))?.contains("no member") == true)
    // Whom the kernel does not show us has the number of a user.
    let anybody = await Operators(group: "nogroup").refusal(of: peer(65_534, "nobody"))
    #expect(anybody == "who orders is in the group nogroup, and an unknown user (process 1) may be anybody")
    let missing = await Operators(group: "no-such-group").refusal(of: peer(1, "daemon"))
    #expect(missing?.contains("there is no such group") == true)
    let asked: [ControlRequest] = [
      .status, .health, .explain(workload: nil, incident: nil), .plan(workload: nil, kind: .failover),
    ]
    #expect(asked.allSatisfy { !$0.orders } && ControlRequest.reload.orders)
  }

  @Test func `an order reaches the handler as it was given`() async throws {
    let scratch = try Scratch()
    let seen = Seen<ControlRequest>()
    let order = OrderRequest(workload: "a", order: .pause, reason: "maintenance", expiresSeconds: 60)
    let text = String(decoding: try ControlJSON.encode(order), as: UTF8.self)
    let handler: ControlHandler = { request, _ in
      seen.add(request)
      return .answer(.refused, "it is paused already")
    }
    try await withServer(scratch.socket, handler: handler) { _ in
      let answer = await exchange(scratch.socket, post("/v1/orders", text))
      #expect(status(of: answer) == 409)
      #expect(body(of: answer) == #"{"message":"it is paused already","outcome":"refused"}"#)
    }
    #expect(seen.all == [.order(order)])
  }

  @Test(arguments: [
    (get("/v2/status"), 404), (get("/"), 404), (get("/v1/sandbox"), 404), (get("/v1/orders"), 405),
    (post("/v1/status", "{}"), 405), (post("/v1/orders", "{"), 400), (get("/v1/explain?nope=1"), 400),
  ])
  func `what is not there is refused in JSON, and no handler hears of it`(_ request: String, _ code: Int) async throws {
    let scratch = try Scratch()
    let seen = Seen<ControlRequest>()
    let handler: ControlHandler = { request, _ in
      seen.add(request)
      return .json(true)
    }
    try await withServer(scratch.socket, handler: handler) { _ in
      let answer = await exchange(scratch.socket, request)
      #expect(status(of: answer) == code)
      let text = try #require(body(of: answer))
      #expect(throws: Never.self) { try ControlJSON.decode(ErrorReport.self, from: Array(text.utf8)) }
    }
    #expect(seen.all.isEmpty)
  }

  @Test func `garbage is answered 400 or closed, and the server serves on`() async throws {
    let scratch = try Scratch()
    var random = SystemRandomNumberGenerator()
    var attempts: [[UInt8]] = [
      [0], Array("\r\n\r\n\r\n".utf8), Array("HELO there\r\n\r\n".utf8), Array("GET /v1/status\r\n\r\n".utf8),
      Array("GET /v1/status HTTP/9.9\r\n\r\n".utf8),
      [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03],
      Array("GET /v1/status HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n".utf8),
      Array("POST /v1/orders HTTP/1.1\r\ncontent-length: -5\r\n\r\n".utf8),
      Array("POST /v1/orders HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef".utf8),
      Array("POST /v1/orders HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n".utf8),
    ]
    for _ in 0..<100 {
      attempts.append(
        (0..<Int.random(in: 1...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
    try await withServer(scratch.socket) { [attempts] _ in
      for bytes in attempts {
        let path = scratch.socket
        let answer = await offPool { () -> String? in
          guard let client = RawClient(path) else { return nil }
          client.send(bytes)
          client.finishSending()
          return client.receiveAll()
        }
        let text = try #require(answer, "the server kept \(bytes) open")
        #expect(text.isEmpty || status(of: text) == 400, "\(bytes) was answered \(text)")
      }
      #expect(status(of: await exchange(scratch.socket, get("/v1/health"))) == 200)
    }
  }

  @Test func `a body of 64 kB is taken, a byte more is refused, announced or not`() async throws {
    let scratch = try Scratch()
    try await withServer(scratch.socket) { _ in
      let filler = { (count: Int) in String(repeating: " ", count: count) }
      #expect(status(of: await exchange(scratch.socket, post("/v1/orders", filler(65_536)))) == 400)
      #expect(status(of: await exchange(scratch.socket, post("/v1/orders", filler(65_537)))) == 413)
      #expect(status(of: await exchange(scratch.socket, post("/v1/orders", filler(8 << 20)))) == 413)
      let chunk = "8000\r\n" + filler(0x8000) + "\r\n"
      let head = "POST /v1/orders HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
      #expect(status(of: await exchange(scratch.socket, head + chunk + chunk + chunk + "0\r\n\r\n")) == 413)
    }
  }

  @Test func `a huge header is refused`() async throws {
    let scratch = try Scratch()
    try await withServer(scratch.socket) { _ in
      let one = "GET /v1/health HTTP/1.1\r\nhost: a\r\nx: \(String(repeating: "y", count: 20_000))\r\n\r\n"
      #expect(status(of: await exchange(scratch.socket, one)) == 431)
      let many = (0..<1000).map { "x\($0): y\r\n" }.joined()
      #expect(status(of: await exchange(scratch.socket, "GET /v1/health HTTP/1.1\r\n\(many)\r\n")) == 431)
      let url = get("/v1/explain?workload=" + String(repeating: "y", count: 100_000))
      let answer = await exchange(scratch.socket, url)
      #expect([400, 414, 431].contains(status(of: answer) ?? 0))
    }
  }

  @Test func `a peer that dawdles is cut off while others are served`() async throws {
    let scratch = try Scratch()
    try await withServer(scratch.socket, limits: ControlLimits(request: .seconds(2))) { _ in
      let path = scratch.socket
      // A byte whenever there is time for one, never the end of the request.
      async let dawdler = offPool { () -> String? in
        guard let client = RawClient(path) else { return nil }
        client.send("GET /v1/health HTTP/1.1\r\nx: ")
        for _ in 0..<500 where !client.waitForHangup(milliseconds: 20) && !client.hasBytes { client.send("y") }
        return client.receiveAll()
      }
      async let silent = offPool { RawClient(path)?.receiveAll() }
      for _ in 0..<20 { #expect(status(of: await exchange(path, get("/v1/health"))) == 200) }
      #expect(status(of: await dawdler) == 408)
      #expect(status(of: await silent) == 408)
    }
  }

  @Test func `a peer that does not read its answer is cut off`() async throws {
    let scratch = try Scratch()
    let big = String(repeating: "x", count: 8 << 20)
    let limits = ControlLimits(write: .milliseconds(200))
    try await withServer(scratch.socket, limits: limits, handler: { _, _ in .json(big) }) { _ in
      let path = scratch.socket
      let closed = await offPool { () -> Bool in
        guard let client = RawClient(path) else { return false }
        client.send(get("/v1/status"))
        return client.waitForHangup(milliseconds: 10_000)
      }
      #expect(closed)
    }
  }

  @Test func `a peer that has shut down its sending side still gets its answer`() async throws {
    let scratch = try Scratch()
    let gate = Gate()
    let handler: ControlHandler = { _, _ in
      await gate.wait()
      return .json("here")
    }
    try await withServer(scratch.socket, handler: handler) { server in
      let path = scratch.socket
      async let answer = offPool { () -> String? in
        guard let client = RawClient(path) else { return nil }
        client.send(get("/v1/status"))
        client.finishSending()
        return client.receiveAll()
      }
      for _ in 0..<20 { await withCheckedContinuation { done in server.pulse { done.resume() } } }
      await gate.open()
      #expect(status(of: await answer) == 200)
    }
  }

  @Test func `half a request is never carried out`() async throws {
    let scratch = try Scratch()
    let seen = Seen<ControlRequest>()
    let handler: ControlHandler = { request, _ in
      seen.add(request)
      return .json(true)
    }
    try await withServer(scratch.socket, handler: handler) { _ in
      let whole = post("/v1/orders", #"{"workload":"a","order":"ack","reason":"x"}"#)
      let path = scratch.socket
      for length in stride(from: 1, to: whole.utf8.count, by: 7) {
        _ = await offPool { () -> String? in
          guard let client = RawClient(path) else { return nil }
          client.send(Array(whole.utf8.prefix(length)))
          client.finishSending()
          return client.receiveAll()
        }
      }
      #expect(seen.all.isEmpty)
      #expect(status(of: await exchange(path, whole)) == 200)
      #expect(seen.all.count == 1)
    }
  }

  @Test func `sixty-four ask at once and all are answered`() async throws {
    let scratch = try Scratch()
    try await withServer(scratch.socket) { _ in
      let path = scratch.socket
      let codes = await withTaskGroup(of: Int?.self) { group in
        for _ in 0..<64 { group.addTask { status(of: await exchange(path, get("/v1/status"))) } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(codes == Array(repeating: 200, count: 64))
    }
  }

  @Test func `beyond the limit of connections a peer is told so, and room returns`() async throws {
    let scratch = try Scratch()
    try await withServer(scratch.socket, limits: ControlLimits(connections: 4)) { server in
      var held = (0..<4).compactMap { _ in RawClient(scratch.socket) }
      #expect(held.count == 4)
      let answer = await exchange(scratch.socket, get("/v1/health"))
      #expect(status(of: answer) == 503)
      held = []
      var code = status(of: await exchange(scratch.socket, get("/v1/health")))
      // The loop learns of the four hang-ups in turns of its own.
      for _ in 0..<100 where code == 503 {
        await withCheckedContinuation { done in server.pulse { done.resume() } }
        code = status(of: await exchange(scratch.socket, get("/v1/health")))
      }
      #expect(code == 200)
    }
  }

  @Test func `a handler that hangs costs its peer 504 and nobody else anything`() async throws {
    let scratch = try Scratch()
    let gate = Gate()
    let handler: ControlHandler = { request, _ in
      if request == .status { await gate.wait() }
      return .json(true)
    }
    try await withServer(scratch.socket, limits: ControlLimits(answer: .milliseconds(200)), handler: handler) { _ in
      #expect(status(of: await exchange(scratch.socket, get("/v1/status"))) == 504)
      // The handler still hangs. A busy machine may need more than one try to be answered within such a short limit.
      var code: Int?
      for _ in 0..<50 where code != 200 { code = status(of: await exchange(scratch.socket, get("/v1/health"))) }
      #expect(code == 200)
      await gate.open()
    }
  }

  @Test func `a number that JSON cannot say is a fault, not a crash`() {
    let response = ControlResponse.json(LossStatus(seconds: .nan, confidence: .unknown))
    #expect(response.status == 500)
    #expect(throws: Never.self) { try ControlJSON.decode(ErrorReport.self, from: response.body) }
  }
}

extension RawClient {
  /// Whether an answer has begun to arrive.
  var hasBytes: Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) == 1
  }
}
