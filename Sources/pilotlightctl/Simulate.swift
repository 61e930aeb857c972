// The tabletop exercise: a scenario on the user's own configuration, lived through by the real detector, machine and engine on the
// sandbox's AWS and a virtual clock. The same seed gives the same text to the byte.

import ArgumentParser
import Glibc
import PilotlightConfiguration
import PilotlightControlAPI
import PilotlightCore
import PilotlightEngine
import PilotlightScenarios
import PilotlightSimulation

struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Play a disaster on your own configuration: the timeline, and the RTO and RPO you would get.",
    discussion: """
      Nothing real is touched and no daemon is needed: the real decisions are taken on a simulated AWS, whose durations \
      are drawn from the seed within the bounds that config/SCENARIOS.md names. The figures are facts of that world; where \
      the daemon believed something else, both are shown. Scenarios to begin with: config/scenarios.

      Exit codes: 0 every objective was met, or nothing was needed; 1 an objective was missed, users are not served at \
      the end, or a promise of the product broke (please report it); 2 a mistake in a file or on the command line.

      --json prints one object. Times are seconds since the scenario's beginning, durations are seconds, nothing is \
      omitted, what is not known is null. Of one run: scenario, seed, verdict (undisturbed, met, missed, not recovered), \
      workloads, violations (rule, at, detail) and timeline (at, clock, source, level, workload, phase, step, text). Each \
      of the workloads: name, mode, verdict, phase, servedFrom, rto, rpo, outages (start, restored, restoredFrom), \
      recovery, claimedRecovery, writes, lostWrites, loss, claimedLoss (seconds, confidence), promotions, twoWriters, waitingFor, next. \
      Of several: scenario, firstSeed, runs, violated, and for each of the workloads: name, rto, rpo, undisturbed, met, \
      missed, notRecovered, worstSeed, and the spreads recovery, loss and lostWrites (min, median, p95, max), in which \
      null is a service that did not come back.
      """)

  @Argument(help: "A scenario file, such as config/scenarios/region-outage.yaml.") var scenario: String
  @Option(help: "The daemon's configuration.") var config = "/etc/pilotlight/pilotlight.yaml"
  @Option(help: "The workload it happens to; may be left out when there is just one.") var workload: String?
  @Option(help: "observe, approve or automatic in place of the mode that is configured.") var mode: Mode?
  @Option(help: "Where chance comes from; another seed is another day.") var seed: UInt64 = 1
  @Option(help: "So many days, from that seed on: how the results spread, 1 to 100000.") var runs = 1
  @Flag(help: "Leave the timeline out.") var quiet = false
  @Flag(help: "Print JSON: a stable shape for scripts.") var json = false

  func validate() throws {
    guard (1...100_000).contains(runs) else { throw ValidationError("--runs: expected 1 to 100000") }
    guard seed.addingReportingOverflow(UInt64(runs)).overflow == false else {
      throw ValidationError("--seed: too large")
    }
  }

  func run() throws {
    let table = try Tabletop(self)
    if runs == 1 {
      let exercise = table.play(seed: seed, recording: !quiet)
      try tell(ExerciseReport(exercise, table), exercisePage(exercise, table, style: .detected))
      try end(exercise.verdict, isBroken: !exercise.violations.isEmpty)
    } else {
      let campaign = Campaign(table, seeds: seed..<(seed + UInt64(runs)))
      try tell(CampaignReport(campaign, table), campaignPage(campaign, table, style: .detected))
      try end(campaign.verdict, isBroken: campaign.violated > 0)
    }
  }

  private func tell(_ report: some Encodable, _ page: @autoclosure () -> String) throws {
    guard json else { return print(page(), terminator: "") }
    print(String(decoding: try ControlJSON.encode(report, pretty: true), as: UTF8.self))
  }

  private func end(_ verdict: Exercise.Verdict, isBroken: Bool) throws {
    if verdict > .met || isBroken { throw Ending(code: 1, message: nil) }
  }
}

extension Mode: ExpressibleByArgument {}

/// A scenario and the configuration it is played on.
struct Tabletop {
  let file: ScenarioFile
  /// All of the configuration, in the mode that is played.
  let workloads: [WorkloadSettings]
  /// The one that the scenario happens to.
  let focus: WorkloadSettings
  private let brakes: Brakes

  /// Every mistake in either file is told, then it ends in 2.
  init(_ options: Simulate) throws {
    let read = (ScenarioFile.load(path: options.scenario), Configuration.load(path: options.config))
    guard case (.success(let file), .success(let configuration)) = read else {
      var mistakes: [String] = []
      if case .failure(let errors) = read.0 { mistakes.append(errors.description) }
      if case .failure(let errors) = read.1 { mistakes.append(errors.description) }
      throw Ending(code: 2, lines: mistakes)
    }
    self.file = file
    workloads = configuration.workloads.map { settings in
      var settings = settings
      settings.mode = options.mode ?? settings.mode
      return settings
    }
    focus = try Tabletop.choose(options.workload, among: workloads)
    brakes = Brakes(maximum: configuration.daemon.maxConcurrentFailovers, window: configuration.daemon.failoverWindow)
  }

  private static func choose(_ name: String?, among workloads: [WorkloadSettings]) throws -> WorkloadSettings {
    let names = workloads.map(\.name).joined(separator: ", ")
    guard let name else {
      if let only = workloads.first, workloads.count == 1 { return only }
      throw Ending.usage("which workload does it happen to? Say --workload and one of \(names)")
    }
    guard let chosen = workloads.first(where: { $0.name == name }) else {
      throw Ending.usage("there is no workload '\(name)' in the configuration, which has \(names)")
    }
    return chosen
  }

  func play(seed: UInt64, recording: Bool) -> Exercise {
    Exercise.run(
      file.scenario(for: focus), workloads: workloads, brakes: brakes, engine: file.engine,
      operatorAfter: file.operatorAfter, seed: seed, recording: recording)
  }
}
