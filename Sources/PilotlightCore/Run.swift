// A run is one plan being carried out. It changes only by records, so whatever is remembered was durable first.

/// What a run is for.
package enum RunKind: String, Hashable, Sendable, Codable, CaseIterable {
  case failover
  case failback
  /// The DR region takes over from a primary that serves, without loss.
  case switchover
  /// The reversible steps of a failover, while it is not certain yet that there will be one.
  case preparation
}

/// Where a step of a run stands.
package enum StepState: String, Hashable, Sendable, Codable, CaseIterable {
  case waiting
  case running
  case done
  /// An operator took it as done.
  case skipped
  /// Given up at its bound; what is owed is a debt.
  case owed
  /// It cannot go on by itself: the run is stuck.
  case stuck
  case undone

  /// Steps below may start.
  package var isFinished: Bool {
    switch self {
    case .done, .skipped, .owed: true
    case .waiting, .running, .stuck, .undone: false
    }
  }
}

/// One step of a run and what became of it.
package struct StepRun: Hashable, Sendable, Codable {
  package var step: Step
  package var state: StepState = .waiting
  package var startedAt: Instant?
  package var finishedAt: Instant?
  /// When the newest intent to act was recorded; nil while nothing was tried.
  package var intentAt: Instant?
  /// How often an intent was recorded.
  package var attempts = 0
  /// What takes the step back, known from the world as it was before the first act.
  package var undo: CloudAction?
  /// The newest act certainly did not happen: the cloud refused it, or was asked long enough after and knows nothing of it.
  package var didNotHappen = false
  /// The newest act was taken, or was seen under way: it happened, whatever a slow read may still show.
  package var wasTaken = false
  /// The id the cloud gave for the act.
  package var receipt: String?
  /// One sentence on how it ended or why it is stuck.
  package var detail = ""

  package init(_ step: Step) { self.step = step }

  /// A hold that is there, and that nobody here has asked for, is taken for our own: whoever takes the run back opens it.
  mutating func adoptHold(at time: Instant) {
    guard case .holdWrites(let listener) = step.work, intentAt == nil else { return }
    (intentAt, undo) = (time, .releaseWrites(listener))
  }
}

