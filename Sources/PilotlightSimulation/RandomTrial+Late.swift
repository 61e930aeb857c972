// What is drawn last, so that no draw before it is another because of it.

import PilotlightCore
import PilotlightSandbox

extension Draw {
  // MARK: Drift

  /// What a failover stands on goes away while nobody needs it. Drawn last: no draw before is another because of it.
  mutating func drift(_ trial: inout Trial) {
    let workload = pick(trial.workloads)
    switch trial.expectation {
    case .nothingActs:
      let begin = trial.scenario.duration + .minutes(1)
      let entry = Scenario.Entry(at: begin, drift(workload), lasting: seconds(480, 1200))
      trial.scenario.entries.append(entry)
      trial.scenario.duration = begin + .minutes(25)
    case .failsOver:
      // What can only not be proven holds no failover back.
      guard chance(0.5) else { return }
      let silent = pick(["iam:SimulatePrincipalPolicy", "ec2:DescribeLaunchTemplateVersions", "sts:GetCallerIdentity"])
      let entry = Scenario.Entry(at: seconds(10, 200), .cloud(.accessDenied(apiName: silent)))
      trial.scenario.entries.insert(entry, at: 0)
    case .none, .begins:
      guard chance(0.3) else { return }
      let latest = max(trial.scenario.duration.seconds - 900, 120)
      for _ in 0..<pick([1, 1, 2]) {
        trial.scenario.entries.append(
          Scenario.Entry(at: seconds(60, latest), drift(workload), lasting: chance(0.3) ? nil : seconds(300, 1800)))
      }
      trial.scenario.entries.sort { $0.at < $1.at }
    }
  }

  private mutating func drift(_ workload: WorkloadSettings) -> Occurrence {
    pick([
      .cloud(.launchTemplateMissing(workload: workload.name, site: .dr)),
      .cloud(.secretDeleted(workload: workload.name, site: .dr)),
      .cloud(.launchesSuspended(workload: workload.name, site: .dr)),
      .cloud(.accessDenied(apiName: pick(["rds:PromoteReadReplica", "autoscaling:UpdateAutoScalingGroup"]))),
      .clockBehind(pick([.minutes(4), .hours(-1)])),
    ])
  }

  // MARK: Other watchdogs

  /// Some workloads have two watchdogs. Drawn last, too.
  mutating func watchdogs(_ trial: inout Trial) {
    guard chance(0.3) else { return }
    let lasting: Duration = pick([.seconds(20), .seconds(60), .seconds(60), .minutes(5)])
    for index in trial.workloads.indices {
      let settings = trial.workloads[index]
      let ref = LeaseRef(region: settings.dr.region, table: "pilotlight", key: settings.name)
      trial.workloads[index].lease = LeaseSettings(ref: ref, holder: "ours", lasting: lasting)
    }
    let rival = Occurrence.rival(workload: pick(trial.workloads).name)
    if trial.expectation == .failsOver {
      // It has the lease, or not, and dies about when the primary does.
      guard lasting <= .minutes(1), chance(0.6), let outage = trial.scenario.entries.first(where: { $0.what.isOutage })
      else { return }
      trial.scenario.entries.insert(Scenario.Entry(at: .zero, rival, lasting: outage.at + seconds(-60, 60)), at: 0)
      return
    }
    let latest = trial.scenario.duration.seconds * 0.8
    if trial.expectation == .none, chance(0.6) {
      // Ours stands still, is gone or is cut off for as long as the other needs to follow it, and comes back.
      let away: Occurrence = pick([.freeze, .cloud(.observerIsolated), .crash(.now, restartAfter: seconds(10, 400))])
      let at = seconds(60, latest)
      trial.scenario.entries.append(Scenario.Entry(at: at, away, lasting: lasting + seconds(-10, 200)))
      trial.scenario.entries.append(Scenario.Entry(at: .zero, rival, lasting: at + seconds(20, 1500)))
    } else if chance(0.7) {
      trial.scenario.entries.append(Scenario.Entry(at: seconds(0, latest), rival, lasting: seconds(20, 1800)))
    }
    trial.scenario.entries.sort { $0.at < $1.at }
  }

  // MARK: Reviews

  /// Who orders a failback has mostly looked for what was lost.
  mutating func reviews(_ trial: inout Trial) {
    for entry in trial.scenario.entries {
      guard case .order(.failback, let workload) = entry.what, chance(0.8) else { continue }
      let review = Scenario.Entry(at: max(entry.at - seconds(1, 60), .zero), .order(.reviewLoss, workload: workload))
      trial.scenario.entries.append(review)
    }
    trial.scenario.entries.sort { $0.at < $1.at }
  }

