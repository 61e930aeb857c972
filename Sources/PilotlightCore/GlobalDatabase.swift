// An Aurora global database: two clusters in two regions, one of which writes. Which one that is, Aurora keeps and changes: a failover
// promotes the reader whatever has become of the writer, a switchover lets the two change places without loss. A `DatabaseRef` says
// that it is such a cluster, and everything else about databases holds for it too, with `DatabaseState.source` for "takes no writes".

/// The global database that a cluster belongs to.
package struct GlobalDatabase: Hashable, Sendable, Codable {
  /// GlobalClusterIdentifier, of which an account has one each.
  package var identifier: String
  /// Region of the other cluster.
  package var peer: String
  package init(identifier: String, peer: String) {
    self.identifier = identifier
    self.peer = peer
  }
}

/// What a cluster of a global database is, beyond what an instance is.
package struct ClusterState: Hashable, Sendable, Codable {
  /// DB instances in the cluster. Without one, nothing answers there.
  package var instances: Int
  /// EngineVersion of the cluster.
  package var version: String
  /// EngineVersion of the global database; empty when it was not told.
  package var globalVersion: String
  /// It is listed among the members of its global database.
  package var isMember: Bool
  /// The failover or switchover that runs; nil: none.
  package var operation: GlobalOperation?
  package init(
    instances: Int, version: String, globalVersion: String, isMember: Bool, operation: GlobalOperation? = nil
  ) {
    self.instances = instances
    self.version = version
    self.globalVersion = globalVersion
    self.isMember = isMember
    self.operation = operation
  }

  /// Aurora carries out a failover or switchover only between clusters of one version (Aurora user guide, "Managed cross-Region
  /// failovers": the same major and minor version).
  package var isOfOneVersion: Bool { globalVersion.isEmpty || version == globalVersion }
}

/// A failover or switchover of a global database that is under way (RDS API reference, FailoverState).
package struct GlobalOperation: Hashable, Sendable, Codable {
  /// As AWS has it: `pending`, `failing-over`, `switching-over`, `cancelling`. Any other word is one that is under way, too.
  package var status: String
  /// ARN of the cluster that is to write afterwards; empty when it was not told.
  package var to: String
  /// It is a failover: what was not replicated is lost.
  package var allowsLoss: Bool
  package init(status: String, to: String, allowsLoss: Bool) {
    self.status = status
    self.to = to
    self.allowsLoss = allowsLoss
  }

  /// `failing-over to arn:…`.
  package var text: String { to.isEmpty ? status : "\(status) to \(to)" }
}

extension Work {
  /// Asking again does no harm: the answer to a request shows what it began, and each one names the same end.
  package var isRepeatable: Bool { promoted?.global != nil }

  /// A failover of Aurora's, which loses what was not replicated.
  func readFailover(_ database: DatabaseRef, _ replies: [CloudReply], _ context: StepContext) -> Reading {
    guard case .database(let state) = replies.first, let cluster = state.cluster else { return unclear(replies) }
    let name = database.identifier
    let global = database.global?.identifier ?? ""
    if let told = readWriter(database, state, cluster, context) { return told }
    // The data is the same that a failover would have left, and it takes writes.
    if !cluster.isMember {
      return .done("\(name) is no member of \(global) any more: somebody detached it, and it writes")
    }
    let follows = "\(name) follows \(state.source ?? "") and is \(state.status)"
    return .needed(
      .failOverCluster(database, arn: state.arn), undo: nil, follows + (caveat(replies).map { "; \($0)" } ?? ""))
  }

  /// Why Aurora will refuse, and what leads out; nil where nothing is known against it.
  func caveat(_ replies: [CloudReply]) -> String? {
    guard case .promote(let database, _, _) = self, let global = database.global?.identifier,
      case .database(let state)? = replies.first, let cluster = state.cluster, !cluster.isOfOneVersion
    else { return nil }
    return
      "\(database.identifier) has version \(cluster.version) and \(global) \(cluster.globalVersion), for which Aurora refuses: by "
      + "hand `aws rds remove-from-global-cluster --region \(database.region) --global-cluster-identifier \(global) "
      + "--db-cluster-identifier \(state.arn)` loses as much and is seen here"
  }

