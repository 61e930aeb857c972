// Knowing a place again: what matters of it for everything that can come after it, in 128 bits.

import PilotlightCore

/// Two sums of the same bytes, FNV-1a with different offsets. Of ten million places two would share a key once in 10^24 searches.
struct PlaceKey: Hashable {
  private var first: UInt64 = 0xcbf2_9ce4_8422_2325
  private var second: UInt64 = 0x6c62_272e_07bb_0142

  private mutating func mix(_ byte: UInt8) {
    first = (first ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    second = (second ^ UInt64(byte) ^ (second >> 29)) &* 0x9e37_79b9_7f4a_7c15
  }

  private mutating func mix(_ flag: Bool) { mix(UInt8(flag ? 1 : 0)) }

  private mutating func mix(_ text: String) {
    for byte in text.utf8 { mix(byte) }
    mix(UInt8(0))
  }

  /// Parts that have no order: the sum of their keys.
  private mutating func mix(unordered parts: [PlaceKey]) {
    first = parts.reduce(first) { $0 &+ $1.first }
    second = parts.reduce(second) { $0 &+ $1.second }
    mix(UInt8(parts.count))
  }

  private static func part(_ fill: (inout PlaceKey) -> Void) -> PlaceKey {
    var key = PlaceKey()
    fill(&key)
    return key
  }

  private init() {}

  init(_ place: Place) {
    let state = place.machine.state
    mix(place.view.rawValue)
    mix(UInt8(PhaseName.allCases.firstIndex(of: state.phase.name) ?? 0))
    mix(UInt8(state.debts.count))
    for flag in [state.pause == nil, state.abortedBy == nil, state.isRearmed] { mix(flag) }
    mix(place.machine.holdDownUntil.map { $0 > place.now } ?? false)
    switch state.phase {
    case .healthy: break
    case .degraded(let outage): mix(outage.start == nil)
    case .drActive(let residence): mix(residence.acknowledgedBy == nil)
    case .failingOver(let run), .failingBack(let run, _): mix(run, at: place.now)
    }
    mixMemory(of: place)
    mix(place.cloud)
    for question in place.asked {
      mix(place.isAwaited(question))
      switch question.task.purpose {
      case .look(let name): mix("look \(name)")
      case .act(let name): mix("act \(name)")
      case .undo(let name): mix("undo \(name)")
      case .lookDebt: mix("look debt")
      case .payDebt: mix("pay debt")
      }
    }
  }

  private mutating func mix(_ run: Run, at now: Instant) {
    for flag in [
      run.rollback == nil, run.abortedBy == nil, run.lossAcceptedBy == nil, run.lossAtGate?.window == nil,
      run.orderedBy == nil, run.steps.contains { $0.state == .skipped },
    ] { mix(flag) }
    for step in run.steps { mix(step, at: now) }
  }

  /// Of a finished step only matters what can be taken back, and what cannot.
  private mutating func mix(_ run: StepRun, at now: Instant) {
    mix(run.intentAt != nil && run.undo != nil)
    if run.step.work.isRemembered { mix(run.intentAt != nil && !run.didNotHappen) }
    switch run.state {
    case .done, .skipped: mix(UInt8(0))
    case .owed: mix(UInt8(1))
    case .waiting, .stuck, .undone: mix(UInt8(StepState.allCases.firstIndex(of: run.state) ?? 0) + 2)
    case .running:
      mix(UInt8(9))
      for flag in [run.intentAt == nil, run.didNotHappen, run.wasTaken, run.receipt == nil] { mix(flag) }
      if run.step.bound != nil || run.step.work.isPatient { mix(run.startedAt, at: now, [20, 60, 300]) }
    }
  }

  /// What the machine knows and does not record. Times are known by the thresholds, in seconds, that they have passed.
  private mutating func mixMemory(of place: Place) {
    let (machine, now) = (place.machine, place.now)
    mix(
      unordered: machine.progress.map { name, entry in
        PlaceKey.part {
          $0.mix(name)
          switch entry {
          case .asking(_, let since, _): $0.mix(since, at: now, [60, 90])
          case .resting(let until, _): $0.mix(UInt8(until <= now ? 9 : 8))
          }
        }
      })
    let steps = machine.state.phase.run?.steps ?? []
    let open = machine.denied.filter { name, _ in steps.contains { $0.step.name == name && !$0.state.isFinished } }
    mix(
      unordered: open.map { name, since in
        PlaceKey.part {
          $0.mix(name)
          $0.mix(since, at: now, [5, 30, 900])
        }
      })
    mix(machine.gate.askedAt == nil)
    mix(machine.gate.passedAt, at: now, [120])
  }

  private mutating func mix(_ since: Instant?, at now: Instant, _ thresholds: [Int]) {
    guard let since else { return mix(UInt8(255)) }
    mix(UInt8(thresholds.count { now - since >= .seconds($0) }))
  }

  private mutating func mix(_ cloud: BareCloud) {
    mix(
      unordered: cloud.databases.map { ref, database in
        PlaceKey.part {
          $0.mix(ref.identifier)
          switch database {
          case .standalone: $0.mix(UInt8(0))
          case .replica(let source): $0.mix("replica \(source.identifier)")
          case .creating(let source): $0.mix("creating \(source.identifier)")
          case .unseen(let source): $0.mix("unseen \(source.identifier)")
          case .promoting(let source): $0.mix("promoting \(source.identifier)")
          }
        }
      })
    mix(
      unordered: cloud.groups.map { ref, size in
        PlaceKey.part {
          $0.mix(ref.name)
          for count in [size.min, size.desired, size.max] { $0.mix(UInt8(truncatingIfNeeded: count)) }
        }
      })
    mix(UInt8(cloud.objects.count))
    mix(UInt8(cloud.held.count))
    mix(UInt8(cloud.snapshots.count))
  }
}

extension Work {
  /// Means something else once it has run for long.
  fileprivate var isPatient: Bool {
    switch self {
    case .replicate, .awaitReplication, .awaitDrained: true
    default: false
    }
  }

  /// Whether it may have happened matters after it has ended, too.
  fileprivate var isRemembered: Bool {
    if case .fence = self { true } else { kind == .oneWay }
  }
}
