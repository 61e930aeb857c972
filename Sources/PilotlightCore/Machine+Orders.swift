// What operators may order, when it is refused, and what leads out instead. From every state some order leads out.

extension Machine {
  mutating func obey(_ order: Order, _ situation: Situation, _ reaction: inout Reaction) {
    let refusal: String?
    var done = ""
    switch order.kind {
    case .pause(let expires): (refusal, done) = orderPause(order, expires, situation, &reaction)
    case .resume: (refusal, done) = orderResume(order, &reaction)
    case .failover(let accept): (refusal, done) = orderFailover(order, accept, situation, &reaction)
    case .failback: (refusal, done) = orderFailback(order, situation, &reaction)
    case .switchover: (refusal, done) = orderSwitchover(order, situation, &reaction)
    case .approve(let accept): (refusal, done) = orderApprove(order, accept, situation, &reaction)
    case .retry(let name): (refusal, done) = orderRetry(name, order, &reaction)
    case .skip(let name, let accept):
      (refusal, done) = orderSkip(name, accept ?? false, order, situation, &reaction)
    case .abort: (refusal, done) = orderAbort(order, situation, &reaction)
    case .ack: (refusal, done) = orderAck(order, situation, &reaction)
    case .reviewLoss: (refusal, done) = orderReviewLoss(order, situation, &reaction)
    }
    let outcome = refusal.map { OrderOutcome.refused($0) } ?? .accepted(done)
    record(.ordered(order, outcome), &reaction)
    reaction.answer = outcome
    if refusal == nil { advance(situation, &reaction) }
  }

  private typealias Answer = (refusal: String?, done: String)

  private var observes: String { "mode is observe: nothing may be changed. Set `mode: approve` and reload" }

  private mutating func orderPause(
    _ order: Order, _ expires: Instant?, _ situation: Situation, _ reaction: inout Reaction
  ) -> Answer {
    if let expires, expires <= situation.now { return ("the pause would already be over", "") }
    let pause = Pause(reason: order.reason, by: order.by, since: situation.now, expires: expires)
    record(.paused(pause), &reaction)
    let until = expires.map { " until \($0.text)" } ?? " until `resume`"
    let others = settings.lease == nil ? "" : "; every other watchdog over it goes on: pause each"
    let held = state.phase.run?.holdsWrites == true ? "; writes stay held meanwhile, users are answered 503" : ""
    return (nil, "paused\(until); a request already sent is not recalled\(held)\(others)")
  }

  private mutating func orderResume(_ order: Order, _ reaction: inout Reaction) -> Answer {
    guard state.pause != nil else { return ("it is not paused", "") }
    record(.unpaused(by: order.by, reason: order.reason), &reaction)
    forgetProgress()
    reaction.effects.append(.confirmAfresh)
    return (nil, "resumed; a fresh confirmation window begins")
  }

  /// Why nothing else begins.
  func inFailback(_ run: Run) -> String {
    run.isCommitted
      ? "a failback is past its cut-over, and the primary's database has the newest writes: `skip --step` what does not get on, and then order"
      : "a failback is running; `abort` it first"
  }

  private mutating func orderFailover(
    _ order: Order, _ accept: Bool, _ situation: Situation, _ reaction: inout Reaction
  ) -> Answer {
    switch state.phase {
    case .failingOver(let run) where run.kind == .switchover:
      return (
        "a switchover is running; `abort` it first, and where its write hold cannot be reached `skip --step hold-writes`",
        ""
      )
    case .failingOver: return ("a failover is running already; `approve`, `retry`, `skip` or `abort` steer it", "")
    case .drActive: return ("the DR region serves already", "")
    case .failingBack(let run, _): return (inFailback(run), "")
    case .healthy, .degraded: break
    }
    if let pause = state.pause { return ("paused by \(pause.by); `resume` first", "") }
    if settings.mode == .observe { return (observes, "") }
    if let refusal = refusalByLease(situation) { return (refusal, "") }
    switch situation.assessment.verdict {
    case .up: return ("the primary serves: \(situation.assessment.evidence.first ?? "")", "")
    case .blind: return ("our own view is broken, the primary may well be serving", "")
    case .unknown: return ("the primary has not been assessed yet; try again in a moment", "")
    case .down: break
    }
    let refusing = refusing(situation)
    if !refusing.isEmpty { return (refusing.joined(separator: "; "), "") }
    if isTakingBackPreparation(situation) {
      return ("the preparation is being taken back just now; try again in a moment", "")
    }
    let loss = situation.loss
    beginFailover(situation, orderedBy: order.by, why: "ordered by \(order.by): \(order.reason)", &reaction)
    if accept { record(.lossAccepted(loss, by: order.by, reason: order.reason), &reaction) }
    return (nil, "failing over; incident \(state.phase.run?.incident ?? "")")
  }

