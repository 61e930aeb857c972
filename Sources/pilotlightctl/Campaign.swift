// One scenario on many days, and how the results spread.

import PilotlightCore
import PilotlightSandbox
import PilotlightSimulation

/// Exercises with one seed after the other.
struct Campaign {
  let first: UInt64
  let runs: Int
  /// Runs in which a promise of the product broke.
  private(set) var violated = 0
  /// The first of them, to be told.
  private(set) var firstViolation: (seed: UInt64, violation: Violation)?
  /// In the order of the configuration.
  private(set) var workloads: [Tally]

  /// The worst of all.
  var verdict: Exercise.Verdict { workloads.flatMap { $0.days.map(\.verdict) }.max() ?? .undisturbed }

  /// What all days did to one workload.
  struct Tally {
    let settings: WorkloadSettings
    var days: [Day] = []

    func count(_ verdict: Exercise.Verdict) -> Int { days.count { $0.verdict == verdict } }

    /// The day to look at: the worst verdict, then the longest outage, then the widest loss.
    var worst: Day? {
      days.max { a, b in
        let (x, y) = (a.recovery ?? .infinity, b.recovery ?? .infinity)
        return (a.verdict, x, a.loss) < (b.verdict, y, b.loss)
      }
    }
    var recovery: Spread { Spread(days.map(\.recovery)) }
    var loss: Spread { Spread(days.map(\.loss)) }
    var lostWrites: Spread { Spread(days.map { Double($0.lostWrites) }) }
  }

  /// One day of one workload.
  struct Day {
    let seed: UInt64
    let verdict: Exercise.Verdict
    /// Seconds; nil when the service did not come back.
    let recovery: Double?
    /// Seconds.
    let loss: Double
    let lostWrites: Int
  }

  init(_ table: Tabletop, seeds: Range<UInt64>) {
    first = seeds.lowerBound
    runs = seeds.count
    workloads = table.workloads.map { Tally(settings: $0) }
    for seed in seeds {
      let exercise = table.play(seed: seed, recording: false)
      if let violation = exercise.violations.first {
        violated += 1
        firstViolation = firstViolation ?? (seed, violation)
      }
      for (index, findings) in exercise.workloads.enumerated() {
        workloads[index].days.append(
          Day(
            seed: seed, verdict: findings.verdict, recovery: findings.recovery?.seconds,
            loss: findings.facts.lossWindow.seconds, lostWrites: findings.facts.lostWrites))
      }
    }
  }
}

/// Order statistics by nearest rank; nil is worse than any number.
struct Spread: Codable {
  let min: Double?
  let median: Double?
  let p95: Double?
  let max: Double?

  init(_ values: [Double?]) {
    let sorted = values.sorted { ($0 ?? .infinity) < ($1 ?? .infinity) }
    func rank(_ share: Double) -> Double? {
      guard !sorted.isEmpty else { return nil }
      return sorted[Swift.max(Int((share * Double(sorted.count)).rounded(.up)) - 1, 0)]
    }
    (min, median, p95, max) = (rank(0), rank(0.5), rank(0.95), rank(1))
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    for (key, value) in [(CodingKeys.min, min), (.median, median), (.p95, p95), (.max, max)] {
      try container.encode(value, forKey: key)
    }
  }
}
