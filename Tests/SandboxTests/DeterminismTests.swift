import Foundation
import PilotlightCore
import PilotlightSandbox
import Testing

@Suite struct DeterminismTests {
  @Test func `the same seed gives the same bytes and another seed gives others`() throws {
    let first = try transcript(seed: 42)
    #expect(first.count > 10_000)
    #expect(try transcript(seed: 42) == first)
    #expect(try transcript(seed: 43) != first)
  }

  @Test func `a copy of a world goes on as the original does`() {
    var story = Story()
    story.wait(.minutes(7))
    var copy = story
    story.does(.promoteReplica(story.drDatabase))
    copy.does(.promoteReplica(copy.drDatabase))
    for _ in 0..<100 {
      story.wait(.seconds(7))
      copy.wait(.seconds(7))
      #expect(story.ask(.describeDatabase(story.drDatabase)) == copy.ask(.describeDatabase(copy.drDatabase)))
    }
  }

  @Test func `looking on the way changes nothing in what really happens`() throws {
    var watched = Story()
    var unwatched = Story()
    for _ in 0..<400 {
      watched.wait(.seconds(9))
      _ = try watched.facts()
      _ = watched.probe(.primary)
    }
    unwatched.wait(watched.now - Story.start)
    #expect(try watched.facts() == unwatched.facts())
  }

  @Test func `a thousand random lives break no law of the world`() throws {
    for seed in 0..<1000 as Range<UInt64> { try live(seed: seed) }
  }

  @Test func `a year in which nothing happens is quick and complete`() throws {
    var story = Story()
    let took = ContinuousClock().measure { story.wait(.hours(24 * 365)) }
    #expect(try story.facts().writesAccepted == 864_000 * 365)
    #expect(took < .seconds(2) * patience)
  }

  @Test func `a day of polls every 15 seconds costs milliseconds`() throws {
    var story = Story()
    let took = ContinuousClock().measure {
      for _ in 0..<5760 {
        poll(&story)
        story.wait(.seconds(15))
      }
    }
    print("sandbox: a day of one workload, 6 polls each 15 s: \(took)")
    #expect(took < .seconds(5) * patience)
  }

  private func poll(_ story: inout Story) {
    let now = story.now
    _ = story.world.alb(workload: "django-app", site: .primary, at: now)
    _ = story.world.perform(.replicaLag(story.drDatabase), at: now)
    _ = story.world.perform(.describeDatabase(story.drDatabase), at: now)
    _ = story.world.perform(.describeDatabase(story.primaryDatabase), at: now)
    _ = story.world.perform(.describeGroup(story.drSite.group.ref), at: now)
    if let targets = story.primarySite.targetGroup { _ = story.world.perform(.targetHealth(targets), at: now) }
  }

  /// A hostile hour: dice decide what is asked and what breaks. The laws: facts add up, time is served at most once.
  private func live(seed: UInt64) throws {
    var story = Story(seed: seed)
    var dice = Dice(state: seed)
    for _ in 0..<60 {
      let actions = try story.everything()
      story.ask(actions[dice.roll(actions.count)])
      let faults = story.faults()
      if dice.roll(4) == 0 { story.world.inject(faults[dice.roll(faults.count)], at: story.now) }
      if dice.roll(4) == 0, let fault = story.world.faults.first { story.world.clear(fault, at: story.now) }
      story.wait(.seconds(dice.roll(240)))
      let facts = try story.facts()
      #expect(facts.lostWrites >= 0 && facts.lostWrites <= facts.writesAccepted)
      #expect((facts.lossWindow == .zero) == (facts.lostWrites == 0))
      #expect(facts.served <= story.now - Story.start)
      #expect(facts.writers.count < 2 || facts.doubleWriters >= .zero)
      #expect(facts.serving == (facts.outageStart == nil || facts.serviceRestoredAt != nil))
    }
  }

  private func transcript(seed: UInt64) throws -> Data {
    var story = Story(seed: seed)
    var dice = Dice(state: 1)
    var replies: [CloudReply] = []
    for _ in 0..<300 {
      let actions = try story.everything()
      replies.append(story.ask(actions[dice.roll(actions.count)]))
      if dice.roll(10) == 0 {
        let faults = story.faults()
        story.world.inject(faults[dice.roll(faults.count)], at: story.now)
      }
      if dice.roll(5) == 0 { story.world.clearFaults(at: story.now) }
      story.wait(.seconds(dice.roll(120)))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(replies) + encoder.encode(try story.facts()) + encoder.encode(story.world.violations)
  }
}

/// Chance for the tests, apart from the world's own.
struct Dice {
  var state: UInt64
  mutating func roll(_ sides: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(max(1, sides)))
  }
}

extension Story {
  /// One of each action on things that exist.
  func everything() throws -> [CloudAction] {
    let address = DatabaseAddress(host: "django-app-db.example.com", port: 5432)
    return [
      .callerIdentity(region: Story.dr), .describeGroup(drSite.group.ref), .describeDatabase(drDatabase),
      .replicaLag(drDatabase), .readSecret(try secret(drSite)), .readRecords(Story.record),
      .readChange(id: "C1", region: "us-east-1"), .readWriteHold(try listener(drSite)),
      .describeSnapshot(drDatabase, snapshot: "s"), .resizeGroup(drSite.group.ref, drSite.group.serving),
      .resizeGroup(primarySite.group.ref, primarySite.group.serving),
      .resizeGroup(primarySite.group.ref, primarySite.group.standby),
      .repointSecret(try secret(drSite), address, token: "x"), .promoteReplica(drDatabase),
      .renameDatabase(primaryDatabase, to: "kept"), .snapshotDatabase(drDatabase, snapshot: "s"),
      .createReplica(ReplicaSpec(settings: primarySite.database, source: drDatabase)),
      .promoteReplica(primaryDatabase), .holdWrites(try listener(primarySite)),
      .releaseWrites(try listener(primarySite)),
      .pointRecords(Story.record, to: Story.drTarget, from: Story.primaryTarget),
      .pointRecords(Story.record, to: Story.primaryTarget, from: Story.drTarget),
    ]
  }

  func faults() -> [SandboxFault] {
    let name = settings.name
    return [
      .regionOutage(region: Story.primary), .regionOutage(region: Story.dr), .apiOutage(region: Story.dr),
      .throttling(region: Story.dr, share: 0.5), .unknownOutcomes(share: 0.5), .lostRequests(share: 0.5),
      .garbledReplies(share: 0.5), .captivePortal(share: 0.5), .slowAPI(factor: 5), .observerIsolated,
      .applicationDown(workload: name, site: .primary), .albBlackhole(workload: name, site: .primary),
      .replicationStopped(workload: name), .lagSpike(workload: name, lag: .seconds(100)),
      .capacityShortage(workload: name, site: .dr, available: 1), .promotionStuck(workload: name),
      .backupRunning(drDatabase), .databaseTrouble(primaryDatabase, status: "stopped"),
      .launchTemplateMissing(workload: name, site: .dr), .secretDeleted(workload: name, site: .dr),
      .demand(workload: name, site: .primary, desired: 3),
    ]
  }
}
