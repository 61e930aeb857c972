// When a failover may begin, how long it would take, and until when it can still meet the RTO.

extension Machine {
  /// How long from now until users are served by the DR region, if a failover began now or as far as the one that runs has got.
  package func forecast(at now: Instant) -> Duration {
    guard let run = state.phase.run, run.kind != .preparation else {
      return Plan.forecast(failoverPlan, until: "shift-traffic")
    }
    var plan = run.steps.map(\.step)
    for index in plan.indices {
      guard run.steps[index].state == .running, let start = run.steps[index].startedAt else { continue }
      plan[index].forecast = max(plan[index].forecast - (now - start), .zero)
    }
    return Plan.forecast(plan, until: "shift-traffic") { run.steps[$0].state.isFinished }
  }

  /// The latest moment at which the one-way step can begin and the RTO still be met; nil without an outage.
  package func commitDeadline(_ assessment: Assessment) -> Instant? {
    let start: Instant?
    let plan: [Step]
    switch state.phase {
    case .healthy, .drActive, .failingBack: return nil
    case .degraded(let outage, _): (start, plan) = (outage.start ?? assessment.outageStart, failoverPlan)
    case .failingOver(let run): (start, plan) = (run.isCommitted ? nil : run.outageStart, run.steps.map(\.step))
    }
    let afterGate = Plan.forecast(plan, until: "shift-traffic") - Plan.forecast(plan, until: "gate")
    return start.map { $0 + settings.objectives.rto - afterGate }
  }

  /// By how much the RTO will be missed, even if everything goes on at once from now; nil when it can be met.
  func rtoShortfall(_ situation: Situation) -> Duration? {
    let start: Instant?
    switch state.phase {
    case .healthy, .drActive, .failingBack: return nil
    case .degraded(let outage, _): start = outage.start
    case .failingOver(let run): start = run["shift-traffic"]?.state.isFinished == true ? nil : run.outageStart
    }
    guard let start else { return nil }
    let late = situation.now + forecast(at: situation.now) - (start + settings.objectives.rto)
    return late > .zero ? late : nil
  }

  mutating func sayRTO(_ situation: Situation, _ reaction: inout Reaction) {
    guard !said.contains("rto"), !standsBy(situation), let late = rtoShortfall(situation) else { return }
    sayOnce(
      "rto", .rtoAtRisk,
      "the RTO of \(settings.objectives.rto.text) can no longer be met: service is expected back in "
        + "\(forecast(at: situation.now).text), \(late.text) too late", &reaction)
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
    // Who only observes claims none.
    if settings.mode != .observe, let lease = situation.lease?.whyNotBegin(at: situation.now) { reasons.append(lease) }
    return reasons + flaws(situation)
  }

  /// What is wrong with the daemon's own footing.
  func flaws(_ situation: Situation) -> [String] {
    var reasons: [String] = []
    if let foreign = foreignAccount(situation) { reasons.append(foreign) }
    if state.armedFor != fingerprint {
      reasons.append("the primary of this configuration was never seen serving")
    }
    // What the run itself owes goes on with it.
    if state.debts.contains(where: { $0.incident != state.phase.run?.incident }) {
      reasons.append("a fence debt of an earlier failover is unpaid")
    }
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

  /// The id of an incident that begins now; unique per workload and second.
  func freshIncident(_ situation: Situation) -> String { "\(situation.now.stamp)-\(settings.name)" }

  /// - Parameter switchover: what it goes on with; nil: with a preparation, where there is one.
  mutating func beginFailover(
    _ situation: Situation, orderedBy: String?, why: String, insteadOf switchover: Run? = nil,
    _ reaction: inout Reaction
  ) {
    let now = situation.now
    rememberCapacity(situation, &reaction)
    var known: Outage?
    if case .degraded(let outage, _) = state.phase { known = outage }
    var began = known?.start ?? situation.assessment.outageStart ?? now
    // Served in between, while a run was taken back, it has failed anew.
    if let known, let anew = situation.assessment.outageStart, isNews(anew, of: known, situation.assessment) {
      began = anew
    }
    let run = Run(
      incident: known?.incident ?? freshIncident(situation), kind: .failover, startedAt: now,
      outageStart: began, orderedBy: orderedBy,
      plan: failoverPlan(at: now))
    start(run.adopting(switchover ?? state.phase.run), why: why, situation, &reaction)
  }

  /// Whose writes the promoted database takes over.
  func origin(of kind: RunKind) -> DatabaseRef { (kind == .failback ? settings.dr : settings.primary).database.ref }

  mutating func start(_ run: Run, why: String, _ situation: Situation, _ reaction: inout Reaction) {
    let ahead = state.phase.run == nil ? progress.filter { run[$0.key] != nil } : [:]
    forgetProgress()
    progress = ahead
    said.removeAll()
    var run = run
    run.origin = origin(of: run.kind)
    record(.runBegun(run, why: why), &reaction)
    advance(situation, &reaction)
  }
}
