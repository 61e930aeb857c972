// Between the beginning of a failover and its promotion: what breaks meanwhile, and a primary that comes and goes.

import PilotlightCore
import PilotlightEngine
import Testing

extension Night {
  fileprivate var replica: DatabaseRef { settings.dr.database.ref }
  fileprivate var primaryGroup: GroupRef { settings.primary.group.ref }
  fileprivate func said(_ kind: MessageKind) -> [String] { messages.filter { $0.kind == kind }.map(\.text) }

  /// The application alone: the primary's group can be fenced.
  fileprivate func applicationDies() {
    primary = .failure(.refused, status: nil, detail: "nobody listens")
    cloud.primaryTargets = TargetHealth(healthy: 0, unhealthy: 2, other: 0)
  }

  /// In a failover whose replica is busy.
  fileprivate static func busy(after disaster: (Night) -> Void, until isThere: (Night) -> Bool) throws -> Night {
    let night = try Night()
    night.run(.minutes(5))
    disaster(night)
    #expect(
      night.run(.minutes(30)) { night in
        if night.phase == .failingOver { night.cloud.databases[night.replica]?.status = "backing-up" }
        return isThere(night)
      })
    return night
  }

  /// In one that has fenced the primary.
  fileprivate static func fenced() throws -> Night {
    try busy(after: { $0.applicationDies() }, until: { $0.cloud.groups[$0.primaryGroup]?.desired == 0 })
  }
}

@Suite struct GateNights {
  private let throttled = CloudFailure(.throttled, code: "Throttling", message: "slow down")

  @Test func `F33 a replica that breaks under the run fences no primary, and it goes on when the replica is well`()
    throws
  {
    let night = try Night(.reference { $0.mode = .approve })
    night.run(.minutes(5))
    night.applicationDies()
    #expect(night.run(.minutes(30)) { $0.phase == .failingOver })
    night.cloud.databases[night.replica]?.status = "storage-full"
    night.run(.minutes(1))
    // Nobody may answer what is not asked: nothing could come of it.
    guard case .refused(let why)? = night.order(.approve(acceptDataLoss: false)) else {
      Issue.record("approved")
      return
    }
    #expect(why.contains("storage-full"))
    night.run(.minutes(5))
    #expect(night.cloud.groups[night.primaryGroup]?.desired == 2 && night.cloud.promotions == 0)
    #expect(night.said(.heldBack).contains { $0.contains("replica dr-db is storage-full") }, "\(night.messages)")
    night.cloud.databases[night.replica]?.status = "available"
    night.run(.minutes(1))
    night.order(.approve(acceptDataLoss: false))
    #expect(night.run(.minutes(30)) { $0.phase == .drActive } && night.cloud.promotions == 1)
  }

