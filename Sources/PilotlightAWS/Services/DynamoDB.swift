// DynamoDB, JSON 1.0, target prefix `DynamoDB_20120810`. Spoken for one thing: the lease that says which of several watchdogs acts. A
// put on condition is the one atomic step it needs.

import FoundationEssentials
import PilotlightCore

/// The item as it travels: every attribute is an object of its type and its text.
private struct LeaseItem: Codable {
  struct Text: Codable { var S: String }
  struct Number: Codable { var N: String }

  var workload: Text
  var holder: Text
  var life: Text
  var fence: Number
  var renewal: Number
  var milliseconds: Number

  init(_ key: String, _ record: LeaseRecord) {
    workload = Text(S: key)
    holder = Text(S: record.holder)
    life = Text(S: record.life)
    fence = Number(N: "\(record.number)")
    renewal = Number(N: "\(record.renewal)")
    milliseconds = Number(N: "\(record.lasting.nanoseconds / 1_000_000)")
  }

  /// nil when the numbers are none that a watchdog writes.
  var record: LeaseRecord? {
    guard let number = Int(fence.N), let renewal = Int(renewal.N), let lasting = Int64(milliseconds.N),
      number >= 1, number < 1 << 53, renewal >= 0, renewal < 1 << 53, (1...86_400_000).contains(lasting)
    else { return nil }
    return LeaseRecord(
      holder: oneLine(holder.S), life: oneLine(life.S), number: number, renewal: renewal,
      lasting: .milliseconds(lasting))
  }
}

/// An answer. What the call consumed is asked for so that no empty object is taken for a table without a lease, nor for a claim that
/// was taken.
private struct LeaseAnswer: Decodable {
  struct Capacity: Decodable { var TableName: String }
  var ConsumedCapacity: Capacity
  var Item: LeaseItem?
}

extension AWSCloud {
  func readLease(_ ref: LeaseRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    struct Question: Encodable {
      var TableName: String
      var Key: [String: LeaseItem.Text]
      var ConsistentRead = true
      var ReturnConsumedCapacity = "TOTAL"
    }
    let question = Question(TableName: ref.table, Key: ["workload": .init(S: ref.key)])
    let answer = try await dynamo("GetItem", ref.region, question, changes: false, deadline)
    guard let item = answer.Item else { return .lease(nil) }
    guard let record = item.record else { throw missing("GetItem", "a lease that a watchdog wrote", ref.region) }
    return .lease(record)
  }

  /// Names of attributes are always written as `#…`: some are reserved words of the expression language.
  func claimLease(
    _ ref: LeaseRef, _ record: LeaseRecord, over known: LeaseRecord?, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    struct Question: Encodable {
      var TableName: String
      var Item: LeaseItem
      var ConditionExpression: String
      var ExpressionAttributeNames: [String: String]
      var ExpressionAttributeValues: [String: [String: String]]?
      var ReturnConsumedCapacity = "TOTAL"
    }
    var question = Question(
      TableName: ref.table, Item: LeaseItem(ref.key, record), ConditionExpression: "attribute_not_exists(#w)",
      ExpressionAttributeNames: ["#w": "workload"])
    if let known {
      question.ConditionExpression = "#h = :h AND #l = :l AND #f = :f AND #r = :r"
      question.ExpressionAttributeNames = ["#h": "holder", "#l": "life", "#f": "fence", "#r": "renewal"]
      question.ExpressionAttributeValues = [
        ":h": ["S": known.holder], ":l": ["S": known.life], ":f": ["N": "\(known.number)"],
        ":r": ["N": "\(known.renewal)"],
      ]
    }
    _ = try await dynamo("PutItem", ref.region, question, changes: true, deadline)
    return .leased(record)
  }

  private func dynamo(
    _ name: String, _ region: String, _ question: some Encodable, changes: Bool, _ deadline: Deadline
  ) async throws(CloudFailure) -> LeaseAnswer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard let body = try? encoder.encode(question) else {
      throw CloudFailure(.invalid, code: "Unwritable", message: oneLine("\(name) in \(region): no JSON can say it"))
    }
    let operation = Operation(
      .dynamodb, region: region, name: name,
      headers: [("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "DynamoDB_20120810.\(name)")],
      // A claim that was taken is refused the second time.
      body: Array(body), changes: changes, declarative: !changes)
    let answer = try await run(operation, deadline)
    guard let read = try? JSONDecoder().decode(LeaseAnswer.self, from: Data(answer.body)) else {
      throw garbled(operation, "no answer of DynamoDB")
    }
    return read
  }
}
