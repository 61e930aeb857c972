// Elastic Load Balancing v2, API version 2015-12-01.

import PilotlightCore

extension AWSCloud {
  private static let elb = "2015-12-01"
  /// What a client sees while writes are held, or where the old primary is closed; and what we know our own rule by.
  package static let writeHoldText = "pilotlight: this load balancer is closed while the other region takes over"
  /// What rules of earlier versions say.
  private static let knownTexts = [writeHoldText, "pilotlight: writes are held during failback"]

  func targetHealth(_ ref: TargetGroupRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let result = try await query(
      .elasticloadbalancing, ref.region, "DescribeTargetHealth", version: AWSCloud.elb, [("TargetGroupArn", ref.arn)],
      deadline)
    guard result["TargetHealthDescriptions"] != nil else {
      throw missing("DescribeTargetHealth", "TargetHealthDescriptions", ref.region)
    }
    var health = TargetHealth(healthy: 0, unhealthy: 0, other: 0)
    for target in result.list("TargetHealthDescriptions") {
      switch target.at("TargetHealth", "State")?.text {
      case "healthy": health.healthy += 1
      case "unhealthy": health.unhealthy += 1
      default: health.other += 1
      }
    }
    return .targets(health)
  }

  /// ARN of our own rule on the listener; nil when there is none.
  func writeHold(_ ref: ListenerRef, _ deadline: Deadline) async throws(CloudFailure) -> String? {
    var marker: String?
    // A listener has 100 rules by default and pages of up to 400: the bound only stops an endless answer.
    for _ in 0..<20 {
      let page = try await query(
        .elasticloadbalancing, ref.region, "DescribeRules", version: AWSCloud.elb,
        [("ListenerArn", ref.arn)] + (marker.map { [("Marker", $0)] } ?? []), deadline)
      guard page["Rules"] != nil else { throw missing("DescribeRules", "Rules", ref.region) }
      for rule in page.list("Rules") {
        let bodies = rule.list("Actions").compactMap { $0.at("FixedResponseConfig", "MessageBody")?.text }
        if bodies.contains(where: AWSCloud.knownTexts.contains), let arn = rule["RuleArn"]?.text { return arn }
      }
      marker = page["NextMarker"]?.text.trimmed
      if marker?.isEmpty != false { return nil }
    }
    throw missing("DescribeRules", "an end", ref.region)
  }

  func holdWrites(_ ref: ListenerRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let action = "Actions.member.1"
    do throws(CloudFailure) {
      _ = try await query(
        .elasticloadbalancing, ref.region, "CreateRule", version: AWSCloud.elb,
        [
          ("ListenerArn", ref.arn), ("Priority", "1"), ("Conditions.member.1.Field", "path-pattern"),
          ("Conditions.member.1.Values.member.1", "*"), ("\(action).Type", "fixed-response"),
          ("\(action).FixedResponseConfig.StatusCode", "503"),
          ("\(action).FixedResponseConfig.ContentType", "text/plain"),
          ("\(action).FixedResponseConfig.MessageBody", AWSCloud.writeHoldText),
        ], changes: true, declarative: false, deadline)
    } catch {
      guard error.kind == .exists, try await writeHold(ref, deadline) == nil else { throw error }
      throw CloudFailure(
        .invalid, code: error.code,
        message:
          "a rule of somebody else's has priority 1 on the listener in \(ref.region): writes cannot be held before it")
    }
    return .accepted(receipt: nil)
  }

  /// Deletes our own rule and no other; none left, or gone in the meantime, is as good.
  func releaseWrites(_ ref: ListenerRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    guard let arn = try await writeHold(ref, deadline) else { return .accepted(receipt: nil) }
    do throws(CloudFailure) {
      _ = try await query(
        .elasticloadbalancing, ref.region, "DeleteRule", version: AWSCloud.elb, [("RuleArn", arn)], changes: true,
        deadline
      )
    } catch {
      guard error.kind == .notFound else { throw error }
    }
    return .accepted(receipt: nil)
  }
}
