// The words that travel in JSON. Closed lists are enums; lists that a newer daemon may lengthen are open, so that an older
// pilotlightctl shows the new word instead of failing in the middle of an incident.

/// Version of the programs and of the control API's shape.
package enum Release {
  package static let version = "0.1.0"
}

/// Where a workload stands.
package enum Phase: String, Codable, Hashable, Sendable, CaseIterable {
  case healthy
  case degraded
  case failingOver = "failing-over"
  case drActive = "dr-active"
  case failingBack = "failing-back"
}

/// How far the daemon may go by itself with a workload.
package enum WorkloadMode: String, Codable, Hashable, Sendable, CaseIterable {
  case observe, approve, automatic
}

/// What the detector concludes. `unknown` is a cold start: nothing has been seen yet.
package enum Verdict: String, Codable, Hashable, Sendable, CaseIterable {
  case up, down, blind, unknown
}

/// How well the loss window is known.
package enum LossConfidence: String, Codable, Hashable, Sendable, CaseIterable {
  case measured
  case atMost = "at-most"
  case unknown
}

/// The two plans there are.
package enum PlanKind: String, Codable, Hashable, Sendable, CaseIterable {
  case failover, failback
}

/// What repeating or undoing a step means.
package enum StepKind: String, Codable, Hashable, Sendable, CaseIterable {
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
}

/// Whether the daemon as a whole can act.
package enum DaemonState: String, Codable, Hashable, Sendable, CaseIterable {
  case running
  /// It watches but does not act; `why` says what stopped it.
  case halted
}

/// State of one step of a run: one of the constants, or a word of a newer daemon.
package struct StepState: RawRepresentable, Codable, Hashable, Sendable {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
  package static let pending = StepState(rawValue: "pending")
  package static let running = StepState(rawValue: "running")
  /// At the gate, for fresh evidence, the RPO or an operator.
  package static let waiting = StepState(rawValue: "waiting")
  package static let done = StepState(rawValue: "done")
  package static let failed = StepState(rawValue: "failed")
  package static let stuck = StepState(rawValue: "stuck")
  package static let skipped = StepState(rawValue: "skipped")
  package static let undoing = StepState(rawValue: "undoing")
  package static let undone = StepState(rawValue: "undone")
}

/// State of the knowledge about replica lag: one of the constants, or a word of a newer daemon.
package struct LagState: RawRepresentable, Codable, Hashable, Sendable {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
  /// A sample that is young enough to count.
  package static let current = LagState(rawValue: "current")
  /// The newest sample is too old: unknown.
  package static let stale = LagState(rawValue: "stale")
  /// ReplicaLag is -1: replication is not active.
  package static let inactive = LagState(rawValue: "inactive")
  /// Absent or an error value: unknown, never zero.
  package static let unknown = LagState(rawValue: "unknown")
}
