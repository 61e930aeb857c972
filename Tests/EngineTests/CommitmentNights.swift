// Behind the request for a promotion: what is held is watched, what is refused was not taken, and where our own hold keeps users out an
// order leads out.

import PilotlightCore
import Testing

extension Night {
  fileprivate var run: Run? { workload.machine.state.phase.run }
  fileprivate func state(_ step: String) -> StepState? { run?[step]?.state }

  fileprivate func isRefused(_ kind: OrderKind) -> Bool {
    if case .refused? = order(kind) { true } else { false }
  }

  /// The promotion is done, and the DR region does not serve yet.
  fileprivate static func switchedBehindAHold() throws -> Night {
    let night = try Night()
    night.run(.minutes(5))
    night.dr = .failure(.serverError, status: 503, detail: "503")
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.state("promote-replica") == .done })
    night.run(.minutes(1))
    #expect(!night.cloud.held.isEmpty && night.state("shift-traffic") == .waiting)
    return night
  }

  /// The one request for the promotion of a failover came to this.
  fileprivate static func failingOver(_ failure: CloudFailure.Kind) throws -> Night {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.failures["rds:PromoteReadReplica"] = [CloudFailure(failure, code: "code", message: "no")]
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.cloud.failures["rds:PromoteReadReplica"] == [] })
    night.run(.milliseconds(200))
    return night
  }

  /// A failback of which the promotion was taken, and is not done.
  fileprivate static func promotingHome() throws -> Night {
    let night = try Night.afterAFailover()
    night.order(.failback)
    #expect(night.run(.hours(3)) { $0.run?["promote-primary"]?.wasTaken == true })
    return night
  }
}

