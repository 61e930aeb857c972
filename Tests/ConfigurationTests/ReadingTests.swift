import Foundation
import PilotlightCore
import Testing

@testable import PilotlightConfiguration

/// What right files mean.
@Suite struct ReadingTests {
  private func workload(_ text: String) throws -> WorkloadSettings {
    try #require(Configuration.parse(text, file: "f").get().workloads.first)
  }

  @Test func `a minimal file takes every default`() throws {
    let configuration = try Configuration.parse(minimal, file: "f").get()
    #expect(configuration.daemon == DaemonSettings())
    #expect(configuration.warnings == [])
    let app = try #require(configuration.workloads.first)
    #expect(app.primary.probe == ProbeSettings(url: "https://a.example.com/"))
    #expect(app.primary.group.standby == GroupSize(min: 0, desired: 0, max: 3))
    #expect(app.primary.group.acceptMinimum == 1)
    #expect(app.primary.targetGroup == nil && app.primary.listener == nil && app.primary.secret == nil)
    #expect(app.detection == DetectionSettings())
    #expect(app.replication == ReplicationSettings())
    #expect(app.decision == DecisionSettings())
    #expect(app.failback == FailbackSettings())
    #expect(app.traffic == .manual)
    #expect(app.announcement == nil)
  }

  @Test func `database identifiers are in lower case, as RDS keeps them`() throws {
    let app = try workload(minimal.replacing("{id: app-replica}", with: "{id: App-Replica}"))
    #expect(app.dr.database.ref.identifier == "app-replica")
  }

  @Test func `clusters of a global database know each other's region, and may have one name`() throws {
    let text = minimal.replacing("{id: app-replica}", with: "{id: app}")
      .replacing("    mode:", with: "    globalDatabase: app-global\n    mode:")
    let app = try workload(text)
    let (primary, dr) = (app.primary.database.ref, app.dr.database.ref)
    #expect(primary.global == GlobalDatabase(identifier: "app-global", peer: app.dr.region))
    #expect(dr.global == GlobalDatabase(identifier: "app-global", peer: app.primary.region))
    #expect(primary.identifier == "app" && dr.identifier == "app" && app.fingerprint.hasSuffix(" @ app-global"))
    #expect(try !workload(minimal).fingerprint.contains("@"))
  }

  @Test func `defaults that depend on other keys follow them`() throws {
    let text = minimal.replacing("a.example.com/\"}", with: "a.example.com/\", interval: 800ms}")
      .replacing("rpo: 5m", with: "rpo: 2m").replacing("{min: 1, desired: 2", with: "{min: 2, desired: 2")
    let app = try workload(text)
    #expect(app.primary.probe.timeout == .milliseconds(800))
    #expect(app.primary.probe.recheckInterval == .milliseconds(800))
    #expect(app.primary.probe.slowAfter == .milliseconds(400))
    #expect(app.replication.alertAbove == .minutes(2))
    #expect(app.primary.group.acceptMinimum == 2)
  }

