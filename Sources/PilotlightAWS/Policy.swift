// The IAM policy of a configuration: exactly what its workloads ask of AWS, on what, and in which region (Service Authorization Reference:
// which actions are judged on which resources, and which on `*` alone).

import FoundationEssentials
package import PilotlightCore

/// One action that has to be allowed.
struct Grant: Hashable {
  var action: String
  /// An ARN, with `*` for what is not known before, or `*`.
  var resource: String
  /// What has to be so beside (`StringEquals`): the region, where neither the ARN nor the service says it.
  var condition: [String: String] = [:]
  var changes: Bool
}

package struct IAMPolicy: Sendable {
  private let grants: [Grant]

  package init(_ workloads: [WorkloadSettings]) {
    var grants: Set<Grant> = []
    for settings in workloads {
      let writer = GrantWriter(settings)
      for call in settings.calls(incident: "") { grants.formUnion(writer.grants(call)) }
    }
    self.grants = Array(grants)
  }

  private struct Place: Hashable {
    var service: Substring
    var condition: [String: [String]]
    var changes: Bool
    var resources: [String]
    var `where`: String { "\(condition.sorted { $0.key < $1.key }) \(resources)" }
  }

  private struct Statement: Encodable {
    var Sid: String
    var Effect = "Allow"
    var Action: [String]
    var Resource: [String]
    var Condition: [String: [String: [String]]]?
  }

  private struct Document: Encodable {
    var Version = "2012-10-17"
    var Statement: [Statement]
  }

  /// What is allowed in several regions, or on the same things, stands together.
  private var merged: [Place: [String]] {
    var regions: [Grant: [String: Set<String>]] = [:]
    for grant in grants {
      var key = grant
      key.condition = [:]
      for (name, value) in grant.condition { regions[key, default: [:]][name, default: []].insert(value) }
      if grant.condition.isEmpty { regions[key, default: [:]] = [:] }
    }
    var resources: [Place: [String: [String]]] = [:]
    for (grant, condition) in regions {
      let place = Place(
        service: grant.action.prefix { $0 != ":" }, condition: condition.mapValues { $0.sorted() },
        changes: grant.changes, resources: [])
      resources[place, default: [:]][grant.action, default: []].append(grant.resource)
    }
    var actions: [Place: [String]] = [:]
    for (place, found) in resources {
      for (action, resources) in found {
        var place = place
        place.resources = resources.sorted()
        actions[place, default: []].append(action)
      }
    }
    return actions
  }

  /// JSON as IAM takes it. Statements whose `Sid` begins with `Read` change nothing: a role that only observes needs no others.
  package func json() throws -> String {
    var taken: [String: Int] = [:]
    let statements = merged.map { ($0.key, $0.value.sorted()) }
      .sorted { ($0.0.changes ? 1 : 0, $0.1[0], $0.0.where) < ($1.0.changes ? 1 : 0, $1.1[0], $1.0.where) }
      .map { place, actions in
        let name = (place.changes ? "Change" : "Read") + place.service.split(separator: "-").map(\.capitalized).joined()
        taken[name, default: 0] += 1
        return Statement(
          Sid: "\(name)\(taken[name] ?? 1)", Action: actions, Resource: place.resources,
          Condition: place.condition.isEmpty ? nil : ["StringEquals": place.condition])
      }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(Document(Statement: statements)), as: UTF8.self) + "\n"
  }
}

extension Substring {
  fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}

/// Knows what a call needs.
private struct GrantWriter {
  private let names: ResourceNames
  private let settings: WorkloadSettings

  init(_ settings: WorkloadSettings) {
    self.settings = settings
    // A topic may be another account's.
    let arns = [settings.primary, settings.dr].flatMap { [$0.listener?.arn, $0.targetGroup?.arn, $0.secret?.ref.id] }
    let known = arns.compactMap { $0?.split(separator: ":", omittingEmptySubsequences: false) }.first { $0.count > 5 }
    names = ResourceNames(
      partition: partition(ofRegion: settings.dr.region), account: known.map { String($0[4]) } ?? "*")
  }

  func grants(_ call: CloudAction) -> [Grant] {
    if case .runCommand = call { return [] }
    // What every caller may ask needs no leave, and DNS has none to give.
    let actions = call.apiNames.filter { $0.contains(":") && !$0.hasPrefix("sts:") }
    return beside(call)
      + actions.flatMap { action in
        resources(of: call, action).map { resource in
          let isAnywhere = resource == "*" && !action.hasPrefix("iam:")
          return Grant(
            action: action, resource: resource, condition: isAnywhere ? ["aws:RequestedRegion": call.region] : [:],
            changes: call.changes || call.isClaim)
        }
      }
  }

