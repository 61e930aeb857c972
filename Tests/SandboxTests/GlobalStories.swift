// Global databases: what Aurora moves, refuses, leaves behind and takes in again.

import PilotlightCore
import PilotlightSandbox
import Testing

private struct Global {
  var world: SandboxWorld
  var now = Instant(nanoseconds: 1_790_000_000_000_000_000)
  let settings: WorkloadSettings
  let name = "app"

  init(seed: UInt64 = 7) {
    var settings = Story.workload("app", traffic: .objectSwitch(Story.switchObject))
    settings.primary.database.ref.global = GlobalDatabase(identifier: "app-global", peer: Story.dr)
    settings.dr.database.ref.global = GlobalDatabase(identifier: "app-global", peer: Story.primary)
    self.settings = settings
    world = SandboxWorld(settings: [settings], seed: seed, start: now)
  }

  var old: DatabaseRef { settings.primary.database.ref }
  var new: DatabaseRef { settings.dr.database.ref }

  mutating func wait(_ time: Duration) {
    now = now + time
    world.advance(to: now)
  }

  mutating func ask(_ action: CloudAction) -> CloudReply {
    let (reply, latency) = world.perform(action, at: now)
    now = now + latency
    return reply
  }

  mutating func state(_ ref: DatabaseRef) throws -> DatabaseState {
    guard case .database(let state) = ask(.describeDatabase(ref)) else { throw Unexpected() }
    return state
  }

  mutating func failOver() throws -> CloudReply { ask(.failOverCluster(new, arn: try state(new).arn)) }
  mutating func switchOver(to ref: DatabaseRef, from: DatabaseRef) throws -> CloudReply {
    ask(.switchOverCluster(ref, arn: try state(ref).arn, from: from))
  }

  var facts: SandboxFacts? { world.facts(for: name) }
}

private let taken = CloudReply.accepted(receipt: nil)

extension CloudReply {
  fileprivate var code: String { if case .failed(let failure) = self { failure.code } else { "" } }
}

@Suite struct GlobalStories {
  @Test func `a failover promotes with the other region dark, and what it left is a reader long after that is back`()
    throws
  {
    var story = Global()
    story.wait(.minutes(10))
    #expect(try story.state(story.new).source == story.state(story.old).arn)
    story.world.inject(.regionOutage(region: "eu-west-1"), at: story.now)
    #expect(try story.failOver() == taken)
    story.wait(.seconds(3))
    let moving = try story.state(story.new)
    #expect(
      moving.source != nil && moving.cluster?.operation?.to == moving.arn
        && moving.cluster?.operation?.allowsLoss == true)
    #expect(try story.failOver().code == "InvalidGlobalClusterStateFault")
    story.wait(.minutes(6))
    #expect(try story.state(story.new).source == nil && story.world.isWritable(story.new))
    story.world.clear(.regionOutage(region: "eu-west-1"), at: story.now)
    story.wait(.minutes(4))
    let left = try story.state(story.old)
    #expect(left.source != nil && left.replication == "pending-resync" && left.status == "available")
    #expect(!story.world.isWritable(story.old) && !story.world.isReplica(story.old))
    story.wait(.minutes(90))
    #expect(try story.state(story.old).replication == "replicating" && story.world.isReplica(story.old))
    #expect(story.facts?.promotions == 1)
  }

  @Test func `where the fencing fails the old cluster takes writes until it is rebuilt`() throws {
    var story = Global()
    story.wait(.minutes(10))
    story.world.inject(.writeFencingFails(workload: "app"), at: story.now)
    story.world.inject(.resyncStalls(workload: "app"), at: story.now)
    #expect(try story.failOver() == taken)
    story.wait(.minutes(120))
    #expect(story.world.isWritable(story.old) && story.world.isWritable(story.new))
    story.world.clearFaults(at: story.now)
    story.wait(.minutes(2))
    #expect(!story.world.isWritable(story.old) && story.world.isReplica(story.old))
  }

  @Test func `a switchover loses nothing, there and back, and is asked of the region that writes`() throws {
    var story = Global()
    story.wait(.minutes(10))
    #expect(try story.switchOver(to: story.new, from: story.old) == taken)
    #expect(!story.world.isWritable(story.old))
    story.wait(.minutes(4))
    #expect(story.world.isWritable(story.new) && story.world.isReplica(story.old))
    #expect(try story.state(story.new).cluster?.operation == nil)
    #expect(try story.switchOver(to: story.old, from: story.old).code == "InvalidGlobalClusterStateFault")
    #expect(story.world.violations.map(\.kind).contains(.askedInTheWrongRegion))
    #expect(try story.switchOver(to: story.old, from: story.new) == taken)
    story.wait(.minutes(4))
    #expect(story.world.isWritable(story.old) && story.world.isReplica(story.new))
    #expect(story.facts?.lostWrites == 0 && story.facts?.promotions == 2)
  }

  @Test func `a switchover that is cancelled leaves everything as it was`() throws {
    var story = Global()
    story.wait(.minutes(10))
    story.world.inject(.switchoverCancelled(workload: "app"), at: story.now)
    #expect(try story.switchOver(to: story.new, from: story.old) == taken)
    story.wait(.minutes(4))
    #expect(story.world.isWritable(story.old) && story.world.isReplica(story.new) && story.facts?.promotions == 0)
    story.world.clearFaults(at: story.now)
    story.world.inject(.replicationStopped(workload: "app"), at: story.now)
    #expect(try story.switchOver(to: story.new, from: story.old).code == "InvalidGlobalClusterStateFault")
  }

  @Test func `who promotes what has no instances, or takes a cluster for an instance, is noted`() throws {
    var story = Global()
    story.wait(.minutes(10))
    for action: CloudAction in [
      .promoteReplica(story.new), .stopDatabase(story.old), .snapshotDatabase(story.old, snapshot: "s"),
    ] {
      #expect(story.ask(action).code == "NotAnInstance")
    }
    story.world.inject(.headless(story.new), at: story.now)
    #expect(try story.state(story.new).cluster?.instances == 0)
    #expect(try story.failOver() == taken)
    story.wait(.minutes(6))
    #expect(!story.world.isWritable(story.new))
    let kinds = story.world.violations.map(\.kind)
    #expect(kinds.count { $0 == .clusterTakenForInstance } == 3 && kinds.contains(.promotedHeadless))
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `lag is small while the link holds, and never says less than a minute of silence hides`(_ seed: UInt64) throws {
    var story = Global(seed: seed)
    story.wait(.minutes(20))
    guard case .lag(let before) = story.ask(.replicaLag(story.new)) else { throw Unexpected() }
    #expect(before.count >= 12 && before.allSatisfy { $0.seconds >= 0 && $0.seconds < 4 })
    let cut = story.now
    story.world.inject(.regionOutage(region: "eu-west-1"), at: cut)
    story.wait(.minutes(5))
    guard case .lag(let after) = story.ask(.replicaLag(story.new)) else { throw Unexpected() }
    for sample in after { #expect(sample.at - .seconds(sample.seconds) - .seconds(65) <= cut) }
    #expect(story.ask(.replicaLag(story.old)) != .lag(after))
  }
}
