// Lives through many simulated worlds and says which promise broke in which.

import ArgumentParser
import Dispatch
import PilotlightCore
import PilotlightSimulation
import Synchronization

@main struct Simulator: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulator",
    abstract: "Runs the real detector, machine and engine in simulated worlds and checks every invariant.")

  @Option(help: "How many random worlds.") var seeds: UInt64 = 1000
  @Option(help: "The first seed.") var first: UInt64 = 1
  @Option(help: "One seed alone: its story, and when it fails its smallest form.") var seed: UInt64?
  @Option(help: "Worlds at a time.") var jobs = 2
  @Flag(help: "Every pair of the named faults instead of random worlds.") var pairs = false

  @Flag(help: "Every place the machine can come to, instead of random worlds.") var explore = false
  @Option(help: "With --explore: the most places that are looked at.") var places = 20_000_000

  func validate() throws {
    if seeds == 0 || jobs < 1 { throw ValidationError("--seeds and --jobs are at least 1") }
  }

  func run() throws {
    if let seed {
      try tell(.random(seed: seed))
    } else if explore {
      try searchAll()
    } else if pairs {
      try campaign(pairTrials)
    } else {
      let first = first
      try campaign(Trials(count: Int(seeds)) { .random(seed: first + UInt64($0)) })
    }
  }

  /// A story, and when it broke a promise, the shortest one that breaks the same.
  private func tell(_ trial: Trial) throws {
    let outcome = Simulation(trial, recording: true).run()
    for line in outcome.story { print(line) }
    guard let violation = outcome.violations.first else { return print("every promise was kept") }
    print("BROKEN: \(violation.rule): \(violation.detail)")
    let small = trial.shrunk(toBreak: violation.rule)
    print("\nThe same promise breaks with \(small.scenario.entries.count) of \(trial.scenario.entries.count) entries:")
    for line in Simulation(small, recording: true).run().story { print(line) }
    throw ExitCode.failure
  }

  /// Every pair, a fault with itself included, each with both kinds of disaster.
  private var pairTrials: Trials {
    let faults = NamedFault.all
    let pairs = faults.indices.flatMap { a in faults.indices.filter { $0 >= a }.map { (a, $0) } }
    return Trials(count: pairs.count * 2) { index in
      let (a, b) = pairs[index / 2]
      return NamedFault.pair(faults[a], faults[b], seed: UInt64(index))
    }
  }

  /// Both halves of a life: from healthy to dr-active, and back.
  private func searchAll() throws {
    var isClean = true
    for start in Exploration.Start.allCases {
      let clock = ContinuousClock()
      let began = clock.now
      let report = Exploration.run(.smallest(), from: start, limit: places)
      let phases = PhaseName.allCases.compactMap { phase in report.phases[phase].map { "\($0) \(phase.rawValue)" } }
      print(
        "from \(start.rawValue): \(report.places) places\(report.isPartial ? " (not all)" : ""), \(report.moves) moves, "
          + "\(report.deadEnds) without a way out, in \((clock.now - began).text): \(phases.joined(separator: ", "))")
      for violation in report.violations { print("BROKEN: \(violation.rule): \(violation.detail)") }
      isClean = isClean && report.violations.isEmpty && report.deadEnds == 0
    }
    if !isClean { throw ExitCode.failure }
  }

  private func campaign(_ trials: Trials) throws {
    let clock = ContinuousClock()
    let began = clock.now
    let total = Mutex(Total())
    let (jobs, count) = (jobs, trials.count)
    DispatchQueue.concurrentPerform(iterations: jobs) { job in
      for index in stride(from: job, to: count, by: jobs) {
        let trial = trials.make(index)
        let outcome = Simulation(trial).run()
        total.withLock { $0.add(outcome, trial.scenario.name) }
      }
    }
    try total.withLock { try $0.report(count, took: clock.now - began, jobs: jobs) }
  }
}

/// Trials made when they are needed.
struct Trials: Sendable {
  let count: Int
  let make: @Sendable (Int) -> Trial
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
