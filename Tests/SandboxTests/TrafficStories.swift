import PilotlightCore
import PilotlightSandbox
import Testing

@Suite struct TrafficStories {
  @Test func `a record change is pending for up to a minute and users follow within the TTL`() throws {
    var story = Story()
    let owners = "<HealthCheckId>primary.elb.example.com</HealthCheckId>"
    #expect(
      story.ask(.readRecords(Story.record)) == .records([RecordState(host: "primary.elb.example.com", text: owners)]))
    guard
      case .accepted(let receipt?) = story.ask(
        .pointRecords(Story.record, to: Story.drTarget, from: Story.primaryTarget))
    else { throw Unexpected() }
    #expect(story.ask(.readRecords(Story.record)) == .records([RecordState(host: "dr.elb.example.com", text: owners)]))
    #expect(story.ask(.readChange(id: receipt, region: "us-east-1")) == .change(.pending))
    story.wait(.seconds(25))
    #expect(try story.facts().traffic == .primary)
    let insync = story.wait(upTo: .minutes(1)) {
      $0.ask(.readChange(id: receipt, region: "us-east-1")) == .change(.insync)
    }
    #expect(insync < .seconds(36))
    story.wait(.seconds(30))
    #expect(try story.facts().traffic == nil)
    story.wait(.seconds(31))
    #expect(try story.facts().traffic == .dr)
    // Nobody serves there.
    #expect(story.world.violations.map(\.kind) == [.trafficToDeadSite])
    story.refused(.readChange(id: "C0", region: "us-east-1"), .notFound, "NoSuchChange")
  }

  @Test func `a weighted pair moves by weights and both records stay`() {
    let primary = RecordTarget(host: "P.elb.example.com", aliasZone: "ZP", setIdentifier: "primary")
    let dr = RecordTarget(host: "D.elb.example.com", aliasZone: "ZD", setIdentifier: "dr")
    let record = RecordRef(zone: "Z", name: "app.example.com", type: "A")
    var story = Story(traffic: .route53(record, primary: primary, dr: dr))
    story.does(.pointRecords(record, to: dr, from: primary))
    #expect(
      story.ask(.readRecords(record))
        == .records([
          RecordState(
            host: "p.elb.example.com", aliasZone: "ZP", setIdentifier: "primary", weight: 0,
            text: "<HealthCheckId>P.elb.example.com</HealthCheckId>"),
          RecordState(
            host: "d.elb.example.com", aliasZone: "ZD", setIdentifier: "dr", weight: 100,
            text: "<HealthCheckId>D.elb.example.com</HealthCheckId>"),
        ]))
    #expect(story.world.violations.isEmpty)
    // Whoever writes a set from what he knows of it takes away what he does not know.
    story.wait(.seconds(1))
    let bare = RecordMove([], to: primary, from: dr).sets
    story.does(.pointRecords(record, to: primary, from: dr, sets: bare))
    #expect(story.ask(.readRecords(record)) == .records([bare[0], bare[1]].sorted { $0.host > $1.host }))
    #expect(story.world.violations.map(\.kind) == [.forgottenByRecord, .forgottenByRecord])
    story.refused(
      .pointRecords(record, to: RecordTarget(host: "x", aliasZone: "Z"), from: primary), .invalid, "InvalidChangeBatch")
  }

  @Test func `record changes that Route 53 refuses are refused`() {
    var story = Story()
    var other = Story.record
    other.zone = "ZNONE"
    story.refused(.readRecords(other), .notFound, "NoSuchHostedZone")
    story.refused(.pointRecords(other, to: Story.drTarget, from: Story.primaryTarget), .notFound, "NoSuchHostedZone")
    other = Story.record
    other.name = "else.example.com"
    #expect(story.ask(.readRecords(other)) == .records([]))
    story.refused(
      .pointRecords(Story.record, to: RecordTarget(host: "x", setIdentifier: "y"), from: Story.primaryTarget), .invalid,
      "InvalidChangeBatch")
    story.refused(
      .pointRecords(Story.record, to: RecordTarget(host: "x", aliasZone: "ZA"), from: Story.primaryTarget), .invalid,
      "InvalidChangeBatch")
    let first = CloudAction.pointRecords(Story.record, to: Story.drTarget, from: Story.primaryTarget)
    story.does(first)
    story.refused(first, .throttled, "PriorRequestNotComplete")
    story.wait(.seconds(1))
    story.does(first)
  }

  @Test func `the control plane of Route 53 can be away while the switch object works`() throws {
    var records = Story()
    records.world.inject(.regionOutage(region: "us-east-1"), at: records.now)
    records.refused(
      .pointRecords(Story.record, to: Story.drTarget, from: Story.primaryTarget), .unreachable, "connect-timeout")

    var story = Story(traffic: .objectSwitch(Story.switchObject))
    story.world.inject(.regionOutage(region: "us-east-1"), at: story.now)
    #expect(story.ask(.readObject(Story.switchObject)) == .object(present: false))
    story.does(.putObject(Story.switchObject, body: "why"))
    #expect(story.ask(.readObject(Story.switchObject)) == .object(present: true))
    let took = story.wait(upTo: .minutes(4)) { $0.traffic == .dr }
    #expect(took > .seconds(85))
    story.does(.removeObject(Story.switchObject))
    story.does(.removeObject(Story.switchObject))
    #expect(story.ask(.readObject(Story.switchObject)) == .object(present: false))
    story.wait(upTo: .minutes(4)) { $0.traffic == .primary }
    var elsewhere = Story.switchObject
    elsewhere.bucket = "nobody"
    story.refused(.putObject(elsewhere, body: "x"), .notFound, "NoSuchBucket")
    story.refused(.readObject(elsewhere), .notFound, "NoSuchBucket")
  }

  @Test func `a manual move is the operator's own`() throws {
    var story = Story(traffic: .manual)
    story.world.moveTraffic(of: "django-app", to: .dr, at: story.now)
    story.wait(.seconds(61))
    #expect(try story.facts().traffic == .dr)
  }

  @Test func `a write hold answers 503 with its sentence, stops writes but those under way, can be repeated`() throws {
    var story = Story()
    let listener = try story.listener(story.primarySite)
    #expect(story.ask(.readWriteHold(listener)) == .writeHold(present: false))
    story.does(.holdWrites(listener))
    story.does(.holdWrites(listener))
    #expect(story.ask(.readWriteHold(listener)) == .writeHold(present: true))
    guard case .answer(503, let body, _) = story.probe(.primary) else { throw Unexpected() }
    #expect(body == SandboxWorld.writeHoldText)
    let held = try story.facts().writesAccepted
    story.wait(.seconds(30))
    let before = try story.facts().writesAccepted
    #expect(before > held && before < held + 30, "one in ten for 10 s to 29 s")
    story.wait(.minutes(5))
    #expect(try story.facts().writesAccepted == before)
    #expect(try story.targets(story.primarySite).healthy == 2)
    story.does(.releaseWrites(listener))
    story.does(.releaseWrites(listener))
    story.wait(.seconds(10))
    #expect((before + 101...before + 106).contains(try story.facts().writesAccepted))
    #expect(story.probeStatus(.primary) == 200)
    let nobody = ListenerRef(region: Story.dr, arn: "arn:none")
    story.refused(.readWriteHold(nobody), .notFound, "ListenerNotFound")
    story.refused(.holdWrites(nobody), .notFound, "ListenerNotFound")
    story.refused(.releaseWrites(nobody), .notFound, "ListenerNotFound")
  }

  @Test func `a secret's token makes a repeated write the same write`() throws {
    var story = Story()
    let ref = try story.secret(story.drSite)
    let home = try #require(try story.database(story.drDatabase).address)
    guard case .secret(let before) = story.ask(.readSecret(ref)) else { throw Unexpected() }
    #expect(before.address == (try story.database(story.primaryDatabase).address))
    story.does(.repointSecret(ref, home, token: "t1"))
    story.does(.repointSecret(ref, before.address, token: "t2"))
    // A late repetition of the first request does not undo the second.
    story.does(.repointSecret(ref, home, token: "t1"))
    #expect(story.ask(.readSecret(ref)) == .secret(SecretState(address: before.address, version: "t2")))
    story.refused(.repointSecret(ref, before.address, token: "t1"), .exists, "ResourceExistsException")
    story.refused(.repointSecret(ref, home, token: ""), .invalid, "InvalidParameterException")
    let nobody = SecretRef(region: Story.dr, id: "nobody")
    story.refused(.readSecret(nobody), .notFound, "ResourceNotFoundException")
    story.refused(.repointSecret(nobody, home, token: "t"), .notFound, "ResourceNotFoundException")
  }

  @Test func `messages are kept in the order they were published`() throws {
    var story = Story()
    let topic = try #require(story.settings.announcement)
    guard case .accepted(let id?) = story.ask(.publish(topic, subject: "a", message: "first")) else {
      throw Unexpected()
    }
    story.does(.publish(topic, subject: "b", message: "second"))
    #expect(story.world.published.map(\.message) == ["first", "second"])
    #expect(story.world.published.first?.id == id)
    story.refused(
      .publish(topic, subject: String(repeating: "x", count: 101), message: "m"), .invalid, "InvalidParameter")
    story.refused(
      .publish(TopicRef(region: Story.dr, arn: "arn:none"), subject: "s", message: "m"), .notFound, "NotFound")
  }
}
