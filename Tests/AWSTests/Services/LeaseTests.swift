// What DynamoDB says of a lease, and what is made of it.

import PilotlightCore
import Testing

@testable import PilotlightAWS

@Suite struct LeaseStoreTests {
  let executor = FakeExecutor()

  func ask(_ action: CloudAction) async -> CloudReply {
    await makeCloud(executor).perform(action, timeout: .seconds(10))
  }

  @Test func `a lease is read as it was written`() async throws {
    try executor.prepareFixture("GetItem.json")
    #expect(await ask(.readLease(lease)) == .lease(leased("watchdog-b", 7, 41)))
    #expect(executor.asked.first?.text.contains("\"ConsistentRead\":true") == true)
  }

  @Test func `no item is no lease, and an empty object is no answer`() async {
    executor.prepare("GetItem", "{\"ConsumedCapacity\":{\"TableName\":\"pilotlight\"}}")
    #expect(await ask(.readLease(lease)) == .lease(nil))
    executor.prepare("GetItem", "{}")
    #expect(await ask(.readLease(lease)).failure?.kind == .garbled)
  }

  @Test func `the first claim wants that nothing stands there, every other one what was read`() async throws {
    try executor.prepareFixture("PutItem.json")
    let first = leased("watchdog-a", 1, 0)
    #expect(await ask(.claimLease(lease, first, over: nil)) == .leased(first))
    #expect(executor.asked.first?.text.contains("\"ConditionExpression\":\"attribute_not_exists(#w)\"") == true)
    let next = leased("watchdog-a", 1, 1)
    #expect(await ask(.claimLease(lease, next, over: first)) == .leased(next))
    #expect(
      executor.asked.last?.text.contains("\"ConditionExpression\":\"#h = :h AND #l = :l AND #f = :f AND #r = :r\"")
        == true)
  }

  @Test func `F25 who comes second is told so, and a failing service is not taken for a refusal`() async {
    let claim = CloudAction.claimLease(lease, leased("watchdog-a", 8, 0), over: leased("watchdog-b", 7, 41))
    executor.prepare(
      "PutItem",
      "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException\",\"message\":\"The conditional request failed\"}",
      status: 400)
    #expect(await ask(claim).failure?.kind == .wrongState)
    executor.prepare(
      "PutItem", "{\"__type\":\"com.amazonaws.dynamodb.v20120810#InternalServerError\"}", status: 500)
    #expect(await ask(claim).failure?.kind == .unknownOutcome)
    executor.prepare(
      "PutItem",
      "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\",\"message\":\"slow\"}",
      status: 400)
    #expect(await ask(claim).failure?.kind == .throttled)
    executor.prepare(
      "PutItem", "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\",\"message\":\"no table\"}",
      status: 400)
    #expect(await ask(claim).failure?.kind == .notFound)
  }

  @Test(arguments: ["\"N\":\"0\"", "\"N\":\"-1\"", "\"N\":\"x\"", "\"N\":\"99999999999999999999\"", "\"S\":\"7\""])
  func `numbers that no watchdog writes are no lease`(_ number: String) async throws {
    let text = String(decoding: try fixture("GetItem.json"), as: UTF8.self)
    executor.prepare("GetItem", text.replacing("\"N\":\"7\"", with: number))
    #expect(await ask(.readLease(lease)).failure?.kind == .garbled)
  }
}
