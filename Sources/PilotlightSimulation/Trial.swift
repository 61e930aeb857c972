// Everything a simulated world begins with. The same trial gives the same story to the byte, on every machine.

package import PilotlightCore
package import PilotlightEngine
package import PilotlightSandbox

/// One world to be lived through.
package struct Trial: Sendable, Codable {
  /// Latencies, durations of the cloud's own work, jitter: all chance in the world comes from here.
  package var seed: UInt64
  package var workloads: [WorkloadSettings]
  package var brakes: Brakes
  package var scenario: Scenario
  /// How long RDS takes to build a cross-region replica.
  package var replicaCreation: ClosedRange<Duration>
  /// What the databases run; nil: PostgreSQL.
  package var engine: SandboxEngine?
  /// The load balancers of the DR region answer 503 from the beginning: an earlier run was left in the middle. nil: they do not.
  package var isLeftClosed: Bool?
  /// What the world must end in for this trial to be right, beyond the invariants.
  package var expectation: Expectation
  /// Once everything is mended an operator follows the daemon's own advice, failback included.
  package var operatorFailsBack: Bool
  package var ending: Ending

  package init(
    seed: UInt64, workloads: [WorkloadSettings], brakes: Brakes = Brakes(maximum: 1, window: .hours(1)),
    scenario: Scenario, replicaCreation: ClosedRange<Duration> = .minutes(4)...(.minutes(6)),
    expectation: Expectation = .none, operatorFailsBack: Bool = true, ending: Ending = .mended
  ) {
    self.seed = seed
    self.workloads = workloads
    self.brakes = brakes
    self.scenario = scenario
    self.replicaCreation = replicaCreation
    self.expectation = expectation
    self.operatorFailsBack = operatorFailsBack
    self.ending = ending
  }
}

extension Trial {
  /// The longest that the ledger's disk takes for a write; zero on a disk that works.
  var slowestWrite: Duration {
    var longest = Duration.zero
    for entry in scenario.entries {
      if case .disk(.slow(let pause)) = entry.what { longest = max(longest, pause) }
    }
    return longest
  }
}

/// What comes after the scenario.
package enum Ending: Hashable, Sendable, Codable {
  /// Everything is mended, and an operator leads the way out of whatever is left, however long it takes.
  case mended
  /// Nothing: the story stops where the scenario does. An operator comes `operatorAfter` a warning of the daemon's and follows its
  /// advice until nothing is under way; nil: nobody comes.
  case asItStands(operatorAfter: Duration?)
}

/// What a trial promises because of how it was made.
package enum Expectation: String, Hashable, Sendable, Codable {
  case none
  /// The primary serves throughout, or is out for less than the confirmation: nothing is ever changed in the cloud.
  case nothingActs
  /// A real outage in a world that otherwise works: dr-active within the RTO of the outage's beginning.
  case failsOver
  /// A real outage that lasts, in a world where anything may be wrong besides: a failover begins, or it is said what holds it back.
  case begins
}

/// How a world went.
package struct Outcome: Sendable {
  /// What must never be, in the order it was seen; empty when all is well.
  package var violations: [Violation]
  /// Simulated time that passed.
  package var lived: Duration
  /// How the first workload ended.
  package var phase: PhaseName
  package var failovers = 0
  package var failbacks = 0
  package var crashes = 0
  package var promotions = 0
  package var actions = 0
  /// Worlds in which every vantage the daemon has told the same lie: its failover is no fault of its own, and is counted apart.
  package var deceived = 0
  /// When the first request that changes something, and the first promotion, left the daemon; nil when none did.
  package var firstBegun: Instant?
  package var firstAct: Instant?
  package var firstPromotion: Instant?
  /// The story as the journal shows it, empty unless it was asked for.
  package var story: [String]
}

/// A broken promise.
package struct Violation: Hashable, Sendable {
  /// A short stable name, e.g. `promoted-beside-serving-primary`.
  package var rule: String
  package var at: Instant
  package var detail: String
}
