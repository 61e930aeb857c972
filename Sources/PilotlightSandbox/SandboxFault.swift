// What can be made to go wrong. A fault lasts from `inject` to `clear`; several can hold at once.

package import PilotlightCore

/// One of the two sides of a workload.
package enum SandboxSite: Int, Hashable, Sendable, Codable, CaseIterable {
  /// The region that serves normally.
  case primary = 0
  /// The region with the pilot light.
  case dr = 1

  /// The site on the other side.
  package var other: SandboxSite { self == .primary ? .dr : .primary }
}

/// What the databases run; their replicas measure lag in different ways.
package enum SandboxEngine: String, Hashable, Sendable, Codable, CaseIterable {
  case postgres
  case mysql

  var port: Int { self == .postgres ? 5432 : 3306 }
  /// How a cluster names it.
  var aurora: String { self == .postgres ? "aurora-postgresql" : "aurora-mysql" }
}

/// The closed list of faults the sandbox can play. Shares are 0...1 of the requests.
package enum SandboxFault: Hashable, Sendable, Codable {
  // Regions and their APIs.

  /// The whole region is gone: its APIs, load balancers, instances, databases and replication stand still until
  /// cleared.
  case regionOutage(region: String)
  /// Only the region's APIs cannot be reached; what runs there goes on.
  case apiOutage(region: String)
  /// A share of the region's requests is throttled, with the code each service uses.
  case throttling(region: String, share: Double)
  /// A share of writes happens, but the answer is lost.
  case unknownOutcomes(share: Double)
  /// A share of requests never arrives; for a write this looks the same as `unknownOutcomes`.
  case lostRequests(share: Double)
  /// A share of requests is carried out and answered with bytes nobody can read.
  case garbledReplies(share: Double)
  /// A share of requests never arrives: a captive portal answers with HTML instead.
  case captivePortal(share: Double)
  /// API latencies are multiplied, 1...1000.
  case slowAPI(factor: Double)
  /// One API action, named as IAM names it, is refused with AccessDenied.
  case accessDenied(apiName: String)
  /// The watchdog has no usable credentials: nothing is asked.
  case credentialsLost
  /// The watchdog's own network is gone: no API and no load balancer answers it, while users are served.
  case observerIsolated

  // The application and its load balancer.

  /// The application of one site is broken: 503 for everybody, targets turn unhealthy.
  case applicationDown(workload: String, site: SandboxSite)
  /// The load balancer accepts connections and never answers, for users too.
  case albBlackhole(workload: String, site: SandboxSite)
  /// The load balancer refuses connections, for users too.
  case albRefused(workload: String, site: SandboxSite)
  /// Only the watchdog's probes time out (a security group that shuts it out); users are served.
  case albHidden(workload: String, site: SandboxSite)
  /// One of the load balancer's two addresses is dead; whoever meets it tries the other, and users are served.
  case albAddressDead(workload: String, site: SandboxSite)
  /// Every other request is answered 503; users try again, and are served.
  case albFlapping(workload: String, site: SandboxSite)
  /// Route 53's checkers report the opposite of what they see.
  case checkersLie(workload: String)
  /// Right answers, late.
  case albSlow(workload: String, site: SandboxSite, delay: Duration)
  /// Status 200 with the wrong body, for the watchdog and for users (who are not served by it).
  case albWrongContent(workload: String, site: SandboxSite)

  // Databases and capacity.

  /// The workload's replicas stop replaying.
  case replicationStopped(workload: String)
  /// CloudWatch has no ReplicaLag of the workload's replicas, although they replay.
  case lagMissing(workload: String)
  /// Replay falls behind until it is `lag` late, and stays so.
  case lagSpike(workload: String, lag: Duration)
  /// Only `available` instances can run in the site's group; further launches fail.
  case capacityShortage(workload: String, site: SandboxSite, available: Int)
  /// The application has so much to do that Auto Scaling wants this many instances, within the group's bounds; a group at zero stays so.
  case demand(workload: String, site: SandboxSite, desired: Int)
  /// The operator's programs of the workload end badly.
  case commandsFail(workload: String)
  /// The group's `Launch` process is suspended.
  case launchesSuspended(workload: String, site: SandboxSite)
  /// The launch template that the site's group names is gone: launches fail.
  case launchTemplateMissing(workload: String, site: SandboxSite)
  /// The site's secret is marked for deletion: nobody reads or writes it, and instances that boot wait for it.
  case secretDeleted(workload: String, site: SandboxSite)
  /// A promotion stays in `modifying`.
  case promotionStuck(workload: String)
  /// A backup is running: a promotion is refused meanwhile. It begins only if the database is `available`.
  case backupRunning(DatabaseRef)
  /// The database, where it is stopped, is started again: by RDS after seven days, or by somebody. It stays so.
  case databaseRestarts(DatabaseRef)
  /// Somebody deletes the rule that holds writes, at this moment.
  case holdLifted(workload: String, site: SandboxSite)
  /// The database does not answer and shows this status, e.g. `storage-full`, `stopped`, `incompatible-network`.
  case databaseTrouble(DatabaseRef, status: String)

  /// A safety rule refuses to have the routing controls turned.
  case safetyRule(workload: String)

  // Global databases.

  /// A failover of Aurora's leaves the old cluster writable.
  case writeFencingFails(workload: String)
  /// A cluster that a failover left is not rebuilt.
  case resyncStalls(workload: String)
  /// Aurora cancels the switchovers that it took.
  case switchoverCancelled(workload: String)
  /// The cluster has no instances: nothing answers there.
  case headless(DatabaseRef)
}

/// The faults that hold, in the order of their injection, so that no answer depends on a hash.
struct FaultSet: Sendable {
  private(set) var active: [SandboxFault] = []

  var isEmpty: Bool { active.isEmpty }

  mutating func insert(_ fault: SandboxFault) {
    if !active.contains(fault) { active.append(fault) }
  }

  /// True when it was there.
  mutating func remove(_ fault: SandboxFault) -> Bool {
    guard let index = active.firstIndex(of: fault) else { return false }
    active.remove(at: index)
    return true
  }

  func contains(_ fault: SandboxFault) -> Bool { !active.isEmpty && active.contains(fault) }

  /// The first value that `pick` finds.
  func first<Value>(_ pick: (SandboxFault) -> Value?) -> Value? {
    for fault in active {
      if let value = pick(fault) { return value }
    }
    return nil
  }

  /// How late replay of this workload is made, in nanoseconds; the newest fault wins.
  func spike(of workload: String) -> Int64? {
    var found: Int64?
    for case .lagSpike(workload, let lag) in active { found = lag.nanoseconds }
    return found
  }

  func capacity(_ workload: String, _ site: SandboxSite) -> Int? {
    first {
      if case .capacityShortage(workload, site, let available) = $0 { available } else { nil }
    }
  }

  func trouble(_ ref: DatabaseRef) -> String? {
    first {
      if case .databaseTrouble(ref, let status) = $0 { status } else { nil }
    }
  }
}