  private func resources(of call: CloudAction, _ action: String) -> [String] {
    switch call {
    case .resizeGroup(let ref, _):
      [names.arn("autoscaling", ref.region, "autoScalingGroup:*:autoScalingGroupName/\(ref.name)")]
    case .readSecret(let ref), .readSecretSource(let ref), .repointSecret(let ref, _, _), .detachSecret(let ref):
      // Secrets Manager adds a hyphen and six characters to a name.
      [ref.id.hasPrefix("arn:") ? ref.id : names.arn("secretsmanager", ref.region, "secret:\(ref.id)-??????")]
    case .describeDatabase(let ref): database(ref)
    case .failOverCluster(let ref, _), .switchOverCluster(let ref, _, _):
      database(ref) + [settings.primary, settings.dr].map { names.cluster($0.database.ref) }
    case .promoteReplica(let ref, _), .renameDatabase(let ref, _), .rebootInstance(let ref), .stopDatabase(let ref),
      .startDatabase(let ref):
      [instance(ref)]
    // Judged on what the instance is given, too.
    case .modifyInstance(let ref, _) where action == call.apiName:
      [instance(ref), names.arn("rds", ref.region, "pg:*")]
    case .modifyInstance(let ref, _): [instance(ref)]
    case .snapshotDatabase(let ref, let snapshot), .describeSnapshot(let ref, let snapshot):
      [instance(ref), names.arn("rds", ref.region, "snapshot:\(pattern(snapshot))")]
    // Asked of the region of the replica, which has the source's asked with what we signed.
    case .createReplica(let spec):
      [instance(spec.replica), instance(spec.source)]
        + ["pg", "og", "subgrp"].map { names.arn("rds", spec.replica.region, "\($0):*") }
    case .holdWrites(let ref): [ref.arn]
    case .releaseWrites(let ref): [names.rule(of: ref, "*")]
    case .publish(let ref, _, _), .readTopic(let ref): [ref.arn]
    case .readLease(let ref), .claimLease(let ref, _, _): [names.table(ref)]
    case .readRecords(let ref), .pointRecords(let ref, _, _, _): [names.zone(ref)]
    case .readChange: [names.anyChange]
    case .readHealthCheck(let ref), .readCheckSwitch(let ref), .switchCheck(let ref, _): [names.healthCheck(ref)]
    case .readControls(let controls), .turnControls(let controls, _): [controls.primary, controls.dr]
    case .readObject(let ref), .readSwitch(let ref), .putObject(let ref, _), .removeObject(let ref):
      [names.object(ref)]
    // They are judged on nothing narrower; whose policies are simulated is whoever calls.
    case .callerIdentity, .describeGroup, .replicaLag, .targetHealth, .readWriteHold, .readLaunchSource, .simulate,
      .readClock, .askNames, .runCommand:
      ["*"]
    }
  }

  private func database(_ ref: DatabaseRef) -> [String] {
    guard let global = ref.global else { return [instance(ref)] }
    return [names.cluster(ref), names.arn("rds", "", "global-cluster:\(global.identifier.lowercased())")]
  }

  private func instance(_ ref: DatabaseRef) -> String {
    names.instance(DatabaseRef(region: ref.region, identifier: pattern(ref.identifier)))
  }

  /// What a failback keeps has its incident at the end, behind a hyphen with which no name ends; RDS keeps names in lower case.
  private func pattern(_ name: String) -> String { name.lowercased() + (name.hasSuffix("-") ? "*" : "") }

  /// What the service itself asks for behind a call, or what makes its answers plain.
  private func beside(_ call: CloudAction) -> [Grant] {
    switch call {
    case .readObject(let ref), .readSwitch(let ref):
      // Without it an object that is absent is answered as one that is forbidden.
      let bucket = ObjectRef(region: ref.region, bucket: ref.bucket, key: "")
      return [
        Grant(action: "s3:ListBucket", resource: String(names.object(bucket).dropLast()), changes: false)
      ]
    case .createReplica(let spec):
      // A replica is encrypted by a key of its region (RDS user guide, "Creating a read replica in a different AWS Region"): that which is
      // configured, or that of the instance whose place it takes, which the instance knows alone.
      let (region, key) = (spec.replica.region, spec.kmsKey ?? "")
      return ["kms:CreateGrant", "kms:DescribeKey"].map {
        Grant(
          action: $0, resource: key.hasPrefix("arn:") ? key : names.arn("kms", region, "key/*"),
          condition: ["kms:ViaService": viaRDS(region)], changes: true)
      }
    default: return []
    }
  }
}

extension CloudAction {
  /// It writes into the table of leases, which is no change of a workload's; who only observes claims none.
  fileprivate var isClaim: Bool { if case .claimLease = self { true } else { false } }
}

/// ARNs of what a configuration names otherwise.
struct ResourceNames {
  let partition: String
  let account: String

  func arn(_ service: String, _ region: String, _ rest: String) -> String {
    "arn:\(partition):\(service):\(region):\(account):\(rest)"
  }

  /// RDS keeps names in lower case.
  func instance(_ ref: DatabaseRef) -> String { arn("rds", ref.region, "db:\(ref.identifier.lowercased())") }
  func cluster(_ ref: DatabaseRef) -> String { arn("rds", ref.region, "cluster:\(ref.identifier.lowercased())") }
  func table(_ ref: LeaseRef) -> String { arn("dynamodb", ref.region, "table/\(ref.table)") }
  func zone(_ ref: RecordRef) -> String { "arn:\(partition):route53:::hostedzone/\(last(ref.zone))" }
  func healthCheck(_ ref: HealthCheckRef) -> String { "arn:\(partition):route53:::healthcheck/\(last(ref.id))" }
  /// A change has no name before it was made.
  var anyChange: String { "arn:\(partition):route53:::change/*" }
  func object(_ ref: ObjectRef) -> String { "arn:\(partition):s3:::\(ref.bucket)/\(ref.key)" }
  /// DeleteRule is judged on a rule (Service Authorization Reference, Elastic Load Balancing V2).
  func rule(of ref: ListenerRef, _ id: String) -> String {
    ref.arn.replacing(":listener/", with: ":listener-rule/") + "/\(id)"
  }

  private func last(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
