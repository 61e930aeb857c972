// RDS: instances, their statuses, and the operations that take minutes. Each operation is refused as RDS refuses it.

package import PilotlightCore

extension SandboxWorld {
  func describeDatabase(_ ref: DatabaseRef) -> CloudReply {
    guard let index = find(ref) else { return unknownDatabase(ref) }
    if now < databases[index].staleUntil, let stale = databases[index].stale { return .database(stale) }
    return databases[index].view.map { .database($0) } ?? unknownDatabase(ref)
  }

  /// Draws what a description shows.
  mutating func refreshView(database index: Int) { databases[index].view = state(of: index) }

  private func state(of index: Int) -> DatabaseState {
    let database = databases[index]
    var replication: String?
    if database.ref.global != nil {
      let isLeft = databases.contains { $0.source == index && $0.isResyncing }
      let isRebuilt = !database.isResyncing && !isLeft
      replication = isRebuilt ? database.source.map { _ in "replicating" } : "pending-resync"
    } else if let replay = database.replay, database.status != .creating {
      replication =
        switch replay.mode {
        case .following, .spiking: "replicating"
        case .stopped: "error"
        }
    }
    return DatabaseState(
      status: database.trouble ?? movingStatus(of: index) ?? database.status.rawValue,
      source: database.source.map { databases[$0].arn },
      arn: database.arn,
      address: database.status == .creating ? nil : DatabaseAddress(host: database.host, port: engine.port),
      engine: database.ref.global == nil ? engine.rawValue : engine.aurora, replication: replication,
      cluster: database.ref.global == nil ? nil : clusterState(of: index), instance: database.instance)
  }

  mutating func promoteReplica(_ ref: DatabaseRef, _ backups: Int?) -> CloudReply {
    guard let index = find(ref) else { return unknownDatabase(ref) }
    if databases[index].source == nil {
      note(
        .promotedStandalone, databases[index].workload, "\(ref.identifier) is no replica and was asked to be promoted")
      return failed(.wrongState, "InvalidDBInstanceState", "DB Instance \(ref.identifier) is not a read replica")
    }
    guard let replay = databases[index].replay else {
      note(.promotedAgain, databases[index].workload, "\(ref.identifier) is being promoted and was asked to be again")
      return wrongState(index, "promoted")
    }
    guard databases[index].trouble == nil, databases[index].status == .available else {
      return wrongState(index, "promoted")
    }
    watchPromotion(index, replay)
    rememberStale(index)
    databases[index].replay = nil
    databases[index].promotions += 1
    databases[index].instance?.backupRetention = backups ?? 1
    databases[index].instance?.parameterStatus = nil
    databases[index].history = addHistory(
      databases[index].workload, parent: databases[replay.source].history, forkedAt: position(of: replay, index))
    // RDS: "several minutes or longer"; 5 to 10 here, of which the reboot is the last.
    enter(.modifying, index, for: random.between(4 * minute, 9 * minute))
    return .accepted(receipt: nil)
  }

  mutating func renameDatabase(_ ref: DatabaseRef, to name: String) -> CloudReply {
    guard let index = find(ref) else { return unknownDatabase(ref) }
    guard Self.isIdentifier(name) else {
      return failed(
        .invalid, "InvalidParameterValue", "The parameter NewDBInstanceIdentifier is not a valid identifier")
    }
    guard isIdle(index) else { return wrongState(index, "renamed") }
    if isTaken(name, region: databases[index].region) {
      return failed(.exists, "DBInstanceAlreadyExists", "DB instance \(name) already exists")
    }
    rememberStale(index)
    databases[index].renamingTo = name
    enter(.renaming, index, for: random.between(30 * second, 90 * second))
    return .accepted(receipt: nil)
  }

  /// RDS: "You can't stop a DB instance that has a read replica, or that is a read replica."
  mutating func stopDatabase(_ ref: DatabaseRef) -> CloudReply {
    guard let index = find(ref) else { return unknownDatabase(ref) }
    let hasReplica = databases.contains { $0.replay?.source == index }
    guard isIdle(index), databases[index].source == nil, !hasReplica else { return wrongState(index, "stopped") }
    rememberStale(index)
    enter(.stopping, index, for: random.between(minute, 5 * minute))
    return .accepted(receipt: nil)
  }

