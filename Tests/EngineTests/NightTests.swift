// Whole nights on the virtual clock.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct NightTests {
  @Test func `a quiet hour arms the workload and changes nothing`() throws {
    let night = try Night()
    night.run(.hours(1))
    #expect(night.phase == .healthy)
    #expect(night.workload.machine.unarmed(night.workload.situation) == [])
    #expect(night.acts.isEmpty)
  }

  @Test func `a dead region ends in dr-active within the RTO, with one promotion, and F20 its API is not needed`()
    throws
  {
    let night = try Night()
    night.run(.minutes(5))
    let died = night.now
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive }, "\(night.phase) \(night.messages.suffix(5).map(\.text))")
    #expect(night.now - died < .minutes(10))
    #expect(night.cloud.promotions == 1)
    #expect(night.cloud.groups[night.settings.dr.group.ref] == GroupSize(min: 1, desired: 2, max: 3))
    #expect(night.cloud.hosts[SecretRef(region: "us-west-2", id: "dr-secret")]?.host == "dr-db.us-west-2.rds")
    #expect(night.cloud.objects.count == 1)
    #expect(night.everyActWasRecorded)
    // The old primary could not be reached: that is owed, and paid when the region answers.
    #expect(night.workload.machine.state.debts.count == 1)
    night.cloud.dark.remove("eu-west-1")
    #expect(night.run(.minutes(3)) { $0.workload.machine.state.debts.isEmpty })
    #expect(night.cloud.groups[night.settings.primary.group.ref] == GroupSize(min: 0, desired: 0, max: 3))
  }

  @Test func `the first act goes out with the decision: its look was taken while the last probe was under way`() throws
  {
    let night = try Night()
    night.run(.minutes(5))
    night.failureTakes = .seconds(2)
    night.regionDies()
    #expect(night.run(.minutes(5)) { $0.phase == .failingOver })
    #expect(night.acts.map(\.action.apiName) == ["secretsmanager:PutSecretValue"] && night.everyActWasRecorded)
  }

  @Test func `a look ahead that no run came of is forgotten`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.failureTakes = .seconds(2)
    // The region's API still answers: a person is asked.
    night.primary = .failure(.timeout, status: nil, detail: "no answer")
    #expect(night.run(.minutes(5)) { !$0.workload.machine.progress.isEmpty })
    night.run(.minutes(2))
    #expect(night.phase == .degraded && night.acts.isEmpty)
    #expect(night.workload.machine.progress.isEmpty && night.workload.machine.nextWake == nil)
  }

  @Test(arguments: [1, 5, 20, 43, 55]) func `an outage of some seconds changes nothing in the cloud (F1 F2 F19)`(
    _ seconds: Int
  ) throws {
    let night = try Night()
    night.run(.minutes(5))
    night.regionDies()
    night.run(.seconds(seconds))
    night.regionReturns()
    night.run(.minutes(30))
    #expect(night.phase == .healthy)
    #expect(night.acts.isEmpty)
  }

  @Test func `F17 a host without network is blind, says so once and does nothing`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.networkWorks = false
    night.run(.hours(2))
    #expect(night.workload.situation.assessment.verdict == .blind)
    #expect(night.acts.isEmpty)
    #expect(night.messages.filter { $0.kind == .blind }.count == 1)
  }

  @Test func `sight that returns begins a fresh window: failures seen while blind are no evidence`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.networkWorks = false
    night.run(.minutes(10))
    #expect(night.workload.situation.assessment.verdict == .blind)
    night.networkWorks = true
    night.regionDies()
    night.run(.seconds(40))
    night.regionReturns()
    night.run(.minutes(10))
    #expect(night.acts.isEmpty)
    #expect(night.phase == .healthy)
  }

  @Test func `F18 targets that are healthy contradict our probes: a person is asked`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.primary = .failure(.timeout, status: nil, detail: "")
    night.run(.minutes(30))
    #expect(night.phase == .degraded)
    #expect(night.acts.isEmpty)
    #expect(night.messages.filter { $0.kind == .heldBack }.count == 1)
  }

  @Test func `F27 a primary that returns before the promotion takes the run back`() throws {
    let night = try Night(.reference { $0.mode = .approve })
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(5)) { $0.phase == .failingOver })
    night.run(.minutes(2))
    #expect(night.cloud.groups[night.settings.dr.group.ref]?.desired == 2)
    night.regionReturns()
    #expect(night.run(.minutes(2)) { $0.phase == .healthy })
    #expect(night.cloud.groups[night.settings.dr.group.ref] == GroupSize(min: 0, desired: 0, max: 3))
    #expect(night.cloud.hosts[SecretRef(region: "us-west-2", id: "dr-secret")]?.host == "nowhere")
    #expect(night.cloud.promotions == 0)
  }

  @Test func `F27 a failover that was ordered waits while the primary answers again, and is taken back`() throws {
    let night = try Night(
      .reference {
        $0.primary.probe.riseAfter = 20
        $0.detection.confirmFor = .minutes(5)
      })
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(1)) { $0.phase == .degraded })
    night.order(.failover(acceptDataLoss: true))
    night.regionReturns()
    #expect(night.run(.minutes(5)) { $0.phase == .healthy })
    #expect(night.cloud.promotions == 0)
  }

  @Test func `approve mode prepares, asks, and promotes when told`() throws {
    let night = try Night(.reference { $0.mode = .approve })
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(20))
    #expect(night.phase == .failingOver)
    #expect(night.cloud.promotions == 0)
    #expect(night.order(.approve(acceptDataLoss: false)) == .accepted("approved"))
    #expect(night.run(.minutes(10)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test func `observe mode says what it would do, and changes nothing`() throws {
    let night = try Night(.reference { $0.mode = .observe })
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(30))
    #expect(night.phase == .degraded)
    #expect(night.acts.isEmpty)
    #expect(night.messages.filter { $0.kind == .wouldFailOver }.count == 1)
    night.regionReturns()
    #expect(night.run(.minutes(2)) { $0.phase == .healthy })
    #expect(night.messages.contains { $0.kind == .wouldHaveBeenWrong })
  }

  @Test func `F34 a missing lag asks; an accepted loss goes on`() throws {
    let night = try Night()
    night.cloud.lagSeconds = nil
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(20))
    #expect(night.phase == .failingOver)
    #expect(night.cloud.promotions == 0)
    guard case .refused = night.order(.approve(acceptDataLoss: false)) else {
      Issue.record("an unknown loss was approved without accepting it")
      return
    }
    night.order(.approve(acceptDataLoss: true))
    #expect(night.run(.minutes(10)) { $0.phase == .drActive })
  }

  @Test func `F29 a lost answer to promote is looked at, not repeated`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.lostAnswers = ["rds:PromoteReadReplica"]
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test func `F29 a promotion that begins late, while its repetition is refused, is not taken back`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.failures["rds:PromoteReadReplica"] = [
      CloudFailure(.unknownOutcome, code: "reset", message: "the answer was lost"),
      CloudFailure(.wrongState, code: "InvalidDBInstanceState", message: "it is being promoted"),
    ]
    night.regionDies()
    #expect(night.run(.minutes(10)) { $0.cloud.failures["rds:PromoteReadReplica"] == [] })
    let replica = night.settings.dr.database.ref
    night.cloud.databases[replica]?.status = "modifying"
    night.cloud.databases[replica]?.becomes = ("available", nil, night.now + .minutes(5))
    night.run(.seconds(30))
    night.regionReturns()
    guard case .refused = night.order(.abort) else {
      Issue.record("abort was honoured in the middle of a promotion")
      return
    }
    #expect(night.run(.minutes(10)) { $0.phase == .drActive })
    #expect(night.cloud.groups[night.settings.dr.group.ref]?.desired == 2)
  }

  @Test func `F46 a denied step is stuck; retry goes on when it is allowed`() throws {
    let night = try Night()
    night.run(.minutes(5))
    let denied = CloudFailure(.denied, code: "AccessDenied", message: "not authorized")
    night.cloud.failures["rds:PromoteReadReplica"] = [denied]
    night.regionDies()
    #expect(night.run(.minutes(10)) { $0.workload.machine.state.phase.run?.stuck?.step.name == "promote-replica" })
    night.run(.minutes(10))
    #expect(night.cloud.promotions == 0)
    guard case .accepted = night.order(.retry(step: nil)) else {
      Issue.record("retry was refused")
      return
    }
    #expect(night.run(.minutes(10)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test func `F90 abort is honoured before the promotion and refused after`() throws {
    let night = try Night(.reference { $0.mode = .approve })
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(5))
    night.order(.approve(acceptDataLoss: false))
    #expect(night.run(.minutes(2)) { $0.cloud.promotions == 1 })
    guard case .refused = night.order(.abort) else {
      Issue.record("abort was honoured after the promotion")
      return
    }
    #expect(night.run(.minutes(10)) { $0.phase == .drActive })
  }

  @Test func `failback by order leads home, keeps everything and lights the pilot again`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(30)) { $0.phase == .drActive }
    night.regionReturns()
    guard case .refused? = night.order(.failback) else {
      Issue.record("F91 failback began with an unpaid fence debt")
      return
    }
    guard case .refused(let why)? = night.order(.failback), why.contains("--loss-reviewed") else {
      Issue.record("failback began before anybody looked for what was lost")
      return
    }
    let loss = try #require(night.workload.machine.state.phase.residence?.failover.loss)
    #expect(loss.window.window.map { $0 < .seconds(90) } == true && loss.promoted == night.settings.dr.database.ref)
    guard case .refused = night.order(.reviewLoss) else {
      Issue.record("the loss was reviewed while the old primary could still write")
      return
    }
    #expect(night.run(.minutes(5)) { $0.workload.machine.state.debts.isEmpty })
    night.order(.reviewLoss)
    guard case .accepted = night.order(.failback) else {
      Issue.record("failback refused")
      return
    }
    #expect(night.run(.hours(3)) { $0.phase == .healthy }, "\(night.workload.machine.state.phase)")
    #expect(night.cloud.promotions == 2)
    #expect(night.cloud.groups[night.settings.dr.group.ref] == GroupSize(min: 0, desired: 0, max: 3))
    #expect(night.cloud.groups[night.settings.primary.group.ref]?.desired == 2)
    #expect(night.cloud.databases[night.settings.dr.database.ref]?.source?.hasSuffix(":db:app-db") == true)
    #expect(night.cloud.databases.count == 4)
    #expect(night.cloud.objects.isEmpty && night.cloud.held.isEmpty)
    #expect(night.everyActWasRecorded)
  }

  @Test func `F56 F57 a frozen process throws its evidence away and confirms afresh`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.regionDies()
    night.run(.seconds(50))
    night.now = night.now + .minutes(10)
    let woke = night.now
    #expect(night.run(.minutes(10)) { $0.phase == .failingOver })
    #expect(night.now - woke >= .seconds(60))
    #expect(night.messages.contains { $0.kind == .timeGap })
  }

  @Test func `a debt that a pause holds back wakes nobody all the time`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(30)) { $0.phase == .drActive }
    #expect(!night.workload.machine.state.debts.isEmpty)
    night.order(.pause(expires: nil))
    night.run(.minutes(5))
    let wake = try #require(night.workload.nextWake)
    #expect(wake > night.workload.situation.now)
  }

  @Test func `a pause holds a failover back, and its end begins a fresh window`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.pause(expires: nil))
    night.regionDies()
    night.run(.minutes(30))
    #expect(night.acts.isEmpty)
    try night.crash()
    #expect(night.workload.machine.state.pause != nil)
    night.order(.resume)
    let resumed = night.now
    #expect(night.run(.minutes(10)) { $0.phase == .failingOver })
    #expect(night.now - resumed >= .seconds(60))
  }

  @Test func `F62 a full disk holds everything; room again and it goes on`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.ledger.failure = .cannotWrite("disk full")
    night.regionDies()
    night.run(.minutes(10))
    #expect(night.acts.isEmpty)
    #expect(night.messages.filter { $0.kind == .ledgerBroken }.count == 1)
    night.ledger.failure = nil
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test
  func `F59 hold-down, over a restart too, keeps a second failover from beginning by itself until it is acknowledged`()
    throws
  {
    let night = try Night(.reference { $0.decision.holdDown = .hours(24) })
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(30)) { $0.phase == .drActive }
    night.regionReturns()
    night.run(.minutes(5))
    night.order(.reviewLoss)
    night.order(.failback)
    night.run(.hours(3)) { $0.phase == .healthy }
    night.run(.minutes(45))
    try night.crash()
    night.run(.minutes(45))
    night.regionDies()
    night.run(.minutes(30))
    #expect(night.phase == .degraded)
    #expect(night.messages.contains { $0.kind == .heldBack && $0.text.contains("hold-down") })
    night.order(.ack)
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
  }

  @Test func `F16 a probe that takes any page for health says at the start what it cannot see`() throws {
    let blind = try Night()
    #expect(blind.messages.contains { $0.kind == .blindSpot && $0.text.contains("bodyContains") })
    let deep = try Night(.reference { $0.primary.probe.bodyContains = "database: ok" })
    #expect(!deep.messages.contains { $0.kind == .blindSpot })
  }

  @Test func `a primary that serves beside a trouble that was there before us is armed all the same`() throws {
    let night = try Night()
    night.primary = .failure(.address, status: nil, detail: "1 of 2 addresses serve")
    night.run(.minutes(5))
    #expect(night.phase == .degraded && night.acts.isEmpty)
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
  }

  @Test func `replication that stops is trouble that is told, and never a failover`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.lagSeconds = -1
    night.run(.hours(2))
    #expect(night.phase == .degraded)
    #expect(night.messages.filter { $0.kind == .degraded }.map(\.text).count == 1)
    #expect(night.messages.contains { $0.text.contains("replica broken") })
    #expect(night.acts.isEmpty)
    night.cloud.lagSeconds = 1
    night.run(.minutes(5))
    #expect(night.phase == .healthy)
  }

  @Test func `a lag that cannot be read for long is told once, and once again when it happens again`() throws {
    let night = try Night()
    night.run(.minutes(5))
    for times in 1...2 {
      night.cloud.lagSeconds = nil
      night.run(.hours(1))
      #expect(night.messages.filter { $0.kind == .lagHigh }.count == times)
      night.cloud.lagSeconds = 1
      night.run(.minutes(5))
    }
    #expect(night.phase == .healthy && night.acts.isEmpty)
  }
}