  /// A switchover of Aurora's. The cluster that wrote is not asked while the other one answers: it is made a reader *before* that one
  /// writes, and a region that dies right behind that must hold nobody up.
  func readSwitchover(
    _ database: DatabaseRef, from old: DatabaseRef, _ replies: [CloudReply], _ context: StepContext
  ) -> Reading {
    guard case .database(let state) = replies.first, let cluster = state.cluster else {
      return readSilence(database, from: old, replies, context) ?? unclear(replies)
    }
    if let told = readWriter(database, state, cluster, context) { return told }
    if !cluster.isMember {
      return .impossible(
        "\(database.identifier) is no member of \(database.global?.identifier ?? "") any more, somebody detached it")
    }
    return .needed(
      .switchOverCluster(database, arn: state.arn, from: old), undo: nil,
      "\(database.identifier) follows \(state.source ?? "") and is \(state.status)")
  }

  /// A switchover to a cluster that gives no answer, by the word of the one that wrote until then; nil: it does not tell either.
  private func readSilence(
    _ database: DatabaseRef, from old: DatabaseRef, _ replies: [CloudReply], _ context: StepContext
  ) -> Reading? {
    guard replies.count == 2, case .failed(let failure) = replies[0], failure.passesByItself,
      case .database(let left) = replies[1], let cluster = left.cluster
    else { return nil }
    let silence = "\(database.identifier) in \(database.region) does not answer (\(failure.text))"
    let arn = left.arn.cluster(database)
    if let operation = cluster.operation { return reading(of: operation, for: arn, database.global?.identifier ?? "") }
    if cluster.isMember, let source = left.source {
      return readForeign(source, of: old, beside: database.region)
        ?? .underway("\(old.identifier) follows \(source) now, and \(silence)")
    }
    // Nobody asks for a switchover to what does not answer. But what was asked for must not be waited for once Aurora gave it up.
    guard context.step.intentAt != nil, !context.step.didNotHappen else { return nil }
    return .needed(
      .switchOverCluster(database, arn: arn, from: old), undo: nil,
      "\(old.identifier) is still the writer, nothing is under way, and \(silence)")
  }

  /// What is alike for both; nil: nobody is on the way to making it the writer.
  ///
  /// FailoverState may outlast the promotion until what was left is resynchronised, so the role counts before it. A status that passes does
  /// not keep anybody from asking: which one a reader has whose writer is gone is documented nowhere, and Aurora refuses what it cannot do.
  private func readWriter(
    _ database: DatabaseRef, _ state: DatabaseState, _ cluster: ClusterState, _ context: StepContext
  ) -> Reading? {
    let name = database.identifier
    let global = database.global?.identifier ?? ""
    let readiness = DatabaseReadiness(state.status)
    if readiness == .broken { return .impossible("\(name) is \(state.status)") }
    let isWriter = cluster.isMember && state.source == nil
    if state.source == nil, readiness == .busy, !(isWriter && state.isBusyAndWell) {
      return .underway("\(name) \(isWriter ? "is the writer of" : "has left") \(global) and is \(state.status)")
    }
    if !isWriter, let operation = cluster.operation { return reading(of: operation, for: state.arn, global) }
    if state.status == "creating" { return .underway("\(name) is still being created") }
    if cluster.instances == 0 {
      return .impossible(
        "\(name) in \(database.region) has no DB instance, so nothing answers there: add one, then `retry`")
    }
    if !isWriter {
      guard cluster.isMember, let source = state.source, let peer = database.global?.peer else { return nil }
      return readForeign(source, of: database, beside: peer)
    }
    let isMine = context.step.intentAt != nil
    return .done("\(name) is the writer of \(global) and available\(isMine ? "" : "; someone else promoted it")")
  }

  /// What follows a cluster in a third region is taken from nobody: what was written there since would be lost, and nobody has measured
  /// that. nil: it follows the one in this region, or nobody told which.
  private func readForeign(_ source: String, of database: DatabaseRef, beside region: String) -> Reading? {
    guard source.isCluster(outside: region) else { return nil }
    return .overtaken(
      "\(database.identifier) follows \(source), not the cluster in \(region): somebody made that the writer")
  }

  private func reading(of operation: GlobalOperation, for arn: String, _ global: String) -> Reading {
    let isHere = operation.to.isEmpty || operation.to.lowercased() == arn.lowercased()
    if !isHere { return .overtaken("\(global) is \(operation.text): somebody else asked for that") }
    if case .switchOver = self, operation.allowsLoss {
      return .overtaken("\(global) is \(operation.text) by somebody's failover: writes may be lost")
    }
    // It waits for a writer that is dead, maybe for ever, and nobody asked for it here.
    if case .promote = self, operation.status == "switching-over", !operation.allowsLoss {
      return .overtaken("\(global) is \(operation.text) by a switchover, which waits for the cluster that wrote")
    }
    return .underway("\(global) is \(operation.text)")
  }
}

