// Events of the world around the daemon: AWS, the application, its database.

import PilotlightConfiguration
import PilotlightCore
import PilotlightSandbox
import PilotlightSimulation

/// What becomes of a share of the AWS requests.
private enum AnswerFault: String, CaseIterable, Sendable {
  case writesUnanswered, requestsLost, garbled, captivePortal

  func fault(_ share: Double) -> SandboxFault {
    switch self {
    case .writesUnanswered: .unknownOutcomes(share: share)
    case .requestsLost: .lostRequests(share: share)
    case .garbled: .garbledReplies(share: share)
    case .captivePortal: .captivePortal(share: share)
    }
  }
}

/// What a load balancer does instead of serving.
private enum BalancerFault: String, CaseIterable, Sendable {
  case silent, refusing, hidden, oneAddress, flapping, wrongContent

  func fault(_ name: String, _ site: SandboxSite) -> SandboxFault {
    switch self {
    case .silent: .albBlackhole(workload: name, site: site)
    case .refusing: .albRefused(workload: name, site: site)
    case .hidden: .albHidden(workload: name, site: site)
    case .oneAddress: .albAddressDead(workload: name, site: site)
    case .flapping: .albFlapping(workload: name, site: site)
    case .wrongContent: .albWrongContent(workload: name, site: site)
    }
  }
}

/// What the replica does instead of following.
private enum ReplicationFault: String, CaseIterable, Sendable {
  case stopped, unmeasured
}

extension EventChoice {
  mutating func readCloud() {
    value(
      "regionOutage", .role,
      "The whole region is gone: its APIs, load balancers, instances, databases and replication stand still."
    ) { role, workload in .cloud(.regionOutage(region: role.settings(workload).region)) }
    value("apiOutage", .role, "The region's AWS APIs cannot be reached; what runs there goes on.") { role, workload in
      .cloud(.apiOutage(region: role.settings(workload).region))
    }
    mapping("throttling", "AWS throttles requests to a region.") { throttling in
      let region = throttling.required("region", .role, "Which region.")
      let share = throttling.required("percent", .percent, "Percentage of the requests that are throttled.").share
      return { .cloud(.throttling(region: region.settings($0).region, share: share)) }
    }
    mapping("answers", "AWS answers badly, in both regions.") { answers in
      let fault = answers.required(
        "fault", .choice(AnswerFault.self, placeholder: .garbled),
        "`writesUnanswered`: writes happen, their answers are lost; `requestsLost`: requests never arrive; `garbled`: "
          + "answers cannot be read; `captivePortal`: somebody else answers, with HTML.")
      let share = answers.required("percent", .percent, "Percentage of the requests concerned.").share
      return { _ in .cloud(fault.fault(share)) }
    }
    value("slowAPI", .integer(2...1000), "The AWS APIs take this many times longer to answer.") { factor, _ in
      .cloud(.slowAPI(factor: Double(factor)))
    }
    value(
      "accessDenied", .iamAction, "The action of this IAM name, such as `rds:PromoteReadReplica`, is denied."
    ) { action, _ in .cloud(.accessDenied(apiName: action)) }
  }

