// A tabletop exercise: a scenario is lived through as it stands, and what became of the users is told from the world's facts. What the
// daemon believes is told beside it, for both may differ.

package import PilotlightCore
package import PilotlightEngine
package import PilotlightSandbox

/// What an exercise showed.
package struct Exercise: Sendable {
  package var seed: UInt64
  /// When the world began: the scenario's times count from here.
  package var began: Instant
  package var ended: Instant
  /// In the order of the configuration.
  package var workloads: [Findings]
  /// Broken promises of the product; empty when all is well.
  package var violations: [Violation]
  /// In the order of time; empty unless it was asked for.
  package var timeline: [JournalLine]

  /// How the users fared, worst last.
  package enum Verdict: String, Comparable, Sendable, CaseIterable {
    /// All users were served all the time, and nothing was lost.
    case undisturbed
    /// Each outage ended within the RTO, and what was lost is within the RPO.
    case met
    case missed
    /// Not all users are served at the end.
    case notRecovered = "not recovered"

    package static func < (a: Verdict, b: Verdict) -> Bool { rank(a) < rank(b) }
    private static func rank(_ verdict: Verdict) -> Int { allCases.firstIndex(of: verdict) ?? 0 }
  }

  /// The worst of all workloads.
  package var verdict: Verdict { workloads.map(\.verdict).max() ?? .undisturbed }

  /// One workload at the end.
  package struct Findings: Sendable {
    package var settings: WorkloadSettings
    package var phase: PhaseName
    package var outages: [ServiceOutage]
    package var facts: SandboxFacts
    package var servedFrom: SandboxSite?
    /// What the gate let pass; nil when none did.
    package var claimedLoss: LossWindow?
    /// How long the service was out as the daemon told it when the failover was finished; nil when none was.
    package var claimedRecovery: Duration?
    /// nil when the daemon does not run at the end.
    package var belief: Belief?

    /// The longest outage's end less its start; nil while it lasts, zero without one.
    package var recovery: Duration? {
      var longest = Duration.zero
      for outage in outages {
        guard let restored = outage.restoredAt else { return nil }
        longest = max(longest, restored - outage.start)
      }
      return longest
    }

    package var verdict: Verdict {
      guard let recovery else { return .notRecovered }
      if recovery > settings.objectives.rto || facts.lossWindow > settings.objectives.rpo { return .missed }
      return outages.isEmpty && facts.lostWrites == 0 ? .undisturbed : .met
    }
  }

  /// What the daemon thinks at the end, and what would help it.
  package struct Belief: Sendable {
    package var explanation: [String]
    package var loss: LossWindow
    /// Why it could not fail over; empty when it could.
    package var unarmed: [String]
    package var isPaused: Bool
    /// The step that asks a person.
    package var asks: String?
    package var incident: String?
    package var stuckAt: String?
    package var wayOut: [String]
    package var debts: [FenceDebt]
    /// The ledger takes no records: nothing is acted upon.
    package var halted: LedgerFailure?
  }

  /// Lives through `scenario`.
  ///
  /// - Parameter operatorAfter: an operator who follows the daemon's advice comes this long after a warning; nil: nobody does.
  package static func run(
    _ scenario: Scenario, workloads: [WorkloadSettings], brakes: Brakes, engine: SandboxEngine,
    operatorAfter: Duration?, seed: UInt64, recording: Bool
  ) -> Exercise {
    var trial = Trial(
      seed: seed, workloads: workloads, brakes: brakes, scenario: scenario,
      // A production database is larger than a test's: RDS takes the better part of an hour for its replica.
      replicaCreation: .minutes(20)...(.minutes(45)), operatorFailsBack: false,
      ending: .asItStands(operatorAfter: operatorAfter))
    trial.engine = engine
    let simulation = Simulation(trial, recording: recording)
    let outcome = simulation.run()
    return Exercise(
      seed: seed, began: Simulation.start, ended: simulation.now,
      workloads: workloads.compactMap { simulation.findings($0) }, violations: outcome.violations,
      timeline: recording ? simulation.timeline : [])
  }
}

extension Simulation {
  fileprivate func findings(_ settings: WorkloadSettings) -> Exercise.Findings? {
    guard let facts = world.facts(for: settings.name) else { return nil }
    var (claimed, recovery): (LossWindow?, Duration?)
    var state = DurableState()
    for written in disk.durable where written.workload == settings.name {
      switch written.record {
      case .gatePassed(_, let loss, _, _): claimed = loss
      case .runFinished(let at): recovery = state.phase.run?.outageStart.map { at - $0 } ?? recovery
      default: break
      }
      state.apply(written.record)
    }
    return Exercise.Findings(
      settings: settings, phase: state.phase.name, outages: world.outages(of: settings.name), facts: facts,
      servedFrom: world.servedFrom(settings.name), claimedLoss: claimed, claimedRecovery: recovery,
      belief: belief(settings.name))
  }

  private func belief(_ name: String) -> Exercise.Belief? {
    guard let engine, let workload = engine.guards.first(where: { $0.settings.name == name }) else { return nil }
    let (machine, situation) = (workload.machine, workload.look(at: now))
    let run = machine.state.phase.run
    return Exercise.Belief(
      explanation: machine.explain(situation), loss: situation.loss, unarmed: machine.unarmed(situation),
      isPaused: machine.state.pause != nil, asks: machine.asking(situation), incident: run?.incident,
      stuckAt: run?.stuck?.step.name, wayOut: machine.wayOut, debts: machine.state.debts, halted: engine.halted)
  }

  /// The journal with what the users saw, which only the facts know.
  fileprivate var timeline: [JournalLine] {
    var lines = journal.entries
    let isOne = trial.workloads.count == 1
    for settings in trial.workloads {
      let whose = isOne ? "" : " of \(settings.name)"
      for outage in world.outages(of: settings.name) {
        lines.append(JournalLine(at: outage.start, voice: .users("not all users\(whose) are served")))
        guard let end = outage.restoredAt else { continue }
        let from = outage.restoredFrom.map { ", from the \($0.words)" } ?? ""
        lines.append(
          JournalLine(at: end, voice: .users("all users\(whose) are served\(from), after \((end - outage.start).text)"))
        )
      }
    }
    let inTime = lines.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
    return inTime.map(\.element)
  }
}
