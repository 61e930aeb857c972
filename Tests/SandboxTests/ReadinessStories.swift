// What is asked about a failover that has not begun, and what drifts.

import PilotlightCore
import Testing

@testable import PilotlightSandbox

@Suite struct ReadinessStories {
  @Test func `a launch template that is gone is shown, launches nothing, and does when it is back`() throws {
    var story = Story()
    let ref = story.drSite.group.ref
    let fault = SandboxFault.launchTemplateMissing(workload: "django-app", site: .dr)
    guard case .launchSource(let source?) = story.ask(.readLaunchSource(ref)) else { return #expect(Bool(false)) }
    #expect(source.isPresent)
    story.world.inject(fault, at: story.now)
    guard case .launchSource(let gone?) = story.ask(.readLaunchSource(ref)) else { return #expect(Bool(false)) }
    #expect(!gone.isPresent)
    story.does(.resizeGroup(ref, GroupSize(min: 1, desired: 1, max: 3)))
    story.wait(.minutes(10))
    #expect(try story.group(ref).instances == 0)
    #expect(try story.group(ref).trouble?.contains("launch template") == true)
    story.world.clear(fault, at: story.now)
    story.wait(upTo: .minutes(3)) { (try? $0.group(ref).inService) == 1 }
  }

  @Test func `a secret marked for deletion is neither read nor written, and instances wait for it`() throws {
    var story = Story()
    let secret = try story.secret(story.drSite)
    let fault = SandboxFault.secretDeleted(workload: "django-app", site: .dr)
    story.world.inject(fault, at: story.now)
    story.refused(.readSecret(secret), .wrongState, "InvalidRequestException")
    let address = DatabaseAddress(host: "somewhere", port: 5432)
    story.refused(.repointSecret(secret, address, token: "t"), .wrongState, "InvalidRequestException")
    story.does(.resizeGroup(story.drSite.group.ref, GroupSize(min: 1, desired: 1, max: 3)))
    story.wait(.minutes(10))
    #expect(story.probeStatus(.dr) != 200)
    story.world.clear(fault, at: story.now)
    story.wait(upTo: .minutes(3)) { $0.probeStatus(.dr) == 200 }
  }

  @Test func `a permission that was revoked is denied by the simulation, the others are not`() {
    var story = Story()
    let changes: [CloudAction] = [
      .promoteReplica(story.drDatabase), .resizeGroup(story.drSite.group.ref, GroupSize(min: 0, desired: 0, max: 3)),
    ]
    story.world.inject(.accessDenied(apiName: "rds:PromoteReadReplica"), at: story.now)
    guard case .permissions(let found) = story.ask(.simulate(changes, region: Story.dr)) else {
      return #expect(Bool(false))
    }
    #expect(found.map(\.decision) == [.denied, .allowed])
  }

  @Test func `what is asked aside leaves the world's story as it was`() {
    var (asked, unasked) = (Story(), Story())
    for world in 0..<20 {
      let at = asked.now + .seconds(world * 7)
      _ = asked.world.performAside(.readClock(region: Story.dr), at: at, timeout: .seconds(15))
      let first = asked.world.perform(.describeDatabase(asked.drDatabase), at: at)
      let second = unasked.world.perform(.describeDatabase(unasked.drDatabase), at: at)
      #expect(first.reply == second.reply && first.latency == second.latency)
    }
  }
}
