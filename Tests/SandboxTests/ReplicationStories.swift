import PilotlightCore
import PilotlightSandbox
import Testing

@Suite struct ReplicationStories {
  @Test func `lag comes once a minute, is half a second to about three, and is one to two minutes late`() throws {
    var story = Story()
    story.wait(.minutes(30))
    let samples = try story.lag(story.drDatabase)
    #expect(samples.count >= 13 && samples.count <= 15)
    #expect(zip(samples, samples.dropFirst()).allSatisfy { $1.at - $0.at == .seconds(60) })
    #expect(samples.allSatisfy { $0.seconds >= 0.5 && $0.seconds <= 3.2 })
    let newest = try #require(samples.last)
    #expect(story.now - newest.at >= .seconds(62) && story.now - newest.at <= .seconds(169))
  }

  @Test func `a world knows the lag of the minutes before it began`() throws {
    var story = Story()
    #expect(try story.lag(story.drDatabase).count >= 12)
    #expect(try story.lag(story.primaryDatabase).isEmpty)
  }

  @Test func `stopped replication reads -1, then catches up`() throws {
    var story = Story()
    let fault = SandboxFault.replicationStopped(workload: "django-app")
    story.world.inject(fault, at: story.now)
    story.wait(.minutes(10))
    #expect(try story.lag(story.drDatabase).suffix(7).allSatisfy { $0.seconds == -1 })
    #expect(try story.database(story.drDatabase).replication == "error")
    story.world.clear(fault, at: story.now)
    story.wait(.minutes(2) + .seconds(50))
    let catching = try #require(try story.lag(story.drDatabase).last)
    #expect(catching.seconds > 60)
    story.wait(.minutes(5))
    #expect(try #require(try story.lag(story.drDatabase).last).seconds < 4)
  }

  @Test func `a spike grows no faster than time and stays at its height`() throws {
    var story = Story()
    story.world.inject(.lagSpike(workload: "django-app", lag: .seconds(400)), at: story.now)
    story.wait(.minutes(4))
    let rising = try #require(try story.lag(story.drDatabase).last)
    #expect(rising.seconds > 60 && rising.seconds < 240)
    story.wait(.minutes(10))
    let high = try #require(try story.lag(story.drDatabase).last)
    #expect(abs(high.seconds - 400) < 1)
  }

  @Test func `an idle database shows phantom lag up to five minutes that drops again`() throws {
    var story = Story()
    story.does(.holdWrites(try story.listener(story.primarySite)))
    story.wait(.minutes(25))
    let samples = try story.lag(story.drDatabase).map(\.seconds)
    #expect(samples.contains { $0 > 200 } && samples.contains { $0 < 61 })
    #expect(samples.allSatisfy { $0 >= 0 && $0 < 304 })
    #expect(zip(samples, samples.dropFirst()).contains { $1 < $0 - 200 })
  }

  @Test func `a sample never claims more than was replayed`() throws {
    // Promoting right after a sample loses exactly what the promotion says, never writes from before the proven moment.
    for seed in 0..<30 as Range<UInt64> {
      var story = Story(seed: seed)
      story.wait(.seconds(400 + Int(seed) * 7))
      if seed % 3 == 0 { story.world.inject(.lagSpike(workload: "django-app", lag: .seconds(90)), at: story.now) }
      story.wait(.minutes(5))
      let sample = try #require(try story.lag(story.drDatabase).last)
      let proven = sample.at - .nanoseconds(Int64(sample.seconds * 1e9))
      story.world.inject(.regionOutage(region: Story.primary), at: story.now)
      let outage = story.now
      story.does(.promoteReplica(story.drDatabase))
      story.wait(.minutes(12))
      story.does(
        .repointSecret(
          try story.secret(story.drSite), try #require(try story.database(story.drDatabase).address), token: "t"))
      story.does(.resizeGroup(story.drSite.group.ref, GroupSize(min: 1, desired: 1, max: 3)))
      story.does(.pointRecords(Story.record, to: Story.drTarget, from: Story.primaryTarget))
      story.wait(upTo: .minutes(10)) { (try? $0.facts().serving) == true }
      let facts = try story.facts()
      #expect(facts.lossWindow <= outage - proven)
      #expect(facts.lossWindow > .milliseconds(300))
    }
  }
}