  // MARK: Demand

  /// Some groups are sized by what the other one was wanted at, which goes up and down.
  mutating func demand(_ trial: inout Trial) {
    guard chance(0.3) else { return }
    let (share, most) = (pick([100, 100, 50, 150]), pick([3, 6, 12]))
    for index in trial.workloads.indices {
      trial.workloads[index].primary.group.serving.max = most
      trial.workloads[index].primary.group.ofPeak = share
      trial.workloads[index].dr.group.serving.max = most
      trial.workloads[index].dr.group.ofPeak = share
    }
    let latest = max(trial.scenario.duration.seconds * 0.8, 600)
    // Fewer instances, before more of them have booted, are an outage: not where nothing may be wrong.
    let isCalm = trial.expectation != .none
    for _ in 0..<(isCalm ? 1 : pick([1, 2, 4])) {
      let what = SandboxFault.demand(
        workload: pick(trial.workloads).name, site: pick([.primary, .primary, .dr]),
        desired: isCalm ? pick([3, 5, 9]) : pick([1, 3, 5, 9]))
      let lasting = isCalm ? nil : seconds(120, 1500)
      trial.scenario.entries.append(Scenario.Entry(at: seconds(10, latest), .cloud(what), lasting: lasting))
    }
    trial.scenario.entries.sort { $0.at < $1.at }
  }

  // MARK: Switchovers

  /// Somebody moves a primary that serves.
  mutating func switchover(_ trial: inout Trial) {
    guard trial.expectation == .none, chance(0.15) else { return }
    let at = seconds(60, trial.scenario.duration.seconds * 0.5)
    let order = Scenario.Entry(at: at, .order(.switchover, workload: pick(trial.workloads).name))
    trial.scenario.entries.append(order)
    if chance(0.4) {
      let region = SandboxFault.regionOutage(region: trial.workloads[0].primary.region)
      trial.scenario.entries.append(
        Scenario.Entry(at: at + seconds(0, 900), .cloud(region), lasting: seconds(60, 1800)))
    }
    trial.scenario.entries.sort { $0.at < $1.at }
  }

  // MARK: Grey failures

  /// A primary that is late, or fails now and then, serves; a vantage that lies beside it makes no outage of that.
  mutating func grey(_ settings: WorkloadSettings) -> Trial {
    var workload = settings
    workload.detection.corroborate = .any
    workload.detection.grey.policy = .alert
    workload.detection.healthCheck = HealthCheckRef(id: "check-\(workload.name)")
    let (at, lasting) = (seconds(60, 600), seconds(300, 1500))
    let grey: SandboxFault = pick([
      .albFlapping(workload: workload.name, site: .primary),
      .albSlow(workload: workload.name, site: .primary, delay: pick([.milliseconds(2500), .seconds(3), .seconds(4)])),
    ])
    let entries = [
      Scenario.Entry(at: at, .cloud(grey), lasting: lasting),
      Scenario.Entry(at: at + seconds(5, 60), .cloud(.checkersLie(workload: workload.name)), lasting: lasting),
    ]
    return Trial(
      seed: seed, workloads: [workload], scenario: Scenario(name: "", entries: entries, duration: .minutes(45)),
      expectation: .nothingActs)
  }

  // MARK: Second thoughts

  /// Somebody takes a run back, and wants it after all: what was taken back is still shown as it was.
  mutating func secondThoughts(_ trial: inout Trial) {
    guard trial.expectation == .none, chance(0.1) else { return }
    let (name, region) = (pick(trial.workloads).name, trial.workloads[0].primary.region)
    let outage = seconds(60, trial.scenario.duration.seconds * 0.5)
    let fault: SandboxFault = pick([
      .regionOutage(region: region), .applicationDown(workload: name, site: .primary),
      .albRefused(workload: name, site: .primary),
    ])
    let abort = outage + seconds(60, 400)
    trial.scenario.entries += [
      Scenario.Entry(at: outage, .cloud(fault), lasting: seconds(600, 1800)),
      Scenario.Entry(at: abort, .order(.abort, workload: name)),
    ]
    for _ in 0..<pick([1, 2, 4]) {
      let again = Scenario.Entry(at: abort + seconds(1, 90), .order(.failover(acceptDataLoss: true), workload: name))
      trial.scenario.entries.append(again)
    }
    trial.scenario.entries.sort { $0.at < $1.at }
  }

  // MARK: Own steps

