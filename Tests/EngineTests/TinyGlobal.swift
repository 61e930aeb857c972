// The tiny cloud's global database: one writer, moved by Aurora, which takes in again what a failover left.

import PilotlightCore

/// A failover or switchover that runs.
struct GlobalMove {
  var ref: DatabaseRef
  var allowsLoss: Bool
  var ends: Instant
  /// It comes to nothing.
  var isCancelled = false
}

extension TinyCloud {
  func clusterState(_ ref: DatabaseRef, _ database: Database) -> DatabaseState {
    let operation = move.map {
      GlobalOperation(
        status: $0.allowsLoss ? "failing-over" : "switching-over", to: arn($0.ref), allowsLoss: $0.allowsLoss)
    }
    return DatabaseState(
      status: database.status, source: database.isMember ? database.source : nil, arn: arn(ref), address: address(ref),
      engine: "aurora-postgresql",
      replication: synchronization(of: database),
      cluster: ClusterState(
        instances: database.instances, version: database.version, globalVersion: "16.4", isMember: database.isMember,
        operation: operation))
  }

  /// A writer shows what a reader of it is not.
  private func synchronization(of database: Database) -> String? {
    if database.source == nil { return databases.values.map(\.synchronization).first { $0 != "connected" } }
    return database.synchronization == "connected" ? "replicating" : database.synchronization
  }

  mutating func failOver(_ ref: DatabaseRef, _ target: String, at now: Instant) -> CloudReply {
    guard target == arn(ref), databases[ref]?.isMember == true, databases[ref]?.source != nil, move == nil else {
      return refused("not a secondary cluster, or another operation runs")
    }
    promotions += 1
    move = GlobalMove(ref: ref, allowsLoss: true, ends: now + transition)
    return .accepted(receipt: nil)
  }

  mutating func switchOver(_ ref: DatabaseRef, _ target: String, at now: Instant) -> CloudReply {
    let isWell = dark.isEmpty && databases.values.allSatisfy { $0.synchronization == "connected" }
    guard target == arn(ref), databases[ref]?.isMember == true, databases[ref]?.source != nil, move == nil, isWell
    else {
      return refused("not a secondary cluster, not well, or another operation runs")
    }
    if !cancelsSwitchover { promotions += 1 }
    move = GlobalMove(ref: ref, allowsLoss: false, ends: now + transition, isCancelled: cancelsSwitchover)
    cancelsSwitchover = false
    return .accepted(receipt: nil)
  }

  private func refused(_ why: String) -> CloudReply {
    .failed(CloudFailure(.wrongState, code: "InvalidGlobalClusterStateFault", message: why))
  }

  mutating func settleGlobal(at now: Instant) {
    if let move, move.ends <= now {
      self.move = nil
      let writer = arn(move.ref)
      for ref in databases.keys where ref.global != nil && !move.isCancelled {
        databases[ref]?.source = ref == move.ref ? nil : writer
        databases[ref]?.synchronization = ref == move.ref || !move.allowsLoss ? "connected" : "pending-resync"
      }
    }
    for (ref, database) in databases where database.synchronization != "connected" {
      // A region that is dark rebuilds nothing.
      if dark.contains(ref.region) { rebuilt[ref] = now + resyncTakes }
      let due = rebuilt[ref] ?? now + resyncTakes
      rebuilt[ref] = due
      guard due <= now else { continue }
      rebuilt[ref] = nil
      databases[ref]?.synchronization = "connected"
    }
  }
}
