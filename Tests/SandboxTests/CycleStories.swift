// The whole cycle by hand-issued actions, as a careful operator would issue them, and what it cost in writes.

import PilotlightCore
import PilotlightSandbox
import Testing

@Suite struct CycleStories {
  @Test func `a day without an event serves every user and keeps every write`() throws {
    var story = Story()
    story.wait(.hours(24))
    let facts = try story.facts()
    #expect(facts.writesAccepted == 864_000)
    #expect(facts.lostWrites == 0 && facts.lossWindow == .zero && facts.outages == 0)
    #expect(facts.served == .hours(24))
    #expect(facts.writers == [story.primaryDatabase] && facts.traffic == .primary && facts.promotions == 0)
    #expect(story.world.violations.isEmpty)
  }

  @Test func `a region outage loses what had not been replayed and nothing else`() throws {
    var story = Story()
    story.wait(.minutes(20))
    story.world.inject(.regionOutage(region: Story.primary), at: story.now)
    let outage = story.now
    #expect(story.probe(.primary) == .timeout)
    story.refused(.callerIdentity(region: Story.primary), .unreachable, "connect-timeout")
    try failOver(&story)
    let facts = try story.facts()
    #expect(facts.outageStart == outage && facts.outages == 1)
    let restored = try #require(facts.serviceRestoredAt)
    #expect(restored - outage > .minutes(5) && restored - outage < .minutes(25))
    #expect(facts.lossWindow > .milliseconds(300) && facts.lossWindow < .milliseconds(3200))
    #expect(abs(Double(facts.lostWrites) - facts.lossWindow.seconds * 10) <= 1)
    #expect(facts.doubleWriters == .zero && facts.promotions == 1)
    #expect(facts.writers == [story.drDatabase] && facts.traffic == .dr)
  }

  @Test func `an outage of the application alone loses nothing when the replica caught up`() throws {
    var story = Story()
    story.wait(.minutes(20))
    story.world.inject(.applicationDown(workload: "django-app", site: .primary), at: story.now)
    story.wait(.seconds(60))
    try failOver(&story)
    let facts = try story.facts()
    #expect(facts.lostWrites == 0 && facts.lossWindow == .zero)
    #expect(!story.world.violations.contains { $0.kind == .promotedBesideServingPrimary })
  }

  @Test func `a spike of lag is what a region outage costs`() throws {
    var story = Story()
    story.wait(.minutes(20))
    story.world.inject(.lagSpike(workload: "django-app", lag: .seconds(240)), at: story.now)
    story.wait(.minutes(10))
    story.world.inject(.regionOutage(region: Story.primary), at: story.now)
    try failOver(&story)
    #expect(abs(try story.facts().lossWindow.seconds - 240) < 0.2)
    #expect(abs(try story.facts().lostWrites - 2400) <= 2)
  }

  @Test func `a primary that returns unfenced takes writes again from users whose DNS still names it`() throws {
    var story = Story()
    story.wait(.minutes(10))
    story.world.inject(.regionOutage(region: Story.primary), at: story.now)
    try failOver(&story, moveTraffic: false)
    story.does(.pointRecords(Story.record, to: Story.drTarget, from: Story.primaryTarget))
    story.wait(upTo: .minutes(3)) { $0.traffic == nil }
    story.world.clear(.regionOutage(region: Story.primary), at: story.now)
    story.wait(upTo: .minutes(3)) { $0.traffic == .dr }
    let facts = try story.facts()
    #expect(facts.doubleWriters > .seconds(10) && facts.doubleWriters <= .seconds(60))
    #expect(story.world.violations.contains { $0.kind == .twoWriters })
    // What the old primary took is in no database that counts.
    #expect(facts.lostWrites > 100)
    #expect(facts.lossWindow > .minutes(5))
  }

  @Test func `promoting beside a serving primary is noted and costs every later write`() throws {
    var story = Story()
    story.wait(.minutes(10))
    story.does(.promoteReplica(story.drDatabase))
    #expect(story.world.violations.map(\.kind) == [.promotedBesideServingPrimary])
    #expect(try story.facts().lostWrites == 0)
    story.wait(.minutes(12))
    #expect(try story.facts().writers == [story.primaryDatabase])
  }

