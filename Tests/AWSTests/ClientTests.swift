// What the client repeats, what it never repeats, and how it mends a clock or keys that are wrong.

import PilotlightCore
import PilotlightHTTP
import Synchronization
import Testing

@testable import PilotlightAWS

private let read = Operation(.rds, region: "eu-west-1", name: "DescribeDBInstances", body: Array("Action=D".utf8))
private let setSize = Operation(
  .autoscaling, region: "eu-west-1", name: "UpdateAutoScalingGroup", changes: true, declarative: true)
private let promote = Operation(
  .rds, region: "eu-west-1", name: "PromoteReadReplica", changes: true, declarative: false)

extension Result where Success == Answer, Failure == CloudFailure {
  fileprivate var kind: CloudFailure.Kind? {
    if case .failure(let failure) = self { failure.kind } else { nil }
  }
  fileprivate var code: String? {
    if case .failure(let failure) = self { failure.code } else { nil }
  }
  fileprivate var text: String? {
    if case .success(let answer) = self { String(decoding: answer.body, as: UTF8.self) } else { nil }
  }
}

@Suite struct `Throttles` {
  @Test(arguments: [(400, "Throttling"), (503, "ThrottlingException"), (400, "RequestLimitExceeded")])
  func `F28 a throttled request is repeated after growing pauses`(status: Int, code: String) async throws {
    for operation in [read, setSize, promote] {
      let time = FakeTime()
      let http = FakeHTTP(script: [refusal(status, code), refusal(status, code), answer(200, "done")])
      let result = await (try client(http, time: time)).execute(operation, timeout: .seconds(30))
      #expect(result.text == "done")
      #expect(http.requests.count == 3)
      #expect(time.pauses == [.milliseconds(200), .milliseconds(400)])
    }
  }

  @Test func `three attempts are all, and the throttle is what is told`() async throws {
    let http = FakeHTTP(script: [refusal(400, "Throttling")])
    let result = await (try client(http)).execute(read, timeout: .seconds(30))
    #expect(result.kind == .throttled && result.code == "Throttling")
    #expect(http.requests.count == 3)
  }

  /// One call in a throttled place, again and again; how many requests that made.
  private func requests(_ operation: Operation, calls: Int, _ client: AWSClient, _ http: FakeHTTP) async -> [Int] {
    var made: [Int] = []
    for _ in 0..<calls {
      let before = http.requests.count
      _ = await client.execute(operation, timeout: .seconds(30))
      made.append(http.requests.count - before)
    }
    return made
  }

  @Test func `F28 what reads may repeat is used up where a service throttles, and there alone`() async throws {
    let http = FakeHTTP { request, _ in
      request.url.contains("eu-west-1") ? refusal(400, "Throttling") : answer(200, "done")
    }
    let client = try client(http)
    let elsewhere = Operation(.rds, region: "us-west-2", name: "DescribeDBInstances")
    let throttled = Operation(.rds, region: "eu-west-1", name: "DescribeDBInstances")
    let act = Operation(.rds, region: "eu-west-1", name: "PromoteReadReplica", changes: true)
    let other = Operation(.autoscaling, region: "eu-west-1", name: "DescribeAutoScalingGroups")
    // 500 tokens, 10 for the two repetitions of a call.
    let made = await requests(throttled, calls: 60, client, http)
    #expect(made == Array(repeating: 3, count: 50) + Array(repeating: 1, count: 10))
    #expect(await requests(act, calls: 2, client, http) == [3, 3])
    #expect(await requests(other, calls: 1, client, http) == [3])
    #expect(await requests(elsewhere, calls: 1, client, http) == [1])
  }

  @Test func `answers fill again what may be repeated`() async throws {
    let isThrottled = Mutex(true)
    let http = FakeHTTP { _, _ in isThrottled.withLock { $0 } ? refusal(400, "Throttling") : answer(200, "done") }
    let client = try client(http)
    _ = await requests(read, calls: 50, client, http)
    #expect(await requests(read, calls: 1, client, http) == [1])
    isThrottled.withLock { $0 = false }
    _ = await requests(read, calls: 7, client, http)
    isThrottled.withLock { $0 = true }
    #expect(await requests(read, calls: 2, client, http) == [2, 1])
  }

