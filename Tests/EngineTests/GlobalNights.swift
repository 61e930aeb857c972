// A global database: Aurora moves the writer, and takes in again what it left.

import PilotlightCore
import PilotlightEngine
import Testing

extension WorkloadSettings {
  /// The reference deployment on clusters of a global database.
  static func aurora(_ change: (inout WorkloadSettings) -> Void = { _ in }) -> WorkloadSettings {
    .reference {
      $0.primary.database.ref.global = GlobalDatabase(identifier: "app-global", peer: "us-west-2")
      $0.dr.database.ref.global = GlobalDatabase(identifier: "app-global", peer: "eu-west-1")
      change(&$0)
    }
  }
}

extension Night {
  fileprivate var old: DatabaseRef { settings.primary.database.ref }
  fileprivate var new: DatabaseRef { settings.dr.database.ref }
  fileprivate var debts: [String] { workload.machine.state.debts.map(\.step) }
  fileprivate var run: Run? { workload.machine.state.phase.run }
  fileprivate var failover: Run? { workload.machine.state.phase.residence?.failover }
  /// What was asked of databases, in order.
  fileprivate var moves: [CloudAction] { cloud.changes.filter { $0.apiName.hasPrefix("rds:") } }

  fileprivate static func atPeace(_ settings: WorkloadSettings = .aurora()) throws -> Night {
    let night = try Night(settings)
    night.run(.minutes(5))
    return night
  }

  fileprivate static func failedOver() throws -> Night {
    let night = try Night.atPeace()
    night.regionDies()
    night.run(.minutes(60)) { $0.phase == .drActive }
    return night
  }

  /// The old region is back, its cluster a reader again, and somebody has looked for the loss.
  fileprivate static func readyForHome() throws -> Night {
    let night = try Night.failedOver()
    night.regionReturns()
    night.run(.minutes(30)) { $0.debts.isEmpty }
    night.order(.reviewLoss)
    return night
  }
}

@Suite struct GlobalNights {
  @Test func `a lost region is failed over by one request, and the cluster it left is owed until it is a reader again`()
    throws
  {
    let night = try Night.failedOver()
    #expect(night.phase == .drActive && night.moves == [.failOverCluster(night.new, arn: night.cloud.arn(night.new))])
    #expect(night.everyActWasRecorded && night.debts == ["fence-primary", "await-old-primary"])
    let loss = try #require(night.failover?.loss)
    #expect(loss.sentence.contains("rds:unplanned-global-failover-app-db-… in eu-west-1"), "\(loss.sentence)")
    // Lag of a cluster is never taken for a measurement.
    #expect(loss.window.confidence == .atMost)
    night.regionReturns()
    #expect(night.run(.minutes(5)) { $0.debts == ["await-old-primary"] })
    let debt = try #require(night.workload.machine.state.debts.first)
    #expect(night.workload.machine.note(of: debt)?.contains("pending-resync") == true)
    for order in [OrderKind.reviewLoss, .failback] {
      guard case .refused? = night.order(order) else {
        Issue.record("\(order) beside an old primary that may take writes")
        return
      }
    }
    #expect(night.run(.minutes(15)) { $0.debts.isEmpty })
    night.order(.reviewLoss)
    #expect(night.workload.machine.unreviewedLoss == nil)
    #expect(night.moves.count == 1)
  }

  @Test func `an outage of the application alone waits for the old cluster no longer than its bound`() throws {
    let night = try Night.atPeace()
    night.primary = .failure(.refused, status: nil, detail: "nobody listens")
    night.cloud.primaryTargets = TargetHealth(healthy: 0, unhealthy: 2, other: 0)
    #expect(night.run(.minutes(40)) { $0.phase == .drActive })
    #expect(night.debts == ["await-old-primary"] && night.cloud.promotions == 1)
    #expect(night.run(.minutes(15)) { $0.debts.isEmpty })
  }

