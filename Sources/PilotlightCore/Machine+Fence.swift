// The fence after the decision: what is owed is paid, and what was fenced is looked after while the DR region serves.

/// A debt is tried so often.
private let debtPause: Duration = .seconds(30)
/// What was fenced is looked at so often. RDS starts a stopped instance after seven days, and a schedule may scale a group up.
private let fencePause: Duration = .minutes(5)
private let takenHomeKey = ".taken-home"

extension Run {
  /// What keeps the old primary from taking writes, by the step that saw to it. What a person took as done is his business.
  fileprivate func fences(_ settings: WorkloadSettings) -> [(step: String, fence: Fence)] {
    let rungs = steps.compactMap { run in run.step.work.fence.map { (run, $0) } }
    if rungs.isEmpty, settings.decision.fencePrimary {
      // A switchover has none: it leaves the primary without instances.
      return steps.compactMap { run in
        guard run.state == .done, case .scaleDown(let group, let size) = run.step.work else { return nil }
        return ("fence-primary", .group(group, size))
      }
    }
    return rungs.filter { $0.0.state == .done || $0.0.state == .owed }.map { ($0.0.step.name, $0.1) }
  }
}

extension Machine {
  /// The rungs of what led to where the DR region serves, or will, but for those that somebody answers for.
  private var fences: [(step: String, fence: Fence)] {
    switch state.phase {
    case .drActive(let residence):
      residence.failover.fences(settings).filter { residence.waived?.contains($0.step) != true }
    case .failingOver(let run) where run.kind == .failover && run.hasPromoted: run.fences(settings)
    case .healthy, .degraded, .failingOver, .failingBack: []
    }
  }

  /// Tries every debt each half minute, in every phase but not while paused or observing; and not before the one-way step has happened:
  /// a primary that returns until then must find itself as it was.
  mutating func payDebts(_ situation: Situation, _ reaction: inout Reaction) {
    for debt in state.debts {
      sayUnpaid(debt, situation, &reaction)
      let key = debtKey(debt.step)
      if let why = whyNotFence(situation) {
        notes[key] = "not tried: \(why)"
        continue
      }
      if isBusy(key, situation) { continue }
      ask(.lookDebt(debt.step), [debt.fence.look], key: key, situation, &reaction)
    }
  }

  /// Looks whether what was fenced still is.
  mutating func watchFences(_ situation: Situation, _ reaction: inout Reaction) {
    guard case .drActive = state.phase, mayFence(situation) else { return }
    for (step, fence) in fences where !isOwed(step) {
      let key = fenceKey(step)
      if isBusy(key, situation) { continue }
      ask(.lookFence(step), [fence.look], key: key, situation, &reaction)
    }
  }

  /// While the DR region serves, an old primary that serves too means two databases with separate histories. It is fenced anew, once for
  /// each time that it comes back: where it serves on although everything holds, only a person can find out how.
  mutating func watchOldPrimary(_ situation: Situation, _ reaction: inout Reaction) {
    if !isBusy(takenHomeKey, situation) { progress[takenHomeKey] = nil }
    guard situation.primaryServing == true else {
      said.subtract(["old-primary", "old-primary-fenced"])
      return
    }
    if isBusy(takenHomeKey, situation) { return }
    // Instances that were told to go may serve for another minute or two.
    let served = situation.now - situation.assessment.since
    guard state.phase.residence != nil || state.phase.run?.hasPromoted == true, served >= .minutes(2) else { return }
    // Whose load balancer that is, is not known then.
    if estranged != nil { return }
    let rungs = fences
    if let first = rungs.first, mayFence(situation) {
      guard !isOwed(first.step), said.insert("old-primary-fenced").inserted else {
        if served >= .minutes(10) { sayServing("although it is fenced by all that we see", &reaction) }
        return
      }
      for (step, _) in rungs { progress[fenceKey(step)] = nil }
      incur(first.step, first.fence, "the old primary serves again beside the DR region", situation, &reaction)
    } else {
      sayServing("and is not fenced", &reaction)
    }
  }

  /// A failback was taken back: the instances that its own undo lets go have minutes to live, and are no fence that came loose.
  mutating func settleFences(_ situation: Situation) {
    for (step, fence) in fences where fence.isOfNone {
      rest(fenceKey(step), fencePause, failures: 0, situation)
      rest(takenHomeKey, fencePause, failures: 0, situation)
    }
  }

  private mutating func sayServing(_ how: String, _ reaction: inout Reaction) {
    sayOnce("old-primary", .oldPrimaryServes, "the old primary serves beside the DR region \(how)", &reaction)
  }

  private mutating func incur(
    _ step: String, _ fence: Fence, _ why: String, _ situation: Situation, _ reaction: inout Reaction
  ) {
    guard let incident = state.phase.incident else { return }
    progress[fenceKey(step)] = nil
    record(
      .debtIncurred(FenceDebt(incident: incident, step: step, fence: fence, since: situation.now, why: why)), &reaction)
  }

  private func isOwed(_ step: String) -> Bool { state.debts.contains { $0.step == step } }

  private func debtKey(_ step: String) -> String { ".debt.\(step)" }
  private func fenceKey(_ step: String) -> String { ".fence.\(step)" }

  func isBusy(_ key: String, _ situation: Situation) -> Bool {
    switch progress[key] {
    case .asking(_, let since, _): situation.now - since < patience(key)
    case .resting(let until, _): situation.now < until
    case .foreseen, nil: false
    }
  }

  private func mayFence(_ situation: Situation) -> Bool { whyNotFence(situation) == nil }