  @Test func `no pause reaches beyond the timeout`() async throws {
    let time = FakeTime()
    let began = time.now
    let http = FakeHTTP(script: [refusal(400, "Throttling")])
    let result = await (try client(http, time: time)).execute(read, timeout: .milliseconds(500))
    #expect(result.kind == .throttled)
    #expect(http.requests.count == 2)
    #expect(time.now - began < 0.5)
  }

  @Test func `each attempt gets what is left of the timeout, and ten seconds at most`() async throws {
    let time = FakeTime()
    let http = FakeHTTP { request, _ in
      time.advance(request.timeout.seconds)
      return failure(.timeout, at: .connect, sent: false)
    }
    let result = await (try client(http, time: time)).execute(read, timeout: .seconds(15))
    #expect(result.kind == .unreachable)
    try #require(http.requests.count == 2)
    #expect(http.requests[0].timeout == .seconds(10))
    #expect(http.requests[1].timeout < .seconds(5) && http.requests[1].timeout > .seconds(4))
  }
}

@Suite struct `Lost answers` {
  private static let losses: [HTTPResult] = [
    failure(.reset, at: .firstByte, sent: true), failure(.timeout, at: .firstByte, sent: true),
    failure(.reset, at: .body, sent: true), failure(.malformed, at: .firstByte, sent: true),
    failure(.timeout, at: .tls, sent: true),
  ]

  @Test(arguments: losses)
  func `F29 a write whose answer was lost has an unknown outcome and is sent exactly once`(loss: HTTPResult)
    async throws
  {
    for operation in [promote, setSize] {
      let http = FakeHTTP(script: [loss, answer(200)])
      let result = await (try client(http)).execute(operation, timeout: .seconds(30))
      #expect(result.kind == .unknownOutcome)
      #expect(http.requests.count == 1)
    }
  }

  @Test(arguments: [500, 502, 503, 504])
  func `F29 a promote that met a 5xx has an unknown outcome and is sent exactly once`(status: Int) async throws {
    for body in [refusal(status, "InternalFailure"), answer(status, "<html>gateway</html>"), answer(status)] {
      let http = FakeHTTP(script: [body, answer(200)])
      let result = await (try client(http)).execute(promote, timeout: .seconds(30))
      #expect(result.kind == .unknownOutcome)
      #expect(http.requests.count == 1)
    }
  }

  @Test(arguments: [500, 502, 503, 504])
  func `reads and declarative writes are repeated after a 5xx`(status: Int) async throws {
    for operation in [read, setSize] {
      let http = FakeHTTP(script: [answer(status, "gateway"), answer(200, "done")])
      #expect(await (try client(http)).execute(operation, timeout: .seconds(30)).text == "done")
      #expect(http.requests.count == 2)
    }
  }

  @Test(arguments: losses)
  func `a read whose answer was lost is asked again`(loss: HTTPResult) async throws {
    let http = FakeHTTP(script: [loss, answer(200, "done")])
    #expect(await (try client(http)).execute(read, timeout: .seconds(30)).text == "done")
    #expect(http.requests.count == 2)
  }

  @Test(arguments: [HTTPFailure.Kind.dns, .refused, .timeout, .tls])
  func `what was never sent is repeated, even a promote`(kind: HTTPFailure.Kind) async throws {
    let http = FakeHTTP(script: [failure(kind, at: .connect, sent: false), answer(200, "done")])
    #expect(await (try client(http)).execute(promote, timeout: .seconds(30)).text == "done")
    let never = FakeHTTP(script: [failure(kind, at: .connect, sent: false)])
    #expect(await (try client(never)).execute(promote, timeout: .seconds(30)).kind == .unreachable)
    #expect(never.requests.count == 3)
  }

  @Test(arguments: [(403, "AccessDenied"), (400, "ValidationError"), (400, "InvalidDBInstanceState"), (404, "X")])
  func `F46 a refusal is not repeated`(status: Int, code: String) async throws {
    let http = FakeHTTP(script: [refusal(status, code)])
    #expect(await (try client(http)).execute(read, timeout: .seconds(30)).code == code)
    #expect(http.requests.count == 1)
  }

  @Test func `F47 an answer of more than 4 MB is refused, and asked for no further`() async throws {
    let http = FakeHTTP { _, _ in
      .success(HTTPResponse(status: 200, headers: [], body: [1], bodyTruncated: true))
    }
    let result = await (try client(http)).execute(read, timeout: .seconds(30))
    #expect(result.kind == .garbled && result.code == "TooLarge")
    #expect(http.requests.map(\.bodyLimit) == [4 << 20])
  }
}
