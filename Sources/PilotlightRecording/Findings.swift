// What a replay found.

package import PilotlightCore

/// What a configuration would have made of a recording.
package struct Findings: Equatable, Sendable {
  /// From the first thing recorded to the last, nil in an empty recording; wall time.
  package var span: ClosedRange<Instant>?
  package var sightings = 0
  /// Sightings that the daemon could not keep.
  package var missed = 0
  package var starts = 0
  package var gaps = Spells()
  /// In the order of the configuration.
  package var workloads: [Workload] = []
  /// Recorded, but not in this configuration.
  package var strangers: [String] = []

  package init() {}

  /// How often and how long in all.
  package struct Spells: Equatable, Sendable {
    package var count = 0
    package var total: Duration = .zero
    package var longest: Duration = .zero

    package init() {}

    mutating func add(_ length: Duration) {
      count += 1
      total += length
      longest = max(longest, length)
    }
  }

  /// One workload.
  package struct Workload: Equatable, Sendable {
    package var settings: WorkloadSettings
    package var sightings = 0
    /// Would-be failovers, oldest first.
    package var failovers: [Failover] = []
    /// Outages that lasted long enough, and in which something held the failover back until the primary recovered.
    package var held: [Held] = []
    /// Outages that were over before a failover would have begun.
    package var nearMisses: [NearMiss] = []
    /// Times it was degraded although probes succeeded: slow answers, TLS, DNS, replication behind.
    package var concerns = 0
    package var blind = Spells()
    /// The longest time without a known replica lag.
    package var longestUnknownLag: Duration = .zero
    /// Runs that the daemon really carried out meanwhile.
    package var runs: [RealRun] = []
    /// What this recording cannot tell about this configuration.
    package var limits: [String] = []
  }

  /// One moment at which a failover would have begun, and what became of the outage.
  package struct Failover: Equatable, Sendable {
    /// T0.
    package var outageStart: Instant
    package var confirmedAt: Instant
    package var begunAt: Instant
    /// What promoting at that moment would have lost.
    package var loss: LossWindow
    /// From the beginning until users would have been served again.
    package var forecast: Duration
    /// From the beginning until the gate would have looked again, before anything one-way.
    package var untilGate: Duration
    /// The first of the successes that ended the outage; nil: not within the recording.
    package var recoveredAt: Instant?
    /// The last moment that is known.
    package var knownUntil: Instant
    package var evidence: [String]
    /// Why it would not have begun by itself although its own workload spoke for it: too many others moved.
    package var brake: String?
    /// The daemon's own run of that outage.
    package var realRunAt: Instant?

    package var servedAt: Instant { begunAt + forecast }

    package enum Verdict: String, Sendable, CaseIterable {
      /// The outage lasted longer than the failover would have taken.
      case right
      /// The primary recovered sooner than the failover would have served users.
      case wrong
      /// It cannot be told: the recording ends before, or the daemon failed over itself and fenced the primary.
      case open
    }

    package var verdict: Verdict {
      if let recoveredAt, recoveredAt < servedAt { return .wrong }
      return realRunAt != nil || knownUntil < servedAt ? .open : .right
    }

    /// The gate, which reads the evidence again, would have taken it back: the primary was there before it asked.
    package var wouldBeTakenBack: Bool { recoveredAt.map { $0 <= begunAt + untilGate } ?? false }
  }

  package struct Held: Equatable, Sendable {
    package var outageStart: Instant
    package var recoveredAt: Instant?
    package var lasted: Duration
    package var why: [String]
  }

  package struct NearMiss: Equatable, Sendable {
    package var outageStart: Instant
    package var lasted: Duration
  }

  package struct RealRun: Equatable, Sendable {
    package var moment: RunMoment
    package var at: Instant
  }

  /// Failovers that would have begun by themselves and look wrong.
  package var wrong: Int {
    workloads.reduce(0) { $0 + $1.failovers.count { $0.verdict == .wrong && $0.brake == nil } }
  }
}
