// How a world must end: at rest, and serving.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

extension Oracle {
  mutating func judgeEnd(_ simulation: Simulation) {
    let now = simulation.now
    if let engine = simulation.engine { compareWithLedger(engine, simulation.disk, at: now) }
    simulation.world.advance(to: now)
    switch trial.ending {
    case .mended: if !simulation.patient.isDone { judgeUnrest(simulation) } else { judgeRest(simulation) }
    case .asItStands: break
    }
    judgeExpectation(simulation, at: now)
    for (name, watched) in workloads.sorted(by: { $0.key < $1.key }) {
      if !watched.uncalled.isEmpty { violate("stuck-in-silence", now, "\(name): \(watched.uncalled)") }
      for (incident, count) in watched.promotions.sorted(by: { $0.key < $1.key }) where count > 1 {
        // A request that certainly did not arrive may be repeated: the world's own count decides.
        let real = simulation.world.facts(for: name)?.promotions ?? 0
        if real > failovers + switchovers + failbacks {
          violate("promoted-twice", now, "\(incident): \(real) promotions")
        }
      }
    }
  }

  /// When faults stop, each world comes to rest within a bound.
  private mutating func judgeUnrest(_ simulation: Simulation) {
    for workload in simulation.engine?.guards ?? [] where !simulation.isAtRest(workload) {
      let state = workload.machine.state
      violate(
        "no-way-out", simulation.now,
        "\(workload.settings.name) is \(state.phase.name.rawValue), "
          + "\(workload.machine.explain(workload.situation).joined(separator: "; ")) "
          + "last refusal: \(simulation.patient.lastRefusal)")
    }
    if simulation.engine == nil { violate("no-way-out", simulation.now, "the daemon does not run") }
  }

  /// Healthy means that the primary serves and the pilot light burns; dr-active that the DR region serves.
  private mutating func judgeRest(_ simulation: Simulation) {
    guard simulation.patient.skips == 0 else { return }
    let world = simulation.world
    for settings in trial.workloads {
      let state = simulation.disk.state(of: settings.name)
      judgePrograms(settings, state, simulation)
      let served = world.servedFrom(settings.name)
      switch state.phase.name {
      case .healthy:
        if served != .primary {
          violate("healthy-is-not-serving", simulation.now, "users are not served from the primary")
        }
        if state.lastRun?.kind == .failback, !world.isReplica(settings.dr.database.ref) {
          violate("pilot-light-is-out", simulation.now, "\(settings.dr.database.ref.identifier) is no replica")
        }
        if state.lastRun?.kind == .failback {
          judgeInstance(settings.primary, settings, simulation)
          judgeInstance(settings.dr, settings, simulation)
        }
        // What was scaled up by a run that is forgotten is nobody's.
        if let size = world.size(of: settings.dr.group.ref), size != settings.dr.group.standby, forgotAt == nil {
          violate("dr-left-scaled-up", simulation.now, "\(settings.dr.group.ref.name) is at \(size)")
        }
      case .drActive:
        if served != .dr { violate("dr-is-not-serving", simulation.now, "users are not served from the DR region") }
        judgeInstance(settings.dr, settings, simulation)
        // Invariant 8: at rest nothing is owed, so what had to be fenced is.
        let group = settings.primary.group.ref
        if workloads[settings.name]?.isFenceDue == true, let size = world.size(of: group), size.desired > 0 {
          violate("primary-is-not-fenced", simulation.now, "\(group.name) wants \(size.desired) instances")
        }
        judgeFences(state, simulation)
      case .degraded, .failingOver, .failingBack: break
      }
      // Instances of a run that is forgotten read the secret as it was then.
      if world.writerCount(settings.name) > 1, forgotAt == nil {
        violate("two-writers-at-rest", simulation.now, settings.name)
      }
    }
  }

  /// A database is no less than it was before, and keeps its backups where it writes.
  private mutating func judgeInstance(_ site: SiteSettings, _ settings: WorkloadSettings, _ simulation: Simulation) {
    let (world, ref) = (simulation.world, site.database.ref)
    guard let first = firstInstances[ref], let now = world.instance(ref) else { return }
    let days = site.database.backups(like: firstInstances[settings.primary.database.ref]?.backupRetention)
    if world.isWritable(ref), now.backupRetention < days {
      violate("backups-lost", simulation.now, "\(ref.identifier) keeps \(now.backupRetention) days")
    }
    // What was refused was told, and the way home went on.
    let last = simulation.disk.state(of: settings.name).lastRun
    if last?.steps.contains(where: { $0.detail.hasPrefix("given up") && $0.step.work.settles(ref) }) == true { return }
    let missing = now.change(like: first, parameterGroup: nil)
    if !missing.isEmpty || !now.differences(from: first).isEmpty || now.parameterStatus != nil {
      violate("home-with-less", simulation.now, "\(ref.identifier) is \(now), was \(first)")
    }
  }

