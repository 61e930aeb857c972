// What is made durable, before anything is done about it. The state after a restart is the fold of these records, and live
// state changes in no other way: what was not recorded cannot be remembered.

/// An outage that is being looked at.
package struct Outage: Hashable, Sendable, Codable {
  /// T0; nil while only a concern (slow, TLS, DNS) degrades.
  package var start: Instant?
  package var noticedAt: Instant
  package var why: String
  /// What observe mode said would be done, and when; nil until it did.
  package var wouldFailOverAt: Instant?
  /// The incident it is, and a failover that begins in it; nil once a run of that name was taken back.
  package var incident: String?
  /// What has held a failover back so far, each recorded once.
  package var held: [Hold]?

  package init(start: Instant?, noticedAt: Instant, why: String, incident: String? = nil) {
    self.start = start
    self.noticedAt = noticedAt
    self.why = why
    self.incident = incident
  }
}

/// Why a failover that is due does not begin.
package enum Hold: String, Hashable, Sendable, Codable, CaseIterable {
  /// A pause, a hold-down, a brake, a broken replica…
  case obstacle
  /// A vantage sees the primary serve.
  case contradicted
  /// No vantage has a word about it.
  case unconfirmed
  /// Our newest probe does not show it any more, nor the primary serving.
  case unwitnessed
}

/// The DR region serves.
package struct Residence: Hashable, Sendable, Codable {
  /// The failover that led here, with all its steps.
  package var failover: Run
  package var since: Instant
  /// An operator has seen it: the hold-down is over.
  package var acknowledgedBy: String?
  /// Steps whose rung of the fence an operator answers for; nil: none.
  package var waived: [String]?

  package init(failover: Run, since: Instant) {
    self.failover = failover
    self.since = since
  }
}

/// An operator's pause.
package struct Pause: Hashable, Sendable, Codable {
  package var reason: String
  package var by: String
  package var since: Instant
  package var expires: Instant?

  package init(reason: String, by: String, since: Instant, expires: Instant?) {
    self.reason = reason
    self.by = by
    self.since = since
    self.expires = expires
  }
}

/// The five phases, each with what is known only in it.
package indirect enum Phase: Hashable, Sendable, Codable {
  case healthy
  /// With the steps that are taken ahead of a failover; nil while there are none.
  case degraded(Outage, preparation: Run?)
  case failingOver(Run)
  case drActive(Residence)
  case failingBack(Run, Residence)

  /// The name in status, logs and diagram.
  package var name: PhaseName {
    switch self {
    case .healthy: .healthy
    case .degraded: .degraded
    case .failingOver: .failingOver
    case .drActive: .drActive
    case .failingBack: .failingBack
    }
  }

  /// The incident that is going on.
  package var incident: String? {
    switch self {
    case .healthy: nil
    case .degraded(let outage, let preparation): preparation?.incident ?? outage.incident
    case .failingOver(let run), .failingBack(let run, _): run.incident
    case .drActive(let residence): residence.failover.incident
    }
  }

  /// The failover that led to where the DR region serves.
  package var residence: Residence? {
    switch self {
    case .drActive(let residence), .failingBack(_, let residence): residence
    case .healthy, .degraded, .failingOver: nil
    }
  }

  /// The run in progress.
  package var run: Run? {
    switch self {
    case .failingOver(let run), .failingBack(let run, _): run
    case .degraded(_, let preparation): preparation
    case .healthy, .drActive: nil
    }
  }
}

/// A phase without its payload.
package enum PhaseName: String, Hashable, Sendable, Codable, CaseIterable {
  case healthy
  case degraded
  case failingOver = "failing-over"
  case drActive = "dr-active"
  case failingBack = "failing-back"
}

/// One durable fact.
package enum Record: Hashable, Sendable, Codable {
  /// The primary of this configuration was seen serving: it may be failed away from.
  case armed(fingerprint: String)
  /// The account behind the credentials, from now on the only one that is acted in.
  case account(String)
  case degraded(Outage)
  case recovered(String)
  /// A failover would begin, and this keeps it from it.
  case heldBack(Hold, String, at: Instant)
  /// Observe mode: this is where a failover would have begun.
  case wouldFailOver(String, at: Instant)
  case runBegun(Run, why: String)
  case stepStarted(String, at: Instant)
  /// About to act. Durable before the request leaves.
  case intent(step: String, CloudAction, undo: CloudAction?, at: Instant)
  case accepted(step: String, receipt: String?)
  /// The newest act of this step certainly did not happen; the sentence says how that is known.
  case didNotHappen(step: String, String)
  case gatePassed(step: String, LossWindow, String, at: Instant)
  /// The veto command said no, or gave no answer where that vetoes.
  case vetoed(step: String, String)
  case stepDone(String, String, at: Instant)
  case stepOwed(String, FenceDebt, at: Instant)
  case stepStuck(String, String)
  /// Looked at anew: an operator's retry, or the gate after its word grew old.
  case stepReopened(String, String)
  case stepSkipped(String, by: String, reason: String, at: Instant)
  case approved(step: String, by: String, reason: String)
  case lossAccepted(LossWindow, by: String, reason: String)
  /// The promotion of a failover is done.
  case lossNoted(LossEntry)
  case lossReviewed(LossReview)
  /// `by` is who aborted it; nil when the primary came back.
  case rollbackBegun(String, by: String?)
  case stepUndone(String)
  case rolledBack(String)
  /// The run is finished: dr-active after a failover, healthy after a failback.
  case runFinished(at: Instant)
  /// What was fenced is so no more: it has to be fenced once more.
  case debtIncurred(FenceDebt)
  case debtPaid(FenceDebt, String)
  /// An operator answers for it: it is neither retried nor watched any more.
  case debtWaived(FenceDebt, by: String, reason: String)
  case acknowledged(by: String, reason: String)
  case paused(Pause)
  case unpaused(by: String, reason: String)
  /// The group of the serving site is wanted at so many instances from then on.
  case capacitySeen(Site, desired: Int, at: Instant)
  /// The primary database's backups are kept for so many days from then on.
  case backupsSeen(days: Int, at: Instant)
  /// Every order, refused ones too.
  case ordered(Order, OrderOutcome)
}