  mutating func startDatabase(_ ref: DatabaseRef) -> CloudReply {
    guard let index = find(ref) else { return unknownDatabase(ref) }
    guard databases[index].status == .stopped else { return wrongState(index, "started") }
    rememberStale(index)
    enter(.starting, index, for: random.between(3 * minute, 10 * minute))
    return .accepted(receipt: nil)
  }

  /// Since when a standalone database of this name runs, always where it was never stopped and never in trouble; nil while none does.
  package func runsSince(_ ref: DatabaseRef) -> Instant? {
    guard let index = find(ref), isIdle(index), databases[index].source == nil else { return nil }
    return databases[index].startedAt ?? Instant(nanoseconds: 0)
  }

  /// As the end of the seven days, or a person, does.
  mutating func restartStopped(_ ref: DatabaseRef) {
    guard let index = find(ref), databases[index].status == .stopped else { return }
    enter(.starting, index, for: minute)
  }

  mutating func createReplica(_ spec: ReplicaSpec) -> CloudReply {
    guard let source = find(spec.source) else { return unknownDatabase(spec.source) }
    if spec.source.region == spec.replica.region {
      return failed(.invalid, "InvalidParameterCombination", "A cross-region replica needs a source in another region")
    }
    guard Self.isIdentifier(spec.replica.identifier) else {
      return failed(.invalid, "InvalidParameterValue", "The parameter DBInstanceIdentifier is not a valid identifier")
    }
    let region = region(spec.replica.region)
    if isTaken(spec.replica.identifier, region: region) {
      return failed(.exists, "DBInstanceAlreadyExists", "DB instance \(spec.replica.identifier) already exists")
    }
    if regionDown[databases[source].region] || faultSet.contains(.apiOutage(region: spec.source.region)) {
      return failed(.transient, "InternalFailure", "The source region \(spec.source.region) did not answer")
    }
    if databases[source].encrypted && spec.kmsKey == nil {
      return failed(
        .invalid, "InvalidParameterCombination", "An encrypted cross-region replica needs KmsKeyId of its own region")
    }
    guard isIdle(source), databases[source].replay == nil else { return wrongState(source, "a source of a replica") }
    return beginReplica(spec, source: source)
  }

  private mutating func beginReplica(_ spec: ReplicaSpec, source: Int) -> CloudReply {
    let workload = databases[source].workload
    let replica = addDatabase(
      spec.replica, workload: workload, encrypted: databases[source].encrypted, history: databases[source].history)
    workloads[workload].databases.append(replica)
    databases[replica].source = source
    databases[replica].instance = databases[source].instance?.replicated(spec, engine)
    databases[replica].replay = Replay(source: source, mode: .stopped, from: now, since: now)
    // A snapshot of the source, its copy to the other region, a restore.
    enter(
      .creating, replica,
      for: random.between(replicaCreation.lowerBound.nanoseconds, replicaCreation.upperBound.nanoseconds))
    rememberStale(source)
    enter(.backingUp, source, for: random.between(2 * minute, 4 * minute))
    return .accepted(receipt: nil)
  }

  /// The next stage of what a database is going through.
  mutating func databaseStage(_ index: Int, _ generation: Int) {
    guard databases[index].generation == generation else { return }
    let name = workloads[databases[index].workload].settings.name
    switch databases[index].status {
    case .available: break
    case .modifying where databases[index].source == nil || databases[index].replay != nil:
      databases[index].status = .available
    case .modifying:
      if faultSet.contains(.promotionStuck(workload: name)) { return enter(.modifying, index, for: minute) }
      enter(.rebooting, index, for: random.between(30 * second, minute))
    case .rebooting:
      databases[index].status = .available
      if databases[index].source != nil && databases[index].replay == nil {
        schedule(.sourceForgotten(database: index), in: random.between(0, 15 * second), region: databases[index].region)
      }
    case .creating:
      guard let source = databases[index].replay?.source, !regionDown[databases[source].region] else {
        return enter(.creating, index, for: minute)
      }
      databases[index].status = .available
    case .renaming:
      if let name = databases[index].renamingTo { takeName(index, name) }
      enter(.rebooting, index, for: random.between(30 * second, minute))
    case .backingUp: databases[index].status = .available
    case .starting:
      databases[index].status = .available
      databases[index].startedAt = now
    case .stopping: enter(.stopped, index, for: 7 * 24 * 60 * minute)
    // RDS starts it by itself after seven days.
    case .stopped: enter(.starting, index, for: random.between(3 * minute, 10 * minute))
    }
  }

