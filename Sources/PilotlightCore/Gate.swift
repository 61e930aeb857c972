// The gate before the one-way step of a failover. Everything the product promises about promoting stands in this file:
// evidence read again after the gate was reached, a primary that is proven down now, a loss within the RPO or accepted for this
// incident, an approval where the mode asks for one.

/// What the machine knows besides its own state, at the moment of an event.
package struct Situation: Sendable {
  package var now: Instant
  package var assessment: Assessment
  package var primaryServing: Bool?
  package var drServing: Bool?
  package var lag: LagTracker
  /// Start of the newest finished round of primary probe, lag reading, reference and vantages: nil until all were read.
  package var evidenceAt: Instant?
  /// What is known to stand in the way of a failover (replica missing, roles swapped, …).
  package var obstacles: [String]
  /// Why other workloads' failovers hold this one back; nil when they do not.
  package var brake: String?
  /// The account that answered last; nil until one did.
  package var account: String?
  /// What a failover stands on, as last read.
  package var readiness = Readiness()

  package init(
    now: Instant, assessment: Assessment, primaryServing: Bool?, drServing: Bool?, lag: LagTracker,
    evidenceAt: Instant?, obstacles: [String], brake: String?, account: String? = nil
  ) {
    self.now = now
    self.assessment = assessment
    self.primaryServing = primaryServing
    self.drServing = drServing
    self.lag = lag
    self.evidenceAt = evidenceAt
    self.obstacles = obstacles
    self.brake = brake
    self.account = account
  }

  /// What promoting now would lose, counted from the start of the outage.
  package var loss: LossWindow { lag.loss(outageStart: assessment.outageStart ?? now) }

  /// The name of what is wrong with the primary, or else with its replica.
  package var diagnosis: Diagnosis? {
    if let known = assessment.diagnosis { return known }
    let isBroken = assessment.verdict == .up && (lag.state(at: now) == .inactive || lag.isUnread(at: now))
    return isBroken ? .replicaBroken : nil
  }
}

/// The gate's word.
package enum GateVerdict: Equatable, Sendable {
  case pass(String)
  /// Not yet; it may open by itself.
  case wait(String)
  /// Only a person can open it.
  case ask(String)
  /// The primary is back: take the run back.
  case rollBack(String)
}

package enum Gate {
  /// - Parameters:
  ///   - askedAt: evidence must have been read after this moment.
  ///   - deadline: the commit deadline, for `promoteAtDeadline`.
  package static func judge(
    _ run: Run, _ settings: WorkloadSettings, _ situation: Situation, askedAt: Instant, isPaused: Bool,
    deadline: Instant?
  ) -> GateVerdict {
    let assessment = situation.assessment
    switch assessment.verdict {
    case .up: return .rollBack("the primary serves again")
    case .blind: return .wait("our own view is broken: no reference answers")
    case .unknown: return .wait("the primary has not been assessed afresh yet")
    case .down: break
    }
    if isPaused { return .wait("paused") }
    if settings.mode == .observe { return .wait("mode is observe") }
    if run.orderedBy == nil, !assessment.confirmed {
      // A person may know what no vantage tells, but nobody knows yet whether it lasts.
      guard assessment.lasted else { return .wait("the outage is not confirmed afresh yet") }
      if run.approvals["gate"] == nil, let question = doubt(assessment.agreement) { return .ask(question) }
    }
    guard let evidenceAt = situation.evidenceAt, evidenceAt >= askedAt else {
      return .wait("reading the evidence again")
    }
    if let question = lossQuestion(run, settings, situation, deadline: deadline) { return .ask(question) }
    if settings.mode == .approve, run.orderedBy == nil, run.approvals["gate"] == nil {
      return .ask("mode is approve: `pilotlightctl approve` lets it promote, `abort` takes it back")
    }
    return .pass("primary down since \((assessment.outageStart ?? situation.now).text), loss \(situation.loss.text)")
  }

  /// What must be asked when the vantages do not confirm what our probes see; nil when they do.
  private static func doubt(_ agreement: Agreement) -> String? {
    switch agreement {
    case .agreed: nil
    case .contradicted(let who):
      "our probes fail, but the primary is up by the word of \(who): `pilotlightctl approve` lets it promote all the same, "
        + "`abort` takes it back"
    case .missing:
      "our probes fail and no vantage has a word about it: `pilotlightctl approve` lets it promote all the same, `abort` "
        + "takes it back"
    }
  }

  /// What must be asked about the loss; nil when it is within the objective, accepted, or the policy says go.
  static func lossQuestion(
    _ run: Run, _ settings: WorkloadSettings, _ situation: Situation, deadline: Instant?
  ) -> String? {
    let loss = situation.loss
    let rpo = settings.objectives.rpo
    if loss.isWithin(rpo) || run.lossAcceptedBy != nil { return nil }
    switch settings.decision.onRpoBreach {
    case .promote: return nil
    case .promoteAtDeadline:
      if let deadline, situation.now >= deadline { return nil }
      return "loss is \(loss.text), RPO is \(rpo.text): promoting at the commit deadline"
        + (deadline.map { " \($0.text)" } ?? "") + ", or on `pilotlightctl approve --accept-data-loss`"
    case .hold:
      return "loss is \(loss.text), RPO is \(rpo.text): `pilotlightctl approve --accept-data-loss` lets it promote"
    }
  }
}
