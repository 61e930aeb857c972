// Behind the request for a promotion: the way leads forward, but for the two cases in which what was left is where the newest writes are.

/// What was asked for gives no answer for this long, while our own hold keeps users out: a person may open what was left again.
private let unheard: Duration = .minutes(5)
private let holdKey = ".hold"
private let holdPause: Duration = .seconds(10)

extension Machine {
  /// A one-way step may have happened. Who skipped it says so: that stands until the database is seen to be a replica after it.
  func isForward(_ run: Run, _ situation: Situation) -> Bool {
    if run.isCommitted { return true }
    guard run.isPromotedByWordAlone else { return false }
    let role = run.kind == .failback ? situation.primaryRole : situation.drRole
    let skippedAt = run.steps.first { $0.step.work.kind == .oneWay && $0.state == .skipped }?.finishedAt
    guard let role, let skippedAt, role.at > skippedAt else { return true }
    return !role.isReplica
  }

  /// Why `abort` is taken all the same, until users are led over; nil: it is not.
  func wayBack(_ run: Run, _ situation: Situation) -> String? {
    guard run.kind == .switchover || run.kind == .failback, !run.mayHaveLed else { return nil }
    if run.loss?.isLetThrough == true {
      return "users wrote to \(origin(of: run.kind).identifier) behind the promotion"
    }
    // Of Aurora's the one that wrote tells, too.
    guard run.mayHoldWrites,
      let step = run.steps.first(where: { $0.step.work.asksWhoIsPromoted && $0.state == .running }),
      let since = unanswered[step.step.name], situation.now - since >= unheard
    else { return nil }
    return "nothing is heard of \(step.step.name) for \((situation.now - since).text)"
  }

  /// Whoever stops the writers by hand makes the primary look down; so does an outage, and no failover begins for it.
  mutating func sayDownUnderHand(_ run: Run, _ situation: Situation, _ reaction: inout Reaction) {
    guard run.kind == .switchover, let hold = run["hold-writes"], hold.state == .running,
      case .confirmByHand = hold.step.work, situation.assessment.confirmed
    else { return }
    sayOnce(
      "down-under-hand", .stillRunning,
      "the primary is down, and hold-writes waits for its writers to be stopped: `approve` says that they were, `abort` lets a failover "
        + "begin", &reaction, step: "hold-writes")
  }

  /// Users are kept out by our own hold, and nobody knows for how long.
  mutating func sayUnheard(_ step: StepRun, _ situation: Situation, _ reaction: inout Reaction) {
    guard let run = state.phase.run, run.isCommitted, run.loss?.isLetThrough != true,
      let why = wayBack(run, situation)
    else { return }
    sayOnce(
      "unheard-\(step.step.name)", .stillRunning,
      "\(why), and writes to \(origin(of: run.kind).identifier) are held: `pilotlightctl abort` opens it again, and leaves what was "
        + "asked for as it may be", &reaction, step: step.step.name)
  }

  /// What is written to what was left once the other one is promoted is on no other database.
  mutating func watchHold(_ situation: Situation, _ reaction: inout Reaction) {
    guard let run = state.phase.run, let listener = run.heldBehindPromotion, run.loss?.isLetThrough != true,
      !isBusy(holdKey, situation)
    else { return }
    ask(.lookHold, [.readWriteHold(listener)], key: holdKey, situation, &reaction)
  }

  mutating func takeHold(
    _ replies: [CloudReply], for task: CloudTask, _ situation: Situation, _ reaction: inout Reaction
  ) {
    guard isAwaited(task, key: holdKey) else { return }
    rest(holdKey, holdPause, failures: 0, situation)
    guard let run = state.phase.run, run.heldBehindPromotion != nil, run.loss?.isLetThrough != true,
      case .writeHold(present: false, _)? = replies.first,
      let promotion = run.steps.first(where: { $0.step.work.kind == .oneWay })
    else { return }
    noteLoss(promotion.step.work, run, [], isLetThrough: true, situation, &reaction)
  }

  /// What the promotion lost. A failback loses nothing, but for what it left by somebody's word, or behind a hold that is gone.
  mutating func noteLoss(
    _ work: Work, _ run: Run, _ replies: [CloudReply], isLetThrough: Bool = false, _ situation: Situation,
    _ reaction: inout Reaction
  ) {
    let now = situation.now
    let isOpen = run.heldBehindPromotion != nil && replies.dropFirst().first == .writeHold(present: false)
    // Noted once, no later look at a hold that was laid again makes it undone.
    let isLetThrough = isLetThrough || isOpen || run.loss?.isLetThrough == true
    guard let promoted = work.promoted, run.kind != .failback || run.isKeptByWordAlone || isLetThrough else { return }
    var seen: DatabaseState?
    if case .database(let state)? = replies.first { seen = state }
    let drained = isLetThrough ? nil : run.nothingLost(by: work, replies)
    let left = run.origin ?? origin(of: run.kind)
    let loss = LossEntry(
      window: run.lossAtGate ?? drained ?? LossWindow(window: nil, confidence: .unknown),
      outageStart: run.outageStart ?? run["hold-writes"]?.finishedAt ?? now,
      promoted: promoted, arn: seen?.arn ?? run.loss?.arn,
      address: seen?.address ?? run.loss?.address,
      left: left, leftName: left == settings.primary.database.ref ? situation.primaryName : nil,
      isDrained: drained == nil ? nil : true, isLetThrough: isLetThrough ? true : nil)
    record(.lossNoted(loss), &reaction)
    if isLetThrough { sayLetThrough(run, &reaction) }
    if drained != nil {
      let how =
        promoted.global == nil
        ? "writes were held at the load balancer, and replayed," : "Aurora carried every write over"
      let review = LossReview(by: "pilotlightd", reason: "\(how) before the promotion", at: now)
      record(.lossReviewed(review), &reaction)
    }
  }

  private mutating func sayLetThrough(_ run: Run, _ reaction: inout Reaction) {
    let way =
      run.mayHaveLed
      ? "look for what they wrote"
      : "`pilotlightctl approve` leads them over without what they wrote, `abort` goes back to where it is"
    sayOnce(
      "let-through", .oldPrimaryServes,
      "the write hold is gone, and users may write to \(origin(of: run.kind).identifier) behind the promotion: \(way)",
      &reaction)
  }
}

extension Work {
  /// Of a promotion, or of what is proven anew before it is tried again.
  fileprivate var asksWhoIsPromoted: Bool {
    switch self {
    case .promote, .awaitDrained: true
    default: false
    }
  }
}

extension Run {
  /// Users are led over, or may be: that was asked for.
  fileprivate var mayHaveLed: Bool { hasLed || lead.map { $0.intentAt != nil && !$0.didNotHappen } == true }

  /// The load balancer that has to keep writes from what was left, from the request for the promotion until it is opened on purpose.
  var heldBehindPromotion: ListenerRef? {
    guard kind == .switchover || kind == .failback, rollback == nil, let hold = self["hold-writes"],
      hold.state == .done,
      case .holdWrites(let listener) = hold.step.work
    else { return nil }
    let isAsked = steps.contains { step in
      guard case .promote(_, whileHeld: .some, _) = step.step.work else { return false }
      return step.intentAt != nil && !step.didNotHappen || step.state.isFinished
    }
    let isOpened = steps.contains { $0.step.work == .releaseWrites(listener) && $0.startedAt != nil }
    return isAsked && !isOpened ? listener : nil
  }
}
