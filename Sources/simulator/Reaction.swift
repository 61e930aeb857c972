// How soon the daemon acts when it must: a benchmark over real outages.

import ArgumentParser
import PilotlightCore
import PilotlightSimulation
import Synchronization

/// From the beginning of an outage, which the daemon does not know, to its acts, beyond what the configuration prescribes.
struct Reaction: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "How long after the configured floor a failover is begun, and the first reversible act and the one-way step are sent.",
    discussion: """
      The floor is `confirmFor` and the timeout of the probe that proves it. What comes on top: the wait for the first probe after \
      the outage begins (up to one interval), and the looks before each act, each a call across regions.
      """)
  @Option(help: "How many outages.") var seeds = 1000
  @Option(help: "Show the seeds of so many of the slowest.") var worst = 0
  @OptionGroup var jobs: Jobs

  func run() throws {
    let seeds = Mutex<[(late: Double, seed: UInt64)]>([])
    let samples = Mutex<(begun: [Double], first: [Double], promotion: [Double])>(([], [], []))
    inParallel(self.seeds, jobs: jobs.jobs) { index in
      var trial = Trial.random(seed: UInt64(index + 1), .outage)
      // None is a reaction to a confirmed outage: preparing comes before, a veto and a lease wait for somebody else.
      for index in trial.workloads.indices {
        trial.workloads[index].decision.prepareWhenDegraded = false
        trial.workloads[index].decision.veto = nil
        trial.workloads[index].lease = nil
      }
      guard let outage = trial.scenario.entries.first(where: { $0.what.isOutage }), let settings = trial.workloads.first
      else { return }
      let outcome = Simulation(trial).run()
      let probe = settings.primary.probe
      let floor = Simulation.start + outage.at + settings.detection.confirmFor + probe.timeout
      let interval = probe.interval.seconds
      if let act = outcome.firstAct {
        seeds.withLock { $0.append(((act - floor).seconds / interval, UInt64(index + 1))) }
      }
      samples.withLock { samples in
        if let begun = outcome.firstBegun { samples.begun.append((begun - floor).seconds / interval) }
        if let act = outcome.firstAct { samples.first.append((act - floor).seconds / interval) }
        if let promotion = outcome.firstPromotion, let act = outcome.firstAct {
          samples.promotion.append((promotion - act).seconds)
        }
      }
    }
    samples.withLock { samples in
      report("outage to the decision, beyond the floor, in probe intervals", samples.begun)
      report("outage to the first reversible act, beyond the floor, in probe intervals", samples.first)
      report("first reversible act to the one-way step, in seconds", samples.promotion)
    }
    for (late, seed) in seeds.withLock({ $0 }).sorted(by: { $0.late > $1.late }).prefix(worst) {
      print("seed \(seed): \((late * 100).rounded() / 100) intervals")
    }
  }

  private func report(_ what: String, _ values: [Double]) {
    let sorted = values.sorted()
    func rank(_ share: Double) -> String {
      guard !sorted.isEmpty else { return "none" }
      let value = sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
      return "\((value * 100).rounded() / 100)"
    }
    print("\(what): median \(rank(0.5)), p99 \(rank(0.99)), most \(rank(1)) in \(sorted.count) outages")
  }
}
