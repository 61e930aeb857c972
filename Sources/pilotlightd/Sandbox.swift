// The embedded default: the sandbox cloud in AWS's place, and two real load balancers on loopback for the real probes.

import PilotlightControlAPI
import PilotlightCore
import PilotlightEngine
import PilotlightSandbox
import PilotlightSandboxServer
import Synchronization

extension SandboxCloud: Cloud {}

/// The sandbox a daemon runs on.
final class Sandbox: Sendable {
  let cloud: SandboxCloud
  /// The configuration with the sandbox's own addresses in it.
  let workloads: [WorkloadSettings]
  private let balancers: SandboxALBServer
  private let isBroken = Mutex(false)

  /// Opens the load balancers' ports.
  init(_ configured: [WorkloadSettings], line: TimeLine, seed: UInt64) async throws {
    cloud = SandboxCloud(
      // A database of a few gigabytes: its replica is there within minutes.
      world: SandboxWorld(
        settings: configured, seed: seed, start: line.now, replicaCreation: .minutes(4)...(.minutes(6))),
      now: { line.now }, speed: line.speed)
    balancers = try await SandboxALBServer.start(cloud: cloud, workloads: configured.map(\.name))
    let servers = balancers
    workloads = configured.map { settings in
      var changed = settings
      if let url = servers.url(workload: settings.name, site: .primary) { changed.primary.probe.url = url + "health" }
      if let url = servers.url(workload: settings.name, site: .dr) { changed.dr.probe.url = url + "health" }
      // A compressed clock makes a scheduling pause of this host look long: a gap is one of real seconds.
      changed.detection.timeGap = settings.detection.timeGap * line.speed
      return changed
    }
  }

  func stop() async { await balancers.stop() }

  /// Breaks or mends the primary region of every workload.
  func apply(_ request: SandboxRequest) {
    switch request.target {
    case .primary:
      let breaks = request.action == .break
      for region in Set(workloads.map(\.primary.region)).sorted() {
        if breaks { cloud.inject(.regionOutage(region: region)) } else { cloud.clear(.regionOutage(region: region)) }
      }
      isBroken.withLock { $0 = breaks }
    }
  }

  func report(_ names: [String]) -> SandboxReport {
    let broken = isBroken.withLock { $0 }
    return SandboxReport(
      primaryBroken: broken, speed: cloud.speed,
      message: broken ? "the primary region is dead" : "the primary region works",
      facts: names.compactMap { name in
        guard let facts = cloud.facts(for: name) else { return nil }
        return SandboxFactsReport(
          workload: name, writesAccepted: facts.writesAccepted, lostWrites: facts.lostWrites,
          lossSeconds: facts.lossWindow.seconds,
          recoverySeconds: facts.outageStart.flatMap { start in facts.serviceRestoredAt.map { ($0 - start).seconds } },
          doubleWriterSeconds: facts.doubleWriters.seconds, promotions: facts.promotions, serving: facts.serving)
      })
  }
}
