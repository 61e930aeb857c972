// A region that dies under a switchover: whoever can serve must not wait for it with writes held.

import PilotlightCore
import PilotlightEngine
import Testing

extension Night {
  fileprivate var old: DatabaseRef { settings.primary.database.ref }
  fileprivate var new: DatabaseRef { settings.dr.database.ref }
  fileprivate var run: Run? { workload.machine.state.phase.run }
  fileprivate var failover: Run? { workload.machine.state.phase.residence?.failover }
  /// What was asked for that makes a writer of a database, whether it arrived or not.
  fileprivate var asked: [CloudAction] { acts.map(\.action).filter { $0.promoted != nil } }
  fileprivate var isTold: [String] { workload.machine.explain(workload.look(at: now)) }

  /// Aurora works at it until somebody says otherwise.
  fileprivate func isUnderWay() {
    #expect(run(.hours(3)) { $0.cloud.move != nil })
    cloud.move?.ends = now + .hours(10)
  }

  fileprivate func isRefused(_ kind: OrderKind) -> Bool {
    if case .refused? = order(kind) { true } else { false }
  }

  fileprivate static func switchingOver(_ settings: WorkloadSettings = .aurora()) throws -> Night {
    let night = try Night(settings)
    night.run(.minutes(5))
    night.order(.switchover)
    night.isUnderWay()
    return night
  }

  fileprivate static func goingHome() throws -> Night {
    let night = try Night(.aurora())
    night.run(.minutes(5))
    night.order(.switchover)
    night.run(.hours(1)) { $0.phase == .drActive }
    night.order(.failback)
    night.isUnderWay()
    return night
  }

  /// Everything is well again, and brought home.
  fileprivate func comesHome() {
    regionReturns()
    #expect(run(.hours(1)) { $0.workload.machine.state.debts.isEmpty })
    order(.reviewLoss)
    order(.failback)
    #expect(run(.hours(3)) { $0.phase == .healthy }, "\(workload.machine.state.phase)")
    #expect(cloud.held.isEmpty && everyActWasRecorded)
  }
}

