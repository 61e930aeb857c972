// The faults that are met in pairs, by their numbers. Each is a few entries around the moment of a disaster; any two of them, put
// together on top of a region that dies, must leave every promise whole.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

/// A numbered fault as scenario entries.
package struct NamedFault: Sendable {
  /// Its number, e.g. `F28`.
  package let number: String
  package let title: String
  let entries: @Sendable (WorkloadSettings, Duration) -> [Scenario.Entry]
  /// Only a workload with a lease has it.
  var needsLease = false

  /// Crashes at each step of a failover: on each side of the step's record.
  private static func crash(
    _ number: String, _ title: String, _ kind: MessageKind, _ step: String?, _ moment: CrashMoment
  ) -> NamedFault {
    NamedFault(number: number, title: "\(title), \(moment.rawValue) the record") { _, at in
      [Scenario.Entry(at: at - .minutes(1), .crash(.kind(kind, step: step, moment), restartAfter: .seconds(2)))]
    }
  }

  private static func cloud(
    _ number: String, _ title: String, _ fault: @escaping @Sendable (WorkloadSettings) -> SandboxFault
  )
    -> NamedFault
  {
    NamedFault(number: number, title: title) { settings, at in
      [Scenario.Entry(at: at - .seconds(20), .cloud(fault(settings)), lasting: .minutes(4))]
    }
  }

  private static func host(_ number: String, _ title: String, _ what: Occurrence, _ lasting: Duration) -> NamedFault {
    NamedFault(number: number, title: title) { _, at in [Scenario.Entry(at: at + .seconds(40), what, lasting: lasting)]
    }
  }

  /// F74: it dies, and again as it takes its lease anew: an answer takes a good tenth of a second.
  private static let crashAtLease = NamedFault(
    number: "F74", title: "crash at the lease",
    entries: { _, at in
      let begun = at - .seconds(20)
      return [
        Scenario.Entry(at: begun, .crash(.now, restartAfter: .seconds(1))),
        Scenario.Entry(at: begun + .milliseconds(1080), .crash(.now, restartAfter: .seconds(2))),
      ]
    }, needsLease: true)

  package static let all: [NamedFault] =
    [
      cloud("F17", "our own network is gone") { _ in .observerIsolated },
      cloud("F20", "the primary region's API is gone") { .apiOutage(region: $0.primary.region) },
      cloud("F28", "the DR region throttles") { .throttling(region: $0.dr.region, share: 0.9) },
      cloud("F29", "answers to writes are lost") { _ in .unknownOutcomes(share: 1) },
      cloud("F34", "ReplicaLag is missing") { .lagMissing(workload: $0.name) },
      cloud("F48", "no credentials") { _ in .credentialsLost },
      host("F54", "the clock is an hour behind", .clockBehind(.hours(1)), .minutes(30)),
      host("F57", "the process is starved", .freeze, .seconds(20)),
      host("F62", "the disk is full", .disk(.full), .minutes(3)),
      crashAtLease,
    ]
    + CrashMoment.allCases.flatMap { moment in
      [
        crash("F72", "crash while probing", .degraded, nil, moment),
        crash("F73", "crash at the decision", .runBegun, nil, moment),
        crash("F75", "crash at the fence", .acting, "fence-primary", moment),
        crash("F76", "crash at the scale-up", .acting, "scale-up-dr", moment),
        crash("F77", "crash at the promotion", .acting, "promote-replica", moment),
        crash("F78", "crash at the secret", .acting, "repoint-dr-secret", moment),
        crash("F79", "crash at the traffic switch", .acting, "shift-traffic", moment),
        crash("F80", "crash at the verification", .stepDone, "verify-dr-targets", moment),
        crash("F81", "crash at the announcement", .accepted, "announce", moment),
      ]
    }

  /// Each with each, itself included.
  private static let pairs = all.indices.flatMap { a in all[a...].map { (all[a], $0) } }

  /// Each pair in three worlds: a region that dies, an application that does, and clusters of Aurora's.
  package static let pairWorlds = pairs.count * 3

  /// - Parameter number: 0..<`pairWorlds`; the same number is the same world for as long as the list is.
  package static func pair(_ number: Int) -> Trial {
    let (pair, way) = (number / 3, number % 3)
    let seed = way == 2 ? pair : pair * 2 + way
    var trial = NamedFault.pair(pairs[pair].0, pairs[pair].1, seed: UInt64(seed), onAurora: way == 2)
    trial.scenario.name = "pair \(number), \(trial.scenario.name)"
    return trial
  }

  /// Two faults, an outage under them, the operator's way home behind them.
  private static func pair(_ a: NamedFault, _ b: NamedFault, seed: UInt64, onAurora: Bool) -> Trial {
    var dice = Dice(seed: seed)
    let settings = WorkloadSettings.reference {
      if onAurora { $0.moveToAurora() }
      if a.needsLease || b.needsLease {
        let ref = LeaseRef(region: $0.dr.region, table: "pilotlight", key: $0.name)
        $0.lease = LeaseSettings(ref: ref, holder: "ours", lasting: .seconds(20))
      }
    }
    let disaster = Duration.minutes(5) + dice.duration(upTo: .seconds(30))
    // The fence reaches the primary only when the application alone is down.
    let fault: SandboxFault =
      seed % 2 == 0
      ? .regionOutage(region: settings.primary.region) : .applicationDown(workload: settings.name, site: .primary)
    var entries = [Scenario.Entry(at: disaster, .cloud(fault))]
    entries += a.entries(settings, disaster + dice.duration(upTo: .seconds(60)))
    entries += b.entries(settings, disaster + dice.duration(upTo: .seconds(60)))
    entries.sort { $0.at < $1.at }
    return Trial(
      seed: dice.next(), workloads: [settings],
      scenario: Scenario(
        name: "\(a.number) with \(b.number)\(onAurora ? " on Aurora" : "")", entries: entries, duration: .minutes(40)),
      expectation: .begins)
  }
}