  /// Some plans have steps of the operator's, and some do without others.
  mutating func ownSteps(_ trial: inout Trial) {
    guard chance(0.2) else { return }
    func program(_ name: String, after: String) -> OwnStep {
      let spec = CommandSpec(command: ["/own", name, "do"], undo: ["/own", name, "undo"], timeout: .minutes(5))
      return OwnStep(name: name, after: after, kind: .command(spec))
    }
    let before = program("warm-up", after: "scale-up-dr")
    let behind = program("tell-the-team", after: "shift-traffic")
    var plans = PlanChanges()
    plans.failover.steps = pick([[before], [behind], [before, behind]])
    plans.switchover.steps = plans.failover.steps
    plans.failback.steps = [program("compare-rows", after: "await-replication")]
    if chance(0.3) { plans.failover.without = ["announce"] }
    for index in trial.workloads.indices { trial.workloads[index].plans = plans }
    guard trial.expectation == .none, chance(0.4) else { return }
    let at = seconds(60, trial.scenario.duration.seconds * 0.8)
    let fault = Occurrence.cloud(.commandsFail(workload: pick(trial.workloads).name))
    trial.scenario.entries.append(Scenario.Entry(at: at, fault, lasting: seconds(60, 1500)))
    trial.scenario.entries.sort { $0.at < $1.at }
  }

  // MARK: Pages

  /// Where somebody is to be called.
  mutating func pages(_ trial: inout Trial) {
    guard chance(0.5) else { return }
    for index in trial.workloads.indices {
      trial.workloads[index].page = TopicRef(region: trial.workloads[index].dr.region, arn: "arn:topic/pager")
    }
  }

  // MARK: Secrets

  /// Some secrets of the DR region are replicas of the primary's.
  mutating func replicaSecrets(_ trial: inout Trial) {
    guard chance(0.2) else { return }
    for index in trial.workloads.indices { trial.workloads[index].dr.secret?.isReplica = true }
  }

  // MARK: Fences

  /// Some old primaries are closed at the load balancer, or stopped; and then somebody starts them again.
  mutating func fences(_ trial: inout Trial) {
    guard chance(0.3) else { return }
    let (closes, stops) = pick([(true, false), (false, true), (true, true)])
    for index in trial.workloads.indices {
      if trial.workloads[index].primary.listener != nil, trial.workloads[index].decision.fencePrimary {
        trial.workloads[index].decision.fenceListener = closes
      }
      trial.workloads[index].decision.fenceDatabase = stops
    }
    guard trial.expectation == .none, chance(0.6) else { return }
    for _ in 0..<pick([1, 2]) {
      let database = pick(trial.workloads).primary.database.ref
      let at = seconds(600, max(trial.scenario.duration.seconds, 1200))
      trial.scenario.entries.append(Scenario.Entry(at: at, .cloud(.databaseRestarts(database)), lasting: .seconds(1)))
    }
    trial.scenario.entries.sort { $0.at < $1.at }
  }

  // MARK: Names

  /// Some ask DNS after the traffic was moved, and some move it by a health check.
  mutating func names(_ trial: inout Trial) {
    if chance(0.2) {
      for index in trial.workloads.indices where trial.workloads[index].traffic != .manual {
        trial.workloads[index].traffic = .healthCheck(HealthCheckRef(id: "switch-\(trial.workloads[index].name)"))
      }
    }
    guard chance(0.3) else { return }
    for index in trial.workloads.indices {
      let name = trial.workloads[index].name
      trial.workloads[index].names = NameSettings(
        name: "\(name).example.com", primary: "primary.\(name).example.com", dr: "dr.\(name).example.com")
    }
  }

  /// Some move users by routing controls, which a safety rule may hold for a while.
  mutating func routingControls(_ trial: inout Trial) {
    guard chance(0.15) else { return }
    for index in trial.workloads.indices where trial.workloads[index].traffic != .manual {
      trial.workloads[index].moveByRoutingControls()
    }
    guard trial.expectation == .none, chance(0.5) else { return }
    let entry = Scenario.Entry(
      at: seconds(60, max(trial.scenario.duration.seconds * 0.9, 120)),
      .cloud(.safetyRule(workload: pick(trial.workloads).name)), lasting: chance(0.2) ? nil : seconds(60, 1800))
    trial.scenario.entries.append(entry)
    trial.scenario.entries.sort { $0.at < $1.at }
  }

