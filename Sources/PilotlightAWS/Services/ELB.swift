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

  /// What stands on a listener, as far as we are concerned.
  struct ListenerRules {
    /// ARN of our own rule; nil when there is none.
    var own: String?
    /// ARN of somebody else's rule of the first priority: none can stand before it.
    var first: String?
  }

  func rules(_ ref: ListenerRef, _ deadline: Deadline) async throws(CloudFailure) -> ListenerRules {
    var found = ListenerRules()
    var marker: String?
    // A listener has 100 rules by default and pages of up to 400: the bound only stops an endless answer.
    for _ in 0..<20 {
      let page = try await query(
        .elasticloadbalancing, ref.region, "DescribeRules", version: AWSCloud.elb,
        [("ListenerArn", ref.arn)] + (marker.map { [("Marker", $0)] } ?? []), deadline)
      guard page["Rules"] != nil else { throw missing("DescribeRules", "Rules", ref.region) }
      for rule in page.list("Rules") {
        let bodies = rule.list("Actions").compactMap { $0.at("FixedResponseConfig", "MessageBody")?.text }
        if bodies.contains(where: AWSCloud.knownTexts.contains) {
          if let arn = rule.value("RuleArn") { return ListenerRules(own: arn) }
        } else if rule.value("Priority") == "1" {
          found.first = oneLine(rule.value("RuleArn") ?? "no ARN")
        }
      }
      marker = page["NextMarker"]?.text.trimmed
      if marker?.isEmpty != false { return found }
    }
    throw missing("DescribeRules", "an end", ref.region)
  }

  func readWriteHold(_ ref: ListenerRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let rules = try await rules(ref, deadline)
    return .writeHold(
      present: rules.own != nil,
      foreign: rules.first.map {
        "\($0) of somebody else has priority 1; `aws elbv2 set-rule-priorities` makes room before it"
      })
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
      guard error.kind == .exists, try await rules(ref, deadline).own == nil else { throw error }
      throw CloudFailure(
        .invalid, code: error.code,
        message:
          "a rule of somebody else's has priority 1 on the listener in \(ref.region): writes cannot be held before it")
    }
    return .accepted(receipt: nil)
  }

  /// Deletes our own rule and no other; none left, or gone in the meantime, is as good.
  func releaseWrites(_ ref: ListenerRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    guard let arn = try await rules(ref, deadline).own else { return .accepted(receipt: nil) }
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
