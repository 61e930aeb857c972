// The parts of a workload's status. Each is one object of the JSON.

/// Could it fail over right now, and if not, why not.
package struct ArmedStatus: Codable, Hashable, Sendable {
  package var ok: Bool
  /// Sentences; empty when `ok`.
  package var reasons: [String]
  /// Those of `reasons` for which an ordered failover is refused, too.
  package var obstacles: [String]
  /// What is neither proven nor known to be missing, in sentences; it does not count against `ok`.
  package var unproven: [String]
  package init(ok: Bool, reasons: [String] = [], obstacles: [String] = [], unproven: [String] = []) {
    self.ok = ok
    self.reasons = reasons
    self.obstacles = obstacles
    self.unproven = unproven
  }

  /// A daemon of before has no `unproven` and no `obstacles`.
  package init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      ok: try keys.decode(Bool.self, forKey: .ok), reasons: try keys.decode([String].self, forKey: .reasons),
      obstacles: try keys.decodeIfPresent([String].self, forKey: .obstacles) ?? [],
      unproven: try keys.decodeIfPresent([String].self, forKey: .unproven) ?? [])
  }
}

/// What the detector concludes, since when, from what.
package struct AssessmentStatus: Codable, Hashable, Sendable {
  package var verdict: VerdictWord
  /// Null before there is a verdict.
  @ExplicitNull package var since: Timestamp?
  /// Sentences, the weightiest first.
  package var evidence: [String]
  package init(verdict: VerdictWord, since: Timestamp? = nil, evidence: [String] = []) {
    self.verdict = verdict
    _since = ExplicitNull(wrappedValue: since)
    self.evidence = evidence
  }
}

/// The newest knowledge about replica lag.
package struct LagStatus: Codable, Hashable, Sendable {
  /// Null when unknown; never -1, never a guess.
  @ExplicitNull package var seconds: Double?
  /// When the sample was taken.
  @ExplicitNull package var at: Timestamp?
  package var state: LagStateWord
  package init(seconds: Double?, at: Timestamp?, state: LagStateWord) {
    _seconds = ExplicitNull(wrappedValue: seconds)
    _at = ExplicitNull(wrappedValue: at)
    self.state = state
  }
}

/// The writes that promotion now would lose, as time.
package struct LossStatus: Codable, Hashable, Sendable {
  /// Null when unknown.
  @ExplicitNull package var seconds: Double?
  package var confidence: ConfidenceWord
  package init(seconds: Double?, confidence: ConfidenceWord) {
    _seconds = ExplicitNull(wrappedValue: seconds)
    self.confidence = confidence
  }
}

/// A run in progress.
package struct IncidentStatus: Codable, Hashable, Sendable {
  package var id: String
  package var startedAt: Timestamp
  package var kind: PlanKind
  package var standing: Standing
  /// The step that asks a person; null: none does.
  @ExplicitNull package var asks: String?
  /// Why nothing is changed now; null: it may be.
  @ExplicitNull package var held: String?
  /// In the plan's order.
  package var steps: [StepStatus]
  package init(
    id: String, startedAt: Timestamp, kind: PlanKind, standing: Standing, asks: String? = nil, held: String? = nil,
    steps: [StepStatus]
  ) {
    self.id = id
    self.startedAt = startedAt
    self.kind = kind
    self.standing = standing
    _asks = ExplicitNull(wrappedValue: asks)
    _held = ExplicitNull(wrappedValue: held)
    self.steps = steps
  }
}

/// One step of a run.
package struct StepStatus: Codable, Hashable, Sendable {
  package var name: String
  package var state: StepStateWord
  package var kind: StepKindWord
  @ExplicitNull package var startedAt: Timestamp?
  @ExplicitNull package var finishedAt: Timestamp?
  /// What it saw last, or why it failed.
  @ExplicitNull package var detail: String?
  package init(
    name: String, state: StepStateWord, kind: StepKindWord, startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil,
    detail: String? = nil
  ) {
    self.name = name
    self.state = state
    self.kind = kind
    _startedAt = ExplicitNull(wrappedValue: startedAt)
    _finishedAt = ExplicitNull(wrappedValue: finishedAt)
    _detail = ExplicitNull(wrappedValue: detail)
  }
}

/// Who paused the workload, why and until when.
package struct PauseStatus: Codable, Hashable, Sendable {
  package var reason: String
  package var by: String
  /// Null: until `resume`.
  @ExplicitNull package var expires: Timestamp?
  package init(reason: String, by: String, expires: Timestamp? = nil) {
    self.reason = reason
    self.by = by
    _expires = ExplicitNull(wrappedValue: expires)
  }
}

/// The objectives, in seconds, to measure the loss and the deadline against.
package struct ObjectivesStatus: Codable, Hashable, Sendable {
  package var rto: Double
  package var rpo: Double
  package init(rto: Double, rpo: Double) {
    self.rto = rto
    self.rpo = rpo
  }
}

