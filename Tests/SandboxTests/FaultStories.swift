import PilotlightCore
import PilotlightSandbox
import Testing

@Suite struct FaultStories {
  @Test func `an answer takes 50 to 300 ms, and longer when the API is slow`() {
    var world = Story().world
    var longest = Duration.zero
    for step in 1...200 {
      let (_, latency) = world.perform(.callerIdentity(region: Story.dr), at: Story.start + .seconds(step))
      #expect(latency >= .milliseconds(50) && latency <= .milliseconds(300))
      longest = max(longest, latency)
    }
    #expect(longest > .milliseconds(250))
    world.inject(.slowAPI(factor: 100), at: world.now)
    #expect(world.perform(.callerIdentity(region: Story.dr), at: world.now).latency >= .seconds(5))
  }

  @Test func `a lost answer is an unknown outcome of a write that happened`() throws {
    var story = Story()
    story.world.inject(.unknownOutcomes(share: 1), at: story.now)
    story.refused(.promoteReplica(story.drDatabase), .unknownOutcome, "timeout")
    #expect(story.world.promotions(of: story.drDatabase) == 1)
    #expect(try story.database(story.drDatabase).status == "modifying")
  }

  @Test func `a lost request looks the same and nothing happened`() throws {
    var story = Story()
    story.world.inject(.lostRequests(share: 1), at: story.now)
    story.refused(.promoteReplica(story.drDatabase), .unknownOutcome, "timeout")
    #expect(story.world.promotions(of: story.drDatabase) == 0)
    story.refused(.describeDatabase(story.drDatabase), .transient, "timeout")
  }

  @Test func `a garbled answer hides a write that happened, a captive portal one that did not`() {
    var story = Story()
    story.world.inject(.captivePortal(share: 1), at: story.now)
    story.refused(.promoteReplica(story.drDatabase), .garbled, "html")
    #expect(story.world.promotions(of: story.drDatabase) == 0)
    story.world.clearFaults(at: story.now)
    story.world.inject(.garbledReplies(share: 1), at: story.now)
    story.refused(.promoteReplica(story.drDatabase), .garbled, "truncated")
    #expect(story.world.promotions(of: story.drDatabase) == 1)
  }

  @Test func `a caller that gives up does not know what its write did`() {
    var story = Story()
    story.world.inject(.slowAPI(factor: 1000), at: story.now)
    let write = story.world.perform(.promoteReplica(story.drDatabase), at: story.now, timeout: .seconds(10))
    #expect(write.latency == .seconds(10))
    guard case .failed(let failure) = write.reply, failure.kind == .unknownOutcome else {
      Issue.record("answered with \(write.reply)")
      return
    }
    #expect(story.world.promotions(of: story.drDatabase) == 1)
    story.world.clearFaults(at: story.now)
    story.world.inject(.apiOutage(region: Story.dr), at: story.now)
    let read = story.world.perform(.describeDatabase(story.drDatabase), at: story.now, timeout: .seconds(3))
    guard case .failed(let unreachable) = read.reply, unreachable.kind == .unreachable else {
      Issue.record("answered with \(read.reply)")
      return
    }
    #expect(read.latency == .seconds(3))
  }

  @Test func `throttling hits its share of one region's requests`() {
    var story = Story()
    story.world.inject(.throttling(region: Story.dr, share: 0.3), at: story.now)
    var throttled = 0
    for _ in 0..<1000 {
      if case .failed(let failure) = story.ask(.describeGroup(story.drSite.group.ref)) {
        #expect(failure.kind == .throttled && failure.code == "Throttling")
        throttled += 1
      }
    }
    #expect((240...360).contains(throttled))
    guard case .group = story.ask(.describeGroup(story.primarySite.group.ref)) else {
      Issue.record("the other region was throttled too")
      return
    }
  }

  @Test func `one denied action is denied and its neighbours are not`() {
    var story = Story()
    story.world.inject(.accessDenied(apiName: "rds:PromoteReadReplica"), at: story.now)
    story.refused(.promoteReplica(story.drDatabase), .denied, "AccessDenied")
    #expect(story.status(story.drDatabase) == "available")
    #expect(story.world.promotions(of: story.drDatabase) == 0)
  }

  @Test func `an API outage leaves users alone, a region outage does not`() throws {
    var story = Story()
    story.world.inject(.apiOutage(region: Story.primary), at: story.now)
    story.refused(.describeGroup(story.primarySite.group.ref), .unreachable, "connect-timeout")
    #expect(story.probeStatus(.primary) == 200)
    #expect(try story.facts().serving)
    story.world.clearFaults(at: story.now)
    story.world.inject(.regionOutage(region: Story.primary), at: story.now)
    #expect(story.probe(.primary) == .timeout)
    #expect(try story.facts().serving == false)
    story.world.clearFaults(at: story.now)
    #expect(story.probeStatus(.primary) == 200)
    #expect(try story.facts().serving)
  }

