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
  /// Nothing more belongs to it.
  package var isOver: Bool { end != nil }

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
      case .intent(_, let action, _, _) where action.promoted != nil: found[.promoting] = at
      case .stepDone(let name, _, _), .stepSkipped(let name, _, _, _):
        switch run?[name]?.step.work {
        case .promote?, .switchOver?: found[.promoted] = at
        // By hand: nobody told us when.
        case .shift(.manual, _)?: break
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

  /// From the beginning of the outage until users were led to the DR region; nil until then, where that is done by hand, and where
  /// there was no failover.
  package var recovery: Duration? {
    guard let run, run.kind == .failover, let start = run.outageStart,
      let served = milestones.first(where: { $0.what == .served })?.at, served >= start
    else { return nil }
    return served - start
  }

  /// The steps of the run, in the plan's order.
  ///
  /// - Parameter now: until when a step counts that is not finished.
  package func accounts(at now: Instant) -> [StepAccount] { run?.steps.map { account($0, now) } ?? [] }

  private func account(_ step: StepRun, _ now: Instant) -> StepAccount {
    var account = StepAccount(step: step)
    let last = isOver ? story.last?.at : now
    guard let start = step.startedAt, let end = step.finishedAt ?? last, end > start else { return account }
    switch step.step.work {
    case .gate, .confirmByHand: break
    // It waited for a primary that serves.
    case .holdWrites where step.attempts == 0 && step.finishedAt == nil: break
    // Nothing was asked for: it was so already, somebody else saw to it, or nobody answered there.
    case _ where step.attempts == 0: account.cloud = end - start
    case .awaitTargets, .awaitInService, .awaitApplication, .awaitNames, .awaitReplication, .awaitDrained, .checkRegion,
      .awaitDemoted:
      account.cloud = end - start
    case .scaleUp, .scaleDown, .repoint, .detach, .fence, .fenceListener, .stopDatabase, .startDatabase, .promote,
      .switchOver, .shift, .announce, .snapshot, .setAside, .replicate, .reinstate, .applyParameters, .holdWrites,
      .releaseWrites,
      .command:
      account.cloud = min(asked(step.step.name, from: start, until: end), end - start)
    }
    account.ours = end - start - account.cloud
    return account
  }

  /// How long requests of a step were on their way, or at work.
  ///
  /// - Parameter start: what a preparation asked for before it is not counted.
  private func asked(_ step: String, from start: Instant, until end: Instant) -> Duration {
    var total = Duration.zero
    var since: Instant?
    for (at, record) in story where record.step == step {
      switch record {
      case .intent: since = since ?? max(at, start)
      case .didNotHappen, .stepDone, .stepOwed, .stepStuck, .stepSkipped:
        if let asked = since { total += max(min(at, end) - asked, .zero) }
        since = nil
      default: break
      }
    }
    return total + (since.map { max(end - $0, .zero) } ?? .zero)
  }
}
