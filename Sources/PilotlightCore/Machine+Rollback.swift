// Taking a run back.

let undoSettling = "undo.settling"

extension Machine {
  /// Undoes reversible steps, newest first, one at a time. All undos are declarative: repeating one changes nothing more.
  mutating func takeBack(_ situation: Situation, _ reaction: inout Reaction) {
    guard let run = state.phase.run, let why = run.rollback else { return }
    endPrograms(of: run, &reaction)
    // An act that is still on its way could land after its undo: wait for its answer.
    if isActing(situation) { return }
    let doubt = doubt(about: run, situation)
    if let why = doubt ?? holdingActs(situation) {
      sayOnce(
        "take-back-\(doubt == nil ? "held" : "doubted")", .heldBack, "taking \(run.incident) back waits: \(why)",
        &reaction)
      return
    }
    guard let step = run.undoable.first, let undo = step.undo else {
      if isSettling(run, situation) { return }
      record(.rolledBack(why), &reaction)
      // What our own hand closed is no outage of the primary's.
      if run.mayHoldWrites { reaction.effects.append(.confirmAfresh) }
      forgetProgress()
      said.removeAll()
      if run.kind == .failback { settleFences(situation) }
      return
    }
    if isUndoing(step.step.name, situation) { return }
    let key = "undo.\(step.step.name)"
    if case .resting(let until, _) = progress[key], situation.now < until { return }
    progress = progress.filter { $0.key.hasPrefix("undo.") }
    ask(.undo(step.step.name), [undo], key: key, situation, &reaction)
  }

  /// A request that changes something was sent, and may still be answered.
  func isActing(_ situation: Situation) -> Bool {
    progress.values.contains {
      if case .asking(let task, let since, _) = $0, case .act = task.purpose {
        situation.now - since < .seconds(60)
      } else {
        false
      }
    }
  }

  /// A program that still runs is not waited for, and an undo of it is run when it has ended.
  mutating func endPrograms(of run: Run, _ reaction: inout Reaction) {
    for step in run.steps {
      guard case .command = step.step.work, case .asking(let task, _, _) = progress[step.step.name],
        case .act = task.purpose
      else { continue }
      progress[step.step.name] = nil
      reaction.effects.append(.endPrograms)
    }
  }

  /// What was taken back may still be shown as it was: the next run would find its steps done.
  private mutating func isSettling(_ run: Run, _ situation: Situation) -> Bool {
    guard run.steps.contains(where: { $0.state == .undone }) else { return false }
    if case .resting(let until, _) = progress[undoSettling] { return situation.now < until }
    rest(undoSettling, showing, failures: 0, situation)
    return true
  }

  /// A request that takes the step back was sent, and may still be answered.
  func isUndoing(_ name: String, _ situation: Situation) -> Bool {
    guard case .asking(_, let since, _) = progress["undo.\(name)"] else { return false }
    return situation.now - since < patience("undo.\(name)")
  }

  /// What was prepared for the DR region is taken from it only while it cannot be serving. What another watchdog, or a person, did
  /// meanwhile is read and not remembered.
  func doubt(about run: Run, _ situation: Situation) -> String? {
    // What was promoted by this run itself is left behind by order.
    guard run.kind != .failback, !run.undoable.isEmpty, !run.isCommitted else { return nil }
    // Whose role is read, is not the run's then.
    if let stranger = state.stranger(to: settings) { return stranger }
    let name = settings.dr.database.ref.identifier
    if situation.drRole?.isReplica == false {
      return
        "\(name) is no replica any more, somebody promoted it: `pilotlightctl skip --step` leaves a step as it is ("
        + run.undoable.map(\.step.name).joined(separator: ", ") + ")"
    }
    guard settings.lease != nil else { return nil }
    let isFresh = situation.drRole.map { situation.now - $0.at <= settings.detection.pollInterval * 2 + .minutes(1) }
    return isFresh == true ? nil : "\(name) has not been read lately, another watchdog may have promoted it"
  }

  mutating func takeUndo(_ name: String, _ reply: CloudReply?, _ situation: Situation, _ reaction: inout Reaction) {
    guard case .failed(let failure) = reply else {
      progress["undo.\(name)"] = nil
      record(.stepUndone(name), &reaction)
      rest(undoSettling, showing, failures: 0, situation)
      return
    }
    let key = "undo.\(name)"
    notes[key] = "taking it back: \(failure.text)"
    let failures = (progress[key]?.failures ?? 0) + 1
    rest(key, Backoff.delay(attempt: failures, &dice), failures: failures, situation)
    // By then it has been tried for half a minute or more, and what is closed keeps users out.
    let isLasting = failures > 6
    sayOnce(
      "undo-\(name)-\(isLasting ? "lasting" : failure.code)",
      failure.passesByItself && !isLasting ? .troubled : .waiting,
      "taking \(name) back: \(failure.text); trying again, `pilotlightctl skip --step \(name)` leaves it as it is",
      &reaction, step: name)
  }
}
