// The fence, rung by rung: tried in the failover, owed where it could not be reached, paid when the region answers, looked after while
// the DR region serves.

import PilotlightCore
import PilotlightEngine
import Testing

private let every = WorkloadSettings.reference {
  $0.decision.fenceListener = true
  $0.decision.fenceDatabase = true
}

extension Night {
  fileprivate var debts: [String] { workload.machine.state.debts.map(\.step) }
  fileprivate var old: DatabaseRef { settings.primary.database.ref }
  fileprivate var oldStatus: String? { cloud.databases[old]?.status }
  fileprivate var isFenced: Bool {
    cloud.groups[settings.primary.group.ref]?.desired == 0
      && settings.primary.listener.map(cloud.held.contains) == true && oldStatus == "stopped"
  }

  fileprivate static func failedOver(_ settings: WorkloadSettings = every) throws -> Night {
    let night = try Night(settings)
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(60)) { $0.phase == .drActive }
    return night
  }
}

@Suite struct FenceNights {
  @Test func `a primary whose API answers is fenced on every rung within the failover, the database last`() throws {
    let night = try Night(every)
    night.run(.minutes(5))
    // The application alone is gone.
    night.primary = .failure(.refused, status: nil, detail: "nobody listens")
    night.cloud.primaryTargets = TargetHealth(healthy: 0, unhealthy: 2, other: 0)
    #expect(night.run(.minutes(40)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    let acts = night.acts.map(\.action)
    let promotion = try #require(acts.firstIndex(of: .promoteReplica(night.settings.dr.database.ref, backups: 7)))
    let listener = try #require(night.settings.primary.listener)
    let closing = try #require(acts.firstIndex(of: .holdWrites(listener)))
    let stopping = try #require(acts.firstIndex(of: .stopDatabase(night.old)))
    #expect(closing < promotion && promotion < stopping)
    night.run(.minutes(2))
    #expect(night.isFenced && night.debts.isEmpty && night.everyActWasRecorded)
  }

  @Test func `a region that is silent owes every rung, and each is paid for itself when it answers`() throws {
    let night = try Night.failedOver()
    #expect(night.debts == ["fence-primary", "fence-listener", "stop-old-database"])
    night.cloud.dark.remove("eu-west-1")
    // One that is denied holds up none of the others.
    let denied = CloudFailure(.denied, code: "AccessDenied", message: "not allowed")
    night.cloud.failures["autoscaling:UpdateAutoScalingGroup"] = Array(repeating: denied, count: 4)
    #expect(night.run(.minutes(2)) { $0.debts == ["fence-primary"] }, "\(night.debts)")
    #expect(night.messages.contains { $0.kind == .waiting && $0.text.contains("skip django-app --step fence-primary") })
    #expect(night.run(.minutes(5)) { $0.debts.isEmpty && $0.isFenced })
  }