  private mutating func takeName(_ index: Int, _ name: String) {
    databases[index].renamingTo = nil
    databases[index].ref.identifier = name
    databases[index].host = Self.host(of: databases[index].ref)
    databases[index].arn = Self.arn(of: databases[index].ref)
  }

  mutating func enter(_ status: DatabaseStatus, _ index: Int, for time: Int64) {
    databases[index].status = status
    databases[index].generation += 1
    schedule(
      .databaseStage(database: index, generation: databases[index].generation), in: time,
      region: databases[index].region)
  }

  /// The daily backup; skipped when the instance is busy with something else.
  mutating func backupWindow(_ index: Int) {
    schedule(.backupWindow(database: index), in: .minutes(24 * 60), region: databases[index].region)
    if isIdle(index) { enter(.backingUp, index, for: random.between(3 * minute, 15 * minute)) }
  }

  mutating func beginForcedBackup(_ ref: DatabaseRef) {
    guard let index = find(ref), databases[index].status == .available else { return }
    databases[index].status = .backingUp
    databases[index].generation += 1
  }

  mutating func endForcedBackup(_ ref: DatabaseRef) {
    guard let index = find(ref), databases[index].status == .backingUp else { return }
    databases[index].status = .available
    databases[index].generation += 1
  }

  mutating func snapshotDatabase(_ ref: DatabaseRef, _ id: String) -> CloudReply {
    guard let index = find(ref) else { return unknownDatabase(ref) }
    let region = databases[index].region
    if snapshots.contains(where: { $0.region == region && $0.id == id }) {
      return failed(
        .exists, "DBSnapshotAlreadyExists", "Cannot create the snapshot because one with the identifier \(id) exists")
    }
    guard isIdle(index) else { return wrongState(index, "snapshotted") }
    let time = random.between(2 * minute, 8 * minute)
    snapshots.append(Snapshot(region: region, id: id, database: index))
    schedule(.snapshotDone(snapshot: snapshots.count - 1), in: time, region: region)
    rememberStale(index)
    enter(.backingUp, index, for: time)
    return .accepted(receipt: nil)
  }

  func describeSnapshot(_ ref: DatabaseRef, _ id: String) -> CloudReply {
    for snapshot in snapshots where snapshot.id == id && regions[snapshot.region] == ref.region {
      return .snapshot(status: snapshot.done ? "available" : "creating")
    }
    return failed(.notFound, "DBSnapshotNotFound", "DBSnapshot \(id) not found")
  }

  /// The database that has this identifier now.
  func find(_ ref: DatabaseRef) -> Int? {
    databases.firstIndex { $0.ref.identifier == ref.identifier && $0.ref.region == ref.region }
  }

  func isIdle(_ index: Int) -> Bool { databases[index].trouble == nil && databases[index].status == .available }

  private func isTaken(_ name: String, region: Int) -> Bool {
    databases.contains { $0.region == region && ($0.ref.identifier == name || $0.renamingTo == name) }
  }

  /// For up to two seconds after a write, one time in ten for up to twenty, a description may still show what was before it. RDS gives no
  /// bound; EC2 has callers wait for minutes (Amazon EC2 API reference, "Eventual consistency").
  mutating func rememberStale(_ index: Int) {
    databases[index].stale = state(of: index)
    databases[index].staleUntil = now.adding(random.between(0, random.chance(0.1) ? 20 * second : 2 * second))
  }

  func unknownDatabase(_ ref: DatabaseRef) -> CloudReply {
    failed(.notFound, "DBInstanceNotFound", "DBInstance \(ref.identifier) not found in \(ref.region)")
  }

  func wrongState(_ index: Int, _ verb: String) -> CloudReply {
    let status = databases[index].trouble ?? databases[index].status.rawValue
    return failed(
      .wrongState, "InvalidDBInstanceState",
      "Instance \(databases[index].ref.identifier) is \(status) and cannot be \(verb) now")
  }

  /// RDS: 1 to 63 letters, digits or hyphens, a letter first, no hyphen at the end and no two together.
  private static func isIdentifier(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    guard let first = bytes.first, bytes.count <= 63, isLetter(first), bytes.last != UInt8(ascii: "-") else {
      return false
    }
    let legal = bytes.allSatisfy {
      isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
    }
    return legal && !zip(bytes, bytes.dropFirst()).contains { $0 == UInt8(ascii: "-") && $1 == UInt8(ascii: "-") }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }
}
