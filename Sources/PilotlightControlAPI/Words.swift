// The words that travel in JSON, named ...Word beside the core's own types. Closed lists are enums; lists that a newer
// daemon may lengthen are open, so that an older pilotlightctl shows the new word instead of failing in the middle of
// an incident.

/// Version of the programs and of the control API's shape.
package enum Release {
  package static let version = "0.1.0"
}

/// Where a workload stands.
package enum PhaseWord: String, Codable, Hashable, Sendable, CaseIterable {
  case healthy
  case degraded
  case failingOver = "failing-over"
  case drActive = "dr-active"
  case failingBack = "failing-back"
}

/// How far the daemon may go by itself with a workload.
package enum ModeWord: String, Codable, Hashable, Sendable, CaseIterable {
  case observe, approve, automatic
}

/// What the detector concludes. `unknown` is a cold start: nothing has been seen yet.
package enum VerdictWord: String, Codable, Hashable, Sendable, CaseIterable {
  case up, down, blind, unknown
}

/// How well the loss window is known.
package enum ConfidenceWord: String, Codable, Hashable, Sendable, CaseIterable {
  case measured
  case atMost = "at most"
  case unknown
}

/// The plans there are; a preparation is the part of a failover that comes before its gate.
package enum PlanKind: String, Codable, Hashable, Sendable, CaseIterable {
  case failover, failback, switchover, preparation
}

/// What repeating or undoing a step means.
package enum StepKindWord: String, Codable, Hashable, Sendable, CaseIterable {
  case reversible
  case oneWay = "one-way"
  case readOnly = "read-only"
}

/// How a run stands as a whole.
package enum Standing: String, Codable, Hashable, Sendable, CaseIterable {
  case running
  /// For an operator's `approve`.
  case waiting
  /// A step keeps failing; `stuck` names the ways out.
  case stuck
  case rollingBack = "rolling-back"
  /// It led to the present phase.
  case finished
}

/// Whether the daemon as a whole can act.
package enum DaemonState: String, Codable, Hashable, Sendable, CaseIterable {
  case running
  /// It watches but does not act; `why` says what stopped it.
  case halted
}

/// State of one step of a run: one of the constants, or a word of a newer daemon.
package struct StepStateWord: RawRepresentable, Codable, Hashable, Sendable {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
  /// For steps above it, for fresh evidence at the gate, or for an operator.
  package static let waiting = StepStateWord(rawValue: "waiting")
  package static let running = StepStateWord(rawValue: "running")
  package static let done = StepStateWord(rawValue: "done")
  /// An operator took it as done.
  package static let skipped = StepStateWord(rawValue: "skipped")
  /// Given up at its bound; what is owed is among the debts.
  package static let owed = StepStateWord(rawValue: "owed")
  package static let stuck = StepStateWord(rawValue: "stuck")
  package static let undone = StepStateWord(rawValue: "undone")
}

/// State of the knowledge about replica lag: one of the constants, or a word of a newer daemon.
package struct LagStateWord: RawRepresentable, Codable, Hashable, Sendable {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
  /// A sample that is young enough to count.
  package static let replicating = LagStateWord(rawValue: "replicating")
  /// The newest sample is too old: unknown.
  package static let stale = LagStateWord(rawValue: "stale")
  /// ReplicaLag is -1: replication is not active.
  package static let inactive = LagStateWord(rawValue: "inactive")
  /// Absent or an error value: unknown, never zero.
  package static let unknown = LagStateWord(rawValue: "unknown")
}
