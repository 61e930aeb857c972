// Many worlds side by side, and what they add up to.

import ArgumentParser
import Dispatch
import Foundation
import PilotlightCore
import PilotlightSimulation
import Synchronization

/// Index after index, on `jobs` processors.
func inParallel(_ count: Int, jobs: Int, _ body: @Sendable (Int) -> Void) {
  // A queue each: concurrentPerform counts what else the machine does, and settles for one thread.
  withoutActuallyEscaping(body) { body in
    let group = DispatchGroup()
    for job in 0..<jobs {
      DispatchQueue(label: "simulator.\(job)").async(group: group) {
        for index in stride(from: job, to: count, by: jobs) { body(index) }
      }
    }
    group.wait()
  }
}

/// Lives each trial, prints what they add up to, and fails when a promise broke.
func campaign(count: Int, jobs: Int, _ trial: @Sendable (Int) -> Trial) throws {
  let clock = ContinuousClock()
  let began = clock.now
  let total = Mutex(Total())
  inParallel(count, jobs: jobs) { index in
    let trial = trial(index)
    let outcome = Simulation(trial).run()
    total.withLock { $0.add(outcome, trial.scenario.name) }
  }
  try total.withLock { try $0.report(count, took: clock.now - began, jobs: jobs) }
}

/// What all worlds add up to.
struct Total {
  private var lived = Duration.zero
  private var counts: [(String, Int)] = [
    ("failovers", 0), ("failbacks", 0), ("promotions", 0), ("crashes", 0), ("requests that change something", 0),
    ("decisions in which every vantage lied", 0),
  ]
  private var broken: [String: Int] = [:]

  mutating func add(_ outcome: Outcome, _ name: String) {
    lived += outcome.lived
    let more = [
      outcome.failovers, outcome.failbacks, outcome.promotions, outcome.crashes, outcome.actions, outcome.deceived,
    ]
    for (index, count) in more.enumerated() { counts[index].1 += count }
    guard let first = outcome.violations.first else { return }
    broken[first.rule, default: 0] += 1
    if broken[first.rule, default: 0] <= 5 { print("BROKEN in \(name): \(first.rule): \(first.detail)") }
  }

  func report(_ worlds: Int, took: Duration, jobs: Int) throws {
    let years = lived.seconds / (365.25 * 86400)
    let minutes = took.seconds * Double(jobs) / 60
    print("\(worlds) worlds: " + counts.map { "\($0.1) \($0.0)" }.joined(separator: ", "))
    print(
      "\(tenths(years * 10)) simulated years in \(took.text) on \(jobs) processors: "
        + "\(tenths(years * 10 / max(minutes, 1e-9))) simulated years per processor-minute")
    print("\(broken.values.reduce(0, +)) worlds broke a promise")
    for (rule, count) in broken.sorted(by: { $0.key < $1.key }) { print("  \(rule): \(count)") }
    if !broken.isEmpty { throw ExitCode.failure }
  }

  /// One decimal, of a number that was multiplied by ten.
  private func tenths(_ number: Double) -> String { "\(Double(number.rounded()) / 10)" }
}

extension Trial {
  init(json: Data) throws { self = try JSONDecoder().decode(Trial.self, from: json) }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(self)
  }
}
