// Identity and Access Management, API version 2010-05-08, Query protocol. Asked for one thing: what it would say to the changes of
// a failover, which nobody can try without making them.

import PilotlightCore

extension AWSCloud {
  /// A change, where it would be asked for, and the ARN it concerns; nil and why where that cannot be found out.
  private struct Question {
    var action: String
    var region: String
    var resource: String?
    var why = ""
  }

  /// Whoever calls is found out first, so that it is the credentials in use that are proven. Exact ARNs matter: a policy that names
  /// one group or one secret denies every guess at its name.
  func simulate(
    _ changes: [CloudAction], _ region: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    guard case .identity(let account, let arn) = try await callerIdentity(region, deadline) else {
      throw missing("GetCallerIdentity", "Account and Arn", region)
    }
    guard let principal = CallerARN(arn), let source = principal.policySource else {
      throw CloudFailure(.invalid, code: "NoPolicySource", message: oneLine("\(arn) has no policies to simulate"))
    }
    var questions: [Question] = []
    for change in changes { questions += await self.questions(change, principal.partition, account, deadline) }
    var word: [String: Permission.Decision] = [:]
    for place in questions.map(\.region).distinct {
      let asked = questions.filter { $0.region == place && $0.resource != nil }
      if asked.isEmpty { continue }
      let (actions, resources) = (asked.map(\.action).distinct, asked.compactMap(\.resource).distinct)
      let said = try await simulate(source, actions, resources, in: place, region, deadline)
      word.merge(said) { $1 }
    }
    return .permissions(
      questions.map { question in
        guard let resource = question.resource else {
          return Permission(action: question.action, resource: nil, decision: .undecided(question.why))
        }
        let decision = word["\(question.action) \(resource)"] ?? .undecided("the answer lacks it")
        return Permission(action: question.action, resource: resource, decision: decision)
      })
  }

  // MARK: Questions

  private func questions(
    _ change: CloudAction, _ partition: String, _ account: String, _ deadline: Deadline
  ) async -> [Question] {
    do throws(CloudFailure) {
      return try await resources(of: change, partition, account, deadline).map {
        Question(action: change.apiName, region: change.region, resource: $0)
      }
    } catch {
      return [
        Question(
          action: change.apiName, region: change.region, resource: nil, why: "its resource is not known: \(error.code)")
      ]
    }
  }