  @Test func `a database that starts again after seven days is stopped again, and the review of the loss stands`()
    throws
  {
    let night = try Night.failedOver()
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(10)) { $0.isFenced && $0.debts.isEmpty })
    night.order(.reviewLoss)
    night.run(.hours(24))
    night.cloud.databases[night.old]?.status = "available"
    #expect(night.run(.minutes(6)) { !$0.debts.isEmpty })
    #expect(night.messages.last { $0.kind == .debtIncurred }?.text.contains("is fenced no more") == true)
    #expect(night.workload.machine.unreviewedLoss == nil)
    #expect(night.run(.minutes(5)) { $0.debts.isEmpty && $0.isFenced })
  }

  @Test func `a group that a schedule scales up again is sized down again, and the review is void`() throws {
    let night = try Night.failedOver()
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(10)) { $0.debts.isEmpty })
    night.order(.reviewLoss)
    night.cloud.groups[night.settings.primary.group.ref] = night.settings.primary.group.serving
    #expect(night.run(.minutes(6)) { $0.debts == ["fence-primary"] })
    #expect(night.workload.machine.unreviewedLoss != nil)
    #expect(night.run(.minutes(2)) { $0.debts.isEmpty && $0.isFenced })
  }

  @Test func `a failback opens and starts what the fence closed and stopped`() throws {
    let night = try Night.failedOver()
    night.regionReturns()
    #expect(night.run(.minutes(10)) { $0.debts.isEmpty && $0.isFenced })
    night.order(.reviewLoss)
    guard case .accepted = night.order(.failback) else {
      Issue.record("failback refused")
      return
    }
    #expect(night.run(.hours(3)) { $0.phase == .healthy }, "\(night.workload.machine.state.phase)")
    #expect(night.cloud.held.isEmpty && night.oldStatus == "available" && night.everyActWasRecorded)
    night.run(.hours(1))
    #expect(night.phase == .healthy && night.debts.isEmpty)
  }

  @Test func `a failback that is aborted leaves the old primary fenced as before`() throws {
    let night = try Night.failedOver()
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(10)) { $0.debts.isEmpty && $0.isFenced })
    night.order(.reviewLoss)
    night.order(.failback)
    #expect(night.run(.minutes(5)) { $0.oldStatus == "starting" })
    night.order(.abort)
    #expect(night.run(.minutes(5)) { $0.phase == .drActive })
    #expect(night.run(.minutes(10)) { $0.debts == ["stop-old-database"] })
    #expect(night.run(.minutes(5)) { $0.debts.isEmpty && $0.isFenced })
  }

  @Test func `a primary that serves again before the promotion finds its load balancer open`() throws {
    let night = try Night(every)
    night.run(.minutes(5))
    night.primary = .failure(.refused, status: nil, detail: "nobody listens")
    night.cloud.primaryTargets = TargetHealth(healthy: 0, unhealthy: 2, other: 0)
    let busy = CloudFailure(.wrongState, code: "InvalidDBInstanceState", message: "it is busy")
    night.cloud.failures["rds:PromoteReadReplica"] = Array(repeating: busy, count: 50)
    #expect(night.run(.minutes(10)) { !$0.cloud.held.isEmpty })
    night.order(.abort)
    #expect(night.run(.minutes(5)) { $0.phase == .degraded })
    #expect(night.cloud.held.isEmpty && night.cloud.promotions == 0)
    #expect(night.cloud.groups[night.settings.primary.group.ref]?.desired == 2)
    #expect(night.oldStatus == "available")
  }

  @Test func `a debt that cannot be paid is told again and again, and a person answers for it`() throws {
    let night = try Night.failedOver()
    night.run(.hours(9))
    let told = night.messages.filter { $0.kind == .debtUnpaid && $0.text.contains("load balancer") }
    #expect(told.count == 4, "\(told.map(\.text))")
    guard case .refused(let why)? = night.order(.reviewLoss), why.contains("skip django-app --step fence-primary")
    else {
      Issue.record("no way out was shown")
      return
    }
    for step in ["fence-primary", "fence-listener", "stop-old-database"] {
      guard case .accepted = night.order(.skip(step: step)) else {
        Issue.record("\(step) could not be left")
        return
      }
    }
    #expect(night.debts.isEmpty)
    // He answers for it: it is not begun anew.
    night.cloud.dark.remove("eu-west-1")
    try night.crash()
    night.run(.hours(1))
    #expect(night.debts.isEmpty && night.cloud.groups[night.settings.primary.group.ref]?.desired == 2)
  }

  @Test func `a process that dies with debts pays them when it is back`() throws {
    let night = try Night.failedOver()
    try night.crash()
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(10)) { $0.debts.isEmpty && $0.isFenced })
    #expect(night.cloud.changes.count { $0 == .stopDatabase(night.old) } == 1)
  }

  @Test func `a debt is not paid on the word of a promotion that may not have happened`() throws {
    let night = try Night(every)
    night.run(.minutes(5))
    night.regionDies()
    // The answer is lost, and nothing was promoted.
    let lost = CloudFailure(.unknownOutcome, code: "reset", message: "the answer was lost")
    night.cloud.failures["rds:PromoteReadReplica"] = [lost]
    #expect(night.run(.minutes(30)) { $0.acts.contains { $0.action.apiName == "rds:PromoteReadReplica" } })
    night.cloud.dark.remove("eu-west-1")
    night.run(.seconds(20))
    #expect(night.cloud.promotions == 0 && night.cloud.held.isEmpty, "\(night.cloud.changes)")
    // A region that answers contradicts our probes: a person would be asked.
    night.cloud.dark.insert("eu-west-1")
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(5)) { $0.isFenced && $0.debts.isEmpty })
  }

  @Test func `an old primary that serves on although everything holds is told, and not fenced again and again`() throws
  {
    let night = try Night.failedOver()
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(10)) { $0.debts.isEmpty && $0.isFenced })
    // Instances that no group knows.
    night.primary = .success(status: 200)
    night.run(.minutes(30))
    #expect(night.messages.count { $0.kind == .debtIncurred } == 1)
    #expect(night.messages.count { $0.kind == .oldPrimaryServes } == 1)
    #expect(night.workload.machine.unreviewedLoss != nil)
    // It goes, and comes back.
    night.primary = .failure(.timeout, status: nil, detail: "no answer")
    night.run(.minutes(5))
    night.primary = .success(status: 200)
    night.run(.minutes(5))
    #expect(night.messages.count { $0.kind == .debtIncurred } == 2)
  }

  @Test func `more room for the old group is no writer`() throws {
    let night = try Night.failedOver()
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(10)) { $0.debts.isEmpty && $0.isFenced })
    night.cloud.groups[night.settings.primary.group.ref]?.max = 9
    night.run(.hours(1))
    #expect(night.messages.count { $0.kind == .debtIncurred } == 0)
    #expect(night.cloud.groups[night.settings.primary.group.ref]?.max == 9)
  }

  @Test func `behind a switchover a person may answer for the old group, and it is left alone`() throws {
    let night = try Night(every)
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    let group = night.settings.primary.group.ref
    night.cloud.groups[group]?.desired = 1
    #expect(night.run(.minutes(6)) { $0.debts == ["fence-primary"] })
    night.order(.skip(step: "fence-primary"))
    night.cloud.groups[group]?.desired = 1
    night.run(.hours(1))
    #expect(night.debts.isEmpty && night.cloud.groups[group]?.desired == 1)
  }

  @Test func `a primary that is brought back because the DR region fails is left to whoever brought it back`() throws {
    let night = try Night.failedOver()
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(10)) { $0.debts.isEmpty && $0.isFenced })
    night.dr = .failure(.timeout, status: nil, detail: "no answer")
    night.run(.minutes(2))
    night.cloud.databases[night.old]?.status = "available"
    night.cloud.held = []
    night.cloud.groups[night.settings.primary.group.ref] = night.settings.primary.group.serving
    night.primary = .success(status: 200)
    night.run(.hours(1))
    #expect(night.debts.isEmpty && night.cloud.held.isEmpty && night.oldStatus == "available")
    #expect(night.messages.contains { $0.kind == .oldPrimaryServes })
  }

  @Test func `a debt that is not tried says why`() throws {
    let night = try Night.failedOver()
    night.dr = .failure(.timeout, status: nil, detail: "no answer")
    night.run(.minutes(2))
    let debt = try #require(night.workload.machine.state.debts.first)
    #expect(night.workload.machine.note(of: debt)?.hasPrefix("not tried: the DR region does not serve") == true)
    night.dr = .success(status: 200)
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(5)) { $0.debts.isEmpty && $0.isFenced })
  }

  @Test func `a rung that the world undoes again and again holds the recovery up for its bound and no longer`() throws {
    let night = try Night(every)
    night.run(.minutes(5))
    night.primary = .failure(.refused, status: nil, detail: "nobody listens")
    night.cloud.primaryTargets = TargetHealth(healthy: 0, unhealthy: 2, other: 0)
    night.cloud.isStubborn = [night.settings.primary.group.ref]
    #expect(night.run(.minutes(40)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1 && night.debts == ["fence-primary"])
  }

  @Test func `a promotion that was only skipped closes no primary while the replica follows`() throws {
    for isPromoted in [false, true] {
      // DNS keeps the run under way.
      let night = try Night(
        .reference { $0.names = NameSettings(name: "app.example", primary: "primary.example", dr: "dr.example") })
      night.run(.minutes(5))
      let primary = night.settings.primary.group.ref
      let denied = CloudFailure(.denied, code: "AccessDenied", message: "not authorized")
      night.cloud.failures["rds:PromoteReadReplica"] = [denied]
      night.regionDies()
      #expect(night.run(.minutes(30)) { $0.workload.machine.state.phase.run?.stuck?.step.name == "promote-replica" })
      #expect(!night.workload.machine.state.debts.isEmpty)
      if isPromoted { night.cloud.databases[night.settings.dr.database.ref]?.source = nil }
      night.order(.skip(step: "promote-replica"))
      // Its API answers again, and its users are not served yet.
      night.cloud.dark.remove("eu-west-1")
      night.run(.minutes(5))
      #expect(night.workload.machine.state.phase.run != nil)
      #expect((night.cloud.groups[primary]?.desired == 0) == isPromoted, "promoted: \(isPromoted)")
    }
  }

  @Test func `instances on their way out hold nothing up, are owed, and call somebody only when they stay`() throws {
    let night = try Night()
    night.run(.minutes(5))
    let group = night.settings.primary.group.ref
    night.cloud.survivors[group] = 2
    night.primary = .failure(.refused, status: nil, detail: "nobody listens")
    night.cloud.primaryTargets = TargetHealth(healthy: 0, unhealthy: 2, other: 0)
    #expect(night.run(.minutes(40)) { $0.phase == .drActive && $0.debts == ["fence-primary"] })
    let said = night.messages.filter { $0.step == "fence-primary" && $0.text.contains("2 instance(s) still run") }
    #expect(said.contains { $0.kind == .fenceUnderway } && !said.contains { $0.kind.isPaged })
    night.run(.minutes(12))
    #expect(night.messages.contains { $0.kind == .debtUnpaid })
    night.cloud.survivors[group] = nil
    #expect(night.run(.minutes(2)) { $0.debts.isEmpty })
    night.cloud.survivors[group] = 1
    #expect(night.run(.minutes(6)) { $0.debts == ["fence-primary"] })
  }
}
