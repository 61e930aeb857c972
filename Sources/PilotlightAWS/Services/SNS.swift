// Simple Notification Service, API version 2010-03-31.

import PilotlightCore

extension AWSCloud {
  func readTopic(_ ref: TopicRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let result = try await query(
      .sns, ref.region, "GetTopicAttributes", version: "2010-03-31", [("TopicArn", ref.arn)], deadline)
    var counts: [String: Int] = [:]
    for entry in result.list("Attributes", of: "entry") {
      if let key = entry.value("key"), let count = entry.value("value").flatMap({ Int($0) }), count >= 0 {
        counts[key] = count
      }
    }
    guard let confirmed = counts["SubscriptionsConfirmed"] else {
      throw missing("GetTopicAttributes", "SubscriptionsConfirmed", ref.region)
    }
    return .subscribers(confirmed: confirmed, pending: counts["SubscriptionsPending"] ?? 0)
  }

  func publish(
    _ ref: TopicRef, _ subject: String, _ message: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    // A subject is ASCII, without line breaks, at most 100 characters.
    let ascii = String(subject.unicodeScalars.map { $0.isASCII && $0.value >= 32 ? Character($0) : "?" }.prefix(100))
    let result = try await query(
      .sns, ref.region, "Publish", version: "2010-03-31",
      [("TopicArn", ref.arn), ("Subject", ascii), ("Message", message)], changes: true, declarative: false, deadline)
    guard let id = result.value("MessageId") else {
      throw CloudFailure(
        .unknownOutcome, code: "UnreadableAnswer", message: "Publish in \(ref.region): the answer lacks MessageId")
    }
    return .accepted(receipt: id)
  }
}