  /// What a failover is refused for whoever orders it.
  package func refusing(_ situation: Situation) -> [String] { isHalfMoved(situation) ? [] : situation.obstacles }

  /// Nothing is in the way but that somebody has promoted already: a person lets this watchdog finish what another one, or a hand, began.
  /// Roles that are swapped show at the primary, too.
  private func isHalfMoved(_ situation: Situation) -> Bool {
    guard situation.drRole?.isReplica == false else { return false }
    let standalone = ReadinessItem.standalone(settings)
    if situation.obstacles == [standalone] { return true }
    // Of a global database the old writer becomes a reader by itself. A configuration whose primary was seen serving is not the wrong way
    // round.
    return settings.dr.database.ref.global != nil && state.armedFor == fingerprint
      && situation.obstacles == [standalone, ReadinessItem.swapped(settings)]
  }

  private mutating func orderFailback(
    _ order: Order, _ situation: Situation, _ reaction: inout Reaction
  ) -> Answer {
    switch state.phase {
    case .healthy, .degraded: return ("the primary region serves; there is nothing to fail back from", "")
    case .failingOver(let run): return ("a \(run.kind.rawValue) is running; it must end first", "")
    case .failingBack: return ("a failback is running already", "")
    case .drActive: break
    }
    if let pause = state.pause { return ("paused by \(pause.by); `resume` first", "") }
    if settings.mode == .observe { return (observes, "") }
    if let refusal = estranged ?? refusalByLease(situation) ?? outdated(situation) ?? unreviewedLoss {
      return (refusal, "")
    }
    if let debt = state.debts.first {
      return ("the old primary is not fenced yet: \(debt.why). \(wayOut(of: debt))", "")
    }
    let now = situation.now
    rememberCapacity(situation, &reaction)
    let incident = freshIncident(situation)
    let run = Run(
      incident: incident, kind: .failback, startedAt: now, outageStart: nil, orderedBy: order.by,
      plan: failbackPlan(incident: incident, at: now))
    start(run, why: "ordered by \(order.by): \(order.reason)", situation, &reaction)
    return (nil, "failing back; incident \(incident)")
  }

  private mutating func orderApprove(
    _ order: Order, _ accept: Bool, _ situation: Situation, _ reaction: inout Reaction
  ) -> Answer {
    guard let run = state.phase.run, run.rollback == nil else { return ("no run is waiting for an approval", "") }
    if settings.mode == .observe { return (observes, "") }
    if let estranged { return (estranged, "") }
    if let step = run.unconfirmed {
      record(.approved(step: step.step.name, by: order.by, reason: order.reason), &reaction)
      progress[step.step.name] = nil
      return (nil, "confirmed \(step.step.name)")
    }
    guard let gateStep = run.steps.first(where: { $0.step.work == .gate }), !gateStep.state.isFinished else {
      return ("no gate is waiting for an approval", "")
    }
    if let why = unasked(gateStep, situation) { return ("the gate has not asked yet: \(why)", "") }
    if let why = typedTwice(run, situation) { return (why, "") }
    let loss = situation.loss
    if !accept, run.lossAcceptedBy == nil, !loss.isWithin(settings.objectives.rpo),
      settings.decision.onRpoBreach == .hold
    {
      return (
        "the loss is \(loss.text) and the RPO \(settings.objectives.rpo.text): say `--accept-data-loss` to accept it",
        ""
      )
    }
    record(.approved(step: gateStep.step.name, by: order.by, reason: order.reason), &reaction)
    // A doubt or a veto is answered by who has read it, and only that one.
    if let question = overruled(gateStep, situation) {
      record(.approved(step: question.approval, by: order.by, reason: order.reason), &reaction)
    }
    if accept { record(.lossAccepted(loss, by: order.by, reason: order.reason), &reaction) }
    return (nil, accept ? "approved; a loss of \(loss.text) is accepted for \(run.incident)" : "approved")
  }