  /// Nearly all concern one thing. A global database is moved by leave to move it and every cluster in it (Aurora user guide, "Using
  /// service-linked roles"; ARC region switch, sample policy), and Aurora knows best which those are.
  private func resources(
    of change: CloudAction, _ partition: String, _ account: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> [String?] {
    switch change {
    case .failOverCluster(let ref, _), .switchOverCluster(let ref, _, _):
      guard let global = ref.global else { return [nil] }
      let found = try await describeGlobal(global, ref.region, deadline)
      guard let arn = found.value("GlobalClusterArn") else {
        throw missing("DescribeGlobalClusters", "ARN of \(global.identifier)", ref.region)
      }
      return [arn] + (found["GlobalClusterMembers"]?.children.compactMap { $0.value("DBClusterArn") } ?? [])
    case .turnControls(let controls, _): return [controls.primary, controls.dr]
    default: return [try await resource(of: change, partition, account, deadline)]
    }
  }

  private func resource(
    of change: CloudAction, _ partition: String, _ account: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> String? {
    let names = ResourceNames(partition: partition, account: account)
    switch change {
    case .resizeGroup(let ref, _): return try await groupARN(ref, deadline)
    case .repointSecret(let ref, _, _), .detachSecret(let ref):
      return ref.id.hasPrefix("arn:") ? ref.id : try await readSecret(ref, deadline).arn
    case .promoteReplica(let ref, _), .renameDatabase(let ref, _), .modifyInstance(let ref, _),
      .rebootInstance(let ref), .stopDatabase(let ref), .startDatabase(let ref), .snapshotDatabase(let ref, _):
      return names.instance(ref)
    case .createReplica(let spec): return names.instance(spec.replica)
    case .pointRecords(let ref, _, _, _): return names.zone(ref)
    case .switchCheck(let ref, _): return names.healthCheck(ref)
    case .putObject(let ref, _), .removeObject(let ref): return names.object(ref)
    case .holdWrites(let ref): return ref.arn
    // There is none yet.
    case .releaseWrites(let ref): return names.rule(of: ref, "0123456789abcdef")
    case .publish(let ref, _, _): return ref.arn
    // A policy names none.
    case .readChange: return names.anyChange
    case .callerIdentity, .describeGroup, .describeDatabase, .replicaLag, .targetHealth, .readSecret, .readSecretSource,
      .readRecords, .readHealthCheck, .readCheckSwitch, .readControls, .askNames, .readObject,
      .readWriteHold, .readTopic,
      .describeSnapshot, .readLaunchSource, .readSwitch,
      .simulate, .readClock, .runCommand, .failOverCluster, .switchOverCluster, .turnControls:
      return "*"
    case .readLease(let ref), .claimLease(let ref, _, _): return names.table(ref)
    }
  }

  // MARK: Answers

  /// Decisions by `ACTION ARN`. Every action is judged on every resource; only the pairs that were meant are looked up. What the policy that
  /// is printed depends on is told: a key that is missing for any statement is named with each denial (IAM API reference, EvaluationResult).
  ///
  /// - Parameter place: the region in which the actions would be asked for.
  private func simulate(
    _ source: String, _ actions: [String], _ resources: [String], in place: String, _ region: String,
    _ deadline: Deadline
  ) async throws(CloudFailure) -> [String: Permission.Decision] {
    var parameters = [("PolicySourceArn", source)]
    let context = [("aws:RequestedRegion", place), ("kms:ViaService", viaRDS(place))]
    for (index, (key, value)) in context.enumerated() {
      let entry = "ContextEntries.member.\(index + 1)"
      parameters += [
        ("\(entry).ContextKeyName", key), ("\(entry).ContextKeyType", "string"),
        ("\(entry).ContextKeyValues.member.1", value),
      ]
    }
    for (index, action) in actions.enumerated() { parameters.append(("ActionNames.member.\(index + 1)", action)) }
    for (index, arn) in resources.enumerated() { parameters.append(("ResourceArns.member.\(index + 1)", arn)) }
    var word: [String: Permission.Decision] = [:]
    var marker: String?
    // A page has 100 results by default and an action is one: the bound only stops an endless answer.
    for _ in 0..<5 {
      let page = try await query(
        .iam, region, "SimulatePrincipalPolicy", version: "2010-05-08",
        parameters + (marker.map { [("Marker", $0)] } ?? []), deadline)
      guard page["EvaluationResults"] != nil else {
        throw missing("SimulatePrincipalPolicy", "EvaluationResults", region)
      }
      for result in page.list("EvaluationResults") { take(result, resources, &word) }
      guard page["IsTruncated"]?.text == "true", let next = page.value("Marker") else { return word }
      marker = next
    }
    return word
  }

  /// The result's own decision is the most restrictive over all resources; what each one gets stands in ResourceSpecificResults
  /// (IAM API reference, EvaluationResult).
  private func take(_ result: XMLElement, _ resources: [String], _ word: inout [String: Permission.Decision]) {
    guard let action = result.value("EvalActionName") else { return }
    for specific in result.list("ResourceSpecificResults") {
      guard let arn = specific.value("EvalResourceName") else { continue }
      word["\(action) \(arn)"] = decision(specific.value("EvalResourceDecision"), specific)
    }
    let common = decision(result.value("EvalDecision"), result)
    for arn in resources where word["\(action) \(arn)"] == nil {
      // Allowed as a whole is allowed everywhere; denied as a whole names no culprit unless there is but one.
      if common == .allowed || resources.count == 1 { word["\(action) \(arn)"] = common }
    }
    if result.list("ResourceSpecificResults").isEmpty, let arn = result.value("EvalResourceName") {
      word["\(action) \(arn)"] = common
    }
  }

  /// A condition on something the simulation was not told is no denial.
  private func decision(_ text: String?, _ result: XMLElement) -> Permission.Decision {
    let unknown = result.list("MissingContextValues").map(\.text.trimmed)
    switch text {
    case "allowed": return .allowed
    case "explicitDeny", "implicitDeny":
      if unknown.isEmpty { return .denied }
      return .undecided(oneLine("its policy depends on \(unknown.joined(separator: ", "))"))
    default: return .undecided("no known decision")
    }
  }
}

/// What `kms:ViaService` says of a key that RDS uses for its caller.
func viaRDS(_ region: String) -> String { "rds.\(region).amazonaws.com" }

/// Who calls, as STS names them.
struct CallerARN {
  let partition: String
  /// What IAM simulates the policies of; nil for the account's root, federated users and services.
  let policySource: String?

  /// - Parameter text: `arn:aws:sts::123456789012:assumed-role/NAME/SESSION`, `arn:aws:iam::123456789012:user/PATH/NAME`. STS leaves
  ///   a role's path out: the role of a path of its own is not found, and nothing is proven.
  init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 6, parts[0] == "arn" else { return nil }
    partition = parts[1]
    let words = parts[5].split(separator: "/")
    switch (parts[2], words.first) {
    case ("sts", "assumed-role"?) where words.count >= 3:
      policySource = "arn:\(parts[1]):iam::\(parts[4]):role/\(words[1])"
    case ("iam", "user"?), ("iam", "role"?): policySource = text
    default: policySource = nil
    }
  }
}

extension [String] {
  /// Each once, in the order of their first coming.
  fileprivate var distinct: [String] { reduce(into: []) { if !$0.contains($1) { $0.append($1) } } }
}
