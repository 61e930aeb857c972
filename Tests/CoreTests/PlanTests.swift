// The plans are promises: their order stands here to be read.

import PilotlightCore
import Testing

private func site(_ region: String, _ name: String) -> SiteSettings {
  SiteSettings(
    region: region, probe: ProbeSettings(url: "http://\(region).test/"),
    group: GroupSettings(
      ref: GroupRef(region: region, name: name), serving: GroupSize(min: 1, desired: 2, max: 3),
      standby: GroupSize(min: 0, desired: 0, max: 3), acceptMinimum: 1),
    targetGroup: TargetGroupRef(region: region, arn: "tg"), listener: ListenerRef(region: region, arn: "listener"),
    database: DatabaseSettings(ref: DatabaseRef(region: region, identifier: "\(name)-db")),
    secret: SecretSettings(ref: SecretRef(region: region, id: name)))
}

let settings = WorkloadSettings(
  name: "django-app", mode: .automatic, objectives: Objectives(rto: .minutes(30), rpo: .minutes(5)),
  primary: site("eu-west-1", "app"), dr: site("us-west-2", "dr"), detection: DetectionSettings(),
  replication: ReplicationSettings(), decision: DecisionSettings(),
  traffic: .objectSwitch(ObjectRef(region: "us-west-2", bucket: "b", key: "k")),
  announcement: TopicRef(region: "us-west-2", arn: "topic"), failback: FailbackSettings())

/// The same on clusters of a global database.
let aurora = {
  var settings = settings
  settings.primary.database.ref.global = GlobalDatabase(identifier: "app-global", peer: "us-west-2")
  settings.dr.database.ref.global = GlobalDatabase(identifier: "app-global", peer: "eu-west-1")
  return settings
}()

