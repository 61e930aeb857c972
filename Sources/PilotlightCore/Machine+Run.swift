// Carrying a run out. Each ready step is looked at; what the look says decides. The intent is recorded before the act, the act's
// answer is never trusted: the next look is.

/// Where the asking for one task stands.
package enum Progress: Equatable, Sendable {
  /// Asked at that moment, under that serial.
  case asking(CloudTask, since: Instant, failures: Int)
  case resting(until: Instant, failures: Int)
  /// Answered before there was a run that could use it; asked at that moment.
  case foreseen([CloudReply], askedAt: Instant)

  /// Failures in a row so far: they stretch the next pause.
  var failures: Int {
    switch self {
    case .asking(_, _, let failures), .resting(_, let failures): failures
    case .foreseen: 0
    }
  }
}

/// After an act the world may take this long to show it. A one-way act whose answer was lost is not repeated before the world has
/// denied it this long without a break: RDS shows a promoted replica as available, source still set, for some seconds.
private let settling: Duration = .seconds(30)
/// And this long where repeating, or having taken back, does no harm: AWS's APIs show a change within seconds (EC2 and Auto Scaling
/// developer guides, "Eventual consistency").
let showing: Duration = .seconds(5)
/// A one-way act that was taken and shows nothing for this long is a person's business.
private let takenButUnseen: Duration = .seconds(900)
/// The answer to a request for a failover or switchover of Aurora's shows it already: one that was taken and shows nothing for this long
/// was cancelled.
private let vanished: Duration = .seconds(60)
extension Machine {
  mutating func forgetProgress() {
    progress = [:]
    denied = [:]
    notes = [:]
    caveats = [:]
    unanswered = [:]
    refused = [:]
    darkSince = nil
    gate = GateProgress()
  }

  mutating func resume(_ situation: Situation, _ reaction: inout Reaction) {
    forgetProgress()
    // Whoever was to be called may not have been.
    if let gate = state.phase.run?.ready.first(where: { $0.step.work == .gate }), !gate.detail.isEmpty {
      sayOnce("vetoed", .vetoed, "\(gate.step.name) waits: \(gate.detail)", &reaction, step: gate.step.name)
    }
    if let stuck = state.phase.run?.stuck, state.phase.run?.rollback == nil {
      sayOnce("stuck", .stepStuck, "\(stuck.step.name): stuck: \(stuck.detail)", &reaction, step: stuck.step.name)
    }
    advance(situation, &reaction)
  }

  /// Moves everything that can move.
  mutating func advance(_ situation: Situation, _ reaction: inout Reaction) {
    if expirePause(situation, &reaction) { return }
    switch state.phase {
    case .healthy, .drActive: break
    case .degraded: prepare(situation, &reaction)
    case .failingOver(let run), .failingBack(let run, _): carryOn(run, situation, &reaction)
    }
  }

  private mutating func carryOn(_ run: Run, _ situation: Situation, _ reaction: inout Reaction) {
    watchDarkness(situation)
    watchServing(situation, &reaction)
    if run.rollback == nil, !isForward(run, situation), let why = whyTakeBack(run, situation) {
      record(.rollbackBegun(why, by: nil), &reaction)
    }
    if state.phase.run?.rollback != nil {
      if !handOver(isWhole: run.rollback == nil, situation, &reaction) { takeBack(situation, &reaction) }
      return
    }
    if run.kind == .failover { sayRTO(situation, &reaction) }
    sayDownUnderHand(run, situation, &reaction)
    turnReadySteps(situation, &reaction)
    finishIfDone(situation, &reaction)
    if run.kind == .failover { watchOldPrimary(situation, &reaction) }
    watchHold(situation, &reaction)
    payDebts(situation, &reaction)
  }

  /// Why a run that has changed nothing for good goes no further.
  private func whyTakeBack(_ run: Run, _ situation: Situation) -> String? {
    switch run.kind {
    case .failover where situation.assessment.verdict == .up:
      "the primary serves again and nothing one-way has run"
    // Taken over from a switchover.
    case .failover where run.mayHoldWrites && situation.assessment.diagnosis?.isAnAnswer == true:
      "the primary's load balancer answers again, and it is our own hold that keeps it from serving"
    // Once the hold was asked for it is our own hand that keeps the primary from serving; it does not keep a region from answering.
    case .switchover where situation.assessment.confirmed && (!run.mayHoldWrites || isDark(situation)):
      "the primary is down: that is a failover's business"
    case .failover, .switchover, .failback, .preparation: nil
    }
  }

