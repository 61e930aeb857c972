// Nights with another watchdog on another host. It is played by what it leaves in the table.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct LeaseNights {
  private static let ref = LeaseRef(region: "us-west-2", table: "pilotlight", key: "django-app")

  private func night(_ change: (inout WorkloadSettings) -> Void = { _ in }) throws -> Night {
    try Night(
      .reference {
        $0.lease = LeaseSettings(ref: LeaseNights.ref, holder: "ours")
        change(&$0)
      })
  }

  private func theirs(_ renewal: Int) -> LeaseRecord {
    LeaseRecord(holder: "the other", life: "elsewhere.1", number: 50, renewal: renewal, lasting: .seconds(60))
  }

  /// The other watchdog renews its lease every six seconds.
  private func letTheOtherRenew(_ night: Night, for duration: Duration) {
    for renewal in 0..<Int(duration.seconds / 6) {
      night.cloud.leases[Self.ref] = theirs(renewal)
      night.run(.seconds(6))
    }
  }

  private func said(_ night: Night, _ kind: MessageKind) -> [String] {
    night.messages.filter { $0.kind == kind }.map(\.text)
  }

  @Test func `F25 who holds the lease fails over, under one number`() throws {
    let night = try night()
    night.run(.minutes(5))
    #expect(said(night, .leaseHeld) == ["this watchdog holds the lease, number 1: it acts"])
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.leases[Self.ref]?.number == 1)
    #expect(said(night, .leaseHeld).count == 1 && said(night, .leaseTroubled) == [])
  }

  @Test func `F25 who does not hold it performs zero mutations, says why, and refuses orders`() throws {
    let night = try night()
    letTheOtherRenew(night, for: .minutes(5))
    night.regionDies()
    letTheOtherRenew(night, for: .minutes(20))
    #expect(night.acts.isEmpty && night.phase == .degraded)
    #expect(said(night, .leaseForeign) == ["the other holds the lease: this watchdog only watches"])
    let situation = night.workload.look(at: night.now)
    #expect(night.workload.machine.unarmed(situation).contains("the other holds the lease, number 50"))
    #expect(said(night, .heldBack).contains { $0.contains("would fail over now, but: the other holds the lease") })
    // That another one acts is what the lease is for: no alarm of its own.
    #expect(said(night, .notArmed) == [])
    guard case .refused(let why)? = night.order(.failover(acceptDataLoss: true)) else {
      Issue.record("the order was taken")
      return
    }
    #expect(why.contains("the other holds the lease") && why.contains("order it there"))
    #expect(night.acts.isEmpty)
  }

  @Test func `F25 who watched takes over when the other is gone with the region`() throws {
    let night = try night()
    letTheOtherRenew(night, for: .minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.leases[Self.ref]?.number == 51)
    #expect(night.cloud.promotions == 1)
  }

  @Test func `F25 a run stands still from the moment that its lease is taken, and goes on when it is back`() throws {
    let night = try night { $0.mode = .approve }
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(5))
    #expect(night.phase == .failingOver)
    letTheOtherRenew(night, for: .seconds(12))
    let before = night.acts.count
    night.order(.approve(acceptDataLoss: false))
    letTheOtherRenew(night, for: .minutes(10))
    #expect(night.acts.count == before && night.cloud.promotions == 0)
    // The other dies with it half done.
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test func `F26 without the table no failover begins, and it is said`() throws {
    let night = try night()
    night.run(.minutes(5))
    let silence = CloudFailure(.transient, code: "InternalServerError", message: "later")
    night.cloud.failures["dynamodb:PutItem"] = Array(repeating: silence, count: 10_000)
    night.cloud.failures["dynamodb:GetItem"] = Array(repeating: silence, count: 10_000)
    night.run(.seconds(20))
    night.regionDies()
    night.run(.minutes(20))
    #expect(night.acts.isEmpty && night.phase == .degraded)
    #expect(said(night, .leaseTroubled).first?.contains("cannot be read") ?? false)
    #expect(said(night, .notArmed).first?.contains("the lease in pilotlight cannot be read") ?? false)
    night.cloud.failures = [:]
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
  }

  @Test func `F26 one in flight goes on only while the lease is still provably valid`() throws {
    let night = try night()
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(10)) { !$0.acts.isEmpty })
    let silence = CloudFailure(.transient, code: "InternalServerError", message: "later")
    night.cloud.failures["dynamodb:PutItem"] = Array(repeating: silence, count: 10_000)
    night.cloud.failures["dynamodb:GetItem"] = Array(repeating: silence, count: 10_000)
    let begun = night.now
    var newest = begun
    var seen = night.acts.count
    night.run(.minutes(20)) {
      if $0.acts.count > seen { (seen, newest) = ($0.acts.count, $0.now) }
      return false
    }
    #expect(newest > begun, "it went on for a while")
    #expect(newest - begun <= .seconds(45))
    #expect(night.phase == .failingOver)
    night.cloud.failures = [:]
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test func `F56 a suspended watchdog acts on nothing until it has the lease again`() throws {
    let night = try night()
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(10)) { $0.phase == .failingOver })
    night.cloud.leases[Self.ref] = theirs(0)
    let before = night.acts.count
    night.freeze(.minutes(10))
    letTheOtherRenew(night, for: .minutes(2))
    #expect(night.acts.count == before)
  }

  @Test func `a watchdog that observes never has the lease, and says all the same when it would fail over`() throws {
    let night = try night { $0.mode = .observe }
    night.run(.minutes(5))
    #expect(night.cloud.leases.isEmpty)
    night.regionDies()
    night.run(.minutes(5))
    #expect(said(night, .wouldFailOver).count == 1)
  }

  @Test func `F62 a full disk does not cost the lease, and when there is room again it goes on by itself`() throws {
    let night = try night()
    night.run(.minutes(5))
    night.ledger.failure = .cannotWrite("no space")
    night.regionDies()
    night.run(.minutes(10))
    #expect(night.acts.isEmpty)
    night.ledger.failure = nil
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
  }

  @Test func `a promotion that another watchdog made is no less one way`() throws {
    let night = try night { $0.mode = .approve }
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(5))
    // The other had asked for it, and died.
    night.cloud.databases[night.settings.dr.database.ref]?.source = nil
    night.order(.approve(acceptDataLoss: true))
    let isThere: (Night) -> Bool = { $0.workload.machine.state.phase.run?["promote-replica"]?.state == .done }
    #expect(night.run(.minutes(5), until: isThere))
    night.regionReturns()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 0)
  }

  @Test func `F27 what was prepared is not taken from a DR region that another watchdog has made serve`() throws {
    let night = try night { $0.mode = .approve }
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(5))
    // Ours is cut off; the other finishes the failover; the old primary answers again; the other is gone.
    letTheOtherRenew(night, for: .minutes(2))
    night.cloud.databases[night.settings.dr.database.ref]?.source = nil
    letTheOtherRenew(night, for: .minutes(5))
    night.regionReturns()
    let before = night.acts.count
    night.run(.minutes(30))
    #expect(night.acts.count == before)
    #expect(night.messages.contains { $0.kind == .heldBack && $0.text.contains("is no replica any more") })
    for step in ["scale-up-dr", "repoint-dr-secret"] { night.order(.skip(step: step)) }
    night.run(.minutes(1))
    #expect(night.phase != .failingOver && night.acts.count == before)
  }

  @Test func `who can do nothing more leaves the lease to who can, and a person lets it finish where nobody is`() throws
  {
    let night = try night()
    letTheOtherRenew(night, for: .minutes(5))
    night.regionDies()
    letTheOtherRenew(night, for: .minutes(2))
    // The other has promoted, and loses its line.
    night.cloud.databases[night.settings.dr.database.ref]?.source = nil
    letTheOtherRenew(night, for: .minutes(1))
    night.run(.minutes(5))
    #expect(night.cloud.leases[Self.ref]?.holder == "the other", "it may come back for it")
    #expect(night.acts.isEmpty)
    night.order(.failover(acceptDataLoss: true))
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 0 && night.cloud.leases[Self.ref]?.holder == "ours")
  }

  @Test func `a ledger that does not know that the workload was brought home moves and fences nothing`() throws {
    let night = try night()
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(!night.workload.machine.state.debts.isEmpty, "the region was dead")
    // Ours is cut off; the other brings it home and is gone: the DR database replicates again, the primary serves.
    letTheOtherRenew(night, for: .seconds(12))
    let source = night.cloud.arn(night.settings.primary.database.ref)
    night.cloud.databases[night.settings.dr.database.ref]?.source = source
    letTheOtherRenew(night, for: .minutes(1))
    night.regionReturns()
    let before = night.acts.count
    night.run(.hours(1))
    #expect(night.acts.count == before)
    #expect(night.cloud.leases[Self.ref]?.holder == "the other", "others can do more with it")
    guard case .refused(let why)? = night.order(.failback) else {
      Issue.record("the order was taken")
      return
    }
    #expect(why.contains("brought the workload home"))
    #expect(
      night.workload.machine.explain(night.workload.look(at: night.now)).contains {
        $0.contains("move its ledger aside")
      })
  }
}