@Suite struct PlanTests {
  @Test func `the failover plan, in order, with what each step waits for`() {
    let plan = Plan.failover(settings).map { "\($0.name) <- \($0.needs.joined(separator: ", "))" }
    #expect(
      plan == [
        "repoint-dr-secret <- ", "scale-up-dr <- repoint-dr-secret", "gate <- scale-up-dr", "fence-primary <- gate",
        "promote-replica <- fence-primary", "release-dr-writes <- fence-primary",
        "verify-dr-targets <- promote-replica, release-dr-writes", "verify-dr-application <- verify-dr-targets",
        "shift-traffic <- verify-dr-application", "announce <- shift-traffic",
      ])
  }

  @Test func `the rungs of the fence wait for none of each other, and a database is stopped behind the promotion`() {
    var settings = settings
    settings.decision.fenceListener = true
    settings.decision.fenceDatabase = true
    let plan = Plan.failover(settings).map { "\($0.name) <- \($0.needs.joined(separator: ", "))" }
    #expect(
      plan[2...8] == [
        "gate <- scale-up-dr", "fence-primary <- gate", "fence-listener <- gate",
        "promote-replica <- fence-primary, fence-listener", "stop-old-database <- promote-replica",
        "release-dr-writes <- fence-primary, fence-listener", "verify-dr-targets <- promote-replica, release-dr-writes",
      ])
    settings.decision.fencePrimary = false
    #expect(Plan.failover(settings).first { $0.name == "promote-replica" }?.needs == ["fence-listener"])
    settings.decision.fenceListener = nil
    #expect(Plan.failover(settings).first { $0.name == "promote-replica" }?.needs == ["gate"])
  }

  @Test func `the failback plan, in order`() {
    #expect(
      Plan.failback(settings, incident: "20261123T173515-django-app").map(\.name) == [
        "check-primary", "start-old-database", "snapshot-old-database", "set-aside-old-database", "reverse-replica",
        "reinstate-settings", "apply-parameters", "await-replication",
        "repoint-primary-secret", "release-primary-writes", "scale-up-primary", "await-primary-instances",
        "hold-writes", "drain",
        "promote-primary", "verify-primary-targets", "verify-primary-application", "shift-traffic-home",
        "scale-down-dr", "set-aside-dr-database", "recreate-dr-replica", "reinstate-dr-settings", "apply-dr-parameters",
        "await-dr-replication",
        "release-writes", "announce",
      ])
  }

  @Test func `the plans of a global database: Aurora moves the writer, and nothing is drained, kept or built anew`() {
    #expect(
      Plan.failover(aurora).map { "\($0.name) <- \($0.needs.joined(separator: ", "))" } == [
        "repoint-dr-secret <- ", "scale-up-dr <- repoint-dr-secret", "gate <- scale-up-dr", "fence-primary <- gate",
        "promote-replica <- fence-primary", "await-old-primary <- promote-replica",
        "release-dr-writes <- fence-primary",
        "verify-dr-targets <- promote-replica, release-dr-writes", "verify-dr-application <- verify-dr-targets",
        "shift-traffic <- verify-dr-application", "announce <- shift-traffic",
      ])
    #expect(
      Plan.switchover(aurora).map(\.name) == [
        "repoint-dr-secret", "release-dr-writes", "scale-up-dr", "await-dr-instances", "await-replication",
        "hold-writes", "promote-replica", "verify-dr-targets", "verify-dr-application", "shift-traffic",
        "scale-down-primary", "release-writes",
        "announce",
      ])
    #expect(
      Plan.failback(aurora, incident: "i").map(\.name) == [
        "check-primary", "await-old-primary", "await-replication", "repoint-primary-secret", "release-primary-writes",
        "scale-up-primary", "await-primary-instances", "hold-writes", "promote-primary", "verify-primary-targets",
        "verify-primary-application", "shift-traffic-home", "scale-down-dr", "await-dr-replication", "release-writes",
        "announce",
      ])
  }

  @Test func `no plan of a global database asks of a cluster what only an instance can do, nor of the wrong region`() {
    let plans = [Plan.failover(aurora), Plan.switchover(aurora), Plan.failback(aurora, incident: "i")]
    let asked = plans.map { plan in
      plan.flatMap(\.work.acts).filter { $0.apiName.hasPrefix("rds:") }.map { "\($0.apiName) in \($0.region)" }
    }
    #expect(
      asked == [
        ["rds:FailoverGlobalCluster in us-west-2"], ["rds:SwitchoverGlobalCluster in eu-west-1"],
        ["rds:SwitchoverGlobalCluster in us-west-2"],
      ])
  }

  @Test func `a step waits only for steps above it`() {
    for plan in [
      Plan.failover(settings), Plan.failback(settings, incident: "i"), Plan.failover(aurora), Plan.switchover(aurora),
      Plan.failback(aurora, incident: "i"),
    ] {
      var seen: Set<String> = []
      for step in plan {
        #expect(step.needs.allSatisfy(seen.contains), "\(step.name)")
        seen.insert(step.name)
      }
    }
  }

  @Test func `only promotions are one-way, one in each plan, and no step deletes anything`() {
    for plan in [
      Plan.failover(settings), Plan.failback(settings, incident: "i"), Plan.failover(aurora), Plan.switchover(aurora),
      Plan.failback(aurora, incident: "i"),
    ] {
      #expect(plan.filter { $0.work.kind == .oneWay }.count == 1)
    }
  }

  @Test func `the forecast of the reference deployment fits its RTO`() {
    #expect(Plan.forecast(Plan.failover(settings), until: "shift-traffic") < .minutes(15))
    #expect(Plan.forecast(Plan.failover(aurora), until: "shift-traffic") < .minutes(12))
  }

  @Test func `names of what is kept fit RDS: 63 characters, no two hyphens in a row, none at the end`() {
    var long = settings
    // Its 30th letter is a hyphen.
    long.primary.database.ref.identifier = "django-application-production-primary"
    for settings in [settings, long] {
      let plan = Plan.failback(settings, incident: "20261123T173515-a_very--long_workload-name")
      let names = plan.compactMap { step in
        switch step.work {
        case .setAside(_, let name), .snapshot(_, let name): name
        default: nil
        }
      }
      #expect(names.count == 3)
      for name in names { #expect(name.count <= 63 && !name.contains("--") && !name.hasSuffix("-"), "\(name)") }
    }
  }
}