@Suite struct CommitmentNights {
  @Test func `a hold that goes behind the promotion is paged, and a person decides where users go`() throws {
    let night = try Night.switchedBehindAHold()
    night.cloud.held = []
    #expect(night.run(.seconds(15)) { $0.messages.contains { $0.kind == .oldPrimaryServes } })
    night.dr = .success(status: 200)
    night.run(.minutes(10))
    #expect(night.state("shift-traffic") == .running && night.cloud.objects.isEmpty)
    #expect(night.run?.lossReview == nil && night.run?.loss?.isLetThrough == true)
    night.order(.approve(acceptDataLoss: false))
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.workload.machine.unreviewedLoss?.contains("behind the promotion") == true)
    #expect(night.isRefused(.failback) && night.everyActWasRecorded)
  }

  @Test func `or goes back to where they wrote`() throws {
    let night = try Night.switchedBehindAHold()
    #expect(night.isRefused(.abort))
    night.cloud.held = []
    #expect(night.run(.seconds(15)) { $0.messages.contains { $0.kind == .oldPrimaryServes } })
    night.order(.abort)
    #expect(night.run(.minutes(10)) { $0.run == nil })
    #expect(night.cloud.groups[night.settings.dr.group.ref] == night.settings.dr.group.standby)
    #expect(night.cloud.objects.isEmpty && night.cloud.held.isEmpty)
    night.run(.minutes(10))
    #expect(night.workload.machine.unarmed(night.workload.situation).contains { $0.contains("is not a replica") })
  }

  @Test func `nor does a retry make what was let through undone`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.run?["promote-replica"]?.wasTaken == true })
    let replica = night.settings.dr.database.ref
    night.cloud.databases[replica]?.status = "available"
    night.cloud.databases[replica]?.becomes = nil
    night.cloud.held = []
    #expect(night.run(.seconds(15)) { $0.run?.loss?.isLetThrough == true })
    night.run(.minutes(20))
    // Taken, and not seen for a quarter of an hour.
    #expect(night.run?.stuck?.detail.hasPrefix("taken by the cloud") == true)
    night.cloud.databases[replica] = .init()
    night.order(.retry(step: nil))
    #expect(night.run(.minutes(10)) { $0.run?.unconfirmed?.step.name == "shift-traffic" })
    #expect(night.run?.loss?.isLetThrough == true && night.run?.lossReview == nil)
  }

  @Test func `a loss that was accepted is not proven away behind the promotion`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.state("drain") == .running })
    night.cloud.lagSeconds = 600
    night.order(.skip(step: "drain", acceptDataLoss: true))
    #expect(night.run(.minutes(5)) { $0.run?["promote-replica"]?.wasTaken == true })
    let replica = night.settings.dr.database.ref
    night.cloud.databases[replica] = .init(
      status: "storage-full", source: night.cloud.arn(night.settings.primary.database.ref))
    #expect(night.run(.minutes(5)) { $0.run?.stuck?.step.name == "promote-replica" })
    night.cloud.databases[replica] = .init()
    night.order(.retry(step: nil))
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.workload.machine.unreviewedLoss?.contains("unknown") == true)
  }

  @Test func `there is no way back once users are being led over`() throws {
    let night = try Night.switchedBehindAHold()
    night.cloud.held = []
    #expect(night.run(.seconds(15)) { $0.run?.loss?.isLetThrough == true })
    night.dr = .success(status: 200)
    #expect(night.run(.minutes(10)) { $0.run?.unconfirmed?.step.name == "shift-traffic" })
    night.cloud.lostAnswers = ["s3:PutObject"]
    night.order(.approve(acceptDataLoss: false))
    #expect(night.run(.minutes(1)) { $0.run?["shift-traffic"]?.intentAt != nil })
    #expect(night.isRefused(.abort))
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
  }

  @Test func `a database that somebody promoted while our request was refused is promoted`() throws {
    let night = try Night.failingOver(.wrongState)
    #expect(night.run?["promote-replica"]?.didNotHappen == true)
    night.cloud.databases[night.settings.dr.database.ref] = .init(status: "backing-up")
    night.run(.seconds(10))
    #expect(night.run?.hasPromoted == true)
    night.regionReturns()
    night.cloud.databases[night.settings.dr.database.ref] = .init()
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
  }

  @Test func `a switchover that asks for its writers to be stopped gives way to a region that dies`() throws {
    let night = try Night(.reference { $0.primary.listener = nil })
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.state("hold-writes") == .running })
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.workload.machine.state.phase.residence?.failover.kind == .failover)
    #expect(!night.cloud.changes.contains(.resizeGroup(night.settings.dr.group.ref, night.settings.dr.group.standby)))
  }

  @Test func `on the way home too`() throws {
    let night = try Night.promotingHome()
    night.cloud.held = []
    #expect(night.run(.seconds(15)) { $0.run?.loss?.isLetThrough == true })
    night.run(.hours(2))
    #expect(night.state("shift-traffic-home") == .running)
    night.order(.approve(acceptDataLoss: false))
    #expect(night.run(.hours(3)) { $0.phase == .healthy })
    #expect(night.workload.machine.state.lastRun?.loss?.sentence.contains("behind the promotion") == true)
  }

  @Test func `a region that dies over its promotion does not keep the other one's users out for ever`() throws {
    let night = try Night.promotingHome()
    night.regionDies()
    night.run(.minutes(4))
    #expect(night.isRefused(.abort))
    night.run(.minutes(3))
    #expect(night.messages.contains { $0.kind == .stillRunning && $0.text.contains("abort") })
    night.order(.abort)
    #expect(
      night.run(.minutes(2)) { !$0.cloud.held.contains(night.settings.dr.listener ?? .init(region: "", arn: "")) })
    night.regionReturns()
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
    #expect(night.everyActWasRecorded)
  }

  @Test func `a promotion that was not sent is seen not to have happened, though the hold cannot be seen`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.switchover)
    night.cloud.failures["rds:PromoteReadReplica"] = [CloudFailure(.unknownOutcome, code: "reset", message: "lost")]
    #expect(night.run(.hours(1)) { $0.run?["promote-replica"]?.intentAt != nil })
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1 && night.everyActWasRecorded)
  }

  @Test(arguments: ["backing-up", "modifying"])
  func `what a replica does after a refused promotion is not the promotion`(status: String) throws {
    let night = try Night.failingOver(.wrongState)
    #expect(night.run?["promote-replica"]?.didNotHappen == true)
    night.cloud.databases[night.settings.dr.database.ref]?.status = status
    night.run(.minutes(2))
    #expect(night.run?.isCommitted == false && night.run?.hasPromoted == false)
    night.regionReturns()
    #expect(night.run(.minutes(20)) { $0.phase == .healthy })
    #expect(night.cloud.groups[night.settings.primary.group.ref] == night.settings.primary.group.serving)
  }

  @Test func `a backup that begins before the request arrives is no promotion either`() throws {
    let night = try Night.failingOver(.unknownOutcome)
    night.cloud.databases[night.settings.dr.database.ref]?.status = "backing-up"
    night.run(.minutes(5))
    #expect(night.run?["promote-replica"]?.wasTaken == false)
    night.cloud.databases[night.settings.dr.database.ref]?.status = "available"
    #expect(night.run(.minutes(10)) { $0.phase == .drActive })
  }

  /// Refused, and skipped by who says that it is done.
  private func skipped(isPromoted: Bool) throws -> Night {
    let night = try Night()
    night.run(.minutes(5))
    let denied = CloudFailure(.denied, code: "AccessDenied", message: "no")
    night.cloud.failures["rds:PromoteReadReplica"] = [denied]
    night.dr = .failure(.serverError, status: 503, detail: "503")
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.state("promote-replica") == .stuck })
    if isPromoted { night.cloud.databases[night.settings.dr.database.ref] = .init() }
    night.order(.skip(step: "promote-replica"))
    night.regionReturns()
    night.run(.minutes(5))
    return night
  }

  @Test func `whoever promoted by hand and said so goes forward when the primary returns`() throws {
    let night = try skipped(isPromoted: true)
    #expect(night.run?.rollback == nil && night.isRefused(.abort))
    night.dr = .success(status: 200)
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
    #expect(night.cloud.groups[night.settings.primary.group.ref]?.desired == 0)
  }

  @Test func `whose word the database contradicts is taken back`() throws {
    let night = try skipped(isPromoted: false)
    #expect(night.run(.minutes(20)) { $0.phase == .healthy })
    #expect(night.cloud.groups[night.settings.dr.group.ref] == night.settings.dr.group.standby)
  }

  @Test func `a failback whose DR region is lost goes on once what is left there was accepted`() throws {
    let night = try Night.afterAFailover()
    night.order(.failback)
    #expect(night.run(.hours(3)) { $0.state("hold-writes") == .running || $0.state("hold-writes") == .done })
    night.cloud.dark.insert(night.settings.dr.region)
    night.dr = .failure(.timeout, status: nil, detail: "no answer")
    night.run(.minutes(2))
    night.order(.skip(step: "hold-writes"))
    night.order(.skip(step: "drain", acceptDataLoss: true))
    #expect(night.run(.minutes(30)) { $0.state("promote-primary") == .done })
    #expect(night.run?.loss != nil)
  }

  @Test func `a hold that somebody said was one is tried again with the promotion, and left by who accepts the loss`()
    throws
  {
    let night = try Night.afterAFailover()
    night.order(.failback)
    let denied = CloudFailure(.denied, code: "AccessDenied", message: "not authorized")
    night.cloud.failures["elasticloadbalancing:CreateRule"] = [denied, denied]
    #expect(night.run(.hours(3)) { $0.run?.stuck?.step.name == "hold-writes" })
    night.order(.skip(step: nil))
    #expect(night.run(.minutes(30)) { $0.run?.stuck?.step.name == "promote-primary" })
    night.order(.retry(step: nil))
    #expect(night.run(.minutes(30)) { $0.run?.stuck?.step.name == "hold-writes" })
    night.order(.skip(step: nil))
    night.run(.seconds(2))
    night.order(.skip(step: "drain", acceptDataLoss: true))
    #expect(night.run(.minutes(30)) { $0.state("promote-primary") == .done && $0.run?.loss != nil })
  }

  @Test func `writers that a person stops by hand are no outage`() throws {
    let night = try Night(.reference { $0.primary.listener = nil })
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.hours(1)) { $0.state("hold-writes") == .running })
    night.primary = .failure(.serverError, status: 503, detail: "503")
    night.cloud.primaryTargets = TargetHealth(healthy: 0, unhealthy: 2, other: 0)
    night.run(.minutes(5))
    #expect(night.run?.kind == .switchover && night.run?.rollback == nil)
    #expect(night.messages.contains { $0.kind == .stillRunning && $0.text.contains("`abort` lets a failover begin") })
    let hold = try #require(night.run?["hold-writes"])
    #expect(night.workload.machine.note(of: hold)?.contains("stop every writer") == true)
    night.order(.approve(acceptDataLoss: false))
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    #expect(night.workload.machine.state.phase.residence?.failover.kind == .switchover)
  }

  @Test func `instances that an aborted failback lets go are no fence that came loose`() throws {
    let night = try Night.afterAFailover()
    night.order(.failback)
    #expect(night.run(.hours(3)) { $0.state("scale-up-primary") == .done })
    night.order(.abort)
    night.primary = .failure(.serverError, status: 503, detail: "503")
    night.cloud.survivors[night.settings.primary.group.ref] = 2
    #expect(night.run(.minutes(5)) { $0.phase == .drActive })
    night.run(.minutes(3))
    night.cloud.survivors = [:]
    night.run(.minutes(10))
    #expect(!night.messages.contains { $0.text.contains("is fenced no more") })
    #expect(night.workload.machine.progress[".taken-home"] == nil)
    #expect(night.workload.machine.unreviewedLoss == nil)
    guard case .accepted? = night.order(.failback) else {
      Issue.record("refused: \(String(describing: night.answers))")
      return
    }
  }
}
