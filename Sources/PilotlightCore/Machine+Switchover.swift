// Moving to the DR region on purpose, while the primary serves: maintenance, an exercise, a storm that is on its way.

extension Machine {
  mutating func orderSwitchover(
    _ order: Order, _ situation: Situation, _ reaction: inout Reaction
  ) -> (refusal: String?, done: String) {
    if let refusal = refusalOfSwitchover(situation) { return (refusal, "") }
    rememberCapacity(situation, &reaction)
    let run = Run(
      incident: freshIncident(situation), kind: .switchover, startedAt: situation.now, outageStart: nil,
      orderedBy: order.by, plan: switchoverPlan(at: situation.now))
    start(run, why: "ordered by \(order.by): \(order.reason)", situation, &reaction)
    return (nil, "switching over; incident \(run.incident)")
  }

  /// It is no emergency: everything has to be in order.
  private func refusalOfSwitchover(_ situation: Situation) -> String? {
    switch state.phase {
    case .failingOver: return "a \(state.phase.run?.kind.rawValue ?? "run") is running already"
    case .drActive: return "the DR region serves already; `failback` is the way home"
    case .failingBack(let run, _): return inFailback(run)
    case .healthy, .degraded: break
    }
    if let pause = state.pause { return "paused by \(pause.by); `resume` first" }
    if settings.mode == .observe { return "mode is observe: nothing may be changed. Set `mode: approve` and reload" }
    if let refusal = refusalByLease(situation) ?? outdated(situation) { return refusal }
    guard situation.assessment.verdict == .up else {
      return
        "the primary is \(situation.assessment.verdict.rawValue): a switchover loses nothing only while it serves; `failover` is for an outage"
    }
    if case .degraded(_, let preparation?) = state.phase {
      return "the preparation \(preparation.incident) is being taken back; try again in a moment"
    }
    if settings.primary.group.standby.desired > 0 {
      return
        "`primary.group.standby` leaves \(settings.primary.group.standby.desired) instance(s), which would write beside the DR region"
    }
    let lacks = situation.obstacles.isEmpty ? situation.readiness.lacks(at: situation.now) : situation.obstacles
    return lacks.isEmpty ? nil : "not ready: \(lacks.joined(separator: "; "))"
  }
}

// A region that dies under a switchover, or under a failover that is being taken back.

extension Machine {
  /// Failures of probes prove nothing while writes are held: it is counted from when nothing of the region answered any more.
  mutating func watchDarkness(_ situation: Situation) {
    darkSince = situation.assessment.isSilent ? darkSince ?? situation.now : nil
  }

  /// The primary region is known not to answer, for as long as an outage has to last. A hold of ours would be an answer.
  func isDark(_ situation: Situation) -> Bool {
    guard situation.assessment.diagnosis == .regionUnreachable, let since = darkSince else { return false }
    return situation.now - since >= settings.detection.confirmFor
  }

  /// A switchover is asked of the primary region, which is not asked again while it does not answer: nobody would know for half a minute
  /// what became of that, and the run could not be taken back.
  func isInVain(_ action: CloudAction, _ step: StepRun, _ situation: Situation) -> Bool {
    guard case .switchOverCluster = action, state.phase.run?.kind == .switchover else { return false }
    return step.attempts > 0 && situation.assessment.isSilent
  }

  /// What only the switchover's own undo takes back.
  private func leftovers(of run: Run, _ situation: Situation) -> [StepRun] {
    run.leftovers(
      beside: Run(
        incident: "", kind: .failover, startedAt: situation.now, outageStart: nil, orderedBy: nil, plan: failoverPlan))
  }

  /// A failover takes over what the run did, and what undoes it. A hold or a fence that cannot be taken back before the region is well
  /// again would keep users waiting; and instances that start between a secret that is put back and one that is pointed anew would write
  /// to the old database once that is back.
  ///
  /// - Parameter isWhole: nothing of it was asked back yet. No record tells of an undo that is on its way, and it would undo the failover's.
  /// - Returns: whether one has begun.
  mutating func handOver(isWhole: Bool, _ situation: Situation, _ reaction: inout Reaction) -> Bool {
    guard let run = state.phase.run, let why = run.rollback, run.abortedBy == nil,
      state.stranger(to: settings) == nil,
      // What was concluded under a pause that ends just now is not acted upon.
      !reaction.effects.contains(.confirmAfresh),
      situation.assessment.confirmed,
      settings.mode != .observe,
      (holdingActs(situation) ?? doubt(about: run, situation)) == nil, obstaclesToBegin(situation).isEmpty
    else { return false }
    let (mayBegin, end, under) =
      run.kind == .switchover
      ? (isLeft(run, isWhole: isWhole, situation), "\(why), which takes over what was done", "under a switchover")
      : (
        isKept(run), "\(why); it went down again, and another failover takes over what was done",
        "again while its failover was taken back"
      )
    guard mayBegin else { return false }
    endPrograms(of: run, &reaction)
    record(.rolledBack(end), &reaction)
    forgetProgress()
    let seen = situation.assessment.evidence.joined(separator: "; ")
    beginFailover(
      situation, orderedBy: nil, why: "the primary went down \(under): \(seen)", insteadOf: run, &reaction)
    return true
  }

  private func isLeft(_ run: Run, isWhole: Bool, _ situation: Situation) -> Bool {
    let left = leftovers(of: run, situation)
    let isHolding = left.contains { if case .holdWrites = $0.step.work { true } else { false } }
    // Programs of the operator's that belong to a switchover alone are taken back.
    if isHolding { return isDark(situation) }
    let isByHand = if case .confirmByHand? = run["hold-writes"]?.step.work { true } else { false }
    if run.mayHoldWrites, !isByHand || !isDark(situation) { return false }
    return isWhole && left.isEmpty && !isActing(situation)
  }

  /// A fence, which is taken back first, was asked to open and does not. Nothing else was asked back yet; and should the request arrive
  /// after all, the new run's fence, or its debt, finds out.
  private func isKept(_ run: Run) -> Bool {
    guard run.kind == .failover, !run.mayHoldWrites, let fence = run.undoable.first?.step,
      fence.work.isFenceBeforePromotion,
      !run.steps.contains(where: { $0.state == .undone && !$0.step.work.isFenceBeforePromotion }),
      case .resting(_, let failures)? = progress["undo.\(fence.name)"]
    else { return false }
    return failures > 0
  }
}

extension Machine {
  /// Writes are held at a primary that serves, and at no other: one that is about to be found down is left to a failover.
  func isTooEarly(_ step: StepRun, _ situation: Situation) -> Bool {
    // By hand it is not done at one moment, and begins with what makes the probes fail.
    guard case .holdWrites = step.step.work, let run = state.phase.run, run.kind == .switchover else { return false }
    // Held before, it is our own hand that keeps the primary from serving.
    return step.intentAt == nil && run["drain"]?.startedAt == nil && situation.assessment.verdict != .up
  }

  mutating func holdOff(_ step: StepRun, _ situation: Situation, _ reaction: inout Reaction) {
    rest(step.step.name, .seconds(1), failures: 0, situation)
    notes[step.step.name] = Machine.heldOff
    sayIfSlow(step, Machine.heldOff, situation, &reaction)
  }

  static let heldOff =
    "the primary is not seen serving, and writes are held at no other; `abort` takes the switchover back"
}