  @Test func `F33 F28 a replica that is known to be broken is not forgotten over an answer that says nothing`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.databases[night.replica]?.status = "storage-full"
    night.run(.minutes(1))
    night.regionDies()
    night.run(.minutes(4))
    #expect(night.phase == .degraded)
    night.cloud.failures["rds:DescribeDBInstances"] = Array(repeating: throttled, count: 6)
    night.run(.minutes(4))
    #expect(night.phase == .degraded && night.acts.isEmpty && night.said(.heldBack).count == 1, "\(night.messages)")
  }

  @Test func `a primary that dies again while its fence is taken back is failed over from after all`() throws {
    let night = try Night.fenced()
    // Its instances drain for longer than the promotion waits for the fence: it is owed.
    night.cloud.survivors[night.primaryGroup] = 1
    #expect(night.run(.minutes(2)) { !$0.workload.machine.state.debts.isEmpty })
    night.cloud.dark.insert(night.primaryGroup.region)
    let before = night.now
    night.primary = .success(status: 200)
    night.run(.minutes(1))
    #expect(!night.said(.rollbackBegun).isEmpty && night.phase == .failingOver)
    night.cloud.databases[night.replica]?.status = "available"
    night.regionDies()
    #expect(night.run(.minutes(40)) { $0.phase == .drActive }, "\(night.messages.suffix(8).map(\.text))")
    #expect(night.cloud.promotions == 1 && night.everyActWasRecorded)
    // Users were served in between: it is another outage.
    #expect(night.workload.machine.state.lastRun?.outageStart.map { $0 > before } == true)
    night.cloud.survivors = [:]
    #expect(night.workload.machine.state.debts.map(\.step) == ["fence-primary"])
    #expect(night.said(.runBegun).last?.contains("went down again while its failover was taken back") == true)
    night.regionReturns()
    #expect(night.run(.minutes(5)) { $0.workload.machine.state.debts.isEmpty })
    #expect(night.cloud.groups[night.primaryGroup]?.desired == 0)
  }

  @Test func `a gate that is asked again while somebody promotes holds nothing up`() throws {
    let night = try askedAgain()
    let before = night.workload.machine.state.phase.run?.lossAtGate
    night.cloud.databases[night.replica] = TinyCloud.Database()
    #expect(night.run(.minutes(5)) { $0.phase == .drActive }, "\(night.messages.suffix(9).map(\.text))")
    #expect(night.cloud.promotions == 0 && night.workload.machine.state.lastRun?.lossAtGate == before)
  }

  /// At a gate whose word a new process asks for once more, behind a fence that could not be reached.
  private func askedAgain() throws -> Night {
    let night = try Night.busy(
      after: { $0.regionDies() },
      until: { $0.workload.machine.state.phase.run?["promote-replica"]?.state == .running })
    // What the next process knows is old: the evidence is read once more, and says less than before.
    night.engine = try Engine(
      workloads: [night.settings], brakes: Brakes(maximum: 1, window: .hours(1)), ledger: night.ledger,
      codec: night.codec, at: night.now, seed: 3)
    night.cloud.lagSeconds = nil
    night.carryOut(night.engine.start(at: night.now))
    night.cloud.databases[night.replica]?.status = "available"
    #expect(night.run(.minutes(5)) { $0.workload.machine.state.phase.run?["gate"]?.state == .running })
    return night
  }

  @Test func `what a person aborted is not begun again, and an undo that does not come to an end calls him`() throws {
    let night = try Night.fenced()
    night.cloud.dark.insert(night.primaryGroup.region)
    night.order(.abort)
    night.run(.minutes(10))
    #expect(night.said(.waiting).count { $0.contains("taking fence-primary back") } == 1, "\(night.messages)")
    #expect(night.phase == .failingOver && night.cloud.promotions == 0)
    night.cloud.dark = []
    #expect(night.run(.minutes(5)) { $0.cloud.groups[$0.primaryGroup]?.desired == 2 })
  }
}

@Suite struct ServingNights {
  private func called(_ night: Night) -> [String] { night.said(.servingDown) }

  @Test func `whoever serves the users on the way home is watched, before and behind the cut-over`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    night.regionReturns()
    night.run(.minutes(10))
    night.order(.reviewLoss)
    night.order(.failback)
    #expect(night.run(.minutes(30)) { $0.phase == .failingBack })
    night.dr = .failure(.refused, status: nil, detail: "dead")
    #expect(night.run(.minutes(5)) { !self.called($0).isEmpty })
    night.dr = .success(status: 200)
    night.run(.minutes(1))
    #expect(
      night.run(.hours(6)) { night in
        night.workload.machine.state.phase.run?["shift-traffic-home"]?.state == .done
          || night.workload.machine.state.phase.run?["shift-traffic"]?.state == .done
      }, "\(String(describing: night.workload.machine.state.phase.run?.steps.map(\.step.name)))")
    // Writes were held in between, which is no failure of anybody's.
    #expect(called(night).count == 1, "\(called(night))")
    // What is refused does not point at what is refused, too.
    guard case .refused(let why)? = night.order(.failover(acceptDataLoss: true)) else {
      Issue.record("a failover in a failback")
      return
    }
    #expect(why.contains("past its cut-over") && !why.contains("abort"))
    night.primary = .failure(.refused, status: nil, detail: "dead")
    night.run(.minutes(2))
    #expect(called(night).last?.contains("led to the primary again") == true, "\(called(night))")
  }

  @Test(arguments: [FailureClass.tls, .dns])
  func `F9 F10 somebody is called for users whom a certificate or a missing name turns away`(_ failure: FailureClass)
    throws
  {
    let night = try Night()
    night.run(.minutes(5))
    night.primary = .failure(failure, status: nil, detail: "expired")
    night.run(.minutes(30))
    #expect(night.phase == .degraded && night.acts.isEmpty)
    #expect(night.said(.turnedAway).count { $0.contains("users may be turned away since") } == 1, "\(night.messages)")
  }

  @Test func `what nobody saw served is not told as served`() throws {
    let night = try Night(.reference { $0.traffic = .manual })
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(60)) { $0.phase == .drActive })
    #expect(night.said(.runFinished).last?.contains("for how long service was out is not known") == true)
    #expect(night.workload.machine.state.lastRun?.servedAt == nil)
  }
}