  /// Why the old primary is left as it is for now; nil when it may be fenced.
  private func whyNotFence(_ situation: Situation) -> String? {
    if let run = state.phase.run, run.kind == .failover {
      if !run.hasPromoted { return "nothing is promoted yet" }
      // A word is not enough to close what may be the only one that takes writes.
      if run.isPromotedByWordAlone, situation.drRole?.isReplica != false {
        return "the promotion was skipped, and \(settings.dr.database.ref.identifier) is not seen to be promoted"
      }
    }
    if case .drActive = state.phase, situation.drServing == false {
      return "the DR region does not serve, and somebody may have brought the primary back for that"
    }
    // Where another watchdog may have done anything before this process started.
    if settings.lease != nil, situation.drRole == nil {
      return "\(settings.dr.database.ref.identifier) has not been read yet"
    }
    return holdingActs(situation)
  }

  /// What a person types who answers for it.
  func waiver(of debt: FenceDebt) -> String {
    "`pilotlightctl skip \(settings.name) --step \(debt.step) --reason '...'`"
  }

  /// A run is over: its steps are nobody's business any more, what it owes is.
  mutating func forgetRun() {
    let owed = progress.filter { $0.key.hasPrefix(debtKey("")) }
    let found = notes.filter { $0.key.hasPrefix(debtKey("")) }
    forgetProgress()
    (progress, notes) = (owed, found)
    said = said.filter { $0.hasPrefix("unpaid-") || $0.hasPrefix("unpayable-") || $0.hasPrefix("serving-") }
  }

  /// The next debt of this step is news again.
  mutating func forget(_ debt: FenceDebt) {
    (progress[debtKey(debt.step)], notes[debtKey(debt.step)]) = (nil, nil)
    said = said.filter { !$0.hasPrefix("unpaid-\(debt.step)-") && !$0.hasPrefix("unpayable-\(debt.step)-") }
  }

  /// What the newest try found; nil before the first answer.
  package func note(of debt: FenceDebt) -> String? { notes[debtKey(debt.step)] }

  /// Again after 1, 2, 4, 8 and 16 hours, then daily.
  private mutating func sayUnpaid(_ debt: FenceDebt, _ situation: Situation, _ reaction: inout Reaction) {
    let age = situation.now - debt.since
    guard age >= (debt.isGoing == true ? .minutes(10) : .hours(1)) else { return }
    let hours = Int(age / .hours(1))
    let step = hours < 24 ? 1 << (Int.bitWidth - 1 - hours.leadingZeroBitCount) : hours / 24 * 24
    sayOnce(
      "unpaid-\(debt.step)-\(step)", .debtUnpaid,
      "fence debt unpaid for \(age.text): \(debt.why)\(note(of: debt).map { "; now: \($0)" } ?? "")", &reaction,
      step: debt.step)
  }

  // MARK: Answers

  mutating func takeDebt(
    _ name: String, _ replies: [CloudReply], for task: CloudTask, _ situation: Situation, _ reaction: inout Reaction
  ) {
    let key = debtKey(name)
    guard isAwaited(task, key: key), let debt = state.debts.first(where: { $0.step == name }) else { return }
    rest(key, debtPause, failures: 0, situation)
    if case .payDebt = task.purpose {
      if case .failed(let failure) = replies.first { return sayUnpayable(debt, failure, &reaction) }
      // The act was answered: look soon whether it is so.
      return rest(key, .seconds(2), failures: 0, situation)
    }
    switch debt.fence.read(replies.first) {
    case .done(let sentence):
      record(.debtPaid(debt, sentence), &reaction)
      forget(debt)
    case .needed(let action, _, let note):
      notes[key] = note
      // The debt itself is the durable intent: it was recorded when it was incurred.
      if mayFence(situation) { ask(.payDebt(name), [action], key: key, situation, &reaction) }
    case .underway(let note), .held(let note), .overtaken(let note), .repeated(_, let note), .asks(let note),
      .impossible(let note):
      notes[key] = note
    case .unclear(let failure): sayUnpayable(debt, failure, &reaction)
    }
  }

  mutating func takeFence(
    _ name: String, _ replies: [CloudReply], for task: CloudTask, _ situation: Situation, _ reaction: inout Reaction
  ) {
    let key = fenceKey(name)
    guard isAwaited(task, key: key) else { return }
    rest(key, fencePause, failures: 0, situation)
    guard case .drActive = state.phase, mayFence(situation), let rung = fences.first(where: { $0.step == name }) else {
      return
    }
    switch rung.fence.read(replies.first) {
    case .needed(_, _, let note):
      incur(name, rung.fence, "\(rung.fence.subject) is fenced no more: \(note)", situation, &reaction)
    // Nothing makes it so but Aurora, or whoever made it otherwise; and a group that shall have no instances has some.
    case .underway(let note) where rung.fence.act == nil || rung.fence.isOfNone:
      incur(name, rung.fence, "\(rung.fence.subject) is fenced no more: \(note)", situation, &reaction)
    case .unclear(let failure) where !failure.passesByItself:
      sayOnce(
        "unwatched-\(name)-\(failure.code)", .waiting,
        "nobody can see whether \(rung.fence.subject) is still fenced: \(failure.text)", &reaction, step: name)
    case .done, .underway, .held, .overtaken, .repeated, .asks, .impossible, .unclear: break
    }
  }

  /// A region that does not answer is what debts are for; anything else is somebody's business.
  private mutating func sayUnpayable(_ debt: FenceDebt, _ failure: CloudFailure, _ reaction: inout Reaction) {
    notes[debtKey(debt.step)] = failure.text
    guard !failure.passesByItself else { return }
    sayOnce(
      "unpayable-\(debt.step)-\(failure.code)", .waiting,
      "\(debt.fence.subject) cannot be fenced: \(failure.text); trying again, "
        + "\(waiver(of: debt)) leaves it as it is", &reaction, step: debt.step)
  }
}
