// Interrupted anywhere, a life must end as if nothing had happened: after each record of a failover or a switchover, and of the failback behind it, on
// both sides of the disk and after what followed was sent, the process dies and comes back. What differs from the whole life is a bug.

import PilotlightCore
import PilotlightSandbox

/// All interruptions of one deployment's way to the DR region and home.
package struct Interruption: Sendable {
  /// Which deployment, e.g. `route53`.
  package let name: String
  private let settings: WorkloadSettings
  private let cause: Occurrence
  private let whole: LifeResult
  /// Records of the whole life: the process can die at each.
  package let records: Int

  /// How a life ended: what became of each step, and of everything in the cloud that plans change.
  private struct LifeResult: Equatable {
    var phase: PhaseName
    var runs: [String]
    var cloud: String
    var promotions: Int
    var violations: [Violation]
  }

  private init(_ name: String, _ cause: (WorkloadSettings) -> Occurrence, _ change: (inout WorkloadSettings) -> Void) {
    self.name = name
    settings = .reference("app", change)
    self.cause = cause(settings)
    (whole, records) = Interruption.live(settings, self.cause, dyingAt: nil)
  }

  private static let region: @Sendable (WorkloadSettings) -> Occurrence = {
    .cloud(.regionOutage(region: $0.primary.region))
  }
  private static let application: @Sendable (WorkloadSettings) -> Occurrence = {
    .cloud(.applicationDown(workload: $0.name, site: .primary))
  }
  private static let order: @Sendable (WorkloadSettings) -> Occurrence = { .order(.switchover, workload: $0.name) }

  package static var reference: Interruption { Interruption("reference, the region dies", region) { _ in } }

  /// Each kind of work stands in one of these plans at least, the other way of doing it in another.
  package static var all: [Interruption] {
    [
      reference,
      Interruption("reference, the application dies", application) { _ in },
      Interruption("prepared while degraded", region) { $0.decision.prepareWhenDegraded = true },
      Interruption("route53, approve, no fence", application) {
        $0.mode = .approve
        $0.decision.fencePrimary = false
        $0.traffic = .route53(
          RecordRef(zone: "Z", name: "app.example.com", type: "CNAME"), primary: RecordTarget(host: "p.example.com"),
          dr: RecordTarget(host: "d.example.com"))
      },
      Interruption("every rung of the fence, a switched health check, DNS", application) {
        $0.decision.fenceListener = true
        $0.decision.fenceDatabase = true
        $0.traffic = .healthCheck(HealthCheckRef(id: "switch"))
        $0.names = NameSettings(name: "app.example.com", primary: "p.example.com", dr: "d.example.com")
      },
      Interruption("switched over", order) { _ in },
      Interruption("global database, the region dies", region) { $0.moveToAurora() },
      Interruption("global database, switched over", order) { $0.moveToAurora() },
      Interruption("by hand, no secrets, no targets, no listener", region) {
        $0.traffic = .manual
        $0.primary.secret = nil
        $0.dr.secret = nil
        $0.primary.targetGroup = nil
        $0.dr.targetGroup = nil
        $0.dr.listener = nil
        $0.announcement = nil
      },
    ]
  }

  /// - Parameter record: 1...`records`.
  /// - Returns: what is not as in the whole life; nil when nothing is.
  package func difference(dyingAt record: Int, _ moment: CrashMoment) -> String? {
    let (ending, _) = Interruption.live(settings, cause, dyingAt: .record(count: record, moment))
    if ending == whole { return nil }
    return "\(name), dying \(moment.rawValue) record \(record):\n  whole: \(whole)\n  cut:   \(ending)"
  }

  private static func live(
    _ settings: WorkloadSettings, _ cause: Occurrence, dyingAt point: CrashPoint?
  ) -> (LifeResult, records: Int) {
    var entries = [Scenario.Entry(at: .minutes(5), cause, lasting: .minutes(35))]
    // Whoever gets no answer orders again.
    if case .order = cause { entries.append(Scenario.Entry(at: .seconds(330), cause)) }
    if let point { entries.insert(Scenario.Entry(at: .seconds(1), .crash(point, restartAfter: .seconds(1))), at: 0) }
    let trial = Trial(
      seed: 1, workloads: [settings], scenario: Scenario(name: "interruption", entries: entries, duration: .minutes(45))
    )
    let life = Simulation(trial)
    let outcome = life.run()
    return (
      LifeResult(
        phase: outcome.phase, runs: life.endedRuns, cloud: life.world.shape(of: settings),
        promotions: outcome.promotions, violations: outcome.violations), life.disk.durable.count
    )
  }
}

extension Simulation {
  /// Every run that ended, with each step's state.
  fileprivate var endedRuns: [String] {
    var state = DurableState()
    var runs: [String] = []
    for written in disk.durable {
      state.apply(written.record)
      guard case .runFinished = written.record, let run = state.lastRun else { continue }
      let steps = run.steps.map { "\($0.step.name) \($0.state.rawValue)" }.joined(separator: ", ")
      runs.append("\(run.kind.rawValue): \(steps)")
    }
    return runs
  }
}

extension SandboxWorld {
  /// What plans change, without times and ids.
  fileprivate func shape(of settings: WorkloadSettings) -> String {
    let sites = [settings.primary, settings.dr].map { site in
      let database = site.database.ref
      let role = isReplica(database) ? "replica" : isWritable(database) ? "writable" : "gone"
      let size = size(of: site.group.ref).map { "\($0)" } ?? "gone"
      let secret = site.secret.flatMap { self.secret($0.ref) }.map { "\($0.host) (\($0.versions) written)" } ?? "none"
      return "group \(size), \(database.identifier) \(role), secret \(secret)"
    }
    let served = servedFrom(settings.name).map { "\($0)" } ?? "nowhere"
    return sites.joined(separator: "; ")
      + "; served from \(served); \(snapshotCount) snapshot(s), \(databaseCount) database(s)"
  }
}
