// Faults in words, for timelines that people read.

internal import PilotlightCore

extension SandboxFault {
  /// What is wrong, in one sentence that begins small and has no final stop.
  package var sentence: String {
    switch self {
    case .regionOutage(let region): "the whole region \(region) is gone"
    case .apiOutage(let region): "the AWS APIs of \(region) cannot be reached; what runs there goes on"
    case .throttling(let region, let share): "\(percent(share)) of the AWS requests to \(region) are throttled"
    case .unknownOutcomes(let share): "\(percent(share)) of the answers to AWS writes are lost"
    case .lostRequests(let share): "\(percent(share)) of the AWS requests never arrive"
    case .garbledReplies(let share): "\(percent(share)) of the AWS answers cannot be read"
    case .captivePortal(let share): "a captive portal answers \(percent(share)) of the AWS requests"
    case .slowAPI(let factor): "the AWS APIs are \(Int(factor)) times slower"
    case .accessDenied(let apiName): "\(apiName) is denied"
    case .credentialsLost: "the watchdog has no usable credentials"
    case .observerIsolated: "the watchdog's own network is gone; users are not concerned"
    case .applicationDown(let name, let site): "the application of \(name) is broken in the \(site.words)"
    case .albBlackhole(let name, let site): "the load balancer of \(name) in the \(site.words) no longer answers"
    case .albRefused(let name, let site): "the load balancer of \(name) in the \(site.words) refuses connections"
    case .albHidden(let name, let site):
      "the load balancer of \(name) in the \(site.words) is out of the watchdog's reach alone; users are served"
    case .albAddressDead(let name, let site):
      "one of two addresses of the load balancer of \(name) in the \(site.words) is dead; users are served by the other"
    case .albFlapping(let name, let site):
      "the load balancer of \(name) in the \(site.words) answers every other request with 503; users try again"
    case .checkersLie(let name): "Route 53's checkers report the opposite of what they see of \(name)"
    case .albSlow(let name, let site, let delay):
      "the load balancer of \(name) in the \(site.words) answers \(delay.text) late"
    case .albWrongContent(let name, let site):
      "the load balancer of \(name) in the \(site.words) serves somebody else's page"
    case .replicationStopped(let name): "the replica of \(name) stops replaying"
    case .lagMissing(let name): "CloudWatch has no ReplicaLag of \(name)"
    case .lagSpike(let name, let lag): "the replica of \(name) falls \(lag.text) behind"
    case .capacityShortage(let name, let site, let available):
      "AWS has capacity for only \(available) instance\(available == 1 ? "" : "s") of \(name) in the \(site.words)"
    case .commandsFail(let name): "the operator's programs of \(name) end badly"
    case .demand(let name, let site, let desired):
      "Auto Scaling wants \(desired) instance\(desired == 1 ? "" : "s") of \(name) in the \(site.words)"
    case .launchesSuspended(let name, let site): "launches of \(name) are suspended in the \(site.words)"
    case .launchTemplateMissing(let name, let site):
      "the launch template of \(name) in the \(site.words) is deleted"
    case .secretDeleted(let name, let site): "the secret of \(name) in the \(site.words) is marked for deletion"
    case .safetyRule(let name): "a safety rule refuses to have the routing controls of \(name) turned"
    case .promotionStuck(let name): "a promotion of \(name)'s database does not get on"
    case .backupRunning(let database): "a backup of \(database.identifier) runs"
    case .holdLifted(let name, let site): "somebody lets writes to \(name) in the \(site.words) through again"
    case .databaseRestarts(let database): "the database \(database.identifier) is started, where it was stopped"
    case .databaseTrouble(let database, let status): "the database \(database.identifier) is \(status)"
    case .writeFencingFails(let name): "a failover leaves the old cluster of \(name) writable"
    case .resyncStalls(let name): "the cluster of \(name) that a failover left is not rebuilt"
    case .switchoverCancelled(let name): "Aurora cancels switchovers of \(name)'s global database"
    case .headless(let database): "the cluster \(database.identifier) in \(database.region) has no instances"
    }
  }

  private func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}

extension SandboxSite {
  /// In sentences, behind an article.
  package var words: String {
    switch self {
    case .primary: "primary region"
    case .dr: "DR region"
    }
  }
}
