// Preparing while degraded: what it does, what it costs, and that nothing of it is left behind.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct PreparationTests {
  private func prepared(_ change: (inout WorkloadSettings) -> Void = { _ in }) throws -> Night {
    let night = try Night(
      .reference { settings in
        settings.decision.prepareWhenDegraded = true
        change(&settings)
      })
    night.run(.minutes(5))
    night.regionDies()
    return night
  }

  private func serving(_ night: Night) -> GroupSize { night.settings.dr.group.serving }
  private func drSize(_ night: Night) -> GroupSize? { night.cloud.groups[night.settings.dr.group.ref] }

  @Test func `the DR region is ready before the outage is confirmed, and F76 the failover asks for nothing twice`()
    throws
  {
    let night = try prepared()
    night.run(.seconds(40))
    #expect(night.phase == .degraded)
    #expect(drSize(night) == serving(night))
    let incident = try #require(night.workload.machine.state.phase.run?.incident)
    let before = night.acts.count
    #expect(night.run(.minutes(30)) { $0.phase == .drActive }, "\(night.messages.suffix(5).map(\.text))")
    let resizes = night.acts.filter {
      $0.action == .resizeGroup(night.settings.dr.group.ref, night.settings.dr.group.serving)
    }
    #expect(resizes.count == 1 && before == 2)
    #expect(night.cloud.promotions == 1 && night.everyActWasRecorded)
    #expect(night.workload.machine.state.lastRun?.incident == incident)
    #expect(night.messages.contains { $0.kind == .preparing && $0.incident == incident })
  }

  @Test func `a primary that returns gets it taken back, once it has served for a whole confirmation`() throws {
    let night = try prepared()
    night.run(.seconds(40))
    night.regionReturns()
    night.run(.seconds(30))
    #expect(drSize(night) == serving(night), "a primary that has just come back may go again")
    night.run(.minutes(2))
    #expect(night.isAsItWas && night.phase == .healthy)
    #expect(night.cloud.promotions == 0)
    #expect(!night.messages.contains { $0.kind == .runBegun })
  }

  @Test func `a failover that is taken back takes the preparation back too`() throws {
    let night = try prepared()
    #expect(night.run(.minutes(3)) { $0.phase == .failingOver })
    night.regionReturns()
    night.run(.minutes(5))
    #expect(night.isAsItWas && night.phase == .healthy, "\(night.messages.suffix(8).map(\.text))")
    #expect(night.cloud.promotions == 0)
  }

  @Test func `a crash in the middle of it leaves nothing behind`() throws {
    let night = try prepared()
    night.run(.seconds(40))
    night.regionReturns()
    try night.crash()
    night.run(.minutes(5))
    #expect(night.isAsItWas && night.phase == .healthy)
  }

  @Test func `what is being taken back at this moment cannot be skipped: the request would land in the next run`()
    throws
  {
    let night = try prepared { $0.detection.confirmFor = .minutes(10) }
    night.run(.seconds(40))
    night.order(.abort)
    guard case .refused(let why)? = night.order(.skip(step: "scale-up-dr")) else {
      Issue.record("the skip was not refused")
      return
    }
    #expect(why.contains("on its way"))
    night.run(.minutes(1))
    #expect(night.isAsItWas)
  }

  @Test func `an abort takes it back, and no other begins by itself`() throws {
    let night = try prepared { $0.detection.confirmFor = .minutes(10) }
    night.run(.seconds(40))
    guard case .accepted(let told)? = night.order(.abort) else {
      Issue.record("the abort was not accepted")
      return
    }
    #expect(told.contains("no failover begins by itself before `ack`"))
    night.run(.minutes(15))
    #expect(night.isAsItWas && night.phase == .degraded)
    #expect(night.messages.contains { $0.kind == .heldBack && $0.text.contains("aborted by") })
  }

  @Test(arguments: [
    "observe", "paused", "contradicted", "off",
  ]) func `nothing is prepared while it is not wanted`(_ why: String) throws {
    let night = try Night(
      .reference { settings in
        settings.decision.prepareWhenDegraded = why != "off"
        settings.mode = why == "observe" ? .observe : .automatic
      })
    night.run(.minutes(5))
    if why == "paused" { night.order(.pause(expires: nil)) }
    if why == "contradicted" {
      // The targets go on being healthy.
      night.primary = .failure(.timeout, status: nil, detail: "")
      night.run(.minutes(20))
    } else {
      night.regionDies()
      night.run(.seconds(50))
    }
    #expect(night.acts.isEmpty && night.phase == .degraded)
  }

  @Test func `what waits is said with its cost, after a quarter of an hour and whenever that has doubled`() throws {
    let night = try prepared {
      $0.detection.confirmFor = .hours(1)
      $0.mode = .automatic
    }
    night.run(.minutes(59))
    let said = night.messages.filter { $0.kind == .preparationHeld }.map(\.text)
    #expect(said.count == 2, "\(said)")
    #expect(said.first?.hasPrefix("2 instances in us-west-2 ready for 15 min") ?? false, "\(said)")
    #expect(said.last?.contains("1.0 instance-hours") ?? false, "\(said)")
    let explained = night.workload.machine.explain(night.workload.look(at: night.now))
    #expect(explained.contains { $0.hasPrefix("prepared for a failover since") }, "\(explained)")
  }

  @Test func `an ordered failover does not begin while an undo is on its way: it would land after the look`() throws {
    let night = try prepared { $0.detection.confirmFor = .minutes(10) }
    night.run(.seconds(40))
    night.order(.abort)
    // The undo was just sent.
    guard case .refused(let why)? = night.order(.failover(acceptDataLoss: true)) else {
      Issue.record("the failover was not refused")
      return
    }
    #expect(why.contains("is being taken back"))
    night.run(.minutes(1))
    guard case .accepted? = night.order(.failover(acceptDataLoss: true)) else {
      Issue.record("the failover was refused")
      return
    }
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
    #expect(drSize(night) == serving(night))
  }

  @Test func `a preparation that sticks does not keep the failover from beginning`() throws {
    let night = try prepared()
    night.cloud.failures["autoscaling:UpdateAutoScalingGroup"] = [
      CloudFailure(.denied, code: "AccessDenied", message: "not now")
    ]
    night.run(.seconds(40))
    #expect(night.workload.machine.state.phase.run?.stuck != nil)
    #expect(night.run(.minutes(30)) { $0.phase == .drActive }, "\(night.messages.suffix(5).map(\.text))")
  }

  @Test func `the replication of a secret is ended by a failover, and by no preparation`() throws {
    let night = try prepared { $0.dr.secret?.isReplica = true }
    night.run(.seconds(40))
    #expect(night.phase == .degraded && night.acts.isEmpty && night.workload.machine.state.phase.run == nil)
    let plan = Plan.failover(night.settings)
    #expect(plan.first?.name == "detach-dr-secret" && Plan.preparation(of: plan).isEmpty)
  }
}
