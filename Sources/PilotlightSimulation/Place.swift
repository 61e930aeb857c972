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

  var isConfirmed: Bool { self == .downBefore || self == .downWithoutLag || self == .down }
}

struct Place {
  var machine: Machine
  var cloud: BareCloud
  var now: Instant
  /// Asked and not answered; the newest last.
  var asked: [Question] = []
  /// How much went wrong on the way here, where that is bounded.
  var disturbances = 0

  struct Question {
    var task: CloudTask
    var actions: [CloudAction]
  }

  /// What the machine is told while the detector says so. The machine does not remember it: a view is part of an event, not of a place.
  func situation(_ view: View) -> Situation {
    let settings = machine.settings
    let verdict: Verdict =
      switch view {
      case .unknown: .unknown
      case .up: .up
      case .blind: .blind
      case .failing, .downBefore, .downWithoutLag, .down: .down
      }
    let isConfirmed = view.isConfirmed
    // Not confirmed yet: the probe that would prove it is under way.
    let age = view == .failing ? settings.detection.confirmFor : .minutes(2)
    let start = verdict == .down ? now - age : nil
    var lag = LagTracker(staleAfter: settings.replication.staleAfter, meaning: .sinceReplayed)
    if view != .downWithoutLag, view != .unknown {
      lag.take([LagSample(at: (start ?? now) - .seconds(10), seconds: 1)], at: now)
    }
    return Situation(
      now: now,
      assessment: Assessment(
        // Up for long enough to be believed.
        verdict: verdict, since: start ?? (verdict == .up ? now - .minutes(2) : now), outageStart: start,
        lasted: isConfirmed, witnessed: isConfirmed, confirmed: isConfirmed,
        agreement: isConfirmed ? .agreed("the region") : .missing),
      primaryServing: verdict == .up ? true : (verdict == .down ? false : nil),
      drServing: cloud.serves(settings.dr), lag: lag, evidenceAt: view == .downBefore ? .distantPast : now,
      obstacles: [], brake: nil, account: "1")
  }

  /// How long it has been awaited; zero for what was given up.
  func age(of question: Question) -> Duration {
    for case .asking(question.task, let since, _) in machine.progress.values { return now - since }
    return .zero
  }

  /// Still awaited, or given up.
  func isAwaited(_ question: Question) -> Bool {
    machine.progress.values.contains {
      if case .asking(question.task, _, _) = $0 { true } else { false }
    }
  }
}