  /// What was fenced is, or is owed: also a database that somebody, or RDS after seven days, has started again.
  private mutating func judgeFences(_ state: DurableState, _ simulation: Simulation) {
    guard case .drActive(let residence) = state.phase else { return }
    let now = simulation.now
    for run in residence.failover.steps where run.state == .done || run.state == .owed {
      guard let fence = run.step.work.fence, !state.debts.contains(where: { $0.step == run.step.name }) else {
        continue
      }
      switch fence {
      // Looked after by its own rule: users may want it back.
      case .group: break
      case .listener(let listener):
        if !simulation.world.isHeld(listener) {
          violate("primary-is-not-fenced", now, "\(fence.subject) lets users in")
        }
      case .demoted(let cluster):
        if simulation.world.isWritable(cluster) {
          violate("primary-is-not-fenced", now, "\(fence.subject) takes writes")
        }
      case .database(let database):
        // It is looked at every five minutes, and one look may bring no answer.
        if let since = simulation.world.runsSince(database), now - since > .minutes(13) {
          violate("primary-is-not-fenced", now, "\(fence.subject) runs since \(since.text)")
        }
      }
    }
  }

  /// Behind a cut-over nothing is left where it was, or somebody is told to look for it.
  mutating func judgeLeft(_ run: Run?, _ now: Instant, _ world: SandboxWorld) {
    guard let run, run.kind != .failover, run.loss == nil || run.loss?.isDrained == true,
      let promoted = run.steps.lazy.compactMap(\.step.work.promoted).first, let lost = world.oldestLost(of: promoted)
    else { return }
    violate("left-behind-in-silence", now, "\(run.incident): \(lost.text) is on no other database")
  }

  /// The operator's programs were run on the way to the DR region, and taken back where nothing came of it.
  private mutating func judgePrograms(_ settings: WorkloadSettings, _ state: DurableState, _ simulation: Simulation) {
    let due = settings.plans.map { $0.failover.steps.compactMap(\.mark) } ?? []
    let done = simulation.world.programs(of: settings.name)
    switch state.phase {
    case .healthy where simulation.world.facts(for: settings.name)?.promotions == 0:
      // What a run did that is forgotten is nobody's.
      if !done.isEmpty, forgotAt == nil { violate("program-not-taken-back", simulation.now, "\(done)") }
    case .drActive(let residence) where residence.failover.kind == .failover:
      if !due.allSatisfy(done.contains) { violate("program-not-run", simulation.now, "\(done) of \(due)") }
    default: break
    }
  }

  /// Invariant 5.
  private mutating func judgeExpectation(_ simulation: Simulation, at now: Instant) {
    if trial.expectation == .begins, let watched = workloads.values.first, !watched.hasAnswered {
      violate("unanswered-outage", now, "a real outage, and neither did a failover begin nor was it said why not")
    }
    guard trial.expectation == .failsOver, let settings = trial.workloads.first,
      let outage = trial.scenario.entries.first(where: { $0.what.isOutage })
    else { return }
    let deadline = Simulation.start + outage.at + settings.objectives.rto
    guard let reached = workloads[settings.name]?.reachedDR else {
      let why =
        simulation.engine?.guards.first.map { $0.machine.explain($0.situation).joined(separator: "; ") } ?? "dead"
      return violate("missed-failover", now, "a real outage did not end in dr-active: \(why)")
    }
    if reached > deadline { violate("rto-missed", now, "dr-active \((reached - deadline).text) after the RTO") }
    judgeUsers(settings, Simulation.start + outage.at, servedBy: deadline, simulation, at: now)
  }

  /// That the daemon is done is its own word; whether users are served is theirs. They follow within the lifetime of a name.
  private mutating func judgeUsers(
    _ settings: WorkloadSettings, _ start: Instant, servedBy deadline: Instant, _ simulation: Simulation,
    at now: Instant
  ) {
    guard settings.traffic != .manual else { return }
    let out = simulation.world.outages(of: settings.name).first { $0.restoredAt.map { $0 > start } ?? true }
    guard let back = out?.restoredAt, back <= deadline + .minutes(2), out?.restoredFrom == .dr else {
      return violate(
        "users-not-served", now,
        "in dr-active, and users were \(out?.restoredAt.map { "served again at \($0.text)" } ?? "never served again")")
    }
  }
}

extension Occurrence {
  /// What must end in a failover.
  package var isOutage: Bool {
    switch self {
    case .cloud(.regionOutage), .cloud(.applicationDown): true
    case .cloud, .network, .disk, .clockBehind, .crash, .freeze, .veto, .rival, .order: false
    }
  }
}

extension OwnStep {
  /// By what the world knows that it was run.
  fileprivate var mark: String? {
    if case .command(let spec) = kind { spec.command.dropLast().joined(separator: " ") } else { nil }
  }
}

extension Work {
  fileprivate func settles(_ database: DatabaseRef) -> Bool {
    switch self {
    case .reinstate(database, _, _), .applyParameters(database): true
    default: false
    }
  }
}