  @Test func `a failback with writes held loses nothing, and the pilot light burns again`() throws {
    var story = Story()
    story.wait(.minutes(10))
    story.world.inject(.regionOutage(region: Story.primary), at: story.now)
    try failOver(&story)
    story.wait(.minutes(30))
    story.world.clear(.regionOutage(region: Story.primary), at: story.now)
    // The fence, paid now that the region answers.
    story.does(.resizeGroup(story.primarySite.group.ref, story.primarySite.group.standby))
    let lostByFailover = try story.facts().lostWrites
    #expect(lostByFailover > 0)

    try failBack(&story)
    let facts = try story.facts()
    #expect(facts.lostWrites == lostByFailover)
    #expect(facts.promotions == 2 && facts.doubleWriters == .zero && facts.serving)
    #expect(facts.writers == [story.primaryDatabase] && facts.traffic == .primary)
    #expect(!story.world.violations.contains { $0.kind == .twoWriters || $0.kind == .avoidableLoss })

    // The pilot light again: the old DR database makes room for a new replica.
    story.does(.renameDatabase(story.drDatabase, to: "django-app-db-was-dr"))
    story.wait(upTo: .minutes(5)) {
      $0.status(DatabaseRef(region: Story.dr, identifier: "django-app-db-was-dr")) == "available"
    }
    story.does(.createReplica(ReplicaSpec(settings: story.drSite.database, source: story.primaryDatabase)))
    story.does(.resizeGroup(story.drSite.group.ref, story.drSite.group.standby))
    story.wait(upTo: .hours(1)) { $0.status($0.drDatabase) == "available" }
    story.wait(.minutes(20))
    #expect(try #require(try story.lag(story.drDatabase).last).seconds < 4)
    #expect(try story.database(story.drDatabase).source?.hasSuffix("eu-west-1:111122223333:db:django-app-db") == true)
    #expect(try story.facts().outages == 2)
  }

  @Test func `a failback that releases writes before users have moved splits them`() throws {
    var story = Story()
    story.world.inject(.applicationDown(workload: "django-app", site: .primary), at: story.now)
    story.wait(.minutes(1))
    try failOver(&story)
    story.world.clearFaults(at: story.now)
    story.does(.resizeGroup(story.primarySite.group.ref, story.primarySite.group.standby))
    try failBack(&story, releaseEarly: true)
    #expect(try story.facts().lostWrites > 0)
    #expect(story.world.violations.contains { $0.kind == .twoWriters })
  }

  private func failOver(_ story: inout Story, moveTraffic: Bool = true) throws {
    let address = try #require(try story.database(story.drDatabase).address)
    story.does(.repointSecret(try story.secret(story.drSite), address, token: "failover"))
    story.does(.resizeGroup(story.drSite.group.ref, story.drSite.group.serving))
    story.does(.promoteReplica(story.drDatabase))
    story.wait(.seconds(3))
    story.wait(upTo: .minutes(12)) { $0.status($0.drDatabase) == "available" }
    story.wait(upTo: .minutes(8)) { (try? $0.targets($0.drSite).healthy) == 2 }
    guard moveTraffic else { return }
    story.does(.pointRecords(Story.record, to: Story.drTarget, from: Story.primaryTarget))
    story.wait(upTo: .minutes(3)) { $0.traffic == .dr }
  }

  private func failBack(_ story: inout Story, releaseEarly: Bool = false) throws {
    story.does(.renameDatabase(story.primaryDatabase, to: "django-app-db-kept"))
    let kept = DatabaseRef(region: Story.primary, identifier: "django-app-db-kept")
    story.wait(upTo: .minutes(4)) { $0.status(kept) == "available" }
    story.does(.snapshotDatabase(kept, snapshot: "kept"))
    story.does(.createReplica(ReplicaSpec(settings: story.primarySite.database, source: story.drDatabase)))
    story.wait(upTo: .hours(1)) { $0.status($0.primaryDatabase) == "available" }
    story.wait(.minutes(15))
    #expect(try #require(try story.lag(story.primaryDatabase).last).seconds < 4)

    story.does(.holdWrites(try story.listener(story.drSite)))
    #expect(story.probe(.dr) != .timeout && story.probeStatus(.dr) == 503)
    // Until the last request that was under way is answered, and what it wrote is replayed.
    story.wait(.seconds(33))
    story.does(.promoteReplica(story.primaryDatabase))
    story.wait(.seconds(3))
    story.wait(upTo: .minutes(12)) { $0.status($0.primaryDatabase) == "available" }
    let address = try #require(try story.database(story.primaryDatabase).address)
    story.does(.repointSecret(try story.secret(story.primarySite), address, token: "failback"))
    story.does(.resizeGroup(story.primarySite.group.ref, story.primarySite.group.serving))
    story.wait(upTo: .minutes(8)) { (try? $0.targets($0.primarySite).healthy) == 2 }
    story.does(.pointRecords(Story.record, to: Story.primaryTarget, from: Story.drTarget))
    if releaseEarly { story.does(.releaseWrites(try story.listener(story.drSite))) }
    story.wait(upTo: .minutes(3)) { $0.traffic == .primary }
    if !releaseEarly { story.does(.releaseWrites(try story.listener(story.drSite))) }
  }
}

extension Story {
  var traffic: SandboxSite? { (try? facts())?.traffic }
}