  /// Why there is no question of the gate's to answer: an answer to what nobody was shown would let it pass unseen. A veto stands while the
  /// command is asked once more.
  private func unasked(_ gateStep: StepRun, _ situation: Situation) -> String? {
    switch gateVerdict(situation) {
    case .ask?: nil
    case .askVeto? where !gateStep.detail.isEmpty, .wait? where !gateStep.detail.isEmpty: nil
    case .askVeto?: "the veto command is asked"
    case .wait(let why)?: why
    case .rollBack(let why)?: why
    case .pass?: "it lets pass by itself"
    case nil: "it is not reached"
    }
  }

  /// The order before this one confirmed a step: nobody has read in so short a time that the gate asks something else.
  private func typedTwice(_ run: Run, _ situation: Situation) -> String? {
    let confirmed = run.steps.first { step in
      guard case .confirmByHand = step.step.work, step.state == .done, let at = step.finishedAt else { return false }
      return situation.now - at < .seconds(5)
    }
    return confirmed.map {
      "\($0.step.name) was confirmed just now, and the gate asks something else: read it, and `approve` again"
    }
  }

  /// What saying yes overrules now. A veto stands while the command is asked once more; its words stand with the step.
  private func overruled(_ gateStep: StepRun, _ situation: Situation) -> GateQuestion? {
    switch gateVerdict(situation) {
    case .ask(let question, _)?: question.isOverruled ? question : nil
    case .askVeto?, .wait?: gateStep.detail.isEmpty ? nil : .veto
    case .pass?, .rollBack?, nil: nil
    }
  }

  private mutating func orderRetry(_ name: String?, _ order: Order, _ reaction: inout Reaction) -> Answer {
    guard let run = state.phase.run else { return ("no run is in progress", "") }
    let wanted = name.map { run[$0] } ?? run.stuck
    guard let step = wanted else { return (name.map { "there is no step \($0)" } ?? "no step is stuck", "") }
    guard step.state == .stuck else { return ("\(step.step.name) is \(step.state.rawValue), not stuck", "") }
    record(.stepReopened(step.step.name, "retried by \(order.by): \(order.reason)"), &reaction)
    progress[step.step.name] = nil
    unanswered[step.step.name] = nil
    proveDrainAnew(before: step.step.work, run, &reaction)
    return (nil, "trying \(step.step.name) again")
  }

  /// Writes may have come while the hold was gone.
  private mutating func proveDrainAnew(before work: Work, _ run: Run, _ reaction: inout Reaction) {
    guard case .promote(_, whileHeld: .some, _) = work else { return }
    // What was skipped before a promotion that may have happened cannot be proven behind it.
    for step in run.steps where step.state == .done || step.state == .skipped && !run.mayHavePromoted {
      switch step.step.work {
      case .holdWrites, .awaitDrained:
        record(.stepReopened(step.step.name, "looked at anew before the promotion is tried again"), &reaction)
        progress[step.step.name] = nil
      default: break
      }
    }
  }

  private mutating func orderSkip(
    _ name: String?, _ accept: Bool, _ order: Order, _ situation: Situation, _ reaction: inout Reaction
  ) -> Answer {
    if let debt = waivable(name) {
      record(.debtWaived(debt, by: order.by, reason: order.reason), &reaction)
      forget(debt)
      return (nil, "\(debt.fence.subject) is left unfenced")
    }
    guard let run = state.phase.run else { return ("no run is in progress", "") }
    guard let step = name.map({ run[$0] }) ?? run.stuck else {
      return (name.map { "there is no step \($0)" } ?? "no step is stuck; name one with --step", "")
    }
    let stepName = step.step.name
    if run.rollback != nil {
      guard step.undo != nil, step.state != .undone else { return ("\(stepName) is not being taken back", "") }
      // It would come after the run's end, into the next one.
      if isUndoing(stepName, situation) {
        return ("the request that takes \(stepName) back is on its way; skip it once that was answered", "")
      }
      record(.stepUndone(stepName), &reaction)
      progress["undo.\(stepName)"] = nil
      return (nil, "left \(stepName) as it is")
    }
    switch step.step.work {
    case .gate: return ("the gate cannot be skipped; `approve` or `abort`", "")
    case .holdWrites where isTooEarly(step, situation): return (Machine.heldOff, "")
    case .promote where step.state != .stuck, .switchOver where step.state != .stuck:
      return ("\(stepName) is one-way and not stuck; it cannot be skipped", "")
    case .awaitDrained(let database, _, _) where !accept:
      return (
        "what \(database.identifier) has not replayed would be lost: `abort` takes the run back, `--accept-data-loss` leaves it behind",
        ""
      )
    default: break
    }
    guard step.state == .stuck || step.state == .running else {
      return ("\(stepName) is \(step.state.rawValue); only a running or stuck step can be skipped", "")
    }
    if case .awaitDrained = step.step.work {
      let unknown = LossWindow(window: nil, confidence: .unknown)
      record(.lossAccepted(unknown, by: order.by, reason: order.reason), &reaction)
    }
    endPrograms(of: run, &reaction)
    noteLoss(step.step.work, run, [], situation, &reaction)
    record(.stepSkipped(stepName, by: order.by, reason: order.reason, at: situation.now), &reaction)
    progress[stepName] = nil
    return (nil, "took \(stepName) as done")
  }

