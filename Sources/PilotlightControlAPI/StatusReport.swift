// What `status --json` prints. The shape is a promise to scripts: keys are never omitted, nothing is `null`, times are
// ISO-8601 UTC with milliseconds, durations are numbers of seconds. Keys may be added, none is renamed or removed.

/// Everything the daemon thinks at one moment.
package struct StatusReport: Codable, Hashable, Sendable {
  package var daemon: DaemonStatus
  /// In the order of the configuration.
  package var workloads: [WorkloadStatus]

  package init(daemon: DaemonStatus, workloads: [WorkloadStatus]) {
    self.daemon = daemon
    self.workloads = workloads
  }
}

/// The daemon itself.
package struct DaemonStatus: Codable, Hashable, Sendable {
  package var version: String
  package var pid: Int32
  package var startedAt: Timestamp
  /// The daemon's clock when it wrote this report: ages and countdowns are counted from here, not from the reader's
  /// clock.
  package var at: Timestamp
  package var ledger: LedgerStatus
  package var state: DaemonState
  /// What stopped it from acting; null while it runs.
  @ExplicitNull package var why: String?
  /// True when the cloud is the sandbox inside the product.
  package var sandbox: Bool
  /// The AWS account it started with; null until it is known.
  @ExplicitNull package var account: String?

  package init(
    version: String = Release.version, pid: Int32, startedAt: Timestamp, at: Timestamp, ledger: LedgerStatus,
    state: DaemonState = .running, why: String? = nil, sandbox: Bool = false, account: String? = nil
  ) {
    self.version = version
    self.pid = pid
    self.startedAt = startedAt
    self.at = at
    self.ledger = ledger
    self.state = state
    _why = ExplicitNull(wrappedValue: why)
    self.sandbox = sandbox
    _account = ExplicitNull(wrappedValue: account)
  }
}

/// The ledger in two words.
package struct LedgerStatus: Codable, Hashable, Sendable {
  /// `ok`, or one word for what is wrong with it.
  package var state: String
  package var entries: Int64
  package init(state: String, entries: Int64) {
    self.state = state
    self.entries = entries
  }
}

/// One workload.
package struct WorkloadStatus: Codable, Hashable, Sendable {
  package var name: String
  package var phase: PhaseWord
  package var mode: ModeWord
  package var paused: Bool
  package var armed: ArmedStatus
  package var assessment: AssessmentStatus
  /// Null before the first look at the replica.
  @ExplicitNull package var lag: LagStatus?
  /// What promotion now would lose; null where promotion has no meaning (dr-active).
  @ExplicitNull package var loss: LossStatus?
  /// The latest start of the one-way step that still meets the RTO; null outside an outage.
  @ExplicitNull package var commitDeadline: Timestamp?
  /// The run in progress; null when there is none.
  @ExplicitNull package var incident: IncidentStatus?

  // Beyond the promise.
  @ExplicitNull package var pause: PauseStatus?
  /// No failover starts by itself before this; null when none is held down.
  @ExplicitNull package var holdDownUntil: Timestamp?
  /// Forecast recovery time, seconds.
  @ExplicitNull package var forecast: Double?
  @ExplicitNull package var objectives: ObjectivesStatus?
  @ExplicitNull package var regions: RegionsStatus?
  /// Oldest first.
  package var debts: [DebtStatus]
  @ExplicitNull package var stuck: StuckStatus?
  /// A name for what is wrong, in a sentence; null when nothing is.
  @ExplicitNull package var diagnosis: String?
  /// What a preparation costs; null while there is none.
  @ExplicitNull package var surplus: SurplusStatus?
  /// Which watchdog acts; null where there is only one.
  @ExplicitNull package var lease: LeaseStatus?
  /// What the promotion of the newest failover lost; null but in dr-active and failing-back.
  @ExplicitNull package var lost: LostStatus?

  package init(
    name: String, phase: PhaseWord, mode: ModeWord, paused: Bool = false, armed: ArmedStatus,
    assessment: AssessmentStatus, lag: LagStatus? = nil, loss: LossStatus? = nil, commitDeadline: Timestamp? = nil,
    incident: IncidentStatus? = nil, pause: PauseStatus? = nil, holdDownUntil: Timestamp? = nil,
    forecast: Double? = nil, objectives: ObjectivesStatus? = nil, regions: RegionsStatus? = nil,
    debts: [DebtStatus] = [], stuck: StuckStatus? = nil, diagnosis: String? = nil,
    surplus: SurplusStatus? = nil, lease: LeaseStatus? = nil, lost: LostStatus? = nil
  ) {
    self.name = name
    self.phase = phase
    self.mode = mode
    self.paused = paused
    self.armed = armed
    self.assessment = assessment
    _lag = ExplicitNull(wrappedValue: lag)
    _loss = ExplicitNull(wrappedValue: loss)
    _commitDeadline = ExplicitNull(wrappedValue: commitDeadline)
    _incident = ExplicitNull(wrappedValue: incident)
    _pause = ExplicitNull(wrappedValue: pause)
    _holdDownUntil = ExplicitNull(wrappedValue: holdDownUntil)
    _forecast = ExplicitNull(wrappedValue: forecast)
    _objectives = ExplicitNull(wrappedValue: objectives)
    _regions = ExplicitNull(wrappedValue: regions)
    self.debts = debts
    _stuck = ExplicitNull(wrappedValue: stuck)
    _diagnosis = ExplicitNull(wrappedValue: diagnosis)
    _surplus = ExplicitNull(wrappedValue: surplus)
    _lease = ExplicitNull(wrappedValue: lease)
    _lost = ExplicitNull(wrappedValue: lost)
  }
}
