// Preparing while degraded: the reversible steps of a failover, begun before the outage is confirmed. They buy the minutes that instances
// take to start. A primary that returns gets them taken back; a failover that begins takes them over, with what undoes them.

extension Machine {
  /// One turn of the preparation, or the beginning of one.
  mutating func prepare(_ situation: Situation, _ reaction: inout Reaction) {
    guard case .degraded(_, let known) = state.phase else { return }
    guard let preparation = known else { return beginPreparation(situation, &reaction) }
    if preparation.rollback == nil, let why = isNeedless(situation) {
      record(.rollbackBegun(why, by: nil), &reaction)
    }
    if state.phase.run?.rollback != nil {
      takeBack(situation, &reaction)
    } else if situation.assessment.verdict == .down {
      turnReadySteps(situation, &reaction)
    }
    sayPreparationHeld(situation, &reaction)
  }

  private mutating func beginPreparation(_ situation: Situation, _ reaction: inout Reaction) {
    guard case .degraded(let outage, _) = state.phase, settings.decision.prepareWhenDegraded,
      situation.assessment.verdict == .down,
      let start = situation.assessment.outageStart, !isContradicted(situation.assessment),
      holdingActs(situation) == nil, obstaclesToBegin(situation).isEmpty
    else { return }
    rememberCapacity(situation, &reaction)
    let plan = Plan.preparation(of: failoverPlan(at: situation.now))
    if plan.isEmpty { return }
    let run = Run(
      incident: outage.incident ?? freshIncident(situation), kind: .preparation, startedAt: situation.now,
      outageStart: start, orderedBy: nil, plan: plan)
    forgetProgress()
    record(.runBegun(run, why: situation.assessment.evidence.first ?? "down"), &reaction)
    turnReadySteps(situation, &reaction)
  }

  /// What would be prepared for is denied by somebody who sees the primary.
  private func isContradicted(_ assessment: Assessment) -> Bool {
    if case .contradicted = assessment.agreement { true } else { false }
  }

  /// Why a preparation is to be taken back. A primary that has just come back may go again: it has to serve for as long as it would
  /// have to be down, or a flapping one would start and stop instances all night.
  private func isNeedless(_ situation: Situation) -> String? {
    if !settings.decision.prepareWhenDegraded { return "preparing while degraded was switched off" }
    let assessment = situation.assessment
    guard assessment.verdict == .up, situation.now - assessment.since >= settings.detection.confirmFor else {
      return nil
    }
    return "the primary serves again since \(assessment.since.text)"
  }

  /// Nobody is billed in silence: a preparation that lasts is said after a quarter of an hour, and whenever it has doubled.
  private mutating func sayPreparationHeld(_ situation: Situation, _ reaction: inout Reaction) {
    guard let surplus = state.phase.run?.surplus else { return }
    let lasted = situation.now - surplus.since
    var bound = Duration.minutes(15)
    while bound * 2 <= lasted { bound *= 2 }
    guard lasted >= bound else { return }
    sayOnce("prepared-\(bound.text)", .preparationHeld, surplus.sentence(at: situation.now), &reaction)
  }

  /// True while an undo of the preparation is on its way: it could land after a failover's look.
  func isTakingBackPreparation(_ situation: Situation) -> Bool {
    guard let run = state.phase.run else { return false }
    // What was taken back may still be shown as it was.
    if run.rollback != nil, case .resting(let until, _) = progress[undoSettling], situation.now < until { return true }
    return run.steps.contains { isUndoing($0.step.name, situation) }
  }
}

extension Work {
  /// What was begun as this goes on as the other: to the same end, or with more instances of the same group.
  fileprivate func continues(in other: Work) -> Bool {
    if case .scaleUp(let group, _) = self, case .scaleUp(group, _) = other { return true }
    return self == other
  }
}

extension Run {
  /// The same plan, with what a preparation or a switchover has done of it: its steps need no second act, and keep what undoes them. What
  /// is to be taken back and has no place in the plan stands before it.
  func adopting(_ earlier: Run?) -> Run {
    guard let earlier else { return self }
    var run = self
    // A switchover has a story of its own.
    if earlier.kind == .preparation { run.incident = earlier.incident }
    let leftovers = earlier.kind == .switchover ? earlier.leftovers(beside: self) : []
    for index in run.steps.indices {
      guard var known = earlier[run.steps[index].step.name],
        known.step.work.continues(in: run.steps[index].step.work),
        known.intentAt != nil, known.state != .undone
      else { continue }
      // Looked at anew: an undo whose answer was lost may have come in between.
      known.state = .waiting
      (known.startedAt, known.finishedAt, known.detail) = (nil, nil, "")
      known.step = run.steps[index].step
      run.steps[index] = known
    }
    run.steps.insert(contentsOf: leftovers, at: 0)
    return run
  }

  /// What is to be taken back and is no step of the other plan, as steps that are done, in their order.
  func leftovers(beside other: Run) -> [StepRun] {
    undoable.reversed().compactMap { step in
      var left = step
      if let same = other[step.step.name] {
        if step.step.work.continues(in: same.step.work) { return nil }
        // A program of the operator's, which is told of a switchover other things than of a failover: it is run again.
        left.step.name += "-before"
      }
      left.state = .done
      left.step.needs = []
      return left
    }
  }

  /// Instances that run only to be ready; nil while there are none.
  package var surplus: Surplus? {
    for step in steps {
      guard case .scaleUp(let group, let size) = step.step.work, let since = step.intentAt, !step.didNotHappen,
        step.state != .undone, case .resizeGroup(_, let before)? = step.undo, size.desired > before.desired
      else { continue }
      return Surplus(region: group.region, instances: size.desired - before.desired, since: since)
    }
    return nil
  }
}

/// What a preparation costs.
package struct Surplus: Equatable, Sendable {
  package var region: String
  package var instances: Int
  /// When they were asked for.
  package var since: Instant

  /// Instance-hours so far.
  package func hours(at now: Instant) -> Double { (now - since).seconds / 3600 * Double(instances) }

  package func sentence(at now: Instant) -> String {
    "\(instances) instance\(instances == 1 ? "" : "s") in \(region) ready for \((now - since).text), "
      + "\((hours(at: now) * 10).rounded() / 10) instance-hours so far; they are taken back when the primary serves again"
  }
}