  @Test func `the way home is a switchover that is asked of the DR region, and nothing is built anew`() throws {
    let night = try Night.readyForHome()
    guard case .accepted? = night.order(.failback) else {
      Issue.record("a failback was refused")
      return
    }
    #expect(night.run(.hours(3)) { $0.phase == .healthy }, "\(night.workload.machine.state.phase)")
    let home = CloudAction.switchOverCluster(night.old, arn: night.cloud.arn(night.old), from: night.new)
    #expect(night.moves.dropFirst() == [home] && home.region == "us-west-2")
    #expect(night.cloud.databases[night.old]?.source == nil && night.cloud.databases[night.new]?.source != nil)
    #expect(night.cloud.held.isEmpty && night.cloud.groups[night.settings.dr.group.ref]?.desired == 0)
  }

  @Test func `a switchover loses nothing, drains nothing, and needs no review`() throws {
    let night = try Night.atPeace()
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    let failover = try #require(night.failover)
    #expect(failover["drain"] == nil && failover["hold-writes"]?.state == .done)
    #expect(failover.loss?.window.window == .zero && failover.loss?.isDrained == true && failover.lossReview != nil)
    let there = CloudAction.switchOverCluster(night.new, arn: night.cloud.arn(night.new), from: night.old)
    #expect(night.moves == [there] && there.region == "eu-west-1" && night.debts.isEmpty)
    night.order(.failback)
    #expect(night.run(.hours(3)) { $0.phase == .healthy })
    #expect(night.cloud.promotions == 2)
  }

  @Test func `an answer that was lost is looked for, and a request that is refused is asked again`() throws {
    let lost = try Night.atPeace()
    lost.cloud.lostAnswers = ["rds:FailoverGlobalCluster"]
    lost.regionDies()
    #expect(lost.run(.minutes(60)) { $0.phase == .drActive } && lost.cloud.promotions == 1 && lost.moves.count == 1)
    let refused = try Night.atPeace()
    let fault = CloudFailure(.wrongState, code: "InvalidGlobalClusterStateFault", message: "not now")
    refused.cloud.failures["rds:FailoverGlobalCluster"] = [fault, fault]
    refused.regionDies()
    #expect(refused.run(.minutes(60)) { $0.phase == .drActive } && refused.cloud.promotions == 1)
  }

  @Test func `a switchover that Aurora cancels is asked for again after a minute`() throws {
    let night = try Night.atPeace()
    night.cloud.cancelsSwitchover = true
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    #expect(night.moves.count == 2 && night.cloud.promotions == 1)
    #expect(night.failover?.loss?.isDrained == true)
  }