  @Test func `the daemon's keys are read`() throws {
    let text = """
      daemon:
        ledger: /data/l.db
        socket: /data/s
        logLevel: debug
        maxConcurrentFailovers: 3
        failoverWindow: 1h30m
        aws:
          profile: dr
          role: {arn: "arn:aws-us-gov:iam::123456789012:role/a/b", externalId: x-1, sessionName: pl}
          caBundle: /etc/ca.pem

      """
    let daemon = try Configuration.parse(text + minimal, file: "f").get().daemon
    #expect(
      daemon
        == DaemonSettings(
          ledger: "/data/l.db", socket: "/data/s", logLevel: .debug, maxConcurrentFailovers: 3,
          failoverWindow: .minutes(90),
          aws: AWSSettings(
            profile: "dr",
            role: RoleSettings(
              arn: "arn:aws-us-gov:iam::123456789012:role/a/b", externalID: "x-1", sessionName: "pl"),
            caBundle: "/etc/ca.pem")))
  }

  @Test func `off, lists of one, status ranges and single statuses are understood`() throws {
    let text = minimal.replacing(
      "{url: \"https://a.example.com/\"}",
      with: "{url: \"https://a.example.com/\", slowAfter: off, expectStatus: 204, "
        + "resolve: \"a.example.com:443:[2001:db8::1],192.0.2.1\", headers: ['A: b']}"
    ).replacing("{id: app}", with: "{id: app}\n      secret: {id: s}")
      .replacing("{id: app-replica}", with: "{id: app-replica}\n      secret: {id: s, portKey: off, hostKey: h}")
    let app = try workload(text)
    #expect(app.primary.probe.slowAfter == nil)
    #expect(app.primary.probe.expectedStatus == [StatusRange(204, 204)])
    #expect(app.primary.probe.resolve == ["a.example.com:443:[2001:db8::1],192.0.2.1"])
    #expect(app.primary.probe.headers == ["A: b"])
    #expect(app.primary.secret?.ref == SecretRef(region: "eu-west-1", id: "s"))
    #expect(app.dr.secret?.ref == SecretRef(region: "us-west-2", id: "s", hostKey: "h", portKey: nil))
  }

  @Test func `a weighted pair in another partition knows where its Route 53 is`() throws {
    let text = minimal.replacing("eu-west-1", with: "us-gov-west-1").replacing("us-west-2", with: "us-gov-east-1")
      .replacing(
        "{manual: true}",
        with: """
          {route53: {zone: Z1AB, record: App.example.com., type: A,
                primary: {host: A.elb.amazonaws.com., aliasZone: Z1, setIdentifier: a},
                dr: {host: b.elb.amazonaws.com, aliasZone: Z2, setIdentifier: b}}}
          """)
    #expect(
      try workload(text).traffic
        == .route53(
          RecordRef(zone: "Z1AB", name: "app.example.com", type: "A", region: "us-gov-west-1"),
          primary: RecordTarget(host: "a.elb.amazonaws.com", aliasZone: "Z1", setIdentifier: "a"),
          dr: RecordTarget(host: "b.elb.amazonaws.com", aliasZone: "Z2", setIdentifier: "b")))
  }

  @Test func `anchors, aliases and merge keys work, and a mapping's own keys win`() throws {
    let text = minimal.replacing(
      "{url: \"https://a.example.com/\"}",
      with: "&probe {url: \"https://a.example.com/\", fallAfter: 7, interval: &i 9s, timeout: *i}"
    ).replacing(
      "{url: \"https://b.example.com/\"}", with: "{<<: *probe,url: \"http://[2001:db8::1]:80/?a=*\", riseAfter: 4}")
    let app = try workload(text)
    #expect(app.primary.probe.timeout == .seconds(9))
    var expected = app.primary.probe
    expected.url = "http://[2001:db8::1]:80/?a=*"
    expected.riseAfter = 4
    #expect(app.dr.probe == expected)
  }

  @Test func `a byte-order mark and Windows line ends are harmless`() throws {
    let plain = try Configuration.parse(minimal, file: "f").get()
    let windows = minimal.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
    #expect(try Configuration.parse("\u{FEFF}" + windows, file: "f").get() == plain)
    let broken = windows.replacing("rpo: 5m", with: "rpo: 5")
    #expect(Configuration.parse(broken, file: "f").printed.hasPrefix("f:4: "))
  }

  @Test func `many workloads are read`() throws {
    let one = minimal.split(separator: "\n").dropFirst().joined(separator: "\n")
    let all = (0..<500).map { number in
      one.replacing("name: app", with: "name: app\(number)").replacing("{id: app", with: "{id: app\(number)")
    }
    let text = "workloads:\n" + all.joined(separator: "\n") + "\n"
    #expect(try Configuration.parse(text, file: "f").get().workloads.count == 500)
    let printed = Configuration.parse(text.replacing("name: app499\n", with: "name: app0\n"), file: "f").printed
    #expect(printed.contains("workloads[499].name: two workloads have the same name (see workloads[0].name on line 2)"))
  }

  @Test func `what will surprise in an outage is a warning at its line`() throws {
    let text = minimal.replacing("rpo: 5m", with: "rpo: 30s").replacing(
      "    traffic:",
      with: "    detection: {corroborate: none}\n"
        + "    announce: {topic: \"arn:aws:sns:eu-west-1:123456789012:t\"}\n    traffic:")
    let warnings = try Configuration.parse(text, file: "f").get().warnings
    #expect(warnings.map(\.line) == [4, 15, 16])
    #expect(warnings.map(\.path.description).last == "workloads[0].announce.topic")
  }

  @Test func `durations are written as they are read`() throws {
    let cases: [(String, Duration)] = [
      ("500ms", .milliseconds(500)), ("5s", .seconds(5)), ("30m", .minutes(30)), ("1h", .hours(1)), ("7d", .hours(168)),
      ("1h30m", .minutes(90)), ("1d1h1m1s1ms", .seconds(90_061) + .milliseconds(1)), ("0s", .zero),
    ]
    for (text, duration) in cases {
      #expect(try parseDuration(text) == duration)
      #expect(duration.written == text)
    }
    #expect(try parseDuration("90m") == .minutes(90))
    var dice = SplitMix(state: 1)
    for _ in 0..<2000 {
      let duration = Duration.milliseconds(Int64.random(in: 0...9_000_000_000_000, using: &dice))
      #expect(try parseDuration(duration.written) == duration)
    }
  }

  @Test func `region names of every partition are known`() {
    let names = [
      "eu-west-1": "aws", "ap-southeast-2": "aws", "mx-central-1": "aws", "us-gov-west-1": "aws-us-gov",
      "cn-north-1": "aws-cn", "us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eusc-de-east-1": "aws-eusc",
    ]
    for (name, family) in names {
      #expect(isRegionName(name), "\(name)")
      #expect(partition(ofRegion: name) == family, "\(name)")
    }
    for name in ["", "-", "eu-west", "eu-west-0", "eu--1", "eu-west-1 ", "e-west-1", "eu-west-one", "eu-west-1-2-3"] {
      #expect(!isRegionName(name), "\(name)")
    }
  }

  @Test func `a misspelt word finds its key, another word finds none`() {
    let known = ["fallAfter", "riseAfter", "url", "timeout", "interval"]
    #expect(nearest("fallafter", among: known) == "fallAfter")
    #expect(nearest("fall-after", among: known) == "fallAfter")
    #expect(nearest("tiemout", among: known) == "timeout")
    #expect(nearest("uri", among: known) == "url")
    #expect(nearest("retries", among: known) == nil)
    #expect(nearest("x", among: known) == nil)
    #expect(nearest("", among: []) == nil)
  }
}
