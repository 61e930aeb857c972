// F47: whatever a network puts in place of an answer is told as such, and never taken for something it is not.

import PilotlightCore
import Testing

@testable import PilotlightAWS

@Suite struct HostileTests {
  /// Each fixture with the action that reads it.
  static let reads: [(file: String, action: CloudAction)] = [
    ("GetCallerIdentity.xml", .callerIdentity(region: "us-west-2")),
    ("DescribeAutoScalingGroups.xml", .describeGroup(group)),
    ("DescribeDBInstances.xml", .describeDatabase(database)),
    ("DescribeDBClusters.xml", .describeDatabase(cluster)),
    ("DescribeGlobalClusters.xml", .describeDatabase(cluster)),
    ("DescribeDBSnapshots.xml", .describeSnapshot(database, snapshot: "app-before")),
    ("GetMetricData.xml", .replicaLag(database)),
    ("DescribeTargetHealth.xml", .targetHealth(TargetGroupRef(region: "us-west-2", arn: "arn:tg"))),
    ("DescribeRules.xml", .readWriteHold(listener)),
    ("ListResourceRecordSets.xml", .readRecords(record)),
    ("GetHealthCheckStatus.xml", .readHealthCheck(HealthCheckRef(id: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"))),
    ("GetChange.xml", .readChange(id: "C2682N5HXP0BZ4", region: "us-east-1")),
    ("DescribeSecret.json", .readSecretSource(secret)),
    ("GetTopicAttributes.xml", .readTopic(TopicRef(region: "us-west-2", arn: "arn:topic"))),
    ("GetSecretValue.json", .readSecret(secret)), ("GetCallerIdentity.xml", .readClock(region: "us-west-2")),
    ("SimulatePrincipalPolicy.xml", .simulate([.promoteReplica(database)], region: "us-west-2")),
    ("GetItem.json", .readLease(lease)), ("GetRoutingControlState.json", .readControls(controls)),
  ]

  static let writes: [(file: String, action: CloudAction)] = [
    ("UpdateAutoScalingGroup.xml", .resizeGroup(group, GroupSize(min: 0, desired: 0, max: 3))),
    ("PromoteReadReplica.xml", .promoteReplica(database)), ("CreateRule.xml", .holdWrites(listener)),
    ("FailoverGlobalCluster.xml", .failOverCluster(cluster, arn: clusterARN)),
    (
      "ChangeResourceRecordSets.xml",
      .pointRecords(
        record, to: RecordTarget(host: "a"), from: RecordTarget(host: "b"), sets: [RecordState(host: "a")])
    ),
    ("Publish.xml", .publish(TopicRef(region: "us-west-2", arn: "arn:topic"), subject: "s", message: "m")),
    ("PutSecretValue.json", .repointSecret(secret, DatabaseAddress(host: "new", port: 5432), token: "t")),
    ("PutItem.json", .claimLease(lease, leased("watchdog-a", 8, 0), over: leased("watchdog-b", 7, 41))),
  ]

  static func ask(_ case: (file: String, action: CloudAction), _ body: [UInt8]) async throws -> CloudReply {
    let executor = FakeExecutor()
    try executor.prepareFixture("DescribeScalingActivities.xml")
    try executor.prepareFixture("GetSecretValue.json")
    try executor.prepareFixture("GetCallerIdentity.xml")
    try executor.prepareFixture("DescribeDBClusters.xml")
    try executor.prepareFixture("DescribeGlobalClusters.xml")
    executor.prepare(
      String(`case`.file.prefix { $0 != "." }), FakeExecutor.Prepared(headers: [dateNow], body: body))
    return await makeCloud(executor).perform(`case`.action, timeout: .seconds(10))
  }

  @Test(arguments: reads.indices) func `F47 a read cut at any byte is garbled or whole`(_ index: Int) async throws {
    let read = HostileTests.reads[index]
    let body = try fixture(read.file)
    let whole = try await HostileTests.ask(read, body)
    #expect(whole.failure == nil)
    for end in body.indices {
      let reply = try await HostileTests.ask(read, Array(body[..<end]))
      #expect(reply == whole || reply.failure?.kind == .garbled, "cut at \(end): \(reply)")
    }
    #expect(try await HostileTests.ask(read, []).failure?.kind == .garbled)
  }

  @Test(arguments: writes.indices) func `F47 a write whose answer was cut has an unknown outcome`(
    _ index: Int
  ) async throws {
    let write = HostileTests.writes[index]
    let body = try fixture(write.file)
    let whole = try await HostileTests.ask(write, body)
    #expect(whole.failure == nil)
    for end in body.indices {
      let reply = try await HostileTests.ask(write, Array(body[..<end]))
      #expect(reply == whole || reply.failure?.kind == .unknownOutcome, "cut at \(end): \(reply)")
    }
  }

  @Test(arguments: [
    "<!DOCTYPE html><html><head><title>Log in</title></head><body></body></html>", "<html><body/></html>",
    "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><R>&b;</R>",
    "<!DOCTYPE R SYSTEM \"file:///etc/passwd\"><R/>", "{}", "null", "[]", "plain words", "<R/>", "<R/><R/>", "<R></Q>",
    "\u{FEFF}", "<R>&undefined;</R>",
  ]) func `F47 a page that is no answer is garbled for every read`(_ text: String) async throws {
    for read in HostileTests.reads {
      let reply = try await HostileTests.ask(read, Array(text.utf8))
      #expect(reply.failure?.kind == .garbled, "\(read.file): \(reply)")
    }
    for write in HostileTests.writes {
      let reply = try await HostileTests.ask(write, Array(text.utf8))
      #expect(reply.failure?.kind == .unknownOutcome, "\(write.file): \(reply)")
    }
  }

  @Test func `F47 every flipped byte of an answer is survived`() async throws {
    for read in HostileTests.reads {
      let body = try fixture(read.file)
      for position in body.indices {
        var bent = body
        bent[position] ^= 0x11
        _ = try await HostileTests.ask(read, bent)
      }
    }
  }

  @Test func `depth, number and size of elements are bounded`() {
    let deep = String(repeating: "<a>", count: 5000) + String(repeating: "</a>", count: 5000)
    #expect(throws: XMLProblem.self) { try XMLDocument.parse(Array(deep.utf8)) }
    let wide = "<r>" + String(repeating: "<a/>", count: XMLDocument.elementLimit + 1) + "</r>"
    #expect(throws: XMLProblem.self) { try XMLDocument.parse(Array(wide.utf8)) }
    let large = "<r>" + String(repeating: " ", count: XMLDocument.sizeLimit) + "</r>"
    #expect(throws: XMLProblem.self) { try XMLDocument.parse(Array(large.utf8)) }
    let utf16 = Array("<!DOCTYPE r><r/>".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
    #expect(throws: XMLProblem.self) { try XMLDocument.parse([0xFF, 0xFE] + utf16) }
  }

  @Test(arguments: ["<!DOCTYPE r><r/>", "<!doctype r [<!ENTITY e \"x\">]><r>&e;</r>"])
  func `a document type is refused, entities or none`(_ text: String) {
    #expect(throws: XMLProblem.self) { try XMLDocument.parse(Array(text.utf8)) }
  }

  @Test func `text, references and CDATA are read as written`() throws {
    let root = try XMLDocument.parse(Array("<r><a> x &amp; y&#10;</a><b><![CDATA[<z>]]></b><c/></r>".utf8))
    #expect(root.value("a") == "x & y" && root["b"]?.text == "<z>" && root.value("c") == nil && root["d"] == nil)
  }
}
