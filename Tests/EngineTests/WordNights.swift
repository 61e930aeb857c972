// What a person only says: answers to what was not asked, and steps that are done because somebody says so.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct WordNights {
  private func run(_ night: Night) -> Run? { night.workload.machine.state.phase.run }

  private func refusal(_ outcome: OrderOutcome?) -> String? {
    if case .refused(let why)? = outcome { why } else { nil }
  }

  @Test func `an approval before the gate asks answers nothing`() throws {
    let warmUp = OwnStep(
      name: "warm-up", after: "scale-up-dr",
      kind: .command(CommandSpec(command: ["/bin/true"], undo: nil, timeout: .minutes(1))))
    let night = try Night(
      .reference {
        $0.mode = .approve
        $0.plans = PlanChanges(failover: PlanChange(steps: [warmUp]))
      })
    night.run(.minutes(5))
    // Its answer takes a while.
    night.cloud.failures["/bin/true"] = Array(
      repeating: CloudFailure(.unknownOutcome, code: "timeout", message: "no answer"), count: 1000)
    night.regionDies()
    #expect(night.run(.minutes(10)) { self.run($0)?["warm-up"]?.state == .running })
    #expect(
      refusal(night.order(.approve(acceptDataLoss: true)))?.contains("the gate has not asked yet: it is not reached")
        == true)
    #expect(night.cloud.promotions == 0)
  }

  @Test func `an approval that is typed twice answers the first question, and not the next one unread`() throws {
    let ask = OwnStep(name: "ask-payments", after: "scale-up-dr", kind: .confirm("ask the payments team"))
    let night = try Night(
      .reference {
        $0.mode = .approve
        $0.plans = PlanChanges(failover: PlanChange(steps: [ask]))
      })
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(10)) { self.run($0)?.unconfirmed?.step.name == "ask-payments" })
    #expect(refusal(night.order(.approve(acceptDataLoss: true))) == nil)
    #expect(night.run(.minutes(1)) { $0.workload.machine.asking($0.workload.situation) == "gate" })
    let why = try #require(refusal(night.order(.approve(acceptDataLoss: true))))
    #expect(why.hasPrefix("ask-payments was confirmed just now"))
    night.run(.seconds(6))
    #expect(night.cloud.promotions == 0)
    #expect(refusal(night.order(.approve(acceptDataLoss: true))) == nil)
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
  }

  @Test
  func `a drain is skipped by nobody who does not accept the loss, and what is left behind is noted on the way home`()
    throws
  {
    for isHome in [true, false] {
      let night = try isHome ? Night.afterAFailover() : Night()
      if !isHome { night.run(.minutes(5)) }
      night.order(isHome ? .failback : .switchover)
      #expect(night.run(.hours(3)) { self.run($0)?["drain"]?.state == .running })
      night.cloud.lagSeconds = 600
      #expect(refusal(night.order(.skip(step: "drain")))?.contains("`--accept-data-loss`") == true)
      let before = night.cloud.promotions
      night.run(.minutes(2))
      #expect(night.cloud.promotions == before)
      #expect(refusal(night.order(.skip(step: "drain", acceptDataLoss: true))) == nil)
      #expect(night.run(.minutes(30)) { $0.cloud.promotions == before + 1 && self.run($0)?.loss != nil })
      let loss = try #require(run(night)?.loss)
      #expect(loss.window.window == nil && loss.isDrained == nil)
      #expect(loss.left == (isHome ? night.settings.dr : night.settings.primary).database.ref)
    }
  }

  @Test
  func `instances are not taken from a region that users may be led to, because somebody skipped to lead them away`()
    throws
  {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.switchover)
    night.cloud.failures["s3:PutObject"] = Array(
      repeating: CloudFailure(.denied, code: "AccessDenied", message: "not authorized"), count: 5)
    #expect(night.run(.hours(1)) { self.run($0)?.stuck?.step.name == "shift-traffic" })
    night.order(.skip(step: nil))
    night.run(.minutes(10))
    let primary = night.settings.primary.group.ref
    #expect(night.cloud.groups[primary]?.desired != 0 && run(night)?.unconfirmed?.step.name == "scale-down-primary")
    #expect(night.messages.contains { $0.kind == .waiting && $0.text.contains("shift-traffic was skipped") })
    night.order(.approve(acceptDataLoss: false))
    #expect(night.run(.minutes(10)) { $0.phase == .drActive && $0.cloud.groups[primary]?.desired == 0 })
    #expect(night.messages.contains { $0.kind == .runFinished && $0.text.contains("word alone: shift-traffic") })
  }

  @Test func `users are not led home to a database that is promoted by somebody's word alone`() throws {
    let night = try Night.afterAFailover()
    night.order(.failback)
    #expect(night.run(.hours(3)) { self.run($0)?["drain"]?.state == .running })
    night.cloud.held = []
    #expect(night.run(.minutes(10)) { self.run($0)?.stuck?.step.name == "promote-primary" })
    night.order(.skip(step: nil))
    night.run(.minutes(30))
    #expect(run(night)?.unconfirmed?.step.name == "shift-traffic-home")
    #expect(night.cloud.groups[night.settings.dr.group.ref]?.desired != 0)
    #expect(night.cloud.databases[night.settings.dr.database.ref] != nil)
  }

  @Test func `on the way home a hold of writes that was only said to be one is no proof that nothing is left behind`()
    throws
  {
    let night = try Night.afterAFailover()
    night.order(.failback)
    night.cloud.failures["elasticloadbalancing:CreateRule"] = [
      CloudFailure(.denied, code: "AccessDenied", message: "not authorized")
    ]
    #expect(night.run(.hours(3)) { self.run($0)?.stuck?.step.name == "hold-writes" })
    night.order(.skip(step: nil))
    #expect(night.run(.minutes(30)) { self.run($0)?.stuck?.step.name == "promote-primary" })
    night.order(.skip(step: nil))
    let loss = try #require(run(night)?.loss)
    #expect(loss.window.window == nil && loss.left == night.settings.dr.database.ref)
  }

  @Test func `where a hand moves users, a switchover waits for its word before it takes the primary's instances`()
    throws
  {
    let night = try Night(.reference { $0.traffic = .manual })
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { self.run($0)?.unconfirmed?.step.name == "shift-traffic" })
    night.run(.minutes(30))
    #expect(night.cloud.groups[night.settings.primary.group.ref]?.desired != 0)
    night.order(.approve(acceptDataLoss: false))
    #expect(night.run(.minutes(10)) { $0.phase == .drActive })
    #expect(night.cloud.groups[night.settings.primary.group.ref]?.desired == 0)
  }

  @Test func `where a hand moves users, a failover waits for nobody and calls it`() throws {
    let night = try Night(.reference { $0.traffic = .manual })
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    #expect(night.messages.contains { $0.kind == .waiting && $0.text.contains("lead users to the dr region now") })
  }

  @Test func `an aborted switchover leaves the next failover armed`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { self.run($0)?["hold-writes"]?.state == .done })
    night.order(.abort)
    #expect(night.run(.minutes(10)) { $0.workload.machine.state.phase.run == nil && $0.cloud.held.isEmpty })
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test func `what our own hold closed is no outage once it is taken back`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { self.run($0)?["hold-writes"]?.state == .done })
    night.primary = .failure(.serverError, status: 503, detail: "503")
    night.cloud.lagSeconds = 600
    night.run(.minutes(5))
    night.order(.abort)
    // The load balancer takes a while to forget the rule.
    #expect(night.run(.minutes(2)) { $0.workload.machine.state.phase.run == nil })
    night.run(.seconds(30))
    night.primary = .success(status: 200)
    night.run(.minutes(10))
    #expect(night.messages.filter { $0.kind == .runBegun }.count == 1 && night.cloud.promotions == 0)
  }

  @Test func `an abort that is held says by what, and who observes approves nothing`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { self.run($0)?["hold-writes"]?.state == .done })
    guard case .accepted(let pause)? = night.order(.pause(expires: nil)),
      case .accepted(let abort)? = night.order(.abort)
    else {
      Issue.record("refused")
      return
    }
    #expect(pause.contains("answered 503") && abort.contains("once this is over: it is paused"))
    #expect(night.workload.machine.whyStill(night.workload.situation)?.hasPrefix("it is paused") == true)
  }

  @Test func `writes are not held for a replica that cannot be promoted yet`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.databases[night.settings.dr.database.ref]?.status = "modifying"
    night.order(.switchover)
    night.run(.minutes(30))
    #expect(run(night)?["await-replication"]?.state == .running && night.cloud.held.isEmpty)
    night.cloud.databases[night.settings.dr.database.ref]?.status = "available"
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
  }

  @Test func `a rebuilt database that is modified for an hour is waited for, and not given up`() throws {
    let night = try Night.afterAFailover()
    night.order(.failback)
    let home = night.settings.primary.database.ref
    let isRebuilt = night.run(.hours(2)) {
      $0.cloud.databases[home]?.source != nil && $0.cloud.databases[home]?.status == "available"
    }
    #expect(isRebuilt)
    night.cloud.databases[home]?.status = "modifying"
    night.run(.minutes(70))
    #expect(run(night)?["reinstate-settings"]?.state == .running)
    #expect(night.messages.contains { $0.kind == .stillRunning && $0.step == "reinstate-settings" })
    night.cloud.databases[home]?.status = "available"
    #expect(night.run(.hours(2)) { $0.phase == .healthy })
    #expect(!night.messages.contains { $0.kind == .stepGivenUp })
  }
}
