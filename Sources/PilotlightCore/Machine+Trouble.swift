// Steps that do not get on: tried again, passed by where the recovery must not wait for them, or stuck.

extension Machine {
  mutating func giveUp(
    _ step: StepRun, _ why: String, _ situation: Situation, _ reaction: inout Reaction
  ) {
    if step.step.bound != nil {
      passBy(step, why, situation, &reaction)
      return
    }
    progress[step.step.name] = nil
    record(.stepStuck(step.step.name, why), &reaction)
  }

  mutating func trouble(
    _ step: StepRun, _ failure: CloudFailure, adding caveat: String = "", _ situation: Situation,
    _ reaction: inout Reaction
  ) {
    let name = step.step.name
    let why = failure.text + caveat
    // A region whose API is known to be silent will not be fenced by asking it again.
    let isHopeless =
      step.step.work.fence != nil && failure.kind == .unreachable
      && situation.assessment.diagnosis == .regionUnreachable
    if let bound = step.step.bound, isHopeless || situation.now - (step.startedAt ?? situation.now) >= bound {
      passBy(step, why, situation, &reaction)
      return
    }
    let failures = (progress[name]?.failures ?? 0) + 1
    notes[name] = why
    sayIfSlow(step, why, situation, &reaction)
    sayUnheard(step, situation, &reaction)
    rest(name, Backoff.delay(attempt: failures, &dice), failures: failures, situation)
    sayOnce(
      "trouble-\(name)-\(failure.code)", .troubled, "\(name): \(why); trying again", &reaction, step: name)
  }

  /// A step with a bound does not hold the recovery up. What it owes stays visible.
  ///
  /// - Parameter isTold: what it asked for was done, and takes its time.
  mutating func passBy(
    _ step: StepRun, _ why: String, isTold: Bool = false, _ situation: Situation, _ reaction: inout Reaction
  ) {
    let name = step.step.name
    progress[name] = nil
    guard let fence = step.step.work.fence, let run = state.phase.run else {
      sayOnce("given-up-\(name)", .stepGivenUp, "\(name) is given up: \(why)", &reaction, step: name)
      record(.stepDone(name, "given up: \(why)", at: situation.now), &reaction)
      return
    }
    // Instances of a group that was told to let them go have minutes to live.
    let isGoing = if case .group = fence { isTold } else { false }
    let debt = FenceDebt(
      incident: run.incident, step: name, fence: fence, since: situation.now,
      why: "\(fence.subject) \(isGoing ? "is not fenced yet" : "could not be fenced"): \(why)",
      isGoing: isGoing ? true : nil)
    record(.stepOwed(name, debt, at: situation.now), &reaction)
  }
}

extension Machine {
  /// A certificate that has expired, or a name that is gone, turns every user away, and a failover would not help: the other region may
  /// share it (F9, F10). Somebody has to know.
  mutating func sayTurnedAway(_ situation: Situation, _ reaction: inout Reaction) {
    guard let concern = situation.assessment.concern, concern == .tls || concern == .dns else {
      turnedAwaySince = nil
      return
    }
    let since = turnedAwaySince ?? situation.now
    turnedAwaySince = since
    guard situation.now - since >= settings.detection.confirmFor else { return }
    let diagnosis = concern == .tls ? Diagnosis.tls : .dns
    sayOnce(
      "turned-away-\(concern.rawValue)", .turnedAway,
      "users may be turned away since \(since.text), and no failover begins for it, the other region may share it: "
        + diagnosis.sentence, &reaction)
  }
}
