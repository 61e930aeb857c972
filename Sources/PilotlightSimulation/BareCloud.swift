// The cloud of the exploration: no latencies, no probabilities, only what can be so. A value that can be compared, so that the same
// place is known again.

import PilotlightCore

struct BareCloud: Hashable {
  enum Database: Hashable {
    case standalone
    case stopped
    case replica(of: DatabaseRef)
    case creating(of: DatabaseRef)
    /// Promotion was taken and is not shown yet: available, source still set.
    case unseen(of: DatabaseRef)
    case promoting(of: DatabaseRef)
    /// A cluster that a switchover is about to make a reader of this one: it writes no more.
    case leaving(to: DatabaseRef)
    /// A cluster that a failover left, and that Aurora has not made a reader yet.
    case demoting(of: DatabaseRef)
  }
  var databases: [DatabaseRef: Database]
  var groups: [GroupRef: GroupSize]
  var objects: Set<ObjectRef> = []
  var held: Set<ListenerRef> = []
  var snapshots: Set<String> = []

  init(_ settings: WorkloadSettings) {
    let (primary, dr) = (settings.primary, settings.dr)
    databases = [primary.database.ref: .standalone, dr.database.ref: .replica(of: primary.database.ref)]
    groups = [primary.group.ref: primary.group.serving, dr.group.ref: dr.group.standby]
  }

  /// Takes a request that arrived.
  mutating func take(_ action: CloudAction) -> CloudReply {
    switch action {
    case .resizeGroup(let ref, let size): groups[ref] = size
    case .promoteReplica(let ref, _):
      guard case .replica(let source) = databases[ref] else {
        return .failed(CloudFailure(.wrongState, code: "InvalidDBInstanceState", message: "not a replica"))
      }
      databases[ref] = .unseen(of: source)
    case .renameDatabase(let ref, let name):
      guard let database = databases.removeValue(forKey: ref) else { return missing }
      databases[DatabaseRef(region: ref.region, identifier: name)] = database
    case .stopDatabase(let ref):
      guard databases[ref] == .standalone else { return missing }
      databases[ref] = .stopped
    case .startDatabase(let ref):
      guard databases[ref] == .stopped else { return missing }
      databases[ref] = .standalone
    case .snapshotDatabase(_, let name): snapshots.insert(name)
    case .createReplica(let spec):
      guard databases[spec.replica] == nil else {
        return .failed(CloudFailure(.exists, code: "DBInstanceAlreadyExists", message: spec.replica.identifier))
      }
      databases[spec.replica] = .creating(of: spec.source)
    case .putObject(let ref, _): objects.insert(ref)
    case .removeObject(let ref): objects.remove(ref)
    case .holdWrites(let ref): held.insert(ref)
    case .releaseWrites(let ref): held.remove(ref)
    case .failOverCluster(let ref, _): return move(ref, from: nil)
    case .switchOverCluster(let ref, _, let old): return move(ref, from: old)
    // Of settings it knows none.
    case .repointSecret, .detachSecret, .modifyInstance, .rebootInstance, .pointRecords, .switchCheck, .turnControls,
      .publish,
      .runCommand:
      break
    case .callerIdentity, .describeGroup, .describeDatabase, .replicaLag, .targetHealth, .readSecret, .readSecretSource,
      .readRecords, .readChange, .readHealthCheck, .readCheckSwitch, .readControls, .askNames, .readObject,
      .readWriteHold, .readTopic,
      .describeSnapshot, .readLaunchSource, .readSwitch,
      .simulate, .readClock, .readLease, .claimLease:
      return answer(action, at: .distantPast)
    }
    return .accepted(receipt: nil)
  }

  /// - Parameter old: the writer that a switchover is asked of; nil: a failover.
  private mutating func move(_ ref: DatabaseRef, from old: DatabaseRef?) -> CloudReply {
    guard case .replica(let source) = databases[ref], old == nil || databases[source] == .standalone else {
      return .failed(CloudFailure(.wrongState, code: "InvalidGlobalClusterStateFault", message: "not now"))
    }
    databases[ref] = .unseen(of: source)
    if old != nil { databases[source] = .leaving(to: ref) }
    return .accepted(receipt: nil)
  }