extension String {
  /// Of a cluster's ARN, arn:PARTITION:rds:REGION:ACCOUNT:cluster:NAME; nil for any other. No two clusters of a global database share one.
  fileprivate var clusterRegion: String? {
    let parts = lowercased().split(separator: ":", omittingEmptySubsequences: false)
    return parts.count == 7 && parts[5] == "cluster" ? String(parts[3]) : nil
  }

  /// Whether it names a cluster of another region, from which nobody takes the writer's role. Where no writer was listed, no cluster is
  /// named.
  func isCluster(outside region: String) -> Bool { clusterRegion.map { $0 != region.lowercased() } ?? false }

  /// ARN of another cluster of the same account.
  fileprivate func cluster(_ other: DatabaseRef) -> String {
    var parts = split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 7 else { return "" }
    (parts[3], parts[6]) = (other.region, other.identifier.lowercased())
    return parts.joined(separator: ":")
  }
}

extension DatabaseState {
  /// It is used as before, whatever is done beside.
  fileprivate var isBusyAndWell: Bool { ["backing-up", "maintenance"].contains(status) }
}

extension Fence {
  /// Whether a cluster that wrote is a reader again, by its own region's word.
  func readDemoted(_ database: DatabaseRef, _ state: DatabaseState) -> Reading {
    let name = database.identifier
    let global = database.global?.identifier ?? ""
    guard let cluster = state.cluster else {
      return .unclear(CloudFailure(.garbled, code: "UnexpectedAnswer", message: "\(name) is no cluster"))
    }
    // It may take writes, and nobody will make it a reader.
    guard cluster.isMember else {
      return .underway("\(name) is no member of \(global): remove it, and add a cluster in \(database.region) again")
    }
    guard let source = state.source else { return .underway("\(name) is the writer of \(global)") }
    if let operation = cluster.operation, operation.allowsLoss {
      return .underway("\(name) is left by a failover that still runs (\(operation.text))")
    }
    // A rebuild takes minutes to hours. Until it is over the cluster may be the one that was left, with its writes.
    guard state.replication == "replicating" else {
      return .underway("\(name) follows \(source) and is \(state.replication ?? "not synchronised yet")")
    }
    // Beside that a status tells of housekeeping, which does not make it the writer.
    let changesPlaces = ["creating", "promoting", "failing-over", "switching-over", "resyncing"].contains(state.status)
    guard !changesPlaces, DatabaseReadiness(state.status) != .broken else {
      return .underway("\(name) follows \(source) and is \(state.status)")
    }
    return .done("\(name) is a reader of \(global) again")
  }
}

extension ReadinessItem {
  /// Whether the DR cluster could take over: it follows the primary's, it has somebody to answer, and Aurora would do it now.
  func cluster(_ state: DatabaseState, _ settings: WorkloadSettings) -> Finding {
    let (ref, primary) = (settings.dr.database.ref, settings.primary.database.ref)
    let (name, global) = (ref.identifier, ref.global?.identifier ?? "")
    guard let cluster = state.cluster else { return .unknown("the answer does not fit what was asked") }
    // The writer, or no member any more.
    guard let source = state.source else { return .notReady(ReadinessItem.standalone(settings), pointless: true) }
    if DatabaseReadiness(state.status) == .broken {
      return .notReady("cluster \(name) is \(state.status)", pointless: true)
    }
    if cluster.instances == 0 {
      return .notReady(
        "cluster \(name) in \(ref.region) has no DB instance, so nothing would answer there: add one", pointless: true)
    }
    if let operation = cluster.operation { return .notReady("\(global) is \(operation.text)") }
    guard source.clusterRegion == primary.region, source.lowercased().hasSuffix(":\(primary.identifier.lowercased())")
    else {
      return .notReady(
        "cluster \(name) follows \(source), not \(primary.identifier) in \(primary.region)",
        pointless: source.isCluster(outside: primary.region))
    }
    if state.status == "creating" { return .notReady("cluster \(name) is still being created") }
    if let replication = state.replication, replication != "replicating" {
      return .notReady("replication to \(name) is \(replication)")
    }
    if !cluster.isOfOneVersion {
      return .notReady(
        "cluster \(name) has version \(cluster.version) and \(global) \(cluster.globalVersion): Aurora fails over between equal ones"
      )
    }
    guard state.engine.hasPrefix("aurora") else {
      return .notReady("cluster \(name) is no Aurora cluster but \(state.engine)")
    }
    return .ready("\(name) follows \(primary.identifier) and is \(state.status)")
  }
}