  @Test func `a region's outage halts what was under way there and lets it go on after`() throws {
    var story = Story()
    let ref = story.drSite.group.ref
    story.does(.resizeGroup(ref, GroupSize(min: 1, desired: 1, max: 3)))
    story.does(.promoteReplica(story.drDatabase))
    story.wait(.seconds(15))
    let fault = SandboxFault.regionOutage(region: Story.dr)
    story.world.inject(fault, at: story.now)
    story.wait(.hours(5))
    story.world.clear(fault, at: story.now)
    #expect(try story.group(ref).inService == 0)
    #expect(story.status(story.drDatabase) == "modifying")
    story.wait(.minutes(12))
    #expect(try story.group(ref).inService == 1)
    #expect(story.status(story.drDatabase) == "available")
  }

  @Test func `the watchdog can be blind while users are served`() throws {
    for fault in [SandboxFault.observerIsolated, .albHidden(workload: "django-app", site: .primary)] {
      var story = Story()
      story.world.inject(fault, at: story.now)
      story.wait(.minutes(10))
      #expect(story.probe(.primary) == .timeout)
      #expect(try story.facts().served == story.now - Story.start)
      #expect(try story.facts().outages == 0)
      #expect(story.probe(.dr) == (fault == .observerIsolated ? .timeout : story.probe(.dr)))
      let answered: Bool
      if case .identity = story.ask(.callerIdentity(region: Story.dr)) { answered = true } else { answered = false }
      #expect(answered == (fault != .observerIsolated))
    }
  }

  @Test func `what keeps a probe from arriving hides what it would find, whichever began first`() {
    let hiding: [(SandboxFault, ALBAnswer)] = [
      (.observerIsolated, .timeout), (.albBlackhole(workload: "django-app", site: .primary), .timeout),
      (.albRefused(workload: "django-app", site: .primary), .refused),
    ]
    for (fault, answer) in hiding {
      var story = Story()
      story.world.inject(.applicationDown(workload: "django-app", site: .primary), at: story.now)
      story.world.inject(fault, at: story.now)
      story.wait(.minutes(1))
      #expect(story.probe(.primary) == answer)
    }
  }

  @Test func `each failure of a load balancer looks as it would`() throws {
    var story = Story()
    let name = "django-app"
    for (fault, serving) in [
      (SandboxFault.albBlackhole(workload: name, site: .primary), false),
      (.albRefused(workload: name, site: .primary), false),
      (.albSlow(workload: name, site: .primary, delay: .seconds(4)), true),
      (.albWrongContent(workload: name, site: .primary), false),
    ] {
      story.world.inject(fault, at: story.now)
      #expect(try story.facts().serving == serving)
      switch (fault, story.probe(.primary)) {
      case (.albBlackhole, .timeout), (.albRefused, .refused): break
      case (.albSlow, .answer(200, "ok", let delay)): #expect(delay > .seconds(4))
      case (.albWrongContent, .answer(200, let body, _)): #expect(!body.contains("ok"))
      case (_, let answer): Issue.record("\(fault) was seen as \(answer)")
      }
      story.world.clear(fault, at: story.now)
      #expect(story.probeStatus(.primary) == 200)
    }
    // Each side by itself, however often the other one is asked.
    story.world.inject(.albFlapping(workload: name, site: .primary), at: story.now)
    #expect(try story.facts().serving)
    let seen = (0..<4).map { _ in
      _ = story.probeStatus(.dr)
      return story.probeStatus(.primary)
    }
    #expect(Set(seen) == [200, 503] && seen[0] == seen[2] && seen[1] == seen[3])
    story.world.clear(.albFlapping(workload: name, site: .primary), at: story.now)
    #expect(story.probeStatus(.dr) == 503)
    #expect(story.world.alb(workload: "nobody", site: .dr, at: story.now) == .refused)
  }

  @Test func `a fault of one workload leaves its neighbour in the same world alone`() throws {
    let settings = (0..<3).map { Story.workload("app-\($0)", traffic: .manual) }
    var world = SandboxWorld(settings: settings, seed: 3, start: Story.start)
    world.inject(.applicationDown(workload: "app-1", site: .primary), at: Story.start)
    world.advance(to: Story.start + .minutes(10))
    #expect(settings.map { world.facts(for: $0.name)?.serving } == [true, false, true])
    #expect(world.facts(for: "nobody") == nil)
    #expect(world.facts(for: "app-0")?.writesAccepted == 6000)
    #expect(world.facts(for: "app-1")?.writesAccepted == 0)
  }
}
