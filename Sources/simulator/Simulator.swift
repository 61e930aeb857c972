// Lives through many simulated worlds and says which promise broke in which.

import ArgumentParser
import Foundation
import PilotlightCore
import PilotlightSimulation
import Synchronization

@main struct Simulator: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulator",
    abstract: "Runs the real detector, machine and engine in simulated worlds and checks every invariant.",
    subcommands: [Worlds.self, Pairs.self, Cuts.self, Explore.self, Reaction.self, Tell.self])
}

struct Jobs: ParsableArguments {
  @Option(help: "Worlds at a time.") var jobs = 2

  func validate() throws {
    if jobs < 1 { throw ValidationError("--jobs is at least 1") }
  }
}

struct Worlds: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Random worlds, one a seed.")
  @Option(help: "How many.") var seeds: UInt64 = 1000
  @Option(help: "The first seed.") var first: UInt64 = 1
  @Option(help: "What the worlds are to show: \(Trial.Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var kind: Trial.Kind = .any
  @OptionGroup var jobs: Jobs

  func validate() throws {
    if seeds == 0 { throw ValidationError("--seeds is at least 1") }
  }

  func run() throws {
    let (first, kind) = (first, kind)
    try campaign(count: Int(seeds), jobs: jobs.jobs) { .random(seed: first + UInt64($0), kind) }
  }
}

extension Trial.Kind: ExpressibleByArgument {}

struct Pairs: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Every pair of the named faults, a fault with itself included, each with both kinds of disaster and once on Aurora."
  )
  @OptionGroup var jobs: Jobs

  func run() throws {
    try campaign(count: NamedFault.pairWorlds, jobs: jobs.jobs) { NamedFault.pair($0) }
  }
}

struct Cuts: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Dies at each record of a failover and a failback: the end must be that of the whole life.")
  @OptionGroup var jobs: Jobs

  func run() throws {
    let clock = ContinuousClock()
    let began = clock.now
    let lives = Interruption.all.flatMap { plan in
      (1...plan.records).flatMap { record in CrashMoment.allCases.map { (plan, record, $0) } }
    }
    let different = Mutex<[String]>([])
    inParallel(lives.count, jobs: jobs.jobs) { index in
      let (plan, record, moment) = lives[index]
      guard let difference = plan.difference(dyingAt: record, moment) else { return }
      different.withLock { $0.append(difference) }
    }
    let found = different.withLock { $0.sorted() }
    for difference in found.prefix(5) { print("BROKEN: \(difference)") }
    print(
      "\(lives.count) interruptions in \((clock.now - began).text): \(found.count) ended otherwise than the whole life")
    if !found.isEmpty { throw ExitCode.failure }
  }
}

extension Exploration.Start: ExpressibleByArgument {}

/// Both halves of a life: from healthy to dr-active, and back.
struct Explore: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Every place the machine can come to.")
  @Option(help: "The most places that are looked at.") var places = 20_000_000
  @Option(help: "From here alone.") var from: Exploration.Start?
  @Option(help: "How many things go wrong on the way to a place at most; any number unless given.")
  var disturbances: Int?
  @Flag(help: "With a preparation while degraded.") var prepare = false
  @Flag(help: "On clusters of a global database.") var aurora = false
  @Flag(help: "With the fence and its debts too: some hours, and several gigabytes of memory.") var fence = false

  func run() throws {
    var isClean = true
    for start in from.map({ [$0] }) ?? Exploration.Start.allCases {
      let clock = ContinuousClock()
      let began = clock.now
      let settings = WorkloadSettings.smallest {
        $0.decision.fencePrimary = fence
        $0.decision.prepareWhenDegraded = prepare
        if aurora { $0.moveToAurora() }
      }
      let report = Exploration.run(settings, from: start, disturbances: disturbances, limit: places)
      let phases = PhaseName.allCases.compactMap { phase in report.phases[phase].map { "\($0) \(phase.rawValue)" } }
      print(
        "from \(start.rawValue): \(report.places) places\(report.isPartial ? " (not all)" : ""), \(report.moves) moves, "
          + "\(report.deadEnds) without a way out, in \((clock.now - began).text): \(phases.joined(separator: ", "))")
      for violation in report.violations { print("BROKEN: \(violation.rule): \(violation.detail)") }
      isClean = isClean && report.violations.isEmpty && report.deadEnds == 0
    }
    if !isClean { throw ExitCode.failure }
  }
}

/// A story, and when it broke a promise, the shortest one that breaks the same.
struct Tell: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "One world's story; when it breaks a promise, its smallest form too.")
  @Option(help: "Of this seed.") var seed: UInt64?
  @Option(help: "And of this kind, as `worlds` takes it.") var kind: Trial.Kind = .any
  @Option(help: "Of this pair of faults, as `pairs` numbers them.") var pair: Int?
  @Option(help: "Of this trial, as --save wrote it.") var trial: String?
  @Option(
    help: "Write the trial, cut down when it breaks a promise, as JSON: it outlives changes of what a seed means.")
  var save: String?

  func validate() throws {
    if [seed != nil, pair != nil, trial != nil].count(where: { $0 }) != 1 {
      throw ValidationError("expected --seed, --pair or --trial")
    }
    if let pair, !(0..<NamedFault.pairWorlds).contains(pair) {
      throw ValidationError("--pair is 0 to \(NamedFault.pairWorlds - 1)")
    }
  }

  func run() throws {
    var trial =
      try self.trial.map { try Trial(json: Data(contentsOf: URL(filePath: $0))) } ?? pair.map(NamedFault.pair)
      ?? .random(seed: seed ?? 0, kind)
    let outcome = Simulation(trial, recording: true).run()
    for line in outcome.story { print(line) }
    if let violation = outcome.violations.first {
      print("BROKEN: \(violation.rule): \(violation.detail)")
      let entries = trial.scenario.entries.count
      trial = trial.shrunk(toBreak: violation.rule)
      print("\nThe same promise breaks with \(trial.scenario.entries.count) of \(entries) entries:")
      for line in Simulation(trial, recording: true).run().story { print(line) }
    } else {
      print("every promise was kept")
    }
    if let save { try trial.json().write(to: URL(filePath: save)) }
    if !outcome.violations.isEmpty { throw ExitCode.failure }
  }
}