/// The two regions by their role in the configuration.
package struct RegionsStatus: Codable, Hashable, Sendable {
  package var primary: String
  package var dr: String
  package init(primary: String, dr: String) {
    self.primary = primary
    self.dr = dr
  }
}

/// Something that could not be fenced yet.
package struct DebtStatus: Codable, Hashable, Sendable {
  /// A sentence.
  package var what: String
  package var since: Timestamp
  /// The step that owes it; nil in the report of a finished incident.
  package var step: String?
  /// What the newest try found.
  package var note: String?
  package init(what: String, since: Timestamp, step: String? = nil, note: String? = nil) {
    self.what = what
    self.since = since
    self.step = step
    self.note = note
  }
}

/// A step that keeps failing, and the ways out.
package struct StuckStatus: Codable, Hashable, Sendable {
  package var step: String
  package var why: String
  /// Exact commands.
  package var wayOut: [String]
  package init(step: String, why: String, wayOut: [String]) {
    self.step = step
    self.why = why
    self.wayOut = wayOut
  }
}

/// Instances that run only to be ready for a failover.
package struct SurplusStatus: Codable, Hashable, Sendable {
  package var region: String
  package var instances: Int
  /// When they were asked for.
  package var since: Timestamp
  /// Instances times hours, so far.
  package var instanceHours: Double
  package init(region: String, instances: Int, since: Timestamp, instanceHours: Double) {
    self.region = region
    self.instances = instances
    self.since = since
    self.instanceHours = instanceHours
  }
}

/// The lease that says which of several watchdogs acts.
package struct LeaseStatus: Codable, Hashable, Sendable {
  /// This one may act.
  package var held: Bool
  /// Until when it may, unless it is renewed; null when it may not.
  @ExplicitNull package var until: Timestamp?
  /// Who may act, as last read; null when nobody may, or when it was not read yet.
  @ExplicitNull package var holder: String?
  /// The fencing number; null with `holder`.
  @ExplicitNull package var number: Int?
  /// Why nothing is known of it at present; null when it is.
  @ExplicitNull package var trouble: String?
  package init(
    held: Bool, until: Timestamp? = nil, holder: String? = nil, number: Int? = nil, trouble: String? = nil
  ) {
    self.held = held
    _until = ExplicitNull(wrappedValue: until)
    _holder = ExplicitNull(wrappedValue: holder)
    _number = ExplicitNull(wrappedValue: number)
    _trouble = ExplicitNull(wrappedValue: trouble)
  }
}

/// What a promotion lost, until when and where it was written.
package struct LostStatus: Codable, Hashable, Sendable {
  /// A sentence.
  package var what: String
  /// Null when unknown.
  @ExplicitNull package var seconds: Double?
  package var confidence: ConfidenceWord
  /// Everything written before is on the promoted database; null when unknown.
  @ExplicitNull package var from: Timestamp?
  /// Nothing was written after it, as far as was seen; null when unknown.
  @ExplicitNull package var to: Timestamp?
  /// Who has looked for it; null while nobody has, and no failback begins.
  @ExplicitNull package var reviewedBy: String?
  /// Where it was written, and may still be; null when nothing was noted.
  @ExplicitNull package var left: DatabaseStatus?
  /// What was promoted without it; null when nothing was noted.
  @ExplicitNull package var promoted: DatabaseStatus?
  package init(
    what: String, seconds: Double? = nil, confidence: ConfidenceWord = .unknown, from: Timestamp? = nil,
    to: Timestamp? = nil, reviewedBy: String? = nil, left: DatabaseStatus? = nil, promoted: DatabaseStatus? = nil
  ) {
    self.what = what
    _seconds = ExplicitNull(wrappedValue: seconds)
    self.confidence = confidence
    _from = ExplicitNull(wrappedValue: from)
    _to = ExplicitNull(wrappedValue: to)
    _reviewedBy = ExplicitNull(wrappedValue: reviewedBy)
    _left = ExplicitNull(wrappedValue: left)
    _promoted = ExplicitNull(wrappedValue: promoted)
  }
}

/// A database as it was when a promotion was seen done.
package struct DatabaseStatus: Codable, Hashable, Sendable {
  package var region: String
  package var identifier: String
  /// Null when it was not read.
  @ExplicitNull package var arn: String?
  /// Host and port; null when it was not read.
  @ExplicitNull package var address: String?
  /// The identifier under which a failback keeps it; null where none does.
  @ExplicitNull package var keptAs: String?
  package init(region: String, identifier: String, arn: String?, address: String?, keptAs: String? = nil) {
    self.region = region
    self.identifier = identifier
    _arn = ExplicitNull(wrappedValue: arn)
    _address = ExplicitNull(wrappedValue: address)
    _keptAs = ExplicitNull(wrappedValue: keptAs)
  }
}