  mutating func turnReadySteps(_ situation: Situation, _ reaction: inout Reaction) {
    var finished = -1
    while let run = state.phase.run, run.rollback == nil, finished != run.finishedCount {
      finished = run.finishedCount
      for step in run.ready { turn(step, situation, &reaction) }
    }
  }

  private mutating func finishIfDone(_ situation: Situation, _ reaction: inout Reaction) {
    guard let run = state.phase.run, run.isFinished, run.rollback == nil else { return }
    record(.runFinished(at: situation.now), &reaction)
    forgetRun()
    if run.kind == .failback { reaction.effects.append(.startAfresh) }
  }

  private mutating func turn(_ run: StepRun, _ situation: Situation, _ reaction: inout Reaction) {
    let name = run.step.name
    if run.state == .waiting { record(.stepStarted(name, at: situation.now), &reaction) }
    if case .gate = run.step.work {
      judgeGate(name, situation, &reaction)
      return
    }
    switch progress[name] {
    case .asking(_, let since, _) where situation.now - since < patience(name):
      if case .command = run.step.work { sayIfSlow(run, "its program runs", situation, &reaction) }
      return
    case .resting(let until, _) where situation.now < until: return
    case .foreseen(let replies, let askedAt) where situation.now - askedAt < foresight:
      return interpret(name, replies, situation, &reaction)
    case .asking, .resting, .foreseen, nil: break
    }
    guard let current = state.phase.run?[name] else { return }
    var looks = run.step.work.looks(current)
    if unanswered[name] != nil { looks += run.step.work.looksInTrouble }
    if looks.isEmpty {
      interpret(name, [], situation, &reaction)
    } else {
      ask(.look(name), looks, key: name, situation, &reaction)
    }
  }

  /// What the first steps of a failover look at is looked at while the probe that proves the outage is still under way: then the first
  /// act goes out with the decision.
  mutating func lookAhead(since start: Instant, _ situation: Situation, _ reaction: inout Reaction) {
    let proving = situation.now - (start + settings.detection.confirmFor)
    guard proving >= .zero, proving <= settings.primary.probe.timeout, state.phase.run == nil,
      settings.mode != .observe, holdingActs(situation) == nil, obstaclesToBegin(situation).isEmpty
    else { return }
    for step in failoverPlan where step.needs.isEmpty && progress[step.name] == nil {
      ask(.look(step.name), step.work.looks(StepRun(step)), key: step.name, situation, &reaction)
    }
  }

  /// A look ahead is good for this long: until the probe that it was taken beside has failed.
  private var foresight: Duration { settings.primary.probe.timeout + .seconds(2) }

  /// No run came of it.
  mutating func forgetForesight(_ situation: Situation) {
    guard !progress.isEmpty, state.phase.run == nil else { return }
    let isDegraded = state.phase.name == .degraded
    progress = progress.filter { key, entry in
      switch entry {
      case .asking(let task, let since, _):
        task.purpose != .look(key) || isDegraded && situation.now - since < patience(key)
      case .resting: true
      case .foreseen(_, let askedAt): isDegraded && situation.now - askedAt < foresight
      }
    }
  }

  mutating func ask(
    _ purpose: CloudTask.Purpose, _ actions: [CloudAction], key: String, _ situation: Situation,
    _ reaction: inout Reaction
  ) {
    serial += 1
    let task = CloudTask(purpose, serial: serial)
    progress[key] = .asking(task, since: situation.now, failures: progress[key]?.failures ?? 0)
    reaction.effects.append(.ask(task, actions))
  }

  // MARK: Answers

  mutating func take(
    _ replies: [CloudReply], for task: CloudTask, _ situation: Situation, _ reaction: inout Reaction
  ) {
    switch task.purpose {
    case .look(let name):
      guard isAwaited(task, key: name), case .asking(_, let since, _) = progress[name] else { return }
      if state.phase.run == nil {
        let isWhole = !replies.contains { if case .failed = $0 { true } else { false } }
        progress[name] = isWhole ? .foreseen(replies, askedAt: since) : nil
        return
      }
      interpret(name, replies, situation, &reaction)
      advance(situation, &reaction)
    case .act(let name):
      guard isAwaited(task, key: name) else { return }
      takeAct(name, replies.first, situation, &reaction)
      advance(situation, &reaction)
    case .undo(let name):
      guard isAwaited(task, key: "undo.\(name)") else { return }
      takeUndo(name, replies.first, situation, &reaction)
      advance(situation, &reaction)
    case .lookDebt(let name), .payDebt(let name): takeDebt(name, replies, for: task, situation, &reaction)
    case .lookFence(let name): takeFence(name, replies, for: task, situation, &reaction)
    case .lookHold: takeHold(replies, for: task, situation, &reaction)
    }
  }