  /// Answers a question truthfully.
  func answer(_ action: CloudAction, at now: Instant) -> CloudReply {
    switch action {
    case .describeGroup(let ref):
      guard let size = groups[ref] else { return missing }
      return .group(GroupState(size: size, inService: size.desired, instances: size.desired))
    case .describeDatabase(let ref): return databases[ref].map { .database(state($0, ref)) } ?? missing
    case .replicaLag: return .lag([LagSample(at: now - .seconds(10), seconds: 1)])
    case .readObject(let ref): return .object(present: objects.contains(ref))
    case .readWriteHold(let ref): return .writeHold(present: held.contains(ref))
    case .describeSnapshot(_, let name): return snapshots.contains(name) ? .snapshot(status: "available") : missing
    default: return .identity(account: "1", arn: "arn")
    }
  }

  private func cluster(_ database: Database, _ ref: DatabaseRef) -> DatabaseState {
    func arn(_ ref: DatabaseRef) -> String { "arn:aws:rds:\(ref.region):1:cluster:\(ref.identifier)" }
    var source: DatabaseRef?
    var operation: GlobalOperation?
    switch database {
    case .standalone, .stopped, .leaving: break
    case .replica(let writer), .unseen(let writer), .creating(let writer), .demoting(let writer): source = writer
    case .promoting(let writer):
      source = writer
      let isSwitch = databases[writer] == .leaving(to: ref)
      operation = GlobalOperation(status: "pending", to: arn(ref), allowsLoss: !isSwitch)
    }
    let isRebuilt = if case .demoting = database { false } else { true }
    return DatabaseState(
      status: "available", source: source.map(arn), arn: arn(ref),
      address: DatabaseAddress(host: ref.identifier, port: 5432), engine: "aurora-postgresql",
      replication: source == nil ? nil : isRebuilt ? "replicating" : "pending-resync",
      cluster: ClusterState(instances: 1, version: "1", globalVersion: "1", isMember: true, operation: operation))
  }

  private func state(_ database: Database, _ ref: DatabaseRef) -> DatabaseState {
    if ref.global != nil { return cluster(database, ref) }
    let (status, source): (String, DatabaseRef?) =
      switch database {
      case .standalone, .leaving: ("available", nil)
      case .stopped: ("stopped", nil)
      case .replica(let source), .unseen(let source), .demoting(let source): ("available", source)
      case .creating(let source): ("creating", source)
      case .promoting(let source): ("modifying", source)
      }
    return DatabaseState(
      status: status, source: source.map { "arn:aws:rds:\($0.region):1:db:\($0.identifier)" }, arn: "arn",
      address: DatabaseAddress(host: ref.identifier, port: 5432), engine: "postgres")
  }

  private var missing: CloudReply { .failed(CloudFailure(.notFound, code: "NotFound", message: "not there")) }

  /// The clouds that can come of this one by itself.
  var next: [BareCloud] {
    let sorted = databases.sorted { $0.key.identifier < $1.key.identifier }
    return sorted.compactMap { moved($0.key, $0.value) } + sorted.compactMap { cancelled($0.key, $0.value) }
  }

  private func moved(_ ref: DatabaseRef, _ database: Database) -> BareCloud? {
    var moved = self
    switch database {
    case .standalone, .stopped, .replica, .leaving: return nil
    case .creating(let source): moved.databases[ref] = .replica(of: source)
    case .demoting(let source): moved.databases[ref] = .replica(of: source)
    case .unseen(let source): moved.databases[ref] = .promoting(of: source)
    case .promoting(let source):
      moved.databases[ref] = .standalone
      if ref.global != nil {
        moved.databases[source] = databases[source] == .leaving(to: ref) ? .replica(of: ref) : .demoting(of: ref)
      }
    }
    return moved
  }

  /// Aurora may give a switchover up that it took.
  private func cancelled(_ ref: DatabaseRef, _ database: Database) -> BareCloud? {
    guard case .promoting(let source) = database, databases[source] == .leaving(to: ref) else { return nil }
    var moved = self
    moved.databases[ref] = .replica(of: source)
    moved.databases[source] = .standalone
    return moved
  }

  /// RDS hides a promotion that it has taken for some seconds, not for longer.
  mutating func showPromotions() {
    for (ref, database) in databases {
      if case .unseen(let source) = database { databases[ref] = .promoting(of: source) }
    }
  }

  /// Whether the old primary is kept from writing by this.
  func holds(_ fence: Fence) -> Bool {
    switch fence {
    case .group(let group, let size): groups[group] == size
    case .listener(let listener): held.contains(listener)
    case .database(let database): databases[database] != .standalone
    case .demoted(let database): if case .replica = databases[database] { true } else { false }
    }
  }

  /// The DR region could serve users: instances, and a database that can be written.
  func serves(_ site: SiteSettings) -> Bool {
    (groups[site.group.ref]?.desired ?? 0) > 0 && databases[site.database.ref] == .standalone
  }
}
