// What the detector concludes. Blind is not down; unknown is not down.

/// The detector's conclusion about the primary.
package enum Verdict: String, Hashable, Sendable, Codable, CaseIterable {
  case up
  case down
  /// Our own view is broken: references fail too. Nothing moves towards failover.
  case blind
  /// Too little was seen since the start or since a time gap.
  case unknown
}

/// One independent vantage's opinion.
package enum Opinion: String, Hashable, Sendable, Codable, CaseIterable {
  case up
  case down
  case unknown
}

/// Whether the vantages agree that the primary is down.
package enum Agreement: Hashable, Sendable, Codable {
  /// The policy is satisfied; the text names who agreed.
  case agreed(String)
  /// A vantage says the primary is up; the text names it.
  case contradicted(String)
  /// No vantage has an opinion yet.
  case missing
}

/// An assessment, with what it rests on.
package struct Assessment: Equatable, Sendable {
  package var verdict: Verdict
  /// Since when the verdict is this.
  package var since: Instant
  /// T0: the first failed probe of the run of failures; nil unless probes fail now.
  package var outageStart: Instant?
  /// Our own probes have failed for `confirmFor`.
  package var lasted: Bool
  /// The newest probe shows the outage.
  package var witnessed: Bool
  /// Down, and the newest probe serves users: not often enough in a row yet, and no time to ask anybody.
  package var answersAgain: Bool
  /// Neither the newest probe nor the newest call of the region's API got any answer.
  package var isSilent: Bool
  /// The verdict is down, has lasted, is corroborated and witnessed.
  package var confirmed: Bool
  package var agreement: Agreement
  /// A failure that degrades and alerts but cannot justify a failover.
  package var concern: FailureClass?
  /// The primary answers, and too often wrong or late; nil when that is not so, or counts as down.
  package var grey: GreyWindow.Kind?
  /// The name of what is wrong; nil when nothing is, or too little was seen.
  package var diagnosis: Diagnosis?
  /// Start of the newest successful probe since the daemon started.
  package var lastSuccess: Instant?
  /// What it rests on; put into words only when somebody asks.
  private let basis: Basis?

  /// Sentences for people: what each probe and vantage sees.
  package var evidence: [String] { basis?.sentences ?? [] }

  package init(
    verdict: Verdict, since: Instant, outageStart: Instant? = nil, lasted: Bool = false, witnessed: Bool = false,
    answersAgain: Bool = false, isSilent: Bool = false, confirmed: Bool = false,
    agreement: Agreement = .missing, concern: FailureClass? = nil, grey: GreyWindow.Kind? = nil,
    diagnosis: Diagnosis? = nil, lastSuccess: Instant? = nil, basis: Basis? = nil
  ) {
    self.verdict = verdict
    self.since = since
    self.outageStart = outageStart
    self.lasted = lasted
    self.witnessed = witnessed
    self.answersAgain = answersAgain
    self.isSilent = isSilent
    self.confirmed = confirmed
    self.agreement = agreement
    self.concern = concern
    self.grey = grey
    self.diagnosis = diagnosis
    self.lastSuccess = lastSuccess
    self.basis = basis
  }
}

/// The readings an assessment rests on.
package struct Basis: Equatable, Sendable {
  var tally: Tally
  var targets: TargetHealth?
  /// Whether the primary region's API answers.
  var primaryAPI: Bool?
  var checkers: CheckerHealth?
  /// How many of the window's probes failed or were late; nil unless it is grey.
  var grey: (bad: Int, total: Int)?
  /// How many of the references answer, while probes fail.
  var references: (answering: Int, total: Int)?

  package static func == (a: Basis, b: Basis) -> Bool {
    a.tally == b.tally && a.targets == b.targets && a.primaryAPI == b.primaryAPI && a.checkers == b.checkers
      && a.grey?.bad == b.grey?.bad && a.grey?.total == b.grey?.total
      && a.references?.answering == b.references?.answering && a.references?.total == b.references?.total
  }

  var sentences: [String] {
    var lines = ["primary probe: \(tally.sentence)"]
    if let grey { lines.append("of the last \(grey.total) probes \(grey.bad) failed or were late") }
    if let targets {
      lines.append("target health: \(targets.healthy) healthy, \(targets.unhealthy) unhealthy, \(targets.other) other")
    }
    if let primaryAPI { lines.append("primary region's API: \(primaryAPI ? "answers" : "does not answer")") }
    if let checkers {
      lines.append(
        "Route 53's checkers: \(checkers.healthy) of \(checkers.healthy + checkers.unhealthy) see it healthy")
    }
    if let references { lines.append("references: \(references.answering) of \(references.total) answer") }
    return lines
  }
}
