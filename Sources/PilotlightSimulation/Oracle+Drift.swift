// What a failover stands on drifts while nobody needs it. Whoever looks at the status must read of it within minutes (F92).

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

/// How long nothing but drift has been going on.
struct Quiet {
  private var troubles = 0
  /// The newest moment at which anything else was wrong; `distantFuture` while it is.
  private(set) var since = Simulation.start
  private var drifting: [Occurrence: Instant] = [:]

  mutating func begins(_ what: Occurrence, at now: Instant) {
    setClock(what, at: now)
    switch what {
    case .order: break
    // Until it strikes nothing is wrong, and then the daemon boots.
    case .crash: break
    // It waits for a lease that is let lapse, which has a reason of its own.
    case .rival: break
    case .freeze: disturb(at: now)
    case .cloud, .network, .disk, .clockBehind, .veto:
      if what.isDrift {
        drifting[what] = now
      } else {
        troubles += 1
        since = .distantFuture
      }
    }
  }

  mutating func ends(_ what: Occurrence, at now: Instant) {
    setClock(what, at: now)
    if case .rival = what { return }
    drifting[what] = nil
    // The same drift may have begun twice, and is over once.
    if what.isDrift { return }
    troubles = max(troubles - 1, 0)
    if troubles == 0 { since = now }
  }

  /// Two wrongs of a clock may have made a right until now.
  private mutating func setClock(_ what: Occurrence, at now: Instant) {
    guard case .clockBehind = what else { return }
    for known in drifting.keys { if case .clockBehind = known { drifting[known] = now } }
  }

  /// The daemon began to run, or to run again.
  mutating func disturb(at now: Instant) {
    if troubles == 0 { since = max(since, now) }
  }

  /// Since when this has drifted, in quiet.
  func drifted(_ what: Occurrence) -> Instant? { drifting[what].map { max($0, since) } }
}

extension Occurrence {
  /// Takes something away from a failover that is not needed before.
  fileprivate var isDrift: Bool {
    switch self {
    case .cloud(.launchTemplateMissing(_, .dr)), .cloud(.secretDeleted(_, .dr)), .cloud(.launchesSuspended(_, .dr)):
      true
    case .cloud(.accessDenied(let apiName)):
      [
        "rds:PromoteReadReplica", "rds:FailoverGlobalCluster", "autoscaling:UpdateAutoScalingGroup",
        "secretsmanager:PutSecretValue",
      ].contains(
        apiName)
    case .clockBehind(let offset): max(offset, .zero - offset) > .minutes(2)
    case .cloud, .network, .disk, .crash, .freeze, .veto, .rival, .order: false
    }
  }

  /// A word by which the status must name it; nil where the workload is not concerned.
  fileprivate func drift(of settings: WorkloadSettings) -> String? {
    switch self {
    case .cloud(.launchTemplateMissing(settings.name, .dr)): "launch template"
    case .cloud(.launchesSuspended(settings.name, .dr)): "Launch process"
    case .cloud(.secretDeleted(settings.name, .dr)): settings.dr.secret?.ref.id
    case .cloud(.accessDenied("secretsmanager:PutSecretValue")) where settings.dr.secret == nil: nil
    case .cloud(.accessDenied("rds:PromoteReadReplica")) where settings.dr.database.ref.global != nil: nil
    case .cloud(.accessDenied("rds:FailoverGlobalCluster")) where settings.dr.database.ref.global == nil: nil
    case .cloud(.accessDenied(let apiName)): apiName
    case .clockBehind: "clock"
    case .cloud, .network, .disk, .crash, .freeze, .veto, .rival, .order: nil
    }
  }
}

extension Oracle {
  /// The longest that a known fact may stay out of the status: five minutes between two looks, and what they take.
  private static let notice: Duration = .minutes(7)

  /// Something is about to end; if it was drift, it must be known by now.
  mutating func judgeDrift(_ what: Occurrence, _ simulation: Simulation) {
    let now = simulation.now
    guard let since = quiet.drifted(what), simulation.busyUntil <= now else { return }
    for workload in simulation.engine?.guards ?? [] {
      guard let word = what.drift(of: workload.settings), let healthy = workloads[workload.name]?.healthySince,
        now - max(since, healthy) > Oracle.notice
      else { continue }
      // Two wrongs of a clock may make a right.
      if case .clockBehind = what, abs(simulation.clockBehind.seconds) <= 61 { continue }
      let reasons = workload.machine.unarmed(workload.look(at: now))
      if !reasons.contains(where: { $0.contains(word) }) {
        violate(
          "drift-unreported", now,
          "\(workload.name): \(what.sentence) since \(since.text), and the status says: \(reasons.joined(separator: "; "))"
        )
      }
    }
  }
}
