// What is going to happen in the world, in order. Ties are settled by the order of scheduling, so a run is the same
// each time.

internal import PilotlightCore

/// Something that happens by itself at a moment settled earlier. Numbers are positions in the world's tables; a
/// `generation` makes an event that was overtaken harmless.
enum Happening: Sendable, Equatable {
  /// A group looks at its desired capacity.
  case reconcileGroup(group: Int)
  case machineInService(group: Int, machine: Int)
  /// The application has booted: it reads its secret now.
  case machineReady(group: Int, machine: Int)
  case machineGone(group: Int, machine: Int)
  /// The target group made up its mind about a target.
  case targetVerdict(group: Int, machine: Int, generation: Int)
  /// The next stage of a database's change of status.
  case databaseStage(database: Int, generation: Int)
  /// A promoted instance stops naming its source.
  case sourceForgotten(database: Int)
  case backupWindow(database: Int)
  /// Aurora gets on with a failover or switchover.
  case globalMoves(workload: Int, generation: Int)
  /// A cluster that a failover left is rebuilt.
  case resynchronised(database: Int)
  case snapshotDone(snapshot: Int)
  case changeInSync(change: Int)
  /// Route 53's health check followed the switch object.
  case switchFollowed(workload: Int, generation: Int)
  /// A part of the clients asks DNS again.
  case cohortMoves(workload: Int, cohort: Int, to: SandboxSite?, generation: Int)
  /// The last request that got past a load balancer before it was closed is answered.
  case requestsFinished(workload: Int)
}

struct Scheduled: Sendable, Equatable {
  var at: Instant
  var order: UInt64
  var what: Happening
  /// The region whose outage halts it; nil for what is worldwide.
  var region: Int?

  func isAfter(_ other: Scheduled) -> Bool { at == other.at ? order > other.order : at > other.at }
}

/// A list kept sorted, the next event last. Worlds have tens of events pending, for which this beats a heap.
struct Agenda: Sendable {
  private var pending: [Scheduled] = []
  private var count: UInt64 = 0

  mutating func add(_ what: Happening, at: Instant, region: Int?) {
    count += 1
    let new = Scheduled(at: at, order: count, what: what, region: region)
    var low = 0
    var high = pending.count
    while low < high {
      let middle = (low + high) / 2
      if pending[middle].isAfter(new) { low = middle + 1 } else { high = middle }
    }
    pending.insert(new, at: low)
  }

  /// The next event due by `time`.
  mutating func next(by time: Instant) -> Scheduled? {
    guard let last = pending.last, last.at <= time else { return nil }
    return pending.removeLast()
  }

  /// Takes out all events of a region, soonest first.
  mutating func withdraw(region: Int) -> [Scheduled] {
    let taken = pending.filter { $0.region == region }
    pending.removeAll { $0.region == region }
    return taken.reversed()
  }
}