/// One plan being carried out.
package struct Run: Hashable, Sendable, Codable {
  /// Incident id, e.g. `20261123T173515-django-app`.
  package var incident: String
  package var kind: RunKind
  package var startedAt: Instant
  /// T0 of the outage; nil for a failback.
  package var outageStart: Instant?
  /// Who ordered it; nil when the daemon decided.
  package var orderedBy: String?
  package var steps: [StepRun]
  /// Who let the gate pass in mode approve, or confirmed a step by hand; by step name.
  package var approvals: [String: String] = [:]
  /// Who accepted a loss beyond the RPO for this incident.
  package var lossAcceptedBy: String?
  /// The loss window the gate saw when it let the one-way step pass.
  package var lossAtGate: LossWindow?
  /// What its promotion lost; nil before it, and for a run of a version that did not note it.
  package var loss: LossEntry?
  /// nil until somebody has looked for it.
  package var lossReview: LossReview?
  /// Whose writes the promoted database takes over, as the configuration named it at the beginning; nil in old ledgers.
  package var origin: DatabaseRef?
  /// Why the run is being taken back; nil while it goes forward.
  package var rollback: String?
  /// Who ordered it to be taken back; nil when the primary came back.
  package var abortedBy: String?

  package init(
    incident: String, kind: RunKind, startedAt: Instant, outageStart: Instant?, orderedBy: String?, plan: [Step]
  ) {
    self.incident = incident
    self.kind = kind
    self.startedAt = startedAt
    self.outageStart = outageStart
    self.orderedBy = orderedBy
    steps = plan.map { StepRun($0) }
  }

  package subscript(name: String) -> StepRun? {
    steps.indices.first { steps[$0].step.name == name }.map { steps[$0] }
  }

  package mutating func update(_ name: String, _ change: (inout StepRun) -> Void) {
    guard let index = steps.firstIndex(where: { $0.step.name == name }) else { return }
    change(&steps[index])
  }

  /// True once a one-way step may have happened: from its first intent on, or found done by somebody else, there is no way back.
  package var isCommitted: Bool {
    steps.indices.contains(where: {
      steps[$0].step.work.kind == .oneWay
        && ((steps[$0].intentAt != nil && !steps[$0].didNotHappen) || steps[$0].state == .done)
    })
  }

  /// The old primary takes no writes by our own act, or may not: a fence was asked for, and it is not known that it did not happen.
  package var mayBeFenced: Bool {
    steps.contains { $0.step.work.isFenceBeforePromotion && $0.intentAt != nil && !$0.didNotHappen }
  }

  /// Writes are held by this run, or may be.
  var mayHoldWrites: Bool {
    steps.contains {
      switch $0.step.work {
      case .holdWrites: $0.intentAt != nil || $0.state.isFinished
      // From when it is asked for: whoever stops the writers makes the primary's probes fail.
      case .confirmByHand: $0.step.name == "hold-writes" && $0.startedAt != nil
      default: false
      }
    }
  }

  /// The one-way step happened: it was taken, or seen done. From then on nothing is withdrawn any more.
  package var hasPromoted: Bool {
    steps.contains { $0.step.work.kind == .oneWay && ($0.wasTaken || $0.state.isFinished) }
  }

  /// All that is known of the promotion is that a person skipped it, who says so that it is done.
  var isPromotedByWordAlone: Bool {
    hasPromoted && !steps.contains { $0.step.work.kind == .oneWay && ($0.wasTaken || $0.state == .done) }
  }

  /// That nothing is left behind was accepted otherwise, or the writes were held by somebody's word.
  var isKeptByWordAlone: Bool { lossAcceptedBy != nil || self["hold-writes"]?.state == .skipped }

  /// The one-way step was asked for by this run.
  var mayHavePromoted: Bool {
    steps.contains { $0.step.work.kind == .oneWay && $0.intentAt != nil && !$0.didNotHappen }
  }

  /// Nothing: every write was replayed before the promotion; nil where that was not waited for, or somebody said so instead.
  var drained: LossWindow? {
    let drain = steps.first { if case .awaitDrained = $0.step.work { true } else { false } }
    guard kind == .switchover, lossAcceptedBy == nil, let drain, drain.state == .done,
      self["hold-writes"]?.state == .done
    else { return nil }
    return LossWindow(window: .zero, confidence: .measured, countedTo: drain.finishedAt)
  }

  /// Nothing, where that is known; nil where it is not. Only a promotion of our own can be: with the hold before our eyes, or by a
  /// switchover of Aurora's, which waits for the last write by itself.
  func nothingLost(by work: Work, _ replies: [CloudReply]) -> LossWindow? {
    guard mayHavePromoted, kind == .switchover, case .database(let state)? = replies.first else { return nil }
    if case .switchOver = work {
      // Behind somebody's failover, which nobody may have seen, what was left is not synchronised.
      guard state.cluster?.isMember == true, state.replication == nil else { return nil }
      return LossWindow(window: .zero, confidence: .measured, countedTo: self["hold-writes"]?.finishedAt)
    }
    return replies.count > 1 && replies[1] == .writeHold(present: true) ? drained : nil
  }

  /// What a run that is over left to a person, in sentences; nil: nothing.
  package var remains: [String]? {
    if rollback == nil {
      let skipped = steps.filter { $0.state == .skipped }
      return skipped.isEmpty ? nil : skipped.map { "Skipped, see that it is so: \($0.step.work.sentence)." }
    }
    let handedOver = undoable
    if !handedOver.isEmpty {
      return handedOver.map { "The failover that followed took this over: \($0.step.work.sentence)." }
    }
    let made = steps.filter { $0.intentAt != nil && !$0.didNotHappen && $0.undo == nil && $0.state != .undone }
    return made.isEmpty
      ? ["It was taken back, and nothing of it is left."]
      : made.map { "It was taken back, but for this, which stays as it is: \($0.step.work.sentence)." }
  }

  /// The step that a person has to confirm before it goes on; nil: none has. Who skipped a step has only said that he saw to it: before
  /// users are led away from a region that serves, and before its instances are taken, he is asked.
  package var unconfirmed: StepRun? { ready.first { self[question: $0] != nil } }

  /// What a person is asked before a step; nil: nothing, or he has answered.
  subscript(question step: StepRun) -> String? {
    if approvals[step.step.name] != nil { return nil }
    switch step.step.work {
    case .confirmByHand(let what): return what
    // As ledgers of before have it.
    case .shift(.manual, let site) where kind != .failover: return "lead users to the \(site.rawValue) region"
    // Once it was asked for, users may be there.
    case .shift where kind != .failover && loss?.isLetThrough == true && (step.intentAt == nil || step.didNotHappen):
      return "the write hold is gone and users may have written behind the promotion: lead them over without that"
    case .shift(_, let site) where kind != .failover && isPromotedByWordAlone:
      return "the promotion was skipped: see that the database in the \(site.rawValue) region takes writes"
    case .scaleDown(let group, _):
      guard let lead, case .shift = lead.step.work, lead.state == .skipped else { return nil }
      return "\(lead.step.name) was skipped: see that no user is led to \(group.region) any more"
    default: return nil
    }
  }

  /// A load balancer answers 503 to users at our word.
  var holdsWrites: Bool {
    var held: Set<ListenerRef> = []
    for step in steps where step.state == .done {
      switch step.step.work {
      case .holdWrites(let listener): held.insert(listener)
      case .releaseWrites(let listener): held.remove(listener)
      default: break
      }
    }
    return !held.isEmpty
  }

  /// When users were served by the region that they were led to: as soon as DNS was seen to lead them there, or else as the traffic was
  /// shifted. nil: nobody knows, a person led them or said so.
  package var servedAt: Instant? {
    guard let lead, lead.state == .done, case .shift(let traffic, _) = lead.step.work, traffic != .manual else {
      return nil
    }
    if let names = self["verify-dns"], names.state == .done { return names.finishedAt }
    return lead.finishedAt
  }

  /// The step that leads users over, be it by a person's hand.
  var lead: StepRun? { self["shift-traffic"] ?? self["shift-traffic-home"] }

  /// Users were led over, by the run or by a person who says so.
  var hasLed: Bool { lead?.state.isFinished == true }

  /// What its promotion lost, in a sentence.
  package var lossSentence: String { loss?.sentence ?? "what the promotion lost was not noted" }

  package var isFinished: Bool { finishedCount == steps.count }
  package var stuck: StepRun? { steps.first { $0.state == .stuck } }

  /// Steps whose needs are finished and which are not.
  package var ready: [StepRun] {
    steps.indices.filter(isReady).map { steps[$0] }
  }

  // Asked every second of a run: by index, for iterating would copy each step.
  private func isReady(_ index: Int) -> Bool {
    guard steps[index].state == .waiting || steps[index].state == .running else { return false }
    for need in steps[index].step.needs {
      // What a step needs stands before it, mostly just before it.
      guard let before = steps[..<index].lastIndex(where: { $0.step.name == need }), steps[before].state.isFinished
      else { return false }
    }
    return true
  }

  /// Steps to be taken back, newest first.
  package var undoable: [StepRun] {
    steps.reversed().filter { $0.intentAt != nil && $0.undo != nil && $0.state != .undone }
  }

  /// How many steps are finished.
  var finishedCount: Int { steps.indices.count { steps[$0].state.isFinished } }
}
