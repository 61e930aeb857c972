// When a failover may begin, how long it would take, and until when it can still meet the RTO.

extension Machine {
  /// How long from the beginning of a failover until users are served again.
  package var forecast: Duration {
    let plan = state.phase.run.map { $0.steps.map(\.step) } ?? Plan.failover(settings)
    return Plan.forecast(plan, until: "shift-traffic", finished: state.phase.run?.finishedNames ?? [])
  }

  /// The latest moment at which the one-way step can begin and the RTO still be met; nil without an outage.
  package func commitDeadline(_ assessment: Assessment) -> Instant? {
    let start: Instant?
    switch state.phase {
    case .healthy, .drActive, .failingBack: start = nil
    case .degraded(let outage): start = outage.start ?? assessment.outageStart
    case .failingOver(let run): start = run.isCommitted ? nil : run.outageStart
    }
    return start.map { $0 + settings.objectives.rto - afterGate }
  }

  /// By how much the RTO will be missed even if the one-way step begins now.
  func rtoShortfall(_ situation: Situation) -> Duration? {
    guard let deadline = commitDeadline(situation.assessment), situation.now > deadline else { return nil }
    return situation.now - deadline
  }

  /// What keeps the daemon from beginning by itself, in sentences. Observe mode is not in here: it goes as far as saying so.
  package func obstaclesToBegin(_ situation: Situation) -> [String] {
    var reasons = situation.obstacles
    if let pause = state.pause { reasons.append("paused by \(pause.by): \(pause.reason)") }
    if let until = holdDownUntil, until > situation.now {
      reasons.append("in hold-down until \(until.text) after the last failover; `pilotlightctl ack` ends it")
    }
    if let by = state.abortedBy {
      reasons.append("the failover of this outage was aborted by \(by); `pilotlightctl ack` lets another one begin")
    }
    if let brake = situation.brake { reasons.append(brake) }
    if let foreign = foreignAccount(situation) { reasons.append(foreign) }
    if state.armedFor != fingerprint {
      reasons.append("the primary of this configuration was never seen serving")
    }
    if !state.debts.isEmpty { reasons.append("a fence debt of an earlier failover is unpaid") }
    return reasons
  }

  /// The credentials belong to another account than this workload was first seen in.
  func foreignAccount(_ situation: Situation) -> String? {
    guard let known = state.account, let seen = situation.account, known != seen else { return nil }
    return "the credentials belong to account \(seen), this workload lives in \(known)"
  }

  /// Until when no failover begins by itself; nil outside a hold-down.
  package var holdDownUntil: Instant? {
    guard !state.isRearmed, let last = state.lastFailover else { return nil }
    return last.ended + settings.decision.holdDown
  }

  /// Why the daemon could not fail over right now; empty = armed.
  package func unarmed(_ situation: Situation) -> [String] {
    var reasons = obstaclesToBegin(situation)
    switch state.phase {
    case .healthy, .degraded: break
    case .failingOver: reasons.append("a failover is running")
    case .drActive: reasons.append("the DR region serves already")
    case .failingBack: reasons.append("a failback is running")
    }
    if settings.mode == .observe { reasons.append("mode is observe: it would only say so") }
    if state.account == nil { reasons.append("the credentials have not been proven yet") }
    if situation.assessment.verdict == .blind { reasons.append("our own view is broken") }
    if situation.assessment.verdict == .unknown { reasons.append("the primary has not been assessed yet") }
    let lag = situation.lag.state(at: situation.now)
    if lag != .replicating, !situation.loss.isWithin(settings.objectives.rpo) {
      reasons.append("replica lag is \(situation.lag.sentence(at: situation.now))")
    }
    return reasons
  }

  mutating func beginFailover(
    _ situation: Situation, orderedBy: String?, why: String, _ reaction: inout Reaction
  ) {
    let now = situation.now
    let run = Run(
      incident: "\(now.stamp)-\(settings.name)", kind: .failover, startedAt: now,
      outageStart: situation.assessment.outageStart ?? now, orderedBy: orderedBy, plan: Plan.failover(settings))
    start(run, why: why, situation, &reaction)
  }

  mutating func start(_ run: Run, why: String, _ situation: Situation, _ reaction: inout Reaction) {
    forgetProgress()
    said.removeAll()
    record(.runBegun(run, why: why), &reaction)
    advance(situation, &reaction)
  }
}
