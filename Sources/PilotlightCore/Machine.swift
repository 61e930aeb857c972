// The machine: one switch over (phase, event), no default. A new event fails the build until every phase has answered it.
//
// It is a value. An event makes a reaction: records first, effects after. The engine works on a copy and keeps it only when the
// records are durable, so a full disk leaves the machine where it was and the next event finds it there.

/// What can happen to a workload.
package enum Event: Equatable, Sendable {
  /// The daemon has started, or the workload was added by a reload.
  case started
  /// Something was observed, or time has passed: look at the situation anew.
  case assessed
  /// The cloud answered what was asked for this task.
  case answered(CloudTask, [CloudReply])
  case ordered(Order)
  /// The process was not running for so long; evidence from before is gone.
  case woke(after: Duration)
}

/// What a question to the cloud is for. The serial tells a late answer from the awaited one.
package struct CloudTask: Hashable, Sendable, Codable {
  package enum Purpose: Hashable, Sendable, Codable {
    case look(String)
    case act(String)
    case undo(String)
    /// By the step that owes.
    case lookDebt(String)
    case payDebt(String)
    /// Whether what this step fenced still is.
    case lookFence(String)
    /// Whether writes are still held behind a promotion.
    case lookHold

    /// Whether something may have been changed by it: its answer is worth more than the next look.
    package var isAct: Bool {
      switch self {
      case .act, .undo, .payDebt: true
      case .look, .lookDebt, .lookFence, .lookHold: false
      }
    }
  }
  package var purpose: Purpose
  package var serial: Int

  package init(_ purpose: Purpose, serial: Int) {
    self.purpose = purpose
    self.serial = serial
  }
}

/// What is to be done once the records are durable.
package enum Effect: Hashable, Sendable {
  /// Ask the cloud all of this at once, and bring the answers in this order.
  case ask(CloudTask, [CloudAction])
  /// Read these now, whenever they would have been due.
  case observe([Watch])
  /// Throw evidence away: the primary is looked at as for the first time.
  case startAfresh
  /// A fresh confirmation window begins; what was seen stands.
  case confirmAfresh
  /// Nobody waits any more for the operator's programs that run for this workload: they are ended.
  case endPrograms
  case say(Message)
}

/// Records to make durable, then effects to run; for an order, its answer.
package struct Reaction: Equatable, Sendable {
  package var records: [Record] = []
  package var effects: [Effect] = []
  package var answer: OrderOutcome?
  /// When something is due without any event; told here, since to ask a machine that lives in an object copies it.
  package var nextWake: Instant?

  package init() {}
}