  /// Late answers to questions that were given up are ignored: the world has been, or will be, asked again.
  func isAwaited(_ task: CloudTask, key: String) -> Bool {
    if case .asking(task, _, _) = progress[key] { true } else { false }
  }

  private mutating func interpret(
    _ name: String, _ replies: [CloudReply], _ situation: Situation, _ reaction: inout Reaction
  ) {
    guard let run = state.phase.run, run.rollback == nil, let step = run[name], !step.state.isFinished else { return }
    if case .failed? = replies.first {
      unanswered[name] = unanswered[name] ?? situation.now
    } else {
      unanswered[name] = nil
    }
    let context = StepContext(
      now: situation.now, run: run, step: step, primaryServing: situation.primaryServing,
      drServing: situation.drServing)
    switch step.step.work.read(replies, context) {
    case .done(let sentence):
      progress[name] = nil
      notes[name] = nil
      noteLoss(step.step.work, run, replies, situation, &reaction)
      if case .shift(.manual, _) = step.step.work { sayOnce("hand-\(name)", .waiting, sentence, &reaction, step: name) }
      record(.stepDone(name, sentence, at: situation.now), &reaction)
    case .underway(let note):
      denied[name] = nil
      notes[name] = note
      let isSeen = if case .database(let state)? = replies.first { state.source == nil } else { false }
      if step.intentAt != nil, !step.wasTaken, step.step.work.kind == .oneWay,
        isSeen || refused[name] != step.attempts
      {
        // Its answer was lost, and here it is: from now on nobody thinks that it did not happen.
        record(.accepted(step: name, receipt: nil), &reaction)
      }
      if let bound = step.step.bound, situation.now - (step.startedAt ?? situation.now) >= bound,
        step.step.work.mayBeLeftUnderway
      {
        return passBy(step, note, isTold: true, situation, &reaction)
      }
      rest(name, pollPause(step, situation), failures: 0, situation)
      sayIfSlow(step, note, situation, &reaction)
    case .held(let note):
      denied[name] = nil
      notes[name] = note
      rest(name, pollPause(step, situation), failures: 0, situation)
      sayIfSlow(step, note, situation, &reaction)
    case .overtaken(let note):
      // Whoever asked for what happens instead answers for what it loses; nothing was committed here.
      if step.intentAt != nil, !step.didNotHappen { record(.didNotHappen(step: name, note), &reaction) }
      denied[name] = nil
      notes[name] = note
      rest(name, pollPause(step, situation), failures: 0, situation)
      sayOnce("overtaken-\(name)", .waiting, "\(name) waits: \(note)", &reaction, step: name)
      sayIfSlow(step, note, situation, &reaction)
    case .asks(let question):
      notes[name] = question
      rest(name, .seconds(1), failures: 0, situation)
      sayOnce("ask-\(name)", .waiting, "\(name) waits: \(question)", &reaction, step: name)
    case .needed(let action, let undo, let note):
      caveats[name] = step.step.work.caveat(replies)
      // What is found not to have happened is not asked for again in the same breath: whoever wants to take the run back comes first.
      if step.intentAt != nil, !step.didNotHappen {
        return noteDenial(step, note, situation, &reaction)
      }
      consider(step, action, undo: undo, note, situation, &reaction)
    case .repeated(let action, let note): consider(step, action, undo: nil, note, situation, &reaction)
    case .impossible(let why): giveUp(step, why, situation, &reaction)
    case .unclear(let failure): trouble(step, failure, situation, &reaction)
    }
  }

  /// AWS's own words may not say why, nor what leads out.
  private func caveat(_ name: String) -> String { caveats[name].map { "; \($0)" } ?? "" }

