// A cloud of a few dictionaries: two regions, transitions after a fixed time, refusals where AWS would refuse.

import PilotlightCore

struct TinyCloud {
  struct Database {
    var status = "available"
    var source: String?
    var becomes: (status: String, source: String?, at: Instant)?
    /// DB instances of a cluster.
    var instances = 1
    /// EngineVersion of a cluster.
    var version = "16.4"
    /// A cluster belongs to its global database.
    var isMember = true
    var synchronization = "connected"
  }
  /// What moves the global database's writer, until when.
  var move: GlobalMove?
  /// How long a cluster that was left is rebuilt, once its region answers.
  var resyncTakes: Duration = .minutes(10)
  var rebuilt: [DatabaseRef: Instant] = [:]
  /// The next switchover that is taken comes to nothing.
  var cancelsSwitchover = false
  var databases: [DatabaseRef: Database] = [:]
  var groups: [GroupRef: GroupSize] = [:]
  /// Instances that live on beyond a group's size.
  var survivors: [GroupRef: Int] = [:]
  var hosts: [SecretRef: DatabaseAddress] = [:]
  var objects: Set<ObjectRef> = []
  var held: Set<ListenerRef> = []
  var snapshots: Set<String> = []
  /// Health checks that are disabled and inverted.
  var unhealthyByWord: Set<HealthCheckRef> = []
  var controls = RoutingControls.leading(to: .primary)
  /// What a safety rule of the routing controls says, as long as it refuses.
  var safetyRule: String?
  /// Groups that take a new size and do not keep it.
  var isStubborn: Set<GroupRef> = []
  /// Where DNS leads: the host that every server names; nil: none answers.
  var leadsTo: String? = "primary.example"
  var promotions = 0
  var changes: [CloudAction] = []
  /// Regions whose API does not answer.
  var dark: Set<String> = []
  /// What the next call of an API action fails with.
  var failures: [String: [CloudFailure]] = [:]
  /// Lost answers: the act happens, the answer does not come.
  var lostAnswers: Set<String> = []
  var lagSeconds: Double? = 1
  private var lagHistory: [LagSample] = []
  var checkers = CheckerHealth(healthy: 16, unhealthy: 0)
  var primaryTargets = TargetHealth(healthy: 2, unhealthy: 0, other: 0)
  let transition: Duration = .seconds(60)
  var launchSource: LaunchSource? = LaunchSource(.template, name: "lt-1", version: "$Default", isPresent: true)
  var records: [RecordState] = []
  /// API actions that IAM's simulation denies.
  var denied: Set<String> = []
  /// This host's clock, behind AWS's.
  var clockBehind: Duration = .zero
  var leases: [LeaseRef: LeaseRecord] = [:]

  init(_ settings: WorkloadSettings) {
    let (primary, dr) = (settings.primary, settings.dr)
    databases[primary.database.ref] = Database()
    databases[dr.database.ref] = Database(source: arn(primary.database.ref))
    groups[primary.group.ref] = primary.group.serving
    groups[dr.group.ref] = dr.group.standby
    if let secret = primary.secret { hosts[secret.ref] = address(primary.database.ref) }
    if let secret = dr.secret { hosts[secret.ref] = DatabaseAddress(host: "nowhere", port: 5432) }
  }

  func arn(_ ref: DatabaseRef) -> String {
    "arn:aws:rds:\(ref.region):1:\(ref.global == nil ? "db" : "cluster"):\(ref.identifier)"
  }
  func address(_ ref: DatabaseRef) -> DatabaseAddress {
    DatabaseAddress(host: "\(ref.identifier).\(ref.region).rds", port: 5432)
  }

  mutating func settle(at now: Instant) {
    settleGlobal(at: now)
    for ref in databases.keys.sorted(by: { $0.identifier < $1.identifier }) {
      guard let next = databases[ref]?.becomes, next.at <= now else { continue }
      databases[ref] = Database(status: next.status, source: next.source)
    }
  }

  mutating func perform(_ action: CloudAction, at now: Instant) -> CloudReply {
    settle(at: now)
    if dark.contains(action.region) {
      return .failed(CloudFailure(.unreachable, code: "timeout", message: "no answer from \(action.region)"))
    }
    if let failure = failures[action.apiName]?.first {
      failures[action.apiName]?.removeFirst()
      return .failed(failure)
    }
    if action.changes { changes.append(action) }
    let reply = answer(action, at: now)
    if action.changes, lostAnswers.remove(action.apiName) != nil {
      return .failed(CloudFailure(.unknownOutcome, code: "reset", message: "the answer was lost"))
    }
    return reply
  }

