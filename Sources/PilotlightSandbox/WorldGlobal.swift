// Aurora global databases: two clusters, one of which writes, and Aurora, which moves the writer. What AWS leaves open is drawn, and
// drawn badly: the oracle must hold in the worst of what its pages allow.

internal import PilotlightCore

/// A failover or switchover of a workload's global database.
struct GlobalMove: Sendable, Equatable {
  /// Positions in the table of databases.
  var to: Int
  var from: Int
  var allowsLoss: Bool
}

extension SandboxWorld {
  /// What the lag of a cluster shows once the link is cut, which AWS does not say; one way a world.
  private enum CutMetric: Int64 { case grows, ends, freezes }

  private func cutMetric(_ index: Int) -> CutMetric {
    CutMetric(rawValue: SandboxRandom.noise(databases[index].noise, 0, below: 3)) ?? .grows
  }

  /// AuroraGlobalDBRPOLag in seconds: how far the reader is behind; nil: no datapoint.
  func globalLag(of replay: Replay, _ index: Int, at time: Instant) -> Double? {
    func behind(_ time: Instant) -> Double {
      Double((time.nanoseconds - position(of: replay, index, at: time).nanoseconds) / 1_000_000) / 1000
    }
    guard replay.mode == .stopped else { return behind(time) }
    switch cutMetric(index) {
    case .grows: return behind(time)
    case .ends: return nil
    case .freezes: return time.nanoseconds - replay.since.nanoseconds <= minute ? behind(replay.since) : nil
    }
  }

  /// What is shown of a cluster beyond what is shown of an instance.
  func clusterState(of index: Int) -> ClusterState {
    let move = workloads[databases[index].workload].move
    return ClusterState(
      instances: databases[index].isHeadless ? 0 : 1, version: "1.0", globalVersion: "1.0", isMember: true,
      operation: move.map {
        GlobalOperation(
          status: $0.allowsLoss ? "failing-over" : "switching-over", to: databases[$0.to].arn, allowsLoss: $0.allowsLoss
        )
      })
  }

  /// Status of a cluster that is well; nil: its own.
  func movingStatus(of index: Int) -> String? {
    guard let move = workloads[databases[index].workload].move, move.to == index else { return nil }
    return move.allowsLoss ? "failing-over" : "switching-over"
  }

  // MARK: Operations

  mutating func failOverCluster(_ ref: DatabaseRef, _ arn: String) -> CloudReply {
    guard let index = find(ref), ref.global != nil, databases[index].arn == arn else { return unknownCluster(ref) }
    if let refusal = refuse(index) { return refusal }
    guard let from = databases[index].source else { return unknownCluster(ref) }
    noteMove(index, "failed over")
    if let replay = databases[index].replay { watchPromotion(index, replay) }
    begin(GlobalMove(to: index, from: from, allowsLoss: true), lasting: random.between(minute, 5 * minute))
    // Fencing is at the storage, at once, and not promised (RDS-EVENT-0391).
    let name = workloads[databases[index].workload].settings.name
    databases[from].isFenced = !faultSet.contains(.writeFencingFails(workload: name))
    return .accepted(receipt: nil)
  }

  mutating func switchOverCluster(_ ref: DatabaseRef, _ arn: String, from old: DatabaseRef) -> CloudReply {
    guard let index = find(ref), let from = find(old), ref.global != nil, databases[index].arn == arn else {
      return unknownCluster(ref)
    }
    if databases[index].source != nil, databases[index].source != from {
      note(
        .askedInTheWrongRegion, databases[index].workload, "\(old.identifier) does not write, and its region was asked")
      return wrongGlobalState("the switchover must be asked of the writer's region")
    }
    if let refusal = refuse(index) { return refusal }
    guard let replay = databases[index].replay, replay.mode != .stopped, databases[from].trouble == nil else {
      return wrongGlobalState("not all clusters are well")
    }
    noteMove(index, "switched over to")
    begin(GlobalMove(to: index, from: from, allowsLoss: false), lasting: random.between(30 * second, 2 * minute))
    databases[from].isFenced = true
    return .accepted(receipt: nil)
  }

  /// AWS does not reliably refuse a cluster without instances: whoever asks for it has not looked.
  private mutating func noteMove(_ index: Int, _ verb: String) {
    guard databases[index].isHeadless else { return }
    let name = databases[index].ref.identifier
    note(.promotedHeadless, databases[index].workload, "\(name) has no instances and was \(verb)")
  }