  @Test func `while it is cancelled the run can be taken back`() throws {
    let night = try Night.atPeace()
    night.cloud.cancelsSwitchover = true
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.cloud.move != nil })
    guard case .refused? = night.order(.abort) else {
      Issue.record("taken back over a switchover that runs")
      return
    }
    let fault = CloudFailure(.wrongState, code: "InvalidGlobalClusterStateFault", message: "not now")
    night.cloud.failures["rds:SwitchoverGlobalCluster"] = Array(repeating: fault, count: 50)
    #expect(night.run(.minutes(10)) { $0.run?["promote-replica"]?.didNotHappen == true })
    night.order(.abort)
    #expect(night.run(.minutes(10)) { $0.phase == .healthy && $0.cloud.held.isEmpty })
    #expect(night.cloud.promotions == 0)
  }

  @Test func `somebody's failover in the middle of a switchover is never taken for one without loss`() throws {
    let night = try Night.atPeace()
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.cloud.move != nil })
    // The switchover hangs; Aurora cancels it for a failover by hand.
    night.cloud.move = GlobalMove(ref: night.new, allowsLoss: true, ends: night.now + .minutes(2))
    #expect(night.run(.hours(1)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    let failover = try #require(night.failover)
    #expect(failover.loss?.window.window == nil && failover.loss?.isDrained == nil && failover.lossReview == nil)
  }

  @Test func `nor is one that nobody saw: what it left is not synchronised`() throws {
    let night = try Night.atPeace()
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.cloud.move != nil })
    night.run(.seconds(5))
    // The daemon is gone meanwhile.
    night.cloud.move = GlobalMove(ref: night.new, allowsLoss: true, ends: night.now)
    night.now = night.now + .minutes(2)
    try night.crash()
    #expect(night.run(.hours(1)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    #expect(night.failover?.loss?.window.window == nil && night.failover?.lossReview == nil)
  }

  @Test func `a failover that somebody else began towards us is joined, and one towards elsewhere is not ours`() throws
  {
    let night = try Night.atPeace()
    night.regionDies()
    night.cloud.move = GlobalMove(ref: night.new, allowsLoss: true, ends: night.now + .minutes(20))
    #expect(night.run(.minutes(15)) { $0.run?["promote-replica"]?.state == .running })
    #expect(night.run(.hours(1)) { $0.phase == .drActive } && night.moves.isEmpty)
    let other = try Night.atPeace()
    other.regionDies()
    other.cloud.move = GlobalMove(ref: other.old, allowsLoss: true, ends: other.now + .minutes(20))
    #expect(other.run(.minutes(15)) { $0.run?["promote-replica"]?.state == .running })
    other.run(.minutes(1))
    #expect(other.run?.isCommitted == false && other.moves.isEmpty)
    let step = try #require(other.run?["promote-replica"])
    #expect(other.workload.machine.note(of: step)?.contains("somebody else") == true)
    #expect(other.run(.hours(1)) { $0.phase == .drActive } && other.cloud.promotions == 1)
  }

  @Test func `nothing begins towards a cluster without instances`() throws {
    let night = try Night.atPeace()
    night.cloud.databases[night.new]?.instances = 0
    night.run(.minutes(6))
    #expect(
      night.workload.machine.unarmed(night.workload.look(at: night.now)).contains { $0.contains("no DB instance") })
    night.regionDies()
    night.run(.minutes(30))
    #expect(night.phase == .degraded && night.acts.isEmpty)
    guard case .refused(let why)? = night.order(.failover(acceptDataLoss: true)) else {
      Issue.record("a failover to nothing")
      return
    }
    #expect(why.contains("add one"))
  }

  @Test
  func `a cluster that loses its instances under a failover is waited for before anything is done to the primary`()
    throws
  {
    let night = try Night.atPeace()
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.run != nil })
    night.cloud.databases[night.new]?.instances = 0
    night.run(.minutes(10))
    #expect(night.messages.contains { $0.kind == .heldBack && $0.text.contains("add one") })
    #expect(night.run?["gate"]?.state == .running && night.cloud.promotions == 0)
    night.cloud.databases[night.new]?.instances = 1
    #expect(night.run(.hours(1)) { $0.phase == .drActive } && night.cloud.promotions == 1)
  }

  @Test func `a cluster that somebody detaches is as good as one that was failed over to`() throws {
    let night = try Night.atPeace()
    let fault = CloudFailure(.wrongState, code: "InvalidGlobalClusterStateFault", message: "versions differ")
    night.cloud.failures["rds:FailoverGlobalCluster"] = Array(repeating: fault, count: 50)
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.run?["promote-replica"]?.didNotHappen == true })
    night.cloud.databases[night.new]?.isMember = false
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    #expect(night.failover?["promote-replica"]?.detail.contains("detached") == true && night.cloud.promotions == 0)
  }

  @Test func `where versions differ the way out is told for as long as Aurora refuses`() throws {
    let night = try Night.atPeace()
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.run != nil })
    night.cloud.databases[night.new]?.version = "16.3"
    let fault = CloudFailure(.wrongState, code: "InvalidGlobalClusterStateFault", message: "not now")
    night.cloud.failures["rds:FailoverGlobalCluster"] = Array(repeating: fault, count: 50)
    #expect(night.run(.minutes(30)) { $0.run?["promote-replica"]?.didNotHappen == true })
    night.run(.minutes(2))
    let wayOut = "aws rds remove-from-global-cluster"
    let told = night.workload.machine.explain(night.workload.look(at: night.now)).joined(separator: "; ")
    #expect(told.contains(wayOut) && told.contains("InvalidGlobalClusterStateFault"), "\(told)")
    #expect(night.messages.contains { $0.kind == .troubled && $0.text.contains(wayOut) })
    night.cloud.databases[night.new]?.isMember = false
    #expect(night.run(.hours(1)) { $0.phase == .drActive } && night.cloud.promotions == 0)
  }

  @Test func `where no writer is listed, a failover is held back by nothing`() throws {
    let night = try Night.atPeace()
    for database in [night.new, night.old] {
      night.cloud.databases[database]?.source = "arn:aws:rds::123456789012:global-cluster:app-global"
    }
    night.primary = .failure(.serverError, status: 500, detail: "dead")
    night.cloud.primaryTargets = TargetHealth(healthy: 0, unhealthy: 2, other: 0)
    #expect(night.run(.minutes(10)) { $0.run != nil }, "\(night.messages.suffix(3))")
  }

  @Test func `the writer is not taken from a third region that somebody made it before the outage`() throws {
    let night = try Night.atPeace()
    // The primary's own region is not there to tell.
    night.cloud.databases[night.new]?.source = "arn:aws:rds:ap-southeast-1:1:cluster:third"
    night.run(.minutes(2))
    night.regionDies()
    night.run(.minutes(30))
    #expect(night.run == nil && night.cloud.changes.isEmpty)
    #expect(night.messages.contains { $0.kind == .heldBack && $0.text.contains("third") })
  }

  @Test func `the writer is not taken from a third region that somebody made it in the run`() throws {
    let night = try Night.atPeace()
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.run != nil })
    night.cloud.databases[night.new]?.source = "arn:aws:rds:ap-southeast-1:1:cluster:third"
    night.run(.minutes(30))
    #expect(night.moves.isEmpty && night.run?.isCommitted == false)
    #expect(night.run?["gate"]?.state == .running)
    #expect(night.messages.contains { $0.kind == .heldBack && $0.text.contains("third") })
    let old = night.cloud.arn(night.old)
    night.cloud.databases[night.new]?.source = old
    #expect(night.run(.hours(1)) { $0.phase == .drActive } && night.moves.count == 1)
  }

  @Test func `an old primary that somebody makes the writer again beside the DR region is owed for anew`() throws {
    let night = try Night.readyForHome()
    night.cloud.move = GlobalMove(ref: night.old, allowsLoss: false, ends: night.now)
    #expect(night.run(.minutes(6)) { $0.debts == ["await-old-primary"] })
    #expect(night.messages.last { $0.kind == .debtIncurred }?.text.contains("is the writer") == true)
    night.order(.skip(step: "await-old-primary"))
    #expect(night.debts.isEmpty)
    night.run(.minutes(30))
    #expect(night.debts.isEmpty)
  }

  @Test func `what somebody failed over by hand is finished by order, although the roles look swapped`() throws {
    let night = try Night.atPeace()
    night.cloud.move = GlobalMove(ref: night.new, allowsLoss: true, ends: night.now)
    night.primary = .failure(.serverError, status: 500, detail: "read-only")
    night.cloud.primaryTargets = TargetHealth(healthy: 0, unhealthy: 2, other: 0)
    night.run(.minutes(10))
    #expect(night.phase == .degraded && night.moves.isEmpty)
    guard case .accepted? = night.order(.failover(acceptDataLoss: true)) else {
      Issue.record("no way on: \(night.messages.suffix(3))")
      return
    }
    #expect(night.run(.hours(1)) { $0.phase == .drActive } && night.moves.isEmpty)
  }

  @Test func `a crash after any record of a failover ends in dr-active with one request`() throws {
    let whole = try Night.failedOver()
    for cut in 1...whole.ledger.entries.count {
      let night = try Night.atPeace()
      night.regionDies()
      night.run(.minutes(60)) { $0.ledger.entries.count >= cut }
      try night.crash()
      #expect(night.run(.minutes(60)) { $0.phase == .drActive }, "crash after record \(cut): \(night.phase)")
      #expect(night.cloud.promotions == 1 && night.everyActWasRecorded, "crash after record \(cut)")
    }
  }

  @Test func `a crash after any record of the way home ends in healthy with one more request`() throws {
    func prepare() throws -> Night {
      let night = try Night.readyForHome()
      night.order(.failback)
      return night
    }
    let whole = try prepare()
    let first = whole.ledger.entries.count
    whole.run(.hours(5)) { $0.phase == .healthy }
    for cut in first...whole.ledger.entries.count {
      let night = try prepare()
      night.run(.hours(5)) { $0.ledger.entries.count >= cut }
      try night.crash()
      #expect(night.run(.hours(5)) { $0.phase == .healthy }, "crash after record \(cut): \(night.phase)")
      #expect(night.cloud.promotions == 2, "crash after record \(cut)")
    }
  }
}
