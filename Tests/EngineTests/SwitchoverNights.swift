// Moving on purpose: what a switchover does when the night does not wait for it.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct SwitchoverNights {
  private func begun() throws -> Night {
    let night = try Night()
    night.run(.minutes(5))
    guard case .accepted? = night.order(.switchover) else {
      Issue.record("the switchover was refused")
      return night
    }
    return night
  }

  private func run(_ night: Night) -> Run? { night.workload.machine.state.phase.run }

  @Test func `it ends in dr-active with nothing lost, and the way home needs no review`() throws {
    let night = try begun()
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    let failover = try #require(night.workload.machine.state.phase.residence?.failover)
    #expect(failover.kind == .switchover && failover.loss?.window.window == .zero && failover.loss?.isDrained == true)
    #expect(night.cloud.promotions == 1 && night.cloud.held.isEmpty && night.everyActWasRecorded)
    #expect(night.cloud.groups[night.settings.primary.group.ref]?.desired == 0)
    guard case .accepted? = night.order(.failback) else {
      Issue.record("a failback was refused")
      return
    }
    #expect(night.run(.hours(3)) { $0.phase == .healthy })
    #expect(night.cloud.promotions == 2)
  }

  @Test func `nothing is promoted before what requests under way may have written is proven to be replayed`() throws {
    let night = try begun()
    #expect(night.run(.hours(1)) { self.run($0)?["drain"]?.state == .running })
    let held = try #require(run(night)?["hold-writes"]?.finishedAt)
    // The link goes silent with the last request under way: what it wrote is on the old primary alone.
    let longest = try #require(night.settings.failback.longestRequest)
    night.run(longest - .seconds(5))
    night.cloud.lagSeconds = nil
    night.run(.minutes(20))
    #expect(run(night)?["drain"]?.state == .running && night.cloud.promotions == 0)
    night.cloud.lagSeconds = 1
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    let drained = try #require(night.workload.machine.state.phase.residence?.failover["drain"]?.finishedAt)
    #expect(drained - held >= longest)
  }

  @Test func `writes are never held at a primary that fails, however short it has failed for`() throws {
    let night = try begun()
    #expect(night.run(.hours(1)) { self.run($0)?["await-replication"]?.state == .running })
    night.regionDies()
    #expect(night.run(.minutes(30)) { self.run($0)?.kind == .failover })
    #expect(!night.acts.contains { if case .holdWrites = $0.action { true } else { false } })
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test func `a switchover that waits for a primary of which only we see that it fails says so, and calls somebody`()
    throws
  {
    let night = try waitingForItsPrimary()
    night.run(.minutes(30))
    #expect(
      run(night)?["hold-writes"]?.intentAt == nil && night.phase == .failingOver,
      "\(night.messages.suffix(9).map(\.text))")
    let told = night.messages.filter { $0.kind == .stillRunning && $0.step == "hold-writes" }
    #expect(told.count == 1 && told[0].text.contains("the primary is not seen serving"), "\(night.messages.suffix(5))")
    let explained = night.workload.machine.explain(night.workload.situation).joined(separator: "\n")
    #expect(explained.contains("writes are held at no other"), "\(explained)")
    // A person cannot say either that they are held.
    guard case .refused(let why)? = night.order(.skip(step: "hold-writes")) else {
      Issue.record("the hold was skipped")
      return
    }
    #expect(why.contains("not seen serving"))
    night.primary = .success(status: 200)
    #expect(night.run(.hours(1)) { $0.phase == .drActive } && night.cloud.promotions == 1)
    // For how long it waited is nothing that holding takes.
    let hold = try #require(Plan.switchover(night.settings).first { $0.name == "hold-writes" })
    #expect(night.workload.machine.state.durations.expected(hold) < .minutes(1))
  }

  @Test func `a hold that is found is opened again by who takes the run back`() throws {
    let night = try waitingForItsPrimary()
    let listener = try #require(night.settings.primary.listener)
    night.cloud.held.insert(listener)
    #expect(night.run(.minutes(5)) { self.run($0)?["drain"]?.state == .running })
    #expect(!night.acts.contains { $0.action == .holdWrites(listener) })
    night.order(.abort)
    #expect(night.run(.minutes(10)) { self.run($0) == nil }, "\(night.messages.suffix(5).map(\.text))")
    #expect(night.cloud.held.isEmpty && night.cloud.promotions == 0)
  }

  /// Ready but for a primary that answers 503 to us, while all else says that it serves.
  private func waitingForItsPrimary() throws -> Night {
    let night = try Night(.reference { $0.detection.corroborate = .all })
    night.run(.minutes(5))
    night.cloud.lagSeconds = 500
    night.order(.switchover)
    night.run(.minutes(1))
    night.primary = .failure(.serverError, status: 503, detail: "a rule of somebody else's")
    night.run(.minutes(1))
    night.cloud.lagSeconds = 1
    return night
  }

  @Test
  func `a promotion that was taken and then stuck goes on behind a retry: no lag of a former replica is waited for`()
    throws
  {
    let night = try begun()
    #expect(night.run(.hours(1)) { $0.cloud.promotions == 1 })
    let dr = night.settings.dr.database.ref
    night.cloud.databases[dr] = TinyCloud.Database(status: "storage-full")
    night.cloud.lagSeconds = nil
    #expect(night.run(.minutes(5)) { self.run($0)?.stuck?.step.name == "promote-replica" })
    night.run(.minutes(20))
    night.cloud.databases[dr]?.status = "available"
    night.order(.retry(step: nil))
    #expect(night.run(.minutes(30)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    #expect(night.cloud.promotions == 1)
  }

  @Test func `a replica that somebody else promotes under a drain is a person's business`() throws {
    let night = try begun()
    #expect(night.run(.hours(1)) { self.run($0)?["drain"]?.state == .running })
    night.cloud.databases[night.settings.dr.database.ref]?.source = nil
    #expect(night.run(.minutes(5)) { self.run($0)?.stuck?.step.name == "drain" })
    night.order(.abort)
    #expect(night.run(.minutes(10)) { self.run($0) == nil && $0.cloud.held.isEmpty })
  }

  @Test func `a hold that is gone before the promotion is taken and drained again by a retry`() throws {
    let night = try begun()
    #expect(night.run(.hours(1)) { self.run($0)?["drain"]?.state == .running })
    night.cloud.held = []
    #expect(night.run(.minutes(5)) { self.run($0)?.stuck?.step.name == "promote-replica" })
    #expect(night.cloud.promotions == 0)
    night.run(.minutes(10))
    let retried = night.now
    night.order(.retry(step: nil))
    #expect(night.run(.hours(1)) { $0.phase == .drActive })
    let failover = try #require(night.workload.machine.state.phase.residence?.failover)
    #expect(failover["hold-writes"]?.finishedAt.map { $0 >= retried } == true)
    #expect(failover["drain"]?.finishedAt.map { $0 >= retried } == true)
    #expect(night.cloud.promotions == 1 && failover.loss?.isDrained == true)
  }

  @Test func `a promotion by hand proves nothing about what was written before`() throws {
    let night = try begun()
    #expect(night.run(.hours(1)) { self.run($0)?["drain"]?.state == .running })
    night.cloud.held = []
    #expect(night.run(.minutes(5)) { self.run($0)?.stuck?.step.name == "promote-replica" })
    night.order(.skip(step: "promote-replica"))
    let loss = try #require(run(night)?.loss)
    #expect(loss.window.window == nil && loss.isDrained == nil && run(night)?.lossReview == nil)
  }

  @Test func `a promotion that gets no answer again and again holds no writes for ever: paused, it can be taken back`()
    throws
  {
    let night = try begun()
    let lost = CloudFailure(.unknownOutcome, code: "reset", message: "the answer was lost")
    night.cloud.failures["rds:PromoteReadReplica"] = Array(repeating: lost, count: 100)
    #expect(night.run(.hours(1)) { self.run($0)?["promote-replica"]?.attempts == 3 })
    guard case .refused(let why)? = night.order(.abort) else {
      Issue.record("abort was taken while a promotion may be under way")
      return
    }
    #expect(why.contains("`pause`"))
    night.order(.pause(expires: nil))
    night.run(.minutes(1))
    guard case .accepted? = night.order(.abort) else {
      Issue.record("abort was refused although the promotion did not happen")
      return
    }
    night.order(.resume)
    #expect(night.run(.minutes(10)) { $0.phase == .healthy })
    #expect(night.cloud.promotions == 0 && night.cloud.held.isEmpty)
  }

  @Test func `aborted before the promotion, everything is as it was`() throws {
    let night = try begun()
    #expect(night.run(.hours(1)) { self.run($0)?["hold-writes"]?.state == .done })
    night.order(.abort)
    #expect(night.run(.minutes(10)) { $0.phase == .healthy })
    #expect(night.cloud.promotions == 0 && night.cloud.held.isEmpty)
    #expect(night.cloud.groups[night.settings.dr.group.ref]?.desired == 0)
  }
}
