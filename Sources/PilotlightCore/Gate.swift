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
  /// The newest word of the veto command.
  package var veto: VetoReading?
  /// What a failover stands on, as last read.
  package var readiness: Readiness
  /// What the DR database was when it was last read; nil before.
  package var drRole: DatabaseRole?
  /// What is known of the lease; nil where there is none.
  package var lease: LeaseTracker?
  /// What the groups are wanted at, as last read.
  package var desired: Demand
  /// Days for which the primary database's backups are kept, where it writes; nil: the newest answer does not say.
  package var backups: Int?
  /// Why the DR database cannot be promoted, as last told; nil: nothing is known that stands in the way.
  package var unpromotable: String?
  /// What the primary's database was when it was last read, and what it is called; nil before.
  package var primaryRole: DatabaseRole?
  package var primaryName: DatabaseName?

  package init(
    now: Instant, assessment: Assessment, primaryServing: Bool?, drServing: Bool?, lag: LagTracker,
    evidenceAt: Instant?, obstacles: [String], brake: String?, account: String? = nil,
    veto: VetoReading? = nil, readiness: Readiness = Readiness(), drRole: DatabaseRole? = nil,
    lease: LeaseTracker? = nil, desired: Demand = Demand(), backups: Int? = nil,
    unpromotable: String? = nil, primaryRole: DatabaseRole? = nil,
    primaryName: DatabaseName? = nil
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
    self.veto = veto
    self.readiness = readiness
    self.drRole = drRole
    self.lease = lease
    self.desired = desired
    self.backups = backups
    self.unpromotable = unpromotable
    self.primaryRole = primaryRole
    self.primaryName = primaryName
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

/// What AWS calls a database, and where it answers.
package struct DatabaseName: Hashable, Sendable, Codable {
  package var arn: String?
  package var address: DatabaseAddress?

  package init(arn: String?, address: DatabaseAddress?) {
    self.arn = arn
    self.address = address
  }
}

/// A database as it was read.
package struct DatabaseRole: Equatable, Sendable {
  package var isReplica: Bool
  /// When that was asked.
  package var at: Instant
}

/// The gate's word.
package enum GateVerdict: Equatable, Sendable {
  case pass(String)
  /// Not yet; it may open by itself.
  case wait(String)
  /// Only a person can open it.
  case ask(GateQuestion, String)
  /// Everything else speaks for it: the veto command is to be asked.
  case askVeto
  /// The primary is back: take the run back.
  case rollBack(String)
}

/// What a person is asked. Who answers one has not answered the others.
package enum GateQuestion: String, Hashable, Sendable, Codable, CaseIterable {
  /// Mode is approve.
  case mode
  /// No vantage has a word about the outage.
  case unconfirmed
  /// Our newest probe does not show the outage any more, and does not show the primary serving either.
  case unwitnessed
  /// A vantage sees the primary serve.
  case contradicted
  /// The loss is beyond the RPO, or unknown.
  case loss
  /// The veto command said no, or nothing.
  case veto

  /// Saying yes to it is saying that somebody, or something, is wrong.
  var isOverruled: Bool {
    switch self {
    case .mode, .loss: false
    case .unconfirmed, .unwitnessed, .contradicted, .veto: true
    }
  }

  /// Under which name the answer stands among a run's approvals.
  package var approval: String { self == .mode ? "gate" : "gate.\(rawValue)" }
}

extension Run {
  /// A person has answered this for this run.
  package func isApproved(_ question: GateQuestion) -> Bool { approvals[question.approval] != nil }
}

package enum Gate {
  /// - Parameters:
  ///   - askedAt: evidence must have been read after this moment.
  ///   - vetoAskedAt: when the veto command was asked for this gate; nil when it was not yet.
  ///   - deadline: the commit deadline, for `promoteAtDeadline`.
  package static func judge(
    _ run: Run, _ settings: WorkloadSettings, _ situation: Situation, askedAt: Instant, vetoAskedAt: Instant?,
    isPaused: Bool, deadline: Instant?
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
    // Whoever ordered it did not know.
    if !assessment.witnessed, assessment.answersAgain {
      return .wait("the primary answers again, not often enough yet")
    }
    if run.orderedBy == nil, !assessment.confirmed {
      // A person may know what no vantage tells, but nobody knows yet whether it lasts.
      guard assessment.lasted else { return .wait("the outage is not confirmed afresh yet") }
      if let (question, text) = doubt(assessment), !run.isApproved(question) { return .ask(question, text) }
    }
    guard let evidenceAt = situation.evidenceAt, evidenceAt >= askedAt else {
      return .wait("reading the evidence again")
    }
    // Nobody is asked about the loss of a promotion that cannot be, and no primary is fenced for it: it may yet come back.
    if let why = situation.unpromotable { return .wait("nothing could be promoted: \(why)") }
    if let question = lossQuestion(run, settings, situation, deadline: deadline) { return .ask(.loss, question) }
    if settings.mode == .approve, run.orderedBy == nil, !run.isApproved(.mode) {
      return .ask(.mode, "mode is approve: `pilotlightctl approve` lets it promote, `abort` takes it back")
    }
    let why = "primary down since \((assessment.outageStart ?? situation.now).text), loss \(situation.loss.text)"
    guard let veto = settings.decision.veto, !run.isApproved(.veto) else { return .pass(why) }
    return judgeVeto(veto, situation, vetoAskedAt: vetoAskedAt, evidenceAt: evidenceAt, why)
  }

  /// The last word before the one-way step. It is good for half a minute, whatever it is: what forbade the failover may have passed.
  private static func judgeVeto(
    _ veto: VetoSettings, _ situation: Situation, vetoAskedAt: Instant?, evidenceAt: Instant, _ why: String
  ) -> GateVerdict {
    guard let vetoAskedAt, situation.now - vetoAskedAt <= veto.timeout + .seconds(30) else { return .askVeto }
    guard let said = situation.veto, said.askedAt >= vetoAskedAt else {
      return .wait("the veto command has not answered")
    }
    let way = "`pilotlightctl approve` overrules it, `abort` takes the run back; it is asked again meanwhile"
    switch said.word {
    case .vetoed(let text): return .ask(.veto, "vetoed: \(text): \(way)")
    case .failed(let text) where veto.onFailure == .veto:
      return .ask(.veto, "the veto command gave no answer (\(text)), which vetoes: \(way)")
    case .allowed, .failed: break
    }
    guard evidenceAt >= vetoAskedAt else { return .wait("reading the evidence again") }
    return .pass("\(why); \(said.word.sentence)")
  }

  /// What must be asked when the vantages do not confirm what our probes see; nil when they do.
  private static func doubt(_ assessment: Assessment) -> (GateQuestion, String)? {
    let way = "`pilotlightctl approve` lets it promote all the same, `abort` takes it back"
    switch assessment.agreement {
    case .agreed where assessment.witnessed: return nil
    case .agreed: return (.unwitnessed, "our newest probe does not show the outage any more: \(way)")
    case .contradicted(let who):
      return (.contradicted, "our probes fail, but the primary is up by the word of \(who): \(way)")
    case .missing: return (.unconfirmed, "our probes fail and no vantage has a word about it: \(way)")
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