  /// Some replicas break while a person is asked, who says yes; and nothing else is wrong.
  mutating func brokenReplicas(_ trial: inout Trial) {
    guard trial.expectation == .none, chance(0.06) else { return }
    let index = pick(Array(trial.workloads.indices))
    trial.workloads[index].mode = .approve
    let settings = trial.workloads[index]
    let (outage, approval) = (seconds(300, 600), seconds(300, 600))
    trial.scenario.entries = [
      Scenario.Entry(at: outage, .cloud(.applicationDown(workload: settings.name, site: .primary))),
      Scenario.Entry(
        at: outage + seconds(100, 200), .cloud(.databaseTrouble(settings.dr.database.ref, status: "storage-full")),
        lasting: seconds(60, 1200)),
      Scenario.Entry(at: outage + approval, .order(.approve(acceptDataLoss: true), workload: settings.name)),
    ]
    trial.scenario.duration = .minutes(45)
  }

  /// Some replicas are cut off from the database that is being left, at about the moment when its last writes are waited for.
  mutating func cutLinks(_ trial: inout Trial) {
    guard trial.expectation == .none, chance(0.06) else { return }
    let (name, ordered) = (pick(trial.workloads).name, seconds(60, 300))
    let cut = Occurrence.cloud(.replicationStopped(workload: name))
    // Right behind a sample of the lag, which are taken each minute.
    let sampled = Duration.minutes(Int((ordered.seconds + pick([120, 180, 240])) / 60))
    trial.scenario.entries = [
      Scenario.Entry(at: ordered, .order(.switchover, workload: name)),
      Scenario.Entry(at: sampled + seconds(0, 4), cut, lasting: seconds(300, 900)),
    ]
    trial.scenario.duration = .minutes(30)
  }

  /// Some holds are lifted by somebody, at about the moment of the promotion behind them, and where the other region does not serve yet.
  mutating func liftedHolds(_ trial: inout Trial) {
    guard trial.expectation == .none, chance(0.05) else { return }
    let (name, ordered) = (pick(trial.workloads).name, seconds(60, 300))
    let lifted = Occurrence.cloud(.holdLifted(workload: name, site: .primary))
    trial.scenario.entries = [Scenario.Entry(at: ordered, .order(.switchover, workload: name))]
    if chance(0.6) {
      let outage = Occurrence.cloud(.applicationDown(workload: name, site: .dr))
      trial.scenario.entries.append(Scenario.Entry(at: ordered + seconds(10, 600), outage, lasting: seconds(600, 1800)))
    }
    for _ in 0..<pick([1, 1, 2]) {
      trial.scenario.entries.append(Scenario.Entry(at: ordered + seconds(200, 1500), lifted, lasting: .seconds(1)))
    }
    trial.scenario.entries.sort { $0.at < $1.at }
    trial.scenario.duration = .minutes(45)
  }

  /// Some disks have what they took in a cache when the power fails, at a moment at which something is done.
  mutating func lyingDisks(_ trial: inout Trial) {
    guard trial.expectation == .none, chance(0.06) else { return }
    let at = seconds(10, max(trial.scenario.duration.seconds * 0.5, 60))
    let step = pick(["scale-up-dr", "fence-primary", "promote-replica", "promote-replica", "shift-traffic", nil])
    let crash = Occurrence.crash(
      .kind(.acting, step: step, pick([.after, .sent])), restartAfter: pick([seconds(1, 30), seconds(30, 300)]))
    trial.scenario.entries += [
      Scenario.Entry(at: at, .disk(.forgetful(seconds(0.5, 10)))), Scenario.Entry(at: at, crash),
    ]
    trial.scenario.entries.sort { $0.at < $1.at }
  }

  /// Some names are weighted pairs.
  mutating func weightedPairs(_ trial: inout Trial) {
    guard chance(0.4) else { return }
    for index in trial.workloads.indices {
      guard case .route53(let record, var primary, var dr) = trial.workloads[index].traffic else { continue }
      (primary.setIdentifier, dr.setIdentifier) = ("primary", "dr")
      trial.workloads[index].traffic = .route53(record, primary: primary, dr: dr)
    }
  }
}

extension WorkloadSettings {
  /// The same with ARC's switches in a cluster of which the primary region's endpoint is asked last.
  package mutating func moveByRoutingControls() {
    func control(_ site: Site) -> String {
      "arn:aws:route53-recovery-control::123456789012:controlpanel/\(name)/routingcontrol/\(site.rawValue)"
    }
    let regions = ["us-east-1", "us-west-2", "ap-northeast-1", "ap-southeast-2", "eu-west-1"]
    traffic = .routingControl(
      RoutingControls(
        primary: control(.primary), dr: control(.dr),
        endpoints: regions.map {
          ClusterEndpoint(region: $0, host: "\(name).route53-recovery-cluster.\($0).amazonaws.com")
        }))
  }
}