  /// The debt of the step that is named, which stands finished in its run.
  private func waivable(_ name: String?) -> FenceDebt? {
    guard let name, state.phase.run.map({ $0.rollback == nil && $0[name]?.state.isFinished != false }) ?? true else {
      return nil
    }
    return state.debts.first { $0.step == name }
  }

  private mutating func orderAbort(
    _ order: Order, _ situation: Situation, _ reaction: inout Reaction
  ) -> Answer {
    guard let run = state.phase.run else { return ("no run is in progress", "") }
    if run.rollback != nil {
      guard run.abortedBy == nil, run.kind != .failback, !run.isCommitted else {
        return ("the run is being taken back already", "")
      }
      // A failover might yet take it over.
      record(.rollbackBegun("aborted by \(order.by): \(order.reason)", by: order.by), &reaction)
      return (nil, "the \(run.kind.rawValue) \(run.incident) is being taken back already, and none takes it over now")
    }
    let wayBack = wayBack(run, situation)
    if isForward(run, situation), wayBack == nil {
      let refusal =
        run.hasPromoted
        ? "the one-way step has begun; the way leads forward: `retry` or `skip --step` what does not get on"
        : "the one-way step was asked for, and whether it was taken is not known. `pause` keeps it from being asked for again; half a "
          + "minute later `abort` is taken, where it did not happen"
      return (refusal, "")
    }
    record(.rollbackBegun("aborted by \(order.by): \(order.reason)", by: order.by), &reaction)
    // It may have taken over the switchover that the order was meant for.
    let stops = run.kind == .failover || run.kind == .preparation
    let after = stops ? "; no failover begins by itself before `ack`" : ""
    let held = holdingActs(situation).map { ", once this is over: \($0)" } ?? ""
    if run.isCommitted, let wayBack {
      return (
        nil,
        "taking the \(run.kind.rawValue) \(run.incident) back\(held), and leaving the promotion as it may be, with what was written there: \(wayBack)"
      )
    }
    return (nil, "taking the \(run.kind.rawValue) \(run.incident) back\(held)\(after)")
  }

  private mutating func orderAck(
    _ order: Order, _ situation: Situation, _ reaction: inout Reaction
  ) -> Answer {
    let held = holdDownUntil.map { $0 > situation.now } ?? false
    var isResident = false
    if case .drActive(let residence) = state.phase { isResident = residence.acknowledgedBy == nil }
    guard held || isResident || state.abortedBy != nil else { return ("there is nothing to acknowledge", "") }
    record(.acknowledged(by: order.by, reason: order.reason), &reaction)
    return (nil, "acknowledged; the workload may fail over by itself again")
  }

  private mutating func orderReviewLoss(
    _ order: Order, _ situation: Situation, _ reaction: inout Reaction
  ) -> Answer {
    guard unreviewedLoss != nil else { return ("there is no loss to review", "") }
    if let debt = state.debts.first {
      return ("the old primary may still take writes: \(debt.why). \(wayOut(of: debt))", "")
    }
    record(.lossReviewed(LossReview(by: order.by, reason: order.reason, at: situation.now)), &reaction)
    return (nil, "the loss is reviewed; a failback may begin")
  }

  private func wayOut(of debt: FenceDebt) -> String {
    "It is retried until it is; \(waiver(of: debt)) leaves it as it is"
  }

  /// Nothing goes home over writes that nobody has looked for: the old database is set aside then. nil outside dr-active, and once
  /// somebody has.
  package var unreviewedLoss: String? {
    guard case .drActive(let residence) = state.phase, residence.failover.lossReview == nil else { return nil }
    let loss = residence.failover.lossSentence
    return
      "\(loss); nobody has reviewed it: look for it, then `pilotlightctl ack \(settings.name) --loss-reviewed --reason '...'`"
  }
}
