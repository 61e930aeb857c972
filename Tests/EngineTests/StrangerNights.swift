// A configuration that changes while something is under way, or while the DR region serves: what is done is done by what was begun.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct StrangerNights {
  private func swapped(_ settings: WorkloadSettings) -> WorkloadSettings {
    var swapped = settings
    (swapped.primary, swapped.dr) = (settings.dr, settings.primary)
    return swapped
  }

  private func night(_ kind: RunKind) throws -> Night {
    if kind == .failover { return try Night.afterAFailover() }
    let night = try Night()
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    return night
  }

  private func atTheGate() throws -> Night {
    let night = try Night(.reference { $0.mode = .approve })
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(10)) { $0.workload.machine.asking($0.workload.situation) == "gate" })
    return night
  }

  private func restart(_ night: Night, under settings: WorkloadSettings) throws {
    night.engine = try Engine(
      workloads: [settings], brakes: Brakes(maximum: 1, window: .hours(1)), ledger: night.ledger, codec: night.codec,
      at: night.now, seed: 3)
    night.carryOut(night.engine.start(at: night.now))
  }

  @Test(arguments: [RunKind.failover, .switchover])
  func `roles that are swapped while the DR region serves are refused, and held where they cannot be`(_ kind: RunKind)
    throws
  {
    let night = try night(kind)
    let (settings, acts) = (swapped(night.settings), night.acts.count)
    let why = try night.engine.reload([settings], brakes: Brakes(maximum: 1, window: .hours(1)), at: night.now)
    #expect(why?.contains("bring the old configuration back") == true)
    try restart(night, under: settings)
    night.run(.hours(1))
    #expect(night.acts.count == acts, "\(night.acts.suffix(2))")
    #expect(night.cloud.groups[night.settings.dr.group.ref]?.desired != 0)
    #expect(night.messages.contains { $0.kind == .waiting && $0.text.contains("bring the old configuration back") })
    guard case .refused(let refusal)? = night.order(.failback) else {
      Issue.record("a failback was taken")
      return
    }
    #expect(refusal.contains("bring the old configuration back"))
    #expect(!night.messages.contains { $0.kind == .oldPrimaryServes })
    // Without instances it serves nobody.
    night.primary = .failure(.refused, status: nil, detail: "nobody listens")
    try restart(night, under: night.settings)
    night.run(.minutes(5))
    night.primary = .success(status: 200)
    let outcome = night.order(.failback)
    guard case .accepted? = outcome else {
      Issue.record("the old configuration does not lead home: \(outcome.map { "\($0)" } ?? "")")
      return
    }
    #expect(night.run(.hours(3)) { $0.phase == .healthy })
  }

  @Test func `a failback renames no database that the failover did not leave`() throws {
    let night = try night(.failover)
    var settings = night.settings
    settings.primary.database.ref.identifier = "shop"
    try restart(night, under: settings)
    night.run(.minutes(5))
    guard case .refused(let why)? = night.order(.failback) else {
      Issue.record("a failback was taken")
      return
    }
    #expect(why.contains("shop"))
  }

  @Test func `a run whose replica is another one now does not pass its gate on the other one's lag`() throws {
    let night = try atTheGate()
    var settings = night.settings
    settings.dr.database.ref.identifier = "another-replica"
    night.cloud.databases[settings.dr.database.ref] = night.cloud.databases[night.settings.dr.database.ref]
    try restart(night, under: settings)
    night.run(.minutes(5))
    night.order(.approve(acceptDataLoss: true))
    night.run(.minutes(10))
    #expect(night.cloud.promotions == 0)
    #expect(night.workload.machine.whyStill(night.workload.situation)?.contains("another-replica") == true)
    // Whether somebody promoted the run's own replica cannot be seen meanwhile: nothing is taken from under it.
    night.order(.abort)
    night.run(.minutes(5))
    #expect(night.workload.machine.state.phase.run?.rollback != nil)
    try restart(night, under: night.settings)
    #expect(night.run(.minutes(5)) { $0.workload.machine.state.phase.run == nil })
    #expect(night.cloud.groups[night.settings.dr.group.ref]?.desired == 0)
  }

  @Test func `a workload with something under way is forgotten by no start`() throws {
    let night = try Night(.reference { $0.mode = .approve })
    night.run(.minutes(5))
    var renamed = night.settings
    renamed.name = "renamed"
    try restart(night, under: renamed)
    try restart(night, under: night.settings)
    night.regionDies()
    #expect(night.run(.minutes(10)) { $0.workload.machine.state.phase.run != nil })
    #expect(throws: UnknownWorkload.self) { try restart(night, under: renamed) }
    #expect(night.run(.minutes(10)) { $0.workload.machine.asking($0.workload.situation) == "gate" })
    night.order(.approve(acceptDataLoss: true))
    #expect(night.run(.minutes(60)) { $0.phase == .drActive })
    #expect(throws: UnknownWorkload.self) { try restart(night, under: renamed) }
    night.regionReturns()
    #expect(night.run(.minutes(10)) { $0.workload.machine.state.debts.isEmpty })
    try restart(night, under: renamed)
    #expect(night.engine.leftOut == [night.settings.name])
  }

  @Test func `whose writes are taken over is what the run began with, whatever the configuration says meanwhile`()
    throws
  {
    let night = try atTheGate()
    var settings = night.settings
    settings.primary.database.ref.identifier = "shop"
    let why = try night.engine.reload([settings], brakes: Brakes(maximum: 1, window: .hours(1)), at: night.now)
    #expect(why?.contains("shop") == true)
    // A restart refuses nothing, and a promotion that was asked for ends under it.
    night.order(.approve(acceptDataLoss: true))
    #expect(night.run(.minutes(5)) { $0.cloud.promotions == 1 })
    try restart(night, under: settings)
    night.run(.minutes(30))
    #expect(
      night.workload.machine.state.phase.run?.loss?.left ?? night.settings.primary.database.ref
        == night.settings.primary.database.ref)
    try restart(night, under: night.settings)
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    #expect(night.workload.machine.state.phase.residence?.failover.loss?.left == night.settings.primary.database.ref)
  }

  @Test func `groups may be replaced while the DR region serves: the old one stays fenced, the new one leads home`()
    throws
  {
    let night = try night(.failover)
    night.primary = .failure(.refused, status: nil, detail: "nobody listens")
    var settings = night.settings
    let old = settings.primary.group.ref
    settings.primary.group.ref.name = "rebuilt"
    night.cloud.groups[settings.primary.group.ref] = settings.primary.group.standby
    #expect(try night.engine.reload([settings], brakes: Brakes(maximum: 1, window: .hours(1)), at: night.now) == nil)
    night.cloud.groups[old] = settings.primary.group.serving
    #expect(night.run(.minutes(10)) { $0.cloud.groups[old]?.desired == 0 && $0.workload.machine.state.debts.isEmpty })
    night.order(.reviewLoss)
    night.primary = .success(status: 200)
    guard case .accepted? = night.order(.failback) else {
      Issue.record("the rebuilt group does not lead home")
      return
    }
    #expect(night.run(.hours(3)) { $0.phase == .healthy })
    #expect(night.cloud.groups[settings.primary.group.ref]?.desired == settings.primary.group.serving.desired)
  }
}