/// What a workload does about what it sees.
package struct Machine: Sendable {
  private let fixed: Shared<Fixed>
  package private(set) var state: DurableState
  /// What is being asked of the cloud, by task name; lost in a crash on purpose: asking again is safe.
  package internal(set) var progress: [String: Progress] = [:]
  /// Since when the world denies, without a break, an act whose intent is recorded.
  package internal(set) var denied: [String: Instant] = [:]
  package internal(set) var gate = GateProgress()
  /// What the newest look at each step found; no part of any decision.
  var notes: [String: String] = [:]
  /// Why the newest look at a step expects its act to be refused, and what to do about it.
  var caveats: [String: String] = [:]
  /// Steps whose newest look brought no answer of what they are about, and since when none did.
  package internal(set) var unanswered: [String: Instant] = [:]
  /// How many requests for a step were refused: where all were, what is seen after them is not their doing.
  package internal(set) var refused: [String: Int] = [:]
  /// Since when nothing of the primary region has answered without a break, in this run.
  var darkSince: Instant?
  /// Since when a certificate or a name turns users away.
  var turnedAwaySince: Instant?
  /// Things said once until they stop being so.
  var said: Set<String> = []
  /// Volatile, and no part of any decision.
  var disarmament = Disarmament()
  /// What was last said of the lease.
  var leaseSaid = LeaseTracker.Word.unknown
  var serial = 0
  var dice: Dice

  /// What follows from the settings alone.
  struct Fixed: Sendable {
    let settings: WorkloadSettings
    let fingerprint: String
    /// With the default forecasts; asked for at every turn of an outage.
    let failover: [Step]
  }

  package var settings: WorkloadSettings { _read { yield fixed.value.settings } }
  var fingerprint: String { fixed.value.fingerprint }
  /// The steps of a failover, with what past runs say about them.
  package var failoverPlan: [Step] { state.durations.informed(fixed.value.failover) }

  package init(_ settings: WorkloadSettings, state: DurableState = DurableState(), seed: UInt64) {
    fixed = Shared(
      Fixed(settings: settings, fingerprint: settings.fingerprint, failover: Plan.failover(settings)))
    self.state = state
    dice = Dice(seed: seed)
  }

  /// The one place where phases and events meet.
  package mutating func react(to event: Event, _ situation: Situation) -> Reaction {
    var reaction = Reaction()
    switch (state.phase, event) {
    // Healthy: watch, arm, notice trouble.
    case (.healthy, .assessed): watchHealthy(situation, &reaction)
    case (.healthy, .ordered(let order)): obey(order, situation, &reaction)

    // Degraded: find out what it is, prepare; begin a failover when everything speaks for it.
    case (.degraded(let outage, _), .assessed): watchDegraded(outage, situation, &reaction)
    case (.degraded, .ordered(let order)): obey(order, situation, &reaction)

    // Failing over and failing back: the plan is a machine inside the phase.
    case (.failingOver, .assessed), (.failingBack, .assessed): advance(situation, &reaction)
    case (.failingOver, .started), (.failingBack, .started): resume(situation, &reaction)
    case (.degraded, .answered(let task, let replies)), (.failingOver, .answered(let task, let replies)),
      (.failingBack, .answered(let task, let replies)):
      take(replies, for: task, situation, &reaction)
    case (.failingOver, .ordered(let order)), (.failingBack, .ordered(let order)): obey(order, situation, &reaction)
    case (.failingOver, .woke), (.failingBack, .woke): forgetProgress()

    // DR active: serve, pay debts, wait for an order.
    case (.drActive, .assessed): watchDR(situation, &reaction)
    case (.drActive, .ordered(let order)): obey(order, situation, &reaction)

    // A debt is looked after in every phase it can exist in.
    case (.healthy, .answered(let task, let replies)), (.drActive, .answered(let task, let replies)):
      take(replies, for: task, situation, &reaction)

    // Little to do, on purpose: what is volatile is fresh already, and the next assessment tells the rest.
    case (.healthy, .started), (.degraded, .started): sayBlindSpots(&reaction)
    case (.drActive, .started): break
    case (.healthy, .woke), (.degraded, .woke), (.drActive, .woke): forgetProgress()
    }
    forgetForesight(situation)
    watchLease(situation, &reaction)
    watchArming(situation, &reaction)
    watchCapacity(situation, &reaction)
    watchBackups(situation, &reaction)
    reaction.nextWake = nextWake
    return reaction
  }

  // MARK: Saying and recording

  /// Records a fact, takes it in, and says it.
  mutating func record(_ record: Record, _ reaction: inout Reaction) {
    let before = state
    state.apply(record)
    reaction.records.append(record)
    reaction.effects.append(.say(record.message(settings.name, before: before, after: state)))
  }

  /// Says something once, until `unsay` or a phase change makes it news again.
  mutating func sayOnce(
    _ key: String, _ kind: MessageKind, _ text: String, _ reaction: inout Reaction, step: String? = nil
  ) {
    guard said.insert(key).inserted else { return }
    reaction.effects.append(
      .say(
        Message(
          kind, text, workload: settings.name, phase: state.phase.name, incident: state.phase.incident, step: step)
      ))
  }

  // MARK: Healthy and degraded

  private mutating func watchHealthy(_ situation: Situation, _ reaction: inout Reaction) {
    if expirePause(situation, &reaction) { return }
    let assessment = situation.assessment
    getAcquainted(situation, &reaction)
    sayBlindness(assessment, &reaction)
    sayUnreadLag(situation, &reaction)
    if assessment.verdict == .down {
      let start = assessment.outageStart ?? situation.now
      begin(outage: outage(start, wrong(assessment), situation), &reaction)
      watchDegradedAgain(situation, &reaction)
    } else if let concern = concern(situation) {
      begin(outage: outage(nil, concern, situation), &reaction)
    }
    payDebts(situation, &reaction)
  }

  /// What has to be seen once before anything is done by itself. A primary that serves with a concern serves.
  private mutating func getAcquainted(_ situation: Situation, _ reaction: inout Reaction) {
    if situation.assessment.verdict == .up, state.armedFor != fingerprint {
      record(.armed(fingerprint: fingerprint), &reaction)
    }
    if state.account == nil, let account = situation.account { record(.account(account), &reaction) }
  }

  private func outage(_ start: Instant?, _ why: String, _ situation: Situation) -> Outage {
    Outage(start: start, noticedAt: situation.now, why: why, incident: freshIncident(situation))
  }

  private mutating func begin(outage: Outage, _ reaction: inout Reaction) {
    said.removeAll()
    record(.degraded(outage), &reaction)
  }

  /// A new outage may already be confirmed (`confirmFor` shorter than the counts take).
  private mutating func watchDegradedAgain(_ situation: Situation, _ reaction: inout Reaction) {
    if case .degraded(let outage, _) = state.phase { watchDegraded(outage, situation, &reaction) }
  }

  private mutating func watchDegraded(_ outage: Outage, _ situation: Situation, _ reaction: inout Reaction) {
    if expirePause(situation, &reaction) { return }
    getAcquainted(situation, &reaction)
    sayBlindness(situation.assessment, &reaction)
    sayUnreadLag(situation, &reaction)
    sayTurnedAway(situation, &reaction)
    switch situation.assessment.verdict {
    case .up: endDegraded(outage, situation, &reaction)
    case .down: considerFailover(outage, situation, &reaction)
    case .blind, .unknown: break
    }
    prepare(situation, &reaction)
    payDebts(situation, &reaction)
  }

  private mutating func endDegraded(_ outage: Outage, _ situation: Situation, _ reaction: inout Reaction) {
    guard concern(situation) == nil, state.phase.run == nil else { return }
    let lasted = outage.start.map { "; it had failed for \((situation.now - $0).text)" } ?? ""
    if let would = outage.wouldFailOverAt {
      sayOnce(
        "wrong", .wouldHaveBeenWrong,
        "a failover would have been wrong: the primary recovered \((situation.now - would).text) after it would have begun",
        &reaction)
    }
    record(.recovered("the primary serves again\(lasted)"), &reaction)
    said.removeAll()
  }

  private mutating func considerFailover(
    _ outage: Outage, _ situation: Situation, _ reaction: inout Reaction
  ) {
    // Without a start the newest probes succeed, not yet often enough: nothing to consider.
    guard let start = situation.assessment.outageStart else { return }
    if isNews(start, of: outage, situation.assessment) {
      var renewed = Outage(
        start: start, noticedAt: outage.noticedAt, why: wrong(situation.assessment), incident: outage.incident)
      renewed.wouldFailOverAt = outage.wouldFailOverAt
      record(.degraded(renewed), &reaction)
    }
    sayRTO(situation, &reaction)
    guard situation.assessment.confirmed else {
      holdIfDoubted(start: start, situation, &reaction)
      lookAhead(since: start, situation, &reaction)
      return
    }
    let reasons = obstaclesToBegin(situation)
    guard reasons.isEmpty else {
      hold(.obstacle, "would fail over now, but: \(reasons.joined(separator: "; "))", situation, &reaction)
      return
    }
    let assessment = situation.assessment
    let why = ([assessment.diagnosis?.sentence].compactMap { $0 } + assessment.evidence).joined(separator: "; ")
    if settings.mode == .observe {
      guard outage.wouldFailOverAt == nil else { return }
      let sentence =
        "would fail over now: \(why); loss \(situation.loss.text); service back in about \(forecast(at: situation.now).text)"
      record(.wouldFailOver(sentence, at: situation.now), &reaction)
      return
    }
    guard !isTakingBackPreparation(situation) else { return }
    beginFailover(situation, orderedBy: nil, why: why, &reaction)
  }

  /// T0 moves when the primary was seen serving in between, or when only a concern degraded so far. A freeze, a restart or our own
  /// blindness in the middle of an outage makes us see less, not the outage shorter: the RTO runs from its first failure.
  func isNews(_ start: Instant, of outage: Outage, _ assessment: Assessment) -> Bool {
    guard let known = outage.start else { return true }
    return start < known || (assessment.lastSuccess.map { $0 >= known } ?? false && start != known)
  }

  /// What is wrong, by name, and what shows it.
  private func wrong(_ assessment: Assessment) -> String {
    let shown = assessment.evidence.first ?? "down"
    return assessment.diagnosis.map { "\($0.sentence) (\(shown))" } ?? shown
  }

  private mutating func holdIfDoubted(start: Instant, _ situation: Situation, _ reaction: inout Reaction) {
    guard situation.now - start >= settings.detection.confirmFor else { return }
    let fail = "our probes fail since \(start.text), but"
    switch situation.assessment.agreement {
    case .agreed where !situation.assessment.witnessed && !situation.assessment.answersAgain:
      hold(
        .unwitnessed, "\(fail) our newest probes do not show it any more: a person must decide", situation, &reaction)
    case .agreed: break
    case .contradicted(let who):
      let why = "\(fail) the primary is up by the word of \(who): a person must decide"
      hold(.contradicted, why, situation, &reaction)
    case .missing: hold(.unconfirmed, "\(fail) no other vantage confirms it", situation, &reaction)
    }
  }

  /// Recorded once of each kind and outage, with what was seen: "why did you not?" is asked days later.
  private mutating func hold(_ hold: Hold, _ why: String, _ situation: Situation, _ reaction: inout Reaction) {
    guard case .degraded(let outage, _) = state.phase, outage.held?.contains(hold) != true else { return }
    let seen = situation.assessment.evidence.joined(separator: "; ")
    record(.heldBack(hold, "\(why) (\(seen); loss \(situation.loss.text))", at: situation.now), &reaction)
  }

  private mutating func sayBlindness(_ assessment: Assessment, _ reaction: inout Reaction) {
    if assessment.verdict == .blind {
      sayOnce("blind", .blind, "our own view is broken: \(assessment.evidence.joined(separator: "; "))", &reaction)
    } else if assessment.verdict != .unknown, said.remove("blind") != nil {
      sayOnce("sighted", .sighted, "our own view works again", &reaction)
      said.remove("sighted")
    }
  }

  /// A failover would have to ask about the loss. Once the primary is down it is the gate that asks.
  private mutating func sayUnreadLag(_ situation: Situation, _ reaction: inout Reaction) {
    guard situation.assessment.verdict == .up else { return }
    if situation.lag.isUnread(at: situation.now) {
      sayOnce("lag", .lagHigh, "the replica's lag is \(situation.lag.sentence(at: situation.now))", &reaction)
    } else {
      said.remove("lag")
    }
  }

  /// What degrades although the primary serves.
  private func concern(_ situation: Situation) -> String? {
    if situation.assessment.concern != nil || situation.assessment.grey != nil { return wrong(situation.assessment) }
    guard situation.assessment.verdict == .up else { return nil }
    if situation.lag.state(at: situation.now) == .inactive {
      return "\(Diagnosis.replicaBroken.sentence) (ReplicaLag is -1)"
    }
    if let lag = situation.lag.lag(at: situation.now), lag > settings.replication.alertAbove {
      return "replication is \(lag.text) behind"
    }
    return nil
  }

  /// - Returns: whether a pause ended just now: what was concluded under it is not acted upon, a fresh confirmation comes first.
  mutating func expirePause(_ situation: Situation, _ reaction: inout Reaction) -> Bool {
    guard let expires = state.pause?.expires, expires <= situation.now else { return false }
    record(.unpaused(by: "its expiry", reason: "the pause had an end"), &reaction)
    reaction.effects.append(.confirmAfresh)
    return true
  }

  // MARK: DR active

  private mutating func watchDR(_ situation: Situation, _ reaction: inout Reaction) {
    if expirePause(situation, &reaction) { return }
    watchServing(situation, &reaction)
    if let estranged {
      sayOnce("estranged", .waiting, "nothing is changed: \(estranged)", &reaction)
    } else {
      said.remove("estranged")
    }
    watchOldPrimary(situation, &reaction)
    payDebts(situation, &reaction)
    watchFences(situation, &reaction)
  }
}

extension WorkloadSettings {
  /// What must be the same for "the primary was seen serving" to still mean something.
  package var fingerprint: String {
    let global = dr.database.ref.global.map { " @ \($0.identifier)" } ?? ""
    return
      "\(primary.region) \(primary.probe.url) \(primary.database.ref.identifier) > \(dr.region) \(dr.database.ref.identifier)\(global)"
  }
}
