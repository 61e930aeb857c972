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
    mix(UInt8(PhaseName.allCases.firstIndex(of: state.phase.name) ?? 0))
    for debt in state.debts { mix(debt.step) }
    mix(UInt8(state.debts.count))
    mix(UInt8(place.disturbances))
    for flag in [state.pause == nil, state.abortedBy == nil, state.isRearmed] { mix(flag) }
    mix(place.machine.holdDownUntil.map { $0 > place.now } ?? false)
    switch state.phase {
    case .healthy: break
    case .degraded(let outage, let preparation):
      mix(outage.start == nil)
      if let preparation { mix(preparation, place) }
    case .drActive(let residence):
      for flag in [residence.acknowledgedBy == nil, residence.failover.lossReview == nil] { mix(flag) }
    case .failingOver(let run), .failingBack(let run, _): mix(run, place)
    }
    mixProgress(of: place)
    mix(place.cloud)
    for question in place.asked {
      mix(place.isAwaited(question))
      switch question.task.purpose {
      case .look(let name): mix("look \(name)")
      case .act(let name): mix("act \(name)")
      case .undo(let name): mix("undo \(name)")
      case .lookDebt(let name): mix("look debt \(name)")
      case .payDebt(let name): mix("pay debt \(name)")
      case .lookFence(let name): mix("look fence \(name)")
      case .lookHold: mix("look hold")
      }
    }
  }

  private mutating func mix(_ run: Run, _ place: Place) {
    for flag in [run.rollback == nil, run.abortedBy == nil, run.steps.contains { $0.state == .skipped }] { mix(flag) }
    for step in run.steps { mix(step, place) }
    guard run.needsClearance else { return }
    for flag in [run.lossAcceptedBy == nil, run.lossAtGate?.window == nil, run.orderedBy == nil] { mix(flag) }
    mix(place.machine.gate.askedAt == nil)
    mix(place.machine.gate.passedAt, at: place.now, [120])
  }

  /// Of a finished step only matters what can be taken back, and what cannot.
  private mutating func mix(_ run: StepRun, _ place: Place) {
    mix(run.intentAt != nil && run.undo != nil)
    if run.step.work.needsClearance { mix(run.intentAt != nil && !run.didNotHappen) }
    switch run.state {
    case .done, .skipped: mix(UInt8(0))
    case .owed: mix(UInt8(1))
    case .waiting, .stuck, .undone: mix(UInt8(StepState.allCases.firstIndex(of: run.state) ?? 0) + 2)
    case .running:
      mix(UInt8(9))
      for flag in [run.intentAt == nil, run.didNotHappen, run.wasTaken] { mix(flag) }
      switch run.step.work {
      case .promote, .switchOver, .awaitDrained:
        mix(place.machine.refused[run.step.name] == run.attempts)
        mix(place.machine.unanswered[run.step.name], at: place.now, [300])
      default: break
      }
      mix(run.startedAt, at: place.now, run.turningAges)
      mix(place.machine.denied[run.step.name], at: place.now, run.denialAges)
    }
  }

  /// Where the asking stands. Times are known by the thresholds, in seconds, that they have passed.
  private mutating func mixProgress(of place: Place) {
    let now = place.now
    mix(
      unordered: place.machine.progress.map { name, entry in
        PlaceKey.part {
          $0.mix(name)
          switch entry {
          case .asking(let task, let since, _): $0.mix(since, at: now, task.purpose.isAct ? [60, 90] : [90])
          case .resting(let until, _): $0.mix(UInt8(until <= now ? 9 : 8))
          case .foreseen(let replies, let askedAt):
            $0.mix("\(replies)")
            $0.mix(askedAt, at: now, [Int(place.machine.settings.primary.probe.timeout.seconds) + 2])
          }
        }
      })
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
          case .stopped: $0.mix(UInt8(1))
          case .replica(let source): $0.mix("replica \(source.identifier)")
          case .creating(let source): $0.mix("creating \(source.identifier)")
          case .unseen(let source): $0.mix("unseen \(source.identifier)")
          case .promoting(let source): $0.mix("promoting \(source.identifier)")
          case .leaving(let next): $0.mix("leaving \(next.identifier)")
          case .demoting(let source): $0.mix("demoting \(source.identifier)")
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
    // Each failback that is begun makes one of its own, and none is looked at by another.
    mix(UInt8(min(cloud.snapshots.count, 3)))
  }
}

extension Run {
  /// The gate's word is still wanted.
  var needsClearance: Bool { steps.contains { $0.step.work.needsClearance && !$0.state.isFinished } }
}

extension StepRun {
  /// Ages in seconds at which the step's looks begin to mean something else.
  fileprivate var turningAges: [Int] {
    switch step.work {
    case .replicate: [300]
    case .awaitDrained(_, _, let longest): [20 + Int(longest?.seconds ?? 0)]
    default: step.bound.map { [Int($0.seconds)] } ?? []
    }
  }

  /// How long, in seconds, the world must deny an act until it is believed.
  fileprivate var denialAges: [Int] {
    switch (step.work.kind, wasTaken) {
    case (.oneWay, true): step.work.isRepeatable ? [60] : [900]
    case (.oneWay, false): [30]
    case (.readOnly, _), (.reversible, _): [5]
    }
  }
}
