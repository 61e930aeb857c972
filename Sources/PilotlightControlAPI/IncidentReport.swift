// The report of an incident: what a review the week after starts from.

/// One incident, over or not, from the ledger alone.
package struct IncidentReport: Codable, Hashable, Sendable {
  package var workload: String
  package var incident: String
  /// It goes on, or the workload is where it led.
  package var isPresent: Bool
  /// Null when no run began.
  @ExplicitNull package var kind: PlanKind?
  /// What it came to, in a sentence.
  package var outcome: String
  package var recovery: Achieved
  package var loss: Achieved
  /// What may be missing, from when to when and where it was written; null where nothing was promoted.
  @ExplicitNull package var lost: LostStatus?
  /// In the order of their times.
  package var milestones: [Moment]
  /// What was decided, on what evidence, and what stood in the way.
  package var decisions: [String]
  /// In the plan's order; empty when no run began.
  package var steps: [StepReport]
  /// What a run that was taken back could not unmake, and what a person skipped, in sentences; null where there is nothing.
  @ExplicitNull package var remains: [String]?
  /// Fence debts of this incident that are not paid.
  package var debts: [DebtStatus]
  /// Its newest records, oldest first; all of them, but of the longest stories.
  package var timeline: [HistoryEntry]
  /// How many records it has.
  package var records: Int

  package init(
    workload: String, incident: String, isPresent: Bool, kind: PlanKind?, outcome: String, recovery: Achieved,
    loss: Achieved,
    lost: LostStatus?, milestones: [Moment], decisions: [String], steps: [StepReport], debts: [DebtStatus],
    remains: [String]? = nil, timeline: [HistoryEntry], records: Int
  ) {
    self.workload = workload
    self.incident = incident
    self.isPresent = isPresent
    _kind = ExplicitNull(wrappedValue: kind)
    self.outcome = outcome
    self.recovery = recovery
    self.loss = loss
    _lost = ExplicitNull(wrappedValue: lost)
    self.milestones = milestones
    self.decisions = decisions
    self.steps = steps
    self.debts = debts
    _remains = ExplicitNull(wrappedValue: remains)
    self.timeline = timeline
    self.records = records
  }

  /// What was reached against what was wanted, seconds.
  package struct Achieved: Codable, Hashable, Sendable {
    /// Null where it was not measured, or is not known.
    @ExplicitNull package var seconds: Double?
    /// As the configuration says now.
    package var objective: Double
    /// Null with `seconds`.
    @ExplicitNull package var met: Bool?
    /// While it is not reached yet, how long it has taken; null otherwise.
    @ExplicitNull package var soFar: Double?

    package init(seconds: Double?, objective: Double, soFar: Double? = nil) {
      _seconds = ExplicitNull(wrappedValue: seconds)
      _soFar = ExplicitNull(wrappedValue: soFar)
      self.objective = objective
      _met = ExplicitNull(wrappedValue: seconds.map { $0 <= objective })
    }
  }

  package struct Moment: Codable, Hashable, Sendable {
    package var what: String
    package var at: Timestamp

    package init(what: String, at: Timestamp) {
      self.what = what
      self.at = at
    }
  }

  package struct StepReport: Codable, Hashable, Sendable {
    package var step: StepStatus
    /// A sentence.
    package var does: String
    /// Ours: looking, holding back, pauses between attempts, and people. Seconds.
    package var ownSeconds: Double
    /// AWS's: from a request to what it brought about, and waiting for what happens by itself. Seconds.
    package var cloudSeconds: Double
    /// How often it was asked for.
    package var attempts: Int
    /// The id the cloud gave; null when it gave none.
    @ExplicitNull package var receipt: String?

    package init(
      step: StepStatus, does: String, ownSeconds: Double, cloudSeconds: Double, attempts: Int, receipt: String?
    ) {
      self.step = step
      self.does = does
      self.ownSeconds = ownSeconds
      self.cloudSeconds = cloudSeconds
      self.attempts = attempts
      _receipt = ExplicitNull(wrappedValue: receipt)
    }
  }
}