@Suite struct DarkSwitchovers {
  @Test func `once Aurora gave it up it is failed over, and what was prepared stays`() throws {
    let night = try Night.switchingOver()
    let incident = night.run?.incident
    night.regionDies()
    night.run(.minutes(5))
    #expect(night.run?.kind == .switchover && night.run?.isCommitted == true && night.isRefused(.abort))
    night.cloud.move = nil
    #expect(night.run(.minutes(5)) { $0.run?.kind == .failover }, "\(night.workload.machine.state.phase)")
    let run = try #require(night.run)
    #expect(run.incident != incident && run.steps.first?.step.name == "hold-writes" && run.undoable.count >= 3)
    #expect(night.run(.hours(1)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    #expect(
      night.asked == [
        .switchOverCluster(night.new, arn: night.cloud.arn(night.new), from: night.old),
        .failOverCluster(night.new, arn: night.cloud.arn(night.new)),
      ])
    let dr = night.settings.dr.group
    #expect(!night.acts.contains { $0.action == .resizeGroup(dr.ref, dr.standby) })
    #expect(night.failover?.loss?.isDrained == nil && night.failover?.lossReview == nil)
    night.comesHome()
  }

  @Test func `behind a hold that answered it is the same, and nothing is asked of a silent region`() throws {
    let night = try Night.switchingOver()
    night.primary = .failure(.serverError, status: 503, detail: "held")
    night.run(.minutes(1))
    #expect(night.run?.rollback == nil)
    night.regionDies()
    night.run(.seconds(8))
    night.cloud.move = nil
    #expect(night.run(.minutes(4)) { $0.run?.kind == .failover }, "\(night.isTold)")
    #expect(night.asked.count == 1)
    #expect(night.run(.hours(1)) { $0.phase == .drActive } && night.asked.count == 2, "\(night.isTold)")
  }

  @Test func `one that was not taken yet is failed over as well`() throws {
    let night = try Night(.aurora())
    night.run(.minutes(5))
    night.cloud.failures["rds:SwitchoverGlobalCluster"] = Array(
      repeating: CloudFailure(.wrongState, code: "InvalidGlobalClusterStateFault", message: "not now"), count: 3)
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.run?["promote-replica"]?.didNotHappen == true })
    night.regionDies()
    #expect(night.run(.hours(1)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    #expect(night.failover?.kind == .failover && night.cloud.promotions == 1)
    night.comesHome()
  }

  @Test func `so is one of instances that waits for the last write`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.run?["drain"]?.state == .running })
    night.cloud.lagSeconds = nil
    night.regionDies()
    #expect(night.run(.minutes(10)) { $0.run?.kind == .failover }, "\(night.workload.machine.state.phase)")
    night.run(.minutes(1))
    night.order(.approve(acceptDataLoss: true))
    #expect(night.run(.hours(1)) { $0.phase == .drActive }, "\(night.isTold)")
    #expect(night.cloud.promotions == 1 && night.cloud.held.count == 1)
    night.cloud.lagSeconds = 1
    night.comesHome()
  }

  @Test func `before anything is held, what was prepared stays, too`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.lagSeconds = 100
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.run?["await-replication"]?.state == .running })
    night.regionDies()
    #expect(night.run(.minutes(10)) { $0.run?.kind == .failover }, "\(night.workload.machine.state.phase)")
    #expect(night.run(.hours(1)) { $0.phase == .drActive }, "\(night.isTold)")
    let dr = night.settings.dr.group
    #expect(!night.acts.contains { $0.action == .resizeGroup(dr.ref, dr.standby) })
    #expect(night.cloud.promotions == 1 && night.everyActWasRecorded)
    #expect(night.cloud.held.allSatisfy { $0 == night.settings.primary.listener })
  }

  @Test func `with an obstacle it is taken back, and no failover begins by itself`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.lagSeconds = 100
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.run?["await-replication"]?.state == .running })
    night.cloud.databases[night.new]?.status = "storage-full"
    night.run(.minutes(3))
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .degraded }, "\(night.workload.machine.state.phase)")
    #expect(!night.run(.minutes(10)) { $0.run?.kind == .failover })
    #expect(night.cloud.promotions == 0)
  }

  @Test func `what was concluded under a pause fails nothing over as it ends`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.lagSeconds = 100
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.run?["await-replication"]?.state == .running })
    night.order(.pause(expires: nil))
    night.regionDies()
    night.run(.minutes(30))
    #expect(night.run?.kind == .switchover && night.run?.rollback != nil)
    night.order(.resume)
    let resumed = night.now
    #expect(night.run?.kind != .failover)
    #expect(night.run(.minutes(10)) { $0.run?.kind == .failover }, "\(night.isTold)")
    #expect(night.now - resumed >= night.settings.detection.confirmFor)
  }

  @Test func `a region that is silent for less than an outage has to last changes nothing`() throws {
    let night = try Night.switchingOver()
    let lost = CloudFailure(.wrongState, code: "InvalidGlobalClusterStateFault", message: "not now")
    night.cloud.failures["rds:SwitchoverGlobalCluster"] = Array(repeating: lost, count: 100)
    night.cloud.move = nil
    #expect(night.run(.minutes(5)) { $0.run?["promote-replica"]?.didNotHappen == true })
    night.regionDies()
    night.run(night.settings.detection.confirmFor - .seconds(2))
    night.regionReturns()
    night.run(.minutes(10))
    #expect(night.run?.kind == .switchover && night.run?.rollback == nil)
  }

  @Test func `a region that comes back before the gate has passed finds our hold gone`() throws {
    let night = try Night.switchingOver(.aurora { $0.mode = .approve })
    night.regionDies()
    night.run(.minutes(5))
    night.cloud.move = nil
    #expect(night.run(.minutes(10)) { $0.run?.kind == .failover })
    night.run(.minutes(5))
    #expect(night.run?["gate"]?.state == .running && night.cloud.held.count == 1)
    night.cloud.dark = []
    // What answers is our own hold.
    night.primary = .failure(.serverError, status: 503, detail: "held")
    #expect(night.run(.minutes(10)) { $0.cloud.held.isEmpty }, "\(night.isTold)")
    night.primary = .success(status: 200)
    #expect(night.run(.minutes(10)) { $0.phase == .healthy }, "\(night.isTold)")
    #expect(night.asked.count == 1 && night.cloud.groups[night.settings.dr.group.ref]?.desired == 0)
  }

  @Test func `a program of the operator's is run again, and what it did first can be taken back, too`() throws {
    let spec = CommandSpec(command: ["/own", "do"], undo: ["/own", "undo"], timeout: .minutes(5))
    let own = PlanChange(steps: [OwnStep(name: "warm-up", after: "scale-up-dr", kind: .command(spec))])
    let night = try Night.switchingOver(
      .aurora {
        $0.plans = PlanChanges(failover: own, switchover: own)
        $0.mode = .approve
      })
    night.regionDies()
    night.run(.minutes(5))
    night.cloud.move = nil
    #expect(night.run(.minutes(5)) { $0.run?["gate"]?.state == .running }, "\(night.isTold)")
    #expect(night.run?["warm-up"]?.state == .done && night.run?["warm-up-before"]?.undo != nil)
    night.regionReturns()
    #expect(night.run(.minutes(10)) { $0.phase == .healthy }, "\(night.isTold)")
    let programs = night.acts.compactMap { act -> String? in
      if case .runCommand(let call) = act.action { call.command.last } else { nil }
    }
    #expect(programs == ["do", "do", "undo", "undo"])
  }

  @Test func `who has aborted it decides what follows`() throws {
    let night = try Night.switchingOver()
    let fault = CloudFailure(.wrongState, code: "InvalidGlobalClusterStateFault", message: "not now")
    night.cloud.failures["rds:SwitchoverGlobalCluster"] = Array(repeating: fault, count: 100)
    night.cloud.move = nil
    #expect(night.run(.minutes(5)) { $0.run?["promote-replica"]?.didNotHappen == true })
    night.regionDies()
    #expect(!night.isRefused(.abort))
    night.run(.minutes(20))
    #expect(night.run?.kind == .switchover && night.run?.rollback != nil)
    night.order(.skip(step: "hold-writes"))
    #expect(night.run(.minutes(10)) { $0.run == nil })
    #expect(!night.isRefused(.failover(acceptDataLoss: true)))
    #expect(night.run(.hours(1)) { $0.phase == .drActive }, "\(night.isTold)")
  }

  @Test func `a crash after any record on this way ends in dr-active`() throws {
    func prepare() throws -> Night {
      let night = try Night.switchingOver()
      night.regionDies()
      night.run(.minutes(5))
      night.cloud.move = nil
      return night
    }
    let whole = try prepare()
    let first = whole.ledger.entries.count
    whole.run(.hours(1)) { $0.phase == .drActive }
    for cut in first...whole.ledger.entries.count {
      let night = try prepare()
      night.run(.hours(1)) { $0.ledger.entries.count >= cut }
      try night.crash()
      #expect(night.run(.hours(1)) { $0.phase == .drActive }, "crash after record \(cut): \(night.isTold)")
      #expect(night.cloud.promotions == 2 && night.everyActWasRecorded, "crash after record \(cut)")
    }
  }

  // MARK: On the way home

  @Test func `a way home whose region dies can be taken back once Aurora gave it up, and not before`() throws {
    let night = try Night.goingHome()
    night.regionDies()
    night.run(.minutes(5))
    #expect(night.isRefused(.abort))
    #expect(night.isTold.contains { $0.contains("switching-over") }, "\(night.isTold)")
    night.cloud.move = nil
    #expect(night.run(.minutes(5)) { $0.run?["promote-primary"]?.didNotHappen == true }, "\(night.isTold)")
    // Nobody asks for a switchover to what does not answer.
    night.run(.minutes(10))
    #expect(night.asked.count == 2 && !night.isRefused(.abort))
    #expect(night.run(.minutes(2)) { $0.cloud.held.isEmpty })
    night.regionReturns()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive }, "\(night.isTold)")
    #expect(night.cloud.databases[night.new]?.source == nil)
    night.comesHome()
  }

  @Test func `one that was carried out behind a silent region is waited for`() throws {
    let night = try Night.goingHome()
    night.regionDies()
    night.run(.minutes(1))
    night.cloud.move?.ends = night.now
    night.run(.minutes(10))
    #expect(night.isRefused(.abort) && night.run?["promote-primary"]?.state == .running)
    #expect(night.isTold.contains { $0.contains("dr-db follows") }, "\(night.isTold)")
    night.regionReturns()
    #expect(night.run(.hours(1)) { $0.phase == .healthy }, "\(night.isTold)")
    #expect(night.asked.count == 2)
  }
}
