// One place of the explored space: the machine, the cloud, what the detector says, and what is on its way between them.

import PilotlightCore

/// What the detector can say. Each stands for all situations that the machine cannot tell apart.
enum View: UInt8, CaseIterable {
  case unknown
  case up
  case blind
  /// Down, not confirmed yet.
  case failing
  /// Confirmed, and read before the gate asked.
  case downBefore
  /// Confirmed, read afresh, the loss unknown.
  case downWithoutLag
  /// Confirmed, read afresh, the loss within the RPO.
  case down
}

struct Place {
  var machine: Machine
  var cloud: BareCloud
  var view: View
  var now: Instant
  /// Asked and not answered; the newest last.
  var asked: [Question] = []

  struct Question {
    var task: CloudTask
    var actions: [CloudAction]
  }

  var situation: Situation {
    let settings = machine.settings
    let verdict: Verdict =
      switch view {
      case .unknown: .unknown
      case .up: .up
      case .blind: .blind
      case .failing, .downBefore, .downWithoutLag, .down: .down
      }
    let isConfirmed = view == .downBefore || view == .downWithoutLag || view == .down
    let start = verdict == .down ? now - .minutes(2) : nil
    var lag = LagTracker(staleAfter: settings.replication.staleAfter)
    if view != .downWithoutLag, view != .unknown {
      lag.take([LagSample(at: (start ?? now) - .seconds(10), seconds: 1)], at: now)
    }
    return Situation(
      now: now,
      assessment: Assessment(
        verdict: verdict, since: start ?? now, outageStart: start, lasted: isConfirmed, confirmed: isConfirmed,
        agreement: isConfirmed ? .agreed("the region") : .missing),
      primaryServing: verdict == .up ? true : (verdict == .down ? false : nil),
      drServing: cloud.serves(settings.dr), lag: lag, evidenceAt: view == .downBefore ? .distantPast : now,
      obstacles: [], brake: nil, account: "1")
  }

  /// Still awaited, or given up.
  func isAwaited(_ question: Question) -> Bool {
    machine.progress.values.contains {
      if case .asking(question.task, _, _) = $0 { true } else { false }
    }
  }
}

// MARK: - Knowing a place again

/// What of a place matters for everything that can come after it. Times are known by the thresholds they have passed.
struct PlaceKey: Hashable {
  private var phase: [UInt8] = []
  private var steps: [[UInt8]] = []
  private var progress: [String: UInt8] = [:]
  private var denied: [String: UInt8] = [:]
  private var gate: [UInt8]
  private var cloud: BareCloud
  private var view: View
  private var asked: [String]

  init(_ place: Place) {
    let (machine, now) = (place.machine, place.now)
    let state = machine.state
    phase = [
      UInt8(PhaseName.allCases.firstIndex(of: state.phase.name) ?? 0), UInt8(state.debts.count),
      state.pause == nil ? 0 : 1, state.abortedBy == nil ? 0 : 1, state.isRearmed ? 1 : 0,
      state.armedFor == nil ? 0 : 1, machine.holdDownUntil.map { $0 > now ? 2 : 1 } ?? 0,
    ]
    if case .degraded(let outage) = state.phase { phase.append(outage.start == nil ? 0 : 1) }
    if case .drActive(let residence) = state.phase { phase.append(residence.acknowledgedBy == nil ? 0 : 1) }
    if let run = state.phase.run {
      phase += [
        run.kind == .failover ? 0 : 1, run.rollback == nil ? 0 : 1, run.abortedBy == nil ? 0 : 1,
        run.lossAcceptedBy == nil ? 0 : 1, run.orderedBy == nil ? 0 : 1, UInt8(run.approvals.count),
        run.steps.contains { $0.state == .skipped } ? 1 : 0,
      ]
      steps = run.steps.map { PlaceKey.shape(of: $0, at: now) }
    }
    let open = Set(state.phase.run?.steps.filter { !$0.state.isFinished }.map(\.step.name) ?? [])
    for (name, entry) in machine.progress {
      progress[name] =
        switch entry {
        case .asking(_, let since, _): 10 + PlaceKey.age(since, now, [60, 90])
        case .resting(let until, _): until <= now ? 1 : 0
        }
    }
    for (name, since) in machine.denied where open.contains(name) {
      denied[name] = PlaceKey.age(since, now, [5, 30, 900])
    }
    gate = [machine.gate.askedAt == nil ? 0 : 1, machine.gate.passedAt.map { PlaceKey.age($0, now, [120]) + 1 } ?? 0]
    cloud = place.cloud
    view = place.view
    asked = place.asked.map { "\(place.isAwaited($0)) \($0.task.purpose)" }
  }

  /// Of a finished step only matters what can be taken back, and what cannot.
  private static func shape(of run: StepRun, at now: Instant) -> [UInt8] {
    let isUndoable: UInt8 = run.intentAt != nil && run.undo != nil ? 1 : 0
    let mayHaveHappened: UInt8 = run.intentAt != nil && !run.didNotHappen ? 1 : 0
    switch run.state {
    case .done, .skipped: return [0, isUndoable, mayHaveHappened]
    case .owed: return [1, isUndoable, mayHaveHappened]
    case .waiting, .running, .stuck, .undone:
      let isTimed = run.state == .running && (run.step.bound != nil || run.step.work.isPatient)
      return [
        UInt8(StepState.allCases.firstIndex(of: run.state) ?? 0) + 2, isUndoable, mayHaveHappened,
        run.intentAt == nil ? 0 : 1, run.wasTaken ? 1 : 0, run.receipt == nil ? 0 : 1,
        isTimed ? age(run.startedAt ?? now, now, [20, 60, 300]) : 0,
      ]
    }
  }

  /// How many of the thresholds, in seconds, have passed.
  private static func age(_ since: Instant, _ now: Instant, _ thresholds: [Int]) -> UInt8 {
    UInt8(thresholds.count { now - since >= .seconds($0) })
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
}