  private mutating func answer(_ action: CloudAction, at now: Instant) -> CloudReply {
    switch action {
    case .callerIdentity: return .identity(account: "123456789012", arn: "arn:aws:iam::123456789012:role/pilotlight")
    case .describeGroup(let ref):
      guard let size = groups[ref] else { return missing(ref.name) }
      return .group(
        GroupState(size: size, inService: size.desired, instances: size.desired + survivors[ref, default: 0]))
    case .describeDatabase(let ref):
      guard let database = databases[ref] else { return missing(ref.identifier) }
      if ref.global != nil { return .database(clusterState(ref, database)) }
      return .database(
        DatabaseState(
          status: database.status, source: database.source, arn: arn(ref), address: address(ref), engine: "postgres",
          instance: InstanceState(backupRetention: 7)))
    case .replicaLag:
      if let lagSeconds { lagHistory.append(LagSample(at: now - .seconds(30), seconds: lagSeconds)) }
      lagHistory.removeAll { now - $0.at > .minutes(15) }
      return .lag(lagHistory)
    case .targetHealth(let ref):
      return .targets(ref.region == "eu-west-1" ? primaryTargets : TargetHealth(healthy: 2, unhealthy: 0, other: 0))
    case .readSecret(let ref):
      return hosts[ref].map { .secret(SecretState(address: $0, version: "1")) } ?? missing(ref.id)
    case .readRecords: return .records(records)
    case .readLaunchSource(let ref): return groups[ref] == nil ? missing(ref.name) : .launchSource(launchSource)
    case .readSwitch(let ref): return .object(present: objects.contains(ref))
    case .readTopic: return .subscribers(confirmed: 1, pending: 0)
    case .readSecretSource: return .secretSource(region: nil)
    case .detachSecret, .modifyInstance, .rebootInstance: return .accepted(receipt: nil)
    case .runCommand: return .accepted(receipt: "done")
    case .simulate(let changes, _):
      return .permissions(
        changes.map {
          Permission(
            action: $0.apiName, resource: "arn:some", decision: denied.contains($0.apiName) ? .denied : .allowed)
        })
    case .readClock: return .clock(behind: clockBehind)
    case .readLease(let ref): return .lease(leases[ref])
    case .claimLease(let ref, let record, let known):
      guard leases[ref] == known else {
        return .failed(CloudFailure(.wrongState, code: "ConditionalCheckFailedException", message: "too late"))
      }
      leases[ref] = record
      return .leased(record)
    case .readChange: return .change(.insync)
    case .readCheckSwitch(let ref):
      return .checkSwitch(
        CheckSwitch(disabled: unhealthyByWord.contains(ref), inverted: unhealthyByWord.contains(ref)))
    case .switchCheck(let ref, let unhealthy):
      if unhealthy { unhealthyByWord.insert(ref) } else { unhealthyByWord.remove(ref) }
    case .readControls: return .controls(controls)
    case .turnControls(_, let site):
      if let rule = safetyRule {
        return .failed(CloudFailure(.wrongState, code: "ConflictException", message: rule))
      }
      controls = RoutingControls.leading(to: site)
    case .askNames(let question): return .names(names(question))
    case .readHealthCheck: return .checkers(checkers)
    case .readObject(let ref): return .object(present: objects.contains(ref))
    case .readWriteHold(let ref): return .writeHold(present: held.contains(ref))
    case .describeSnapshot(_, let name):
      return snapshots.contains(name) ? .snapshot(status: "available") : missing(name)
    case .resizeGroup(let ref, let size): if !isStubborn.contains(ref) { groups[ref] = size }
    case .repointSecret(let ref, let address, _): hosts[ref] = address
    case .promoteReplica(let ref, _): return promote(ref, at: now)
    case .failOverCluster(let ref, let arn): return failOver(ref, arn, at: now)
    case .switchOverCluster(let ref, let arn, _): return switchOver(ref, arn, at: now)
    case .renameDatabase(let ref, let name):
      databases[DatabaseRef(region: ref.region, identifier: name)] = databases.removeValue(forKey: ref)
    case .stopDatabase(let ref):
      let isSource = databases.values.contains { $0.source == arn(ref) }
      guard let database = databases[ref], database.status == "available", database.source == nil, !isSource else {
        return .failed(CloudFailure(.wrongState, code: "InvalidDBInstanceState", message: "cannot be stopped now"))
      }
      databases[ref]?.status = "stopping"
      databases[ref]?.becomes = ("stopped", nil, now + transition)
    case .startDatabase(let ref):
      guard databases[ref]?.status == "stopped" else {
        return .failed(CloudFailure(.wrongState, code: "InvalidDBInstanceState", message: "is not stopped"))
      }
      databases[ref]?.status = "starting"
      databases[ref]?.becomes = ("available", nil, now + transition)
    case .snapshotDatabase(_, let name): snapshots.insert(name)
    case .createReplica(let spec):
      guard databases[spec.replica] == nil else {
        return .failed(CloudFailure(.exists, code: "DBInstanceAlreadyExists", message: spec.replica.identifier))
      }
      let source = arn(spec.source)
      databases[spec.replica] = Database(
        status: "creating", source: source, becomes: ("available", source, now + transition))
    case .pointRecords(_, _, _, let sets):
      for set in sets ?? [] {
        records.removeAll { $0.setIdentifier == set.setIdentifier }
        records.append(set)
      }
    case .putObject(let ref, _): objects.insert(ref)
    case .removeObject(let ref): objects.remove(ref)
    case .holdWrites(let ref): held.insert(ref)
    case .releaseWrites(let ref): held.remove(ref)
    case .publish: return .accepted(receipt: "message-1")
    }
    return .accepted(receipt: nil)
  }

  private func names(_ question: NameQuestion) -> NameReport {
    let outcome = leadsTo.map { NameOutcome.leads(chain: [$0], addresses: ["192.0.2.1"]) } ?? .failed("no answer")
    return NameReport(
      answers: [true, false].map {
        NameAnswer(server: $0 ? "ns" : "resolver", isAuthoritative: $0, outcome: outcome, ttl: 30)
      })
  }

  private mutating func promote(_ ref: DatabaseRef, at now: Instant) -> CloudReply {
    guard let database = databases[ref], database.source != nil, database.status == "available" else {
      return .failed(
        CloudFailure(.wrongState, code: "InvalidDBInstanceState", message: "not a replica, or not available"))
    }
    promotions += 1
    databases[ref] = Database(
      status: "modifying", source: database.source, becomes: ("available", nil, now + transition))
    return .accepted(receipt: nil)
  }

  private func missing(_ what: String) -> CloudReply {
    .failed(CloudFailure(.notFound, code: "NotFound", message: "\(what) does not exist"))
  }
}
