// When what happened in an incident, and whose time it took: for the report.

/// A moment that somebody asks for afterwards.
package enum Milestone: String, Hashable, Sendable, Codable, CaseIterable {
  /// T0: the first failed probe.
  case outageBegan = "outage began"
  /// Something was wrong, by the counts.
  case noticed
  case begun = "run begun"
  /// The gate let the one-way step pass.
  case passed = "gate passed"
  /// The one-way step was asked for.
  case promoting
  case promoted
  /// Users are led to where they are served.
  case served
  case finished
  case takenBack = "taken back"
  case recovered
}

/// One step of a past run, and whose time it took.
package struct StepAccount: Equatable, Sendable {
  package var step: StepRun
  /// Looking, holding back, waiting between attempts, and people.
  package var ours: Duration = .zero
  /// From a request to what it brought about, and waiting for what the cloud does by itself.
  package var cloud: Duration = .zero
}

extension PastIncident {
  /// What the records come to.
  private var state: DurableState { DurableState(story.map(\.record)) }

  /// The run as far as it got, or was taken back; nil when none began.
  package var lastRun: Run? {
    let state = state
    return state.phase.residence?.failover ?? state.phase.run ?? state.lastRun
  }

  package var debts: [FenceDebt] { state.debts }

  /// In the order of their times, each at most once: the newest, where a thing happened again.
  package var milestones: [(what: Milestone, at: Instant)] {
    var found: [Milestone: Instant] = [:]
    for (at, record) in story {
      switch record {
      case .degraded(let outage):
        found[.noticed] = found[.noticed] ?? at
        found[.outageBegan] = outage.start ?? found[.outageBegan]
      case .runBegun(let run, _):
        found[.outageBegan] = run.outageStart ?? found[.outageBegan]
        if run.kind != .preparation { found[.begun] = at }
      case .gatePassed: found[.passed] = at
      case .intent(_, .promoteReplica, _, _): found[.promoting] = at
      case .stepDone(let name, _, _):
        switch lastRun?[name]?.step.work {
        case .promote?: found[.promoted] = at
        case .shift?: found[.served] = at
        default: break
        }
      case .runFinished: found[.finished] = at
      case .rolledBack: found[.takenBack] = at
      case .recovered: found[.recovered] = at
      default: break
      }
    }
    return found.map { (what: $0.key, at: $0.value) }.sorted { ($0.at, rank($0.what)) < ($1.at, rank($1.what)) }
  }

  private func rank(_ milestone: Milestone) -> Int { Milestone.allCases.firstIndex(of: milestone) ?? 0 }

  /// From the beginning of the outage until users were led to the DR region; nil until then, and where there was no failover.
  package var recovery: Duration? {
    guard let run = lastRun, run.kind == .failover, let start = run.outageStart,
      let served = milestones.first(where: { $0.what == .served })?.at
    else { return nil }
    return served - start
  }

  /// The steps of the run, in the plan's order.
  package var accounts: [StepAccount] {
    guard let run = lastRun else { return [] }
    return run.steps.map { account($0) }
  }

  private func account(_ step: StepRun) -> StepAccount {
    var account = StepAccount(step: step)
    guard let start = step.startedAt, let end = step.finishedAt ?? story.last?.at, end > start else { return account }
    switch step.step.work {
    case .gate, .confirmByHand: account.cloud = .zero
    // Nobody answered there.
    case .fence where step.attempts == 0 && step.state == .owed: account.cloud = end - start
    case .awaitTargets, .awaitInService, .awaitApplication, .awaitReplication, .awaitDrained, .checkRegion:
      account.cloud = end - start
    case .scaleUp, .scaleDown, .repoint, .fence, .promote, .shift, .announce, .snapshot, .setAside, .replicate,
      .holdWrites, .releaseWrites:
      account.cloud = asked(step.step.name, until: end)
    }
    account.ours = end - start - account.cloud
    return account
  }

  /// How long requests of a step were on their way, or at work.
  private func asked(_ step: String, until end: Instant) -> Duration {
    var total = Duration.zero
    var since: Instant?
    for (at, record) in story where record.step == step {
      switch record {
      case .intent: since = since ?? at
      case .didNotHappen, .stepDone, .stepOwed, .stepStuck, .stepSkipped:
        if let asked = since { total += min(at, end) - asked }
        since = nil
      default: break
      }
    }
    return total + (since.map { max(end - $0, .zero) } ?? .zero)
  }
}