  private mutating func refuse(_ index: Int) -> CloudReply? {
    let database = databases[index]
    if database.source == nil {
      note(.promotedStandalone, database.workload, "\(database.ref.identifier) writes already and was asked to")
      return wrongGlobalState("\(database.ref.identifier) is the primary cluster")
    }
    if workloads[database.workload].move != nil { return wrongGlobalState("another operation is in progress") }
    if database.trouble != nil || database.isResyncing {
      return failed(.wrongState, "InvalidDBClusterStateFault", "\(database.ref.identifier) is not available")
    }
    return nil
  }

  private mutating func begin(_ move: GlobalMove, lasting: Int64) {
    let workload = databases[move.to].workload
    rememberStale(move.to)
    workloads[workload].move = move
    workloads[workload].moveGeneration += 1
    // Of a failover nothing depends on the region that is left; a switchover ends, one way or another, whatever becomes of either.
    schedule(
      .globalMoves(workload: workload, generation: workloads[workload].moveGeneration), in: lasting,
      region: move.allowsLoss ? databases[move.to].region : nil)
  }

  private func wrongGlobalState(_ why: String) -> CloudReply {
    failed(.wrongState, "InvalidGlobalClusterStateFault", why)
  }

  private func unknownCluster(_ ref: DatabaseRef) -> CloudReply {
    failed(.notFound, "DBClusterNotFoundFault", "DBCluster \(ref.identifier) not found in \(ref.region)")
  }

  /// What no cluster can do; nil where it is an instance.
  mutating func refuseInstanceAct(_ action: CloudAction, _ ref: DatabaseRef) -> CloudReply? {
    guard ref.global != nil else { return nil }
    if let index = find(ref) {
      note(.clusterTakenForInstance, databases[index].workload, "\(action.apiName) of the cluster \(ref.identifier)")
    }
    return failed(.invalid, "NotAnInstance", "\(ref.identifier) is a cluster")
  }

  // MARK: What happens

  mutating func globalMoves(_ workload: Int, _ generation: Int) {
    guard workloads[workload].moveGeneration == generation, let move = workloads[workload].move else { return }
    let name = workloads[workload].settings.name
    if faultSet.contains(.promotionStuck(workload: name)) { return again(workload, generation, in: minute) }
    guard let replay = databases[move.to].replay else { return }
    if move.allowsLoss { return finishFailover(move, replay) }
    let isWell = replay.mode != .stopped && databases[move.from].trouble == nil
    if !isWell || faultSet.contains(.switchoverCancelled(workload: name)) {
      // As if nobody had asked.
      workloads[workload].move = nil
      databases[move.from].isFenced = false
      return
    }
    if let last = lastWrite(databases[move.from].history, upTo: now), last > position(of: replay, move.to) {
      return again(workload, generation, in: 5 * second)
    }
    promote(move, forkedAt: now)
    databases[move.from].replay = Replay(source: move.to, from: now, since: now)
    databases[move.from].isFenced = false
  }

  private mutating func again(_ workload: Int, _ generation: Int, in pause: Int64) {
    schedule(.globalMoves(workload: workload, generation: generation), in: pause, region: nil)
  }

  private mutating func finishFailover(_ move: GlobalMove, _ replay: Replay) {
    promote(move, forkedAt: position(of: replay, move.to))
    databases[move.from].isResyncing = true
    // A rebuild of the volume takes minutes to hours, from when its region is well again.
    schedule(
      .resynchronised(database: move.from), in: random.between(5 * minute, 90 * minute),
      region: databases[move.from].region)
  }

  private mutating func promote(_ move: GlobalMove, forkedAt: Instant) {
    let workload = databases[move.to].workload
    databases[move.to].replay = nil
    databases[move.to].source = nil
    databases[move.to].promotions += 1
    databases[move.to].history = addHistory(workload, parent: databases[move.from].history, forkedAt: forkedAt)
    databases[move.to].isFenced = false
    databases[move.from].source = move.to
    workloads[workload].move = nil
  }

  /// The volume is the new writer's; what the old one had is in a snapshot.
  mutating func resynchronised(_ index: Int) {
    let name = workloads[databases[index].workload].settings.name
    guard databases[index].isResyncing, let source = databases[index].source else { return }
    guard !faultSet.contains(.resyncStalls(workload: name)), !regionDown[databases[source].region] else {
      return schedule(.resynchronised(database: index), in: minute, region: databases[index].region)
    }
    databases[index].isResyncing = false
    databases[index].isFenced = false
    databases[index].replay = Replay(source: source, from: now, since: now)
  }
}