  mutating func readApplication() {
    value("applicationDown", .role, "The application answers 503 to everybody, its targets turn unhealthy.") {
      .cloud(.applicationDown(workload: $1.name, site: $0.site))
    }
    mapping("loadBalancer", "A load balancer does not serve.") { balancer in
      let role = balancer.required("site", .role, "Which region's.")
      let fault = balancer.required(
        "fault", .choice(BalancerFault.self, placeholder: .silent),
        "`silent`: accepts and never answers; `refusing`: refuses connections; `hidden`: the watchdog alone is shut out, "
          + "users are served; `oneAddress`: one of its two addresses is dead, users are served by the other; `flapping`: every other request is "
          + "answered 503, users try again; `wrongContent`: status 200 with somebody else's page, noticed only where `bodyContains` "
          + "is configured.")
      return { .cloud(fault.fault($0.name, role.site)) }
    }
    mapping("slowAnswers", "A load balancer answers rightly, and late.") { slow in
      let role = slow.required("site", .role, "Which region's.")
      let delay = slow.required("delay", .duration(.milliseconds(1)...(.minutes(5))), "How late.")
      return { .cloud(.albSlow(workload: $0.name, site: role.site, delay: delay)) }
    }
    mapping("capacityShortage", "AWS has not enough instances; further launches fail.") { shortage in
      let role = shortage.required("site", .role, "Which region's group.")
      let available = shortage.required("available", .integer(0...10_000), "Instances that can run in the group.")
      return { .cloud(.capacityShortage(workload: $0.name, site: role.site, available: available)) }
    }
    value("commands", .word("fail"), "`fail`: the programs among the steps of the plans end badly.") { _, workload in
      .cloud(.commandsFail(workload: workload.name))
    }
    mapping("demand", "The application has so much to do that Auto Scaling wants another number of instances.") {
      demand in
      let role = demand.required("site", .role, "Which region's group; one at zero stays so.")
      let desired = demand.required("desired", .integer(1...10_000), "Instances wanted, within the group's bounds.")
      return { .cloud(.demand(workload: $0.name, site: role.site, desired: desired)) }
    }
    value(
      "safetyRule", .word("refuses"), "`refuses`: a safety rule of ARC does not let the routing controls be turned."
    ) {
      .cloud(.safetyRule(workload: $1.name))
    }
    value("launchesSuspended", .role, "The group's `Launch` process is suspended.") {
      .cloud(.launchesSuspended(workload: $1.name, site: $0.site))
    }
    value("launchTemplateMissing", .role, "The launch template that the group names is gone: launches fail.") {
      .cloud(.launchTemplateMissing(workload: $1.name, site: $0.site))
    }
    value("secretDeleted", .role, "The region's secret is marked for deletion: instances that boot wait for it.") {
      .cloud(.secretDeleted(workload: $1.name, site: $0.site))
    }
  }

  mutating func readDatabase() {
    value(
      "replication", .choice(ReplicationFault.self, placeholder: .stopped),
      "`stopped`: the replica no longer replays; `unmeasured`: it does, but CloudWatch has no ReplicaLag."
    ) { fault, workload in
      switch fault {
      case .stopped: .cloud(.replicationStopped(workload: workload.name))
      case .unmeasured: .cloud(.lagMissing(workload: workload.name))
      }
    }
    value(
      "replicaLag", .duration(.seconds(1)...(.hours(24))), "Replay falls this far behind, and stays so."
    ) { .cloud(.lagSpike(workload: $1.name, lag: $0)) }
    value("promotion", .word("stuck"), "`stuck`: a promotion stays in `modifying` as long as this lasts.") {
      .cloud(.promotionStuck(workload: $1.name))
    }
    value("backup", .role, "A backup of that region's database runs: a promotion is refused meanwhile.") {
      .cloud(.backupRunning($0.settings($1).database.ref))
    }
    value("databaseRestart", .role, "That region's database, where it is stopped, is started again.") {
      .cloud(.databaseRestarts($0.settings($1).database.ref))
    }
    value("holdLifted", .role, "Somebody deletes the rule by which writes to that region's load balancer are held.") {
      .cloud(.holdLifted(workload: $1.name, site: $0.site))
    }
    mapping("database", "A database does not answer.") { database in
      let role = database.required("site", .role, "Which region's.")
      let status = database.required(
        "status", .word("failed", "storage-full", "stopped", "incompatible-network", "incompatible-parameters"),
        "The status that RDS shows.")
      return { .cloud(.databaseTrouble(role.settings($0).database.ref, status: status)) }
    }
  }
}

extension EventChoice {
  mutating func readGlobalDatabase() {
    value(
      "writeFencing", .word("fails"), "Aurora: `fails`: a failover leaves the old cluster writable until it is rebuilt."
    ) {
      .cloud(.writeFencingFails(workload: $1.name))
    }
    value(
      "resync", .word("stalls"),
      "Aurora: `stalls`: the cluster that a failover left is not rebuilt as long as this lasts."
    ) {
      .cloud(.resyncStalls(workload: $1.name))
    }
    value("auroraSwitchover", .word("cancelled"), "Aurora: `cancelled`: it takes switchovers and cancels them.") {
      .cloud(.switchoverCancelled(workload: $1.name))
    }
    value("headless", .role, "Aurora: that region's cluster has no instances, so that nothing answers there.") {
      .cloud(.headless($0.settings($1).database.ref))
    }
  }
}

extension Int {
  /// A percentage as a share of 1.
  var share: Double { Double(self) / 100 }
}

extension Kind where Value == String {
  /// `service:Action`.
  fileprivate static var iamAction: Kind {
    .text("IAM action", expected: "an IAM action such as rds:PromoteReadReplica") { text in
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      let isWord = parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (48...122).contains($0) && $0 != 58 } }
      return parts.count == 2 && isWord && text.utf8.count <= 128 ? nil : "is not an IAM action"
    }
  }
}
