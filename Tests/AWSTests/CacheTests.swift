// Keys are renewed early and by one caller, kept when renewing fails, and dropped when a service refuses them.

import PilotlightCore
import PilotlightHTTP
import Synchronization
import Testing

@testable import PilotlightAWS

/// A container endpoint whose keys last an hour from the moment they are given, until it is broken.
private final class Agent: Sendable {
  let time = FakeTime()
  let notices = Notices()
  private let broken = Mutex(false)
  private let given = Mutex(0)
  private let stale = Mutex<Double?>(nil)

  /// Its keys end then, whenever they are given; nil: an hour later.
  func setStale(until end: Double?) { stale.withLock { $0 = end } }
  func setBroken(_ value: Bool) { broken.withLock { $0 = value } }
  var count: Int { given.withLock { $0 } }

  func makeCache() throws -> CredentialCache {
    let http = FakeHTTP { [self] _, _ in
      let number = given.withLock { count in
        count += 1
        return count
      }
      return broken.withLock { $0 }
        ? answer(500) : keysJSON("K\(number)", expires: stale.withLock { $0 } ?? time.now + 3600)
    }
    let chain = CredentialChain(
      environment: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"], profileName: nil,
      files: try ProfileFiles(config: nil, credentials: nil), role: nil, stsRegions: [], http: http, clock: time.clock,
      skew: ClockSkew(onNotice: { _ in }), caFile: nil, readFile: { _ in nil })
    return CredentialCache(chain: chain, clock: time.clock, random: { 0.5 }, onNotice: { [self] in notices.add($0) })
  }

  /// Until renewing in the background has asked `number` times and its result is in place.
  func settled(_ cache: CredentialCache, asked number: Int) async {
    while count < number { await Task.yield() }
    await cache.renewalEnded()
  }
}

@Test func `many callers at once cause one request`() async throws {
  let agent = Agent()
  let cache = try agent.makeCache()
  let ids = await withTaskGroup(of: String?.self) { group in
    for _ in 0..<50 { group.addTask { try? await cache.keys(within: .seconds(60)).accessKeyID } }
    return await group.reduce(into: Set<String?>()) { $0.insert($1) }
  }
  #expect(ids == ["K1"])
  #expect(agent.count == 1)
}

@Test func `keys are renewed five minutes before their end, and nobody waits for it`() async throws {
  let agent = Agent()
  let cache = try agent.makeCache()
  _ = try await cache.keys(within: .seconds(60))
  agent.time.advance(3299)
  #expect(try await cache.keys(within: .seconds(60)).accessKeyID == "K1")
  #expect(agent.count == 1)
  agent.time.advance(2)
  #expect(try await cache.keys(within: .seconds(60)).accessKeyID == "K1")
  await agent.settled(cache, asked: 2)
  #expect(try await cache.keys(within: .seconds(60)).accessKeyID == "K2")
  #expect(agent.count == 2)
}

@Test func `F48 when renewing fails the keys in use go on, for ten minutes beyond their end and no longer`()
  async throws
{
  let agent = Agent()
  let cache = try agent.makeCache()
  _ = try await cache.keys(within: .seconds(60))
  agent.setBroken(true)
  agent.time.advance(3400)
  #expect(try await cache.keys(within: .seconds(60)).accessKeyID == "K1")
  await agent.settled(cache, asked: 2)
  let text = "credentials cannot be renewed: the container's credential endpoint answers HTTP 500; those in use end in"
  #expect(agent.notices.all == [.remark("\(text) 200 s")])
  // Not again at every call.
  for _ in 0..<5 { _ = try await cache.keys(within: .seconds(60)) }
  #expect(agent.count == 2)
  // Somebody is called before the end, and once.
  for number in 3...4 {
    agent.time.advance(37)
    #expect(try await cache.keys(within: .seconds(60)).accessKeyID == "K1")
    await agent.settled(cache, asked: number)
  }
  #expect(agent.notices.all.dropFirst() == [.credentialsEnding("\(text) 163 s"), .remark("\(text) 126 s")])
  agent.time.advance(626)
  #expect(try await cache.keys(within: .seconds(60)).accessKeyID == "K1")
  agent.time.advance(101)
  for _ in 0..<3 {
    await #expect(throws: CredentialError.self) { try await cache.keys(within: .seconds(60)) }
  }
  agent.setBroken(false)
  #expect(try await cache.keys(within: .seconds(60)).accessKeyID == "K\(agent.count)")
}

