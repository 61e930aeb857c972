// Route 53's health checkers, which look at the primary's load balancer from many places in the world.
//
// Sixteen checkers, each every 30 s; each changes its mind after three equal results (the default FailureThreshold), so their word
// turns over one to two minutes after the truth.

internal import PilotlightCore

/// What the public sees of a primary, and since when.
struct PublicView: Sendable, Equatable {
  var isServing = true
  var since = Instant.distantPast
}

extension SandboxWorld {
  private static let checkers = 16

  func readHealthCheck(_ ref: HealthCheckRef) -> CloudReply {
    guard let index = workloads.firstIndex(where: { $0.settings.detection.healthCheck == ref }) else {
      return failed(.notFound, "NoSuchHealthCheck", "A health check with id \(ref.id) does not exist.")
    }
    let view = workloads[index].publicView
    let lies = faultSet.contains(.checkersLie(workload: workloads[index].settings.name))
    var healthy = 0
    for checker in 0..<Self.checkers {
      let late = 60 * second + SandboxRandom.noise(UInt64(checker) + 11, view.since.nanoseconds, below: 60 * second)
      let hasNoticed = now - view.since >= .nanoseconds(late)
      if (view.isServing == hasNoticed) != lies { healthy += 1 }
    }
    return .checkers(CheckerHealth(healthy: healthy, unhealthy: Self.checkers - healthy))
  }

  /// Called when anything has changed.
  mutating func refreshCheckers(_ index: Int) {
    guard workloads[index].settings.detection.healthCheck != nil else { return }
    let isServing = isOpen(index, .primary) && siteService(index, .primary).working > 0
    if isServing != workloads[index].publicView.isServing {
      workloads[index].publicView = PublicView(isServing: isServing, since: now)
    }
  }
}
