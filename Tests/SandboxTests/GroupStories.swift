import PilotlightCore
import PilotlightSandbox
import Testing

@Suite struct GroupStories {
  @Test func `instances come in minutes and their application a little later`() throws {
    var story = Story()
    let secret = try story.secret(story.drSite)
    let home = try #require(try story.database(story.primaryDatabase).address)
    story.does(.repointSecret(secret, home, token: "t1"))
    story.does(.resizeGroup(story.drSite.group.ref, GroupSize(min: 1, desired: 2, max: 3)))
    let launched = story.wait(upTo: .minutes(2)) { (try? $0.group($0.drSite.group.ref).instances) == 2 }
    #expect(launched < .seconds(15))
    story.wait(upTo: .minutes(2)) { (try? $0.group($0.drSite.group.ref).inService) == 2 }
    #expect(try story.targets(story.drSite).healthy == 0)
    let healthy = story.wait(upTo: .minutes(8)) { (try? $0.targets($0.drSite).healthy) == 2 }
    #expect(healthy > .seconds(30))
    #expect(story.now - Story.start > .minutes(2))
    #expect(story.now - Story.start < .minutes(7))
    #expect(story.probeStatus(.dr) == 200)
  }

  @Test(arguments: [
    GroupSize(min: 2, desired: 1, max: 3), GroupSize(min: 0, desired: 4, max: 3), GroupSize(min: 4, desired: 4, max: 3),
    GroupSize(min: -1, desired: 0, max: 3),
  ])
  func `sizes that contradict themselves are refused and change nothing`(size: GroupSize) throws {
    var story = Story()
    let ref = story.primarySite.group.ref
    story.refused(.resizeGroup(ref, size), .invalid, "ValidationError")
    story.wait(.minutes(10))
    #expect(try story.group(ref) == GroupState(size: GroupSize(min: 1, desired: 2, max: 3), inService: 2, instances: 2))
  }

  @Test func `an unknown group is not found by either call`() {
    var story = Story()
    let nobody = GroupRef(region: Story.dr, name: "nobody")
    story.refused(.describeGroup(nobody), .notFound, "ValidationError")
    story.refused(.resizeGroup(nobody, GroupSize(min: 0, desired: 0, max: 1)), .notFound, "ValidationError")
  }

  @Test func `a group set to zero drains and the site answers 503`() throws {
    var story = Story()
    story.does(.resizeGroup(story.primarySite.group.ref, GroupSize(min: 0, desired: 0, max: 3)))
    story.wait(upTo: .seconds(15)) { $0.probeStatus(.primary) == 503 }
    #expect(try story.group(story.primarySite.group.ref).inService == 0)
    #expect(try story.targets(story.primarySite).other == 2)
    story.wait(upTo: .minutes(2)) { (try? $0.group($0.primarySite.group.ref).instances) == 0 }
    #expect(story.world.violations.map(\.kind) == [.stoppedServingSite])
    #expect(try story.facts().outageStart != nil)
  }

  @Test func `a shortage gives what there is, says so, and the rest comes when it ends`() throws {
    var story = Story()
    let fault = SandboxFault.capacityShortage(workload: "django-app", site: .dr, available: 1)
    story.world.inject(fault, at: story.now)
    let ref = story.drSite.group.ref
    story.does(.resizeGroup(ref, GroupSize(min: 1, desired: 3, max: 3)))
    story.wait(.minutes(10))
    let short = try story.group(ref)
    #expect(short.instances == 1 && short.inService == 1)
    #expect(short.trouble?.contains("InsufficientInstanceCapacity") == true)
    story.world.clear(fault, at: story.now)
    story.wait(upTo: .minutes(4)) { (try? $0.group(ref).inService) == 3 }
    #expect(try story.group(ref).trouble == nil)
  }

  @Test func `a suspended launch is shown and brings nothing`() throws {
    var story = Story()
    story.world.inject(.launchesSuspended(workload: "django-app", site: .dr), at: story.now)
    let ref = story.drSite.group.ref
    story.does(.resizeGroup(ref, GroupSize(min: 1, desired: 1, max: 3)))
    story.wait(.minutes(10))
    let state = try story.group(ref)
    #expect(state.suspended == ["Launch"] && state.instances == 0)
    story.world.clear(.launchesSuspended(workload: "django-app", site: .dr), at: story.now)
    story.wait(upTo: .minutes(3)) { (try? $0.group(ref).inService) == 1 }
  }

  @Test func `an instance serves what its secret said when it booted, whatever it says later`() throws {
    var story = Story()
    // Booted before the secret is changed: it uses the primary's database across the regions.
    story.does(.resizeGroup(story.drSite.group.ref, GroupSize(min: 1, desired: 1, max: 3)))
    story.wait(upTo: .minutes(8)) { $0.probeStatus(.dr) == 200 }
    let drHome = try #require(try story.database(story.drDatabase).address)
    story.does(.repointSecret(try story.secret(story.drSite), drHome, token: "t1"))
    story.world.inject(.databaseTrouble(story.primaryDatabase, status: "storage-full"), at: story.now)
    story.wait(upTo: .seconds(65)) { $0.probeStatus(.dr) == 503 }
    story.does(.promoteReplica(story.drDatabase))
    story.wait(.minutes(15))
    #expect(story.probeStatus(.dr) == 503)
    // New instances read the new address.
    story.does(.resizeGroup(story.drSite.group.ref, GroupSize(min: 0, desired: 0, max: 3)))
    story.wait(.minutes(3))
    story.does(.resizeGroup(story.drSite.group.ref, GroupSize(min: 1, desired: 1, max: 3)))
    story.wait(upTo: .minutes(8)) { $0.probeStatus(.dr) == 200 }
  }

  @Test func `target health follows the application with two checks' delay`() throws {
    var story = Story()
    story.world.inject(.applicationDown(workload: "django-app", site: .primary), at: story.now)
    #expect(story.probeStatus(.primary) == 503)
    #expect(try story.targets(story.primarySite).healthy == 2)
    story.wait(.seconds(61))
    #expect(try story.targets(story.primarySite) == TargetHealth(healthy: 0, unhealthy: 2, other: 0))
    story.world.clear(.applicationDown(workload: "django-app", site: .primary), at: story.now)
    story.wait(.seconds(20))
    #expect(try story.targets(story.primarySite).healthy == 0)
    story.wait(.seconds(45))
    #expect(try story.targets(story.primarySite).healthy == 2)
    story.refused(
      .targetHealth(TargetGroupRef(region: Story.dr, arn: "arn:none")), .notFound, "TargetGroupNotFound")
  }
}