@Test func `F48 a source that gives the same keys again has not renewed them, and is told of once`() async throws {
  let agent = Agent()
  let cache = try agent.makeCache()
  agent.setStale(until: agent.time.now + 3600)
  _ = try await cache.keys(within: .seconds(60))
  agent.time.advance(3301)
  for number in 2...5 {
    #expect(try await cache.keys(within: .seconds(60)).accessKeyID == "K\(number - 1)")
    await agent.settled(cache, asked: number)
    agent.time.advance(61)
  }
  let text = "credentials cannot be renewed: their source gives the same again; those in use end in"
  #expect(
    agent.notices.all == [
      .remark("\(text) 299 s"), .remark("\(text) 238 s"), .credentialsEnding("\(text) 177 s"), .remark("\(text) 116 s"),
    ])
  agent.setStale(until: nil)
  _ = try await cache.keys(within: .seconds(60))
  await agent.settled(cache, asked: 6)
  #expect(agent.notices.all.count == 4)
  // Renewed; the next time is told of again.
  agent.setBroken(true)
  agent.time.advance(3500)
  _ = try await cache.keys(within: .seconds(60))
  await agent.settled(cache, asked: 7)
  #expect(agent.notices.all.count == 5)
  guard case .credentialsEnding = agent.notices.all.last else {
    Issue.record("\(agent.notices.all)")
    return
  }
}

@Test
func `F48 F49 rejected keys are given only as long as no others can be had, and the source is not asked at every call`()
  async throws
{
  let agent = Agent()
  let cache = try agent.makeCache()
  let first = try await cache.keys(within: .seconds(60))
  await cache.reject(first)
  let second = try await cache.keys(within: .seconds(60))
  #expect(second.accessKeyID == "K2")
  // A late refusal of the old keys does not cost the new ones.
  await cache.reject(first)
  #expect(try await cache.keys(within: .seconds(60)) == second)
  #expect(agent.count == 2)
  // One service's refusal, while their source is away, is not every service's.
  agent.setBroken(true)
  await cache.reject(second)
  for _ in 0..<5 { #expect(try await cache.keys(within: .seconds(60)) == second) }
  #expect(agent.count == 2)
  agent.time.advance(40)
  for _ in 0..<5 { #expect(try await cache.keys(within: .seconds(60)) == second) }
  #expect(agent.count == 3)
  agent.setBroken(false)
  agent.time.advance(40)
  let third = try await cache.keys(within: .seconds(60))
  #expect(third != second && agent.count == 4)
  // Beyond their grace they are nobody's.
  agent.setBroken(true)
  await cache.reject(third)
  agent.time.advance(7200)
  await #expect(throws: CredentialError.self) { try await cache.keys(within: .seconds(60)) }
}

/// A source that answers when the test says so.
private final class SlowSource: Sendable {
  let time = FakeTime()
  private let gate = AsyncStream<Void>.makeStream()
  private let asked = Mutex(0)

  func answerNow() { gate.continuation.finish() }
  var count: Int { asked.withLock { $0 } }

  func makeHTTP() -> FakeHTTP {
    FakeHTTP { [self] _, _ in
      asked.withLock { $0 += 1 }
      for await _ in gate.stream {}
      return keysJSON("K1", expires: time.now + 3600)
    }
  }

  /// Whose waiting takes no real time: at once the time is over.
  var clock: AWSClock {
    AWSClock(wallSeconds: { self.time.now }, sleep: { _ in }, patience: { _ in })
  }
}

@Test func `a slow source holds no caller beyond its time, and its keys are there for the next`() async throws {
  let source = SlowSource()
  let environment = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"]
  let chain = CredentialChain(
    environment: environment, profileName: nil,
    files: try ProfileFiles(config: nil, credentials: nil), role: nil, stsRegions: [], http: source.makeHTTP(),
    clock: source.clock, skew: ClockSkew(onNotice: { _ in }), caFile: nil, readFile: { _ in nil })
  let cache = CredentialCache(chain: chain, clock: source.clock, random: { 0.5 }, onNotice: { _ in })
  for _ in 1...3 {
    await #expect(
      throws: CredentialError.unavailable("the source of the credentials has not answered in the time there was")
    ) {
      try await cache.keys(within: .seconds(5))
    }
  }
  // All of them wait for the same answer.
  #expect(source.count == 1)
  source.answerNow()
  await cache.renewalEnded()
  #expect(try await cache.keys(within: .seconds(5)).accessKeyID == "K1")
  #expect(source.count == 1)
}

@Test func `a call whose keys come too late fails in its time, and says nothing of the service`() async throws {
  let source = SlowSource()
  defer { source.answerNow() }
  let client = AWSClient(
    http: source.makeHTTP(),
    configuration: try AWSConfiguration(
      environment: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"], stsRegions: [], readFile: { _ in nil }),
    clock: source.clock, random: { 1 }, onNotice: { _ in })
  let read = Operation(.rds, region: "us-east-1", name: "DescribeDBInstances")
  guard case .failure(let failure) = await client.execute(read, timeout: .seconds(5)) else {
    Issue.record("it has an answer")
    return
  }
  #expect(failure.kind == .credentials && failure.message.contains("has not answered in the time"))
}
