// Whether the daemon would be able to fail over, and the alarm when it could not for long. Nothing of it is durable: after a
// restart the time is counted anew, from when everything has been read.

/// Since when a failover could not be carried out, and when that was last said.
struct Disarmament: Equatable, Sendable {
  static let pause: Duration = .seconds(10)
  var since: Instant?
  var saidAt: Instant?
  /// When that was last judged: it takes many sentences, and an alarm of minutes needs no turn of each probe.
  var judgedAt: Instant?
}

extension Machine {
  /// Why the daemon could not fail over right now; empty = armed.
  package func unarmed(_ situation: Situation) -> [String] {
    var reasons = obstaclesToBegin(situation)
    switch state.phase {
    case .healthy, .degraded: break
    case .failingOver: return reasons + ["a failover is running"]
    case .drActive: return reasons + ["the DR region serves already"]
    case .failingBack: return reasons + ["a failback is running"]
    }
    if settings.mode == .observe { reasons.append("mode is observe: it would only say so") }
    for lack in lacks(situation) where !reasons.contains(lack) { reasons.append(lack) }
    return reasons
  }

  /// What is neither proven nor known to be missing: armed all the same.
  package func unproven(_ situation: Situation) -> [String] {
    switch state.phase {
    case .healthy, .degraded: situation.readiness.unproven(at: situation.now)
    case .failingOver, .drActive, .failingBack: []
    }
  }

  /// What is missing, whatever anybody decided.
  private func lacks(_ situation: Situation) -> [String] {
    var reasons: [String] = []
    if state.account == nil { reasons.append("the credentials have not been proven yet") }
    if situation.assessment.verdict == .blind { reasons.append("our own view is broken") }
    if situation.assessment.verdict == .unknown { reasons.append("the primary has not been assessed yet") }
    let lag = situation.lag.state(at: situation.now)
    if lag != .replicating, !situation.loss.isWithin(settings.objectives.rpo) {
      reasons.append("replica lag is \(situation.lag.sentence(at: situation.now))")
    }
    reasons += situation.readiness.lacks(at: situation.now)
    return reasons
  }

  // MARK: The alarm

  private static let reminder: Duration = .hours(24)

  /// Not armed for longer than the bound is said, once a day, until it is over.
  mutating func watchArming(_ situation: Situation, _ reaction: inout Reaction) {
    guard let bound = settings.decision.alertUnarmedAfter else { return }
    switch state.phase {
    case .healthy, .degraded: break
    case .failingOver, .drActive, .failingBack:
      disarmament = Disarmament()
      return
    }
    // At the start nothing has been read, which is no news.
    guard situation.readiness.isComplete else { return }
    if let at = disarmament.judgedAt, (.zero..<Disarmament.pause).contains(situation.now - at) { return }
    disarmament.judgedAt = situation.now
    let reasons = unwanted(situation)
    guard !reasons.isEmpty else {
      endDisarmament(situation, &reaction)
      return
    }
    let since = disarmament.since ?? situation.now
    disarmament.since = since
    let lasted = situation.now - since
    guard lasted >= bound, disarmament.saidAt.map({ situation.now - $0 >= Machine.reminder }) ?? true else { return }
    disarmament.saidAt = situation.now
    say(.notArmed, "not armed for \(lasted.text): \(reasons.joined(separator: "; "))", &reaction)
  }

  private mutating func endDisarmament(_ situation: Situation, _ reaction: inout Reaction) {
    if disarmament.saidAt != nil, let since = disarmament.since {
      say(.armedAgain, "nothing is in the way of a failover any more, after \((situation.now - since).text)", &reaction)
    }
    disarmament = Disarmament(judgedAt: situation.now)
  }

  /// Reasons nobody chose. Observing, a pause with an end, a hold-down and a brake are wanted; a pause without an end is forgotten as
  /// easily as a launch template.
  private func unwanted(_ situation: Situation) -> [String] {
    var reasons = situation.obstacles + flaws(situation)
    if let pause = state.pause, pause.expires == nil { reasons.append("paused by \(pause.by): \(pause.reason)") }
    for lack in lacks(situation) where !reasons.contains(lack) { reasons.append(lack) }
    // That another watchdog holds the lease is what the lease is for, and it may have moved the workload.
    if standsBy(situation) { return reasons.filter { !situation.obstacles.contains($0) } }
    if settings.mode != .observe, let lease = situation.lease?.whyNotBegin(at: situation.now) { reasons.append(lease) }
    return reasons
  }

  /// A probe that takes any page for health stays green while the database behind it is dead (F16).
  func sayBlindSpots(_ reaction: inout Reaction) {
    let probe = settings.primary.probe
    guard probe.bodyContains == nil || probe.method == "HEAD" else { return }
    say(
      .blindSpot,
      "the primary's probe looks at the status alone: a page that does not ask the database is right while the "
        + "database is dead; let it say so, and name its words in `primary.alb.bodyContains`, with `method: GET`",
      &reaction)
  }

  private func say(_ kind: MessageKind, _ text: String, _ reaction: inout Reaction) {
    reaction.effects.append(.say(Message(kind, text, workload: settings.name, phase: state.phase.name)))
  }
}
