// Facts, computed from the histories. A promotion forks a history; the newest history that took a write is the
// workload's own, and what is in no ancestor of it before the fork is lost.

package import PilotlightCore

extension SandboxWorld {
  /// The truth about a workload at `now`; nil for an unknown name.
  package func facts(for name: String) -> SandboxFacts? {
    guard let index = workloads.firstIndex(where: { $0.settings.name == name }) else { return nil }
    var settled = self
    settled.settle(index)
    return settled.facts(index)
  }

  private func facts(_ index: Int) -> SandboxFacts {
    let loss = loss(index)
    let workload = workloads[index]
    return SandboxFacts(
      writesAccepted: loss.accepted, lostWrites: loss.lost, lossWindow: loss.window,
      doubleWriters: .nanoseconds(workload.doubled),
      writers: workload.writers.compactMap { writer in
        databases.first { $0.replay == nil && $0.history == writer.history }?.ref
      },
      served: .nanoseconds(workload.served), outageStart: workload.outages.last?.start,
      serviceRestoredAt: workload.outages.last?.restoredAt, outages: workload.outages.count,
      promotions: databases.reduce(0) { $0 + ($1.workload == index ? $1.promotions : 0) },
      traffic: commonSite(of: workload),
      serving: workload.servedShare == Self.allUsers)
  }

  private func loss(_ index: Int) -> (accepted: Int, lost: Int, window: Duration) {
    let kept = keptUpTo(index)
    var accepted = 0
    var lost = 0
    var window = Duration.zero
    for (position, history) in histories.enumerated() where history.workload == index {
      let limit = kept[position]
      var newest: Instant?
      for span in history.spans {
        accepted += span.count(after: .distantPast, upTo: .distantFuture)
        let missing = span.count(after: limit, upTo: .distantFuture)
        lost += missing
        if missing > 0, let last = span.last(upTo: .distantFuture) { newest = max(newest ?? last, last) }
      }
      guard let newest else { continue }
      let oldest = limit > .distantPast ? limit : history.spans.compactMap { $0.first(after: limit) }.min() ?? newest
      window = max(window, newest - oldest)
    }
    return (accepted, lost, window)
  }

  /// For each history, up to which moment its writes are in the workload's own database.
  private func keptUpTo(_ index: Int) -> [Instant] {
    var kept = Array(repeating: Instant.distantPast, count: histories.count)
    var limit = Instant.distantFuture
    var next = histories.lastIndex { $0.workload == index && !$0.spans.isEmpty }
    while let history = next {
      kept[history] = limit
      limit = min(limit, histories[history].forkedAt)
      next = histories[history].parent
    }
    return kept
  }

  /// Where every user of a workload is served from; nil while not all are, or from both sites.
  package func servedFrom(_ name: String) -> SandboxSite? {
    guard let workload = workloads.first(where: { $0.settings.name == name }) else { return nil }
    return workload.servedShare == Self.allUsers ? commonSite(of: workload) : nil
  }

  /// Where all users are led to; nil while they are spread over both sites, or led nowhere.
  func commonSite(of workload: WorkloadWorld) -> SandboxSite? {
    let site = workload.traffic[0]
    return workload.traffic.allSatisfy { $0 == site } ? site : nil
  }

  /// Every time not all users of a workload were served, oldest first; holding writes is one too.
  package func outages(of name: String) -> [ServiceOutage] {
    workloads.first { $0.settings.name == name }?.outages ?? []
  }

  /// How many databases with separate histories take a workload's writes at this moment.
  package func writerCount(_ name: String) -> Int {
    workloads.first { $0.settings.name == name }?.writers.count ?? 0
  }

  /// What a promotion of this replica would lose now of the writes up to `limit`: from the oldest that it lacks to the newest of them.
  /// While nobody writes there is nothing to lack. Zero when it has them all; nil when it is no replica.
  package mutating func exposure(of ref: DatabaseRef, upTo limit: Instant) -> Duration? {
    guard let index = find(ref), let replay = databases[index].replay else { return nil }
    settle(databases[index].workload)
    let history = databases[replay.source].history
    guard let last = lastWrite(history, upTo: limit),
      let first = firstWrite(history, after: position(of: replay, index), upTo: limit)
    else { return .zero }
    return last - first
  }

  /// The oldest write of what it was promoted from that it lacks; nil when it has them all, or was not promoted.
  package func oldestLost(of ref: DatabaseRef) -> Instant? {
    guard let index = find(ref), databases[index].replay == nil else { return nil }
    let own = histories[databases[index].history]
    return own.parent.flatMap { firstWrite($0, after: own.forkedAt, upTo: now) }
  }

  /// The size of a group as it really is; nil for an unknown one.
  package func size(of ref: GroupRef) -> GroupSize? { groups.first { $0.ref == ref }?.size }

  /// Whether a database exists and takes writes, whoever sends them.
  package func isWritable(_ ref: DatabaseRef) -> Bool { find(ref).map { databases[$0].writable } ?? false }

  /// Whether a database is fed by another one.
  package func isReplica(_ ref: DatabaseRef) -> Bool { find(ref).map { databases[$0].replay != nil } ?? false }

  /// How often an instance was promoted, by its present identifier; nil for an unknown one.
  package func promotions(of ref: DatabaseRef) -> Int? { find(ref).map { databases[$0].promotions } }

  /// The database host in a secret, and how many versions were written; nil for an unknown one.
  package func secret(_ ref: SecretRef) -> (host: String, versions: Int)? {
    secrets.first { $0.ref == ref }.map { ($0.address.host, $0.written.count) }
  }

  package var databaseCount: Int { databases.count }
  package var snapshotCount: Int { snapshots.count }
}