  private mutating func takeAct(
    _ name: String, _ reply: CloudReply?, _ situation: Situation, _ reaction: inout Reaction
  ) {
    guard let step = state.phase.run?[name], !step.state.isFinished else { return }
    guard case .failed(let failure) = reply else {
      var receipt: String?
      if case .accepted(let id) = reply { receipt = id }
      record(.accepted(step: name, receipt: receipt), &reaction)
      notes[name] = nil
      // Much is so at once; a promotion is not.
      rest(name, step.step.work.kind == .oneWay ? .milliseconds(500) : .zero, failures: 0, situation)
      return
    }
    switch failure.kind {
    case .denied, .invalid, .notFound:
      refused[name, default: 0] += 1
      record(.didNotHappen(step: name, failure.text), &reaction)
      giveUp(step, failure.text + caveat(name), situation, &reaction)
    case .throttled, .wrongState, .credentials, .unreachable:
      refused[name, default: 0] += 1
      record(.didNotHappen(step: name, failure.text), &reaction)
      trouble(step, failure, adding: caveat(name), situation, &reaction)
    case .exists: rest(name, .seconds(1), failures: 0, situation)
    case .transient, .unknownOutcome, .garbled: trouble(step, failure, situation, &reaction)
    }
  }

  // MARK: Acting

  /// The act is needed. Everything that may still hold it back stands here, in one place.
  private mutating func consider(
    _ step: StepRun, _ action: CloudAction, undo: CloudAction?, _ note: String, _ situation: Situation,
    _ reaction: inout Reaction
  ) {
    let name = step.step.name
    if let why = estranged ?? holdingActs(situation) {
      rest(name, .seconds(1), failures: 0, situation)
      notes[name] = why
      sayOnce("hold-\(name)", .heldBack, "\(name) would act, but \(why)", &reaction, step: name)
      return
    }
    // Tried again and again, and undone by somebody each time.
    if let bound = step.step.bound, step.attempts >= 3, situation.now - (step.startedAt ?? situation.now) >= bound {
      return passBy(step, note, situation, &reaction)
    }
    if isTooEarly(step, situation) { return holdOff(step, situation, &reaction) }
    if isInVain(action, step, situation) {
      notes[name] = "\(note), and \(action.region) does not answer"
      return rest(name, .seconds(1), failures: 0, situation)
    }
    if step.step.work.needsClearance {
      switch isClear(step.step.work, situation) {
      case .go: break
      case .wait:
        sayOnce(
          "clear-\(name)", .waiting,
          "\(name) waits: our probes do not show the outage at this moment; `pilotlightctl abort` takes the run back",
          &reaction, step: name)
        return rest(name, .milliseconds(500), failures: 0, situation)
      case .askAgain: return reopenGate(name, situation, &reaction)
      }
    }
    record(.intent(step: name, action, undo: undo, at: situation.now), &reaction)
    ask(.act(name), [action], key: name, situation, &reaction)
  }

  /// Records that an act, whose intent is recorded, did not happen, once the world has said so for long enough.
  private mutating func noteDenial(
    _ step: StepRun, _ note: String, _ situation: Situation, _ reaction: inout Reaction
  ) {
    let name = step.step.name
    rest(name, .seconds(1), failures: 0, situation)
    // It is another one's word, and news.
    if unanswered[name] != nil { notes[name] = note }
    let since = denied[name] ?? situation.now
    denied[name] = since
    let wait: Duration
    switch (step.step.work.kind, step.wasTaken) {
    case (.oneWay, true) where step.step.work.isRepeatable: wait = vanished
    case (.oneWay, true):
      if situation.now - since >= takenButUnseen {
        progress[name] = nil
        record(.stepStuck(name, "taken by the cloud \(takenButUnseen.text) ago, and still: \(note)"), &reaction)
      }
      return
    case (.oneWay, false): wait = settling
    case (.readOnly, _), (.reversible, _): wait = showing
    }
    guard situation.now - since >= wait else { return }
    denied[name] = nil
    record(.didNotHappen(step: name, "\(wait.text) after the request: \(note)"), &reaction)
  }

  /// Why nothing at all may be changed now; nil when acts are allowed.
  func holdingActs(_ situation: Situation) -> String? {
    if let pause = state.pause { return "it is paused by \(pause.by): \(pause.reason)" }
    if settings.mode == .observe { return "mode is observe" }
    return foreignAccount(situation) ?? situation.lease?.whyNotHeld(at: situation.now) ?? outdated(situation)
  }
}
