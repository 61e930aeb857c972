// Record sets, read and written whole. What one element of theirs would be missing of, its owner would miss for good.

import PilotlightCore
import Testing

@testable import PilotlightAWS

let recordTargets = (
  primary: RecordTarget(host: "primary.example.net", aliasZone: "ZB", setIdentifier: "primary"),
  dr: RecordTarget(host: "dr.example.net", aliasZone: "ZA", setIdentifier: "dr")
)

/// As they came, in an order that the schema of a change does not know; the first with everything that a set can have.
let readSets = [
  RecordState(
    host: "dr.example.net", aliasZone: "ZA", setIdentifier: "dr", weight: 7,
    text: """
      <HealthCheckId>0a1b-2c3d</HealthCheckId><CidrRoutingConfig><CollectionId>c</CollectionId>\
      <LocationName>a&amp;b</LocationName></CidrRoutingConfig><GeoProximityLocation><AWSRegion>eu-west-1</AWSRegion>\
      <Bias>-5</Bias></GeoProximityLocation><TrafficPolicyInstanceId>t-1</TrafficPolicyInstanceId>
      <AliasTarget><HostedZoneId>ZA</HostedZoneId><DNSName>dualstack.Dr.example.net.</DNSName>\
      <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget><MultiValueAnswer>true</MultiValueAnswer>\
      <Region>eu-west-1</Region><GeoLocation>
        <CountryCode>US</CountryCode><SubdivisionCode>CA</SubdivisionCode>
      </GeoLocation><Failover>PRIMARY</Failover><Weight>0</Weight><SetIdentifier>dr</SetIdentifier>\
      <Type>A</Type><Name>\\052.example.com.</Name>
      """),
  RecordState(
    host: "primary.example.net", setIdentifier: "primary", weight: 0,
    text: """
      <Name>app.example.com.</Name><Type>CNAME</Type><SetIdentifier>primary</SetIdentifier><Weight>7</Weight><TTL>300</TTL>\
      <ResourceRecords><ResourceRecord><Value>primary.example.net</Value></ResourceRecord></ResourceRecords>\
      <HealthCheckId>0a1b-2c3d</HealthCheckId>
      """),
]

private let name = RecordRef(zone: "Z1", name: "app.example.com", type: "CNAME", ttl: 30)

@Suite struct RecordTests {
  let executor = FakeExecutor()

  func ask(_ action: CloudAction) async -> CloudReply {
    await makeCloud(executor).perform(action, timeout: .seconds(10))
  }

  /// The sets of the change that was asked for last.
  func written() throws -> [XMLElement] {
    let changes = try XMLDocument.parse(executor.asked.last?.body ?? [])["ChangeBatch"]?.list("Changes", of: "Change")
    #expect(changes?.allSatisfy { $0.value("Action") == "UPSERT" } == true)
    return (changes ?? []).compactMap { $0["ResourceRecordSet"] }
  }

  func move(_ ref: RecordRef, to: RecordTarget, from: RecordTarget, _ set: String) async throws -> XMLElement {
    executor.prepare(
      "ListResourceRecordSets",
      "<R><ResourceRecordSets><ResourceRecordSet>\(set)</ResourceRecordSet></ResourceRecordSets></R>")
    try executor.prepareFixture("ChangeResourceRecordSets.xml")
    guard case .records(let states) = await ask(.readRecords(ref)) else { throw XMLProblem(text: "not read") }
    let sets = RecordMove(states, to: to, from: from).sets
    #expect(await ask(.pointRecords(ref, to: to, from: from, sets: sets)) == .accepted(receipt: "C2682N5HXP0BZ4"))
    return try #require(try written().first)
  }

  @Test func `a pair that is there moves by its weights, and everything else goes back as it came`() async throws {
    try executor.prepareFixture("ChangeResourceRecordSets.xml")
    executor.prepare(
      "ListResourceRecordSets",
      """
      <R><ResourceRecordSets><ResourceRecordSet><Name>app.example.com.</Name><Type>A</Type>
      <SetIdentifier>dr</SetIdentifier><Weight>0</Weight><AliasTarget><HostedZoneId>ZA</HostedZoneId>
      <DNSName>dualstack.dr.example.net.</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>
      </ResourceRecordSet><ResourceRecordSet><Name>app.example.com.</Name><Type>A</Type>
      <SetIdentifier>primary</SetIdentifier><Weight>3</Weight><AliasTarget><HostedZoneId>ZB</HostedZoneId>
      <DNSName>primary.example.net.</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>
      <HealthCheckId>c-1</HealthCheckId></ResourceRecordSet></ResourceRecordSets></R>
      """)
    // As an older ledger has it: without the sets.
    let reply = await ask(.pointRecords(record, to: recordTargets.dr, from: recordTargets.primary))
    #expect(reply == .accepted(receipt: "C2682N5HXP0BZ4"))
    #expect(executor.asked.map(\.name) == ["ListResourceRecordSets", "ChangeResourceRecordSets"])
    let sets = try written()
    #expect(
      sets.map { $0.value("SetIdentifier") } == ["dr", "primary"] && sets.map { $0["Weight"]?.number } == [3, 0])
    #expect(sets.map { $0.value("HealthCheckId") } == [nil, "c-1"])
    #expect(sets.allSatisfy { $0.at("AliasTarget", "EvaluateTargetHealth")?.text == "true" && $0["TTL"] == nil })
    #expect(sets[0].at("AliasTarget", "DNSName")?.text == "dualstack.dr.example.net.")
  }

  @Test func `a CNAME leads elsewhere and keeps its time to live and its health check`() async throws {
    let set = try await move(
      name, to: RecordTarget(host: "a<b&c"), from: RecordTarget(host: "x"),
      """
      <Name>App.example.com.</Name><Type>CNAME</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>x</Value>
      </ResourceRecord></ResourceRecords><HealthCheckId>c-1</HealthCheckId>
      """)
    #expect(set.children.map(\.name) == ["Name", "Type", "TTL", "ResourceRecords", "HealthCheckId"])
    #expect(set.first("Value")?.text == "a<b&c" && set["TTL"]?.text == "300" && set["Name"]?.text == "App.example.com.")
  }

  @Test func `an alias leads elsewhere and goes on evaluating the health of its target`() async throws {
    let set = try await move(
      record, to: RecordTarget(host: "dr.net", aliasZone: "ZA"), from: RecordTarget(host: "p.net", aliasZone: "ZB"),
      """
      <Name>app.example.com.</Name><Type>A</Type><AliasTarget><HostedZoneId>ZB</HostedZoneId><DNSName>p.net.</DNSName>
      <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>
      """)
    #expect(set.children.map(\.name) == ["Name", "Type", "AliasTarget"])
    #expect(set["AliasTarget"]?.children.map(\.text) == ["ZA", "dr.net.", "true"])
  }

  @Test func `an address that is to become an alias loses its time to live, which an alias has not, and nothing else`()
    async throws
  {
    let set = try await move(
      record, to: RecordTarget(host: "dr.net", aliasZone: "ZA"), from: RecordTarget(host: "p.net", aliasZone: "ZB"),
      """
      <Name>app.example.com.</Name><Type>A</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value>
      </ResourceRecord></ResourceRecords><HealthCheckId>c-1</HealthCheckId>
      """)
    #expect(set.children.map(\.name) == ["Name", "Type", "AliasTarget", "HealthCheckId"])
    #expect(set["AliasTarget"]?.children.map(\.text) == ["ZA", "dr.net.", "false"])
  }

  @Test func `a name that is not there is made as the configuration says`() async throws {
    try executor.prepareFixture("ChangeResourceRecordSets.xml")
    _ = await ask(
      .pointRecords(
        name, to: RecordTarget(host: "a"), from: RecordTarget(host: "x"), sets: [RecordState(host: "a")]))
    let set = try #require(try written().first)
    #expect(set["TTL"]?.text == "30" && set.first("Value")?.text == "a" && set.value("Name") == "app.example.com.")
  }

  @Test func `half a weighted pair is refused before anything is asked`() async {
    let reply = await ask(
      .pointRecords(record, to: RecordTarget(host: "a", setIdentifier: "dr"), from: RecordTarget(host: "b")))
    #expect(reply.failure?.kind == .invalid && executor.asked.isEmpty)
  }

  @Test func `what a ledger holds and is no XML is not sent`() async {
    let set = RecordState(host: "a", text: "<Name>")
    let reply = await ask(
      .pointRecords(name, to: RecordTarget(host: "a"), from: RecordTarget(host: "b"), sets: [set]))
    #expect(reply.failure?.kind == .invalid && executor.asked.isEmpty)
  }

  @Test(arguments: [
    ("<Failover>SECONDARY</Failover>", "failover"), ("<Region>us-west-2</Region>", "latency"),
    ("<GeoLocation><CountryCode>*</CountryCode></GeoLocation>", "geolocation"), ("", nil),
  ])
  func `a set of another routing policy is not weighted, and its address of version 6 is told apart`(
    policy: String, name: String?
  ) async {
    func set(_ type: String) -> String {
      "<ResourceRecordSet><Name>app.example.com.</Name><Type>\(type)</Type>\(policy)</ResourceRecordSet>"
    }
    executor.prepare(
      "ListResourceRecordSets", "<R><ResourceRecordSets>\(set("A"))\(set("AAAA"))\(set("TXT"))</ResourceRecordSets></R>"
    )
    guard case .records(let states) = await ask(.readRecords(record)) else { return #expect(Bool(false)) }
    #expect(states.map(\.policy) == [name, name] && states.map(\.type) == [nil, "AAAA"])
  }

  @Test func `a record set without end is garbled`() async {
    let value = "<ResourceRecord><Value>\(String(repeating: "x", count: 200_000))</Value></ResourceRecord>"
    executor.prepare(
      "ListResourceRecordSets",
      """
      <R><ResourceRecordSets><ResourceRecordSet><Name>app.example.com.</Name><Type>A</Type>
      <ResourceRecords>\(value)</ResourceRecords></ResourceRecordSet></ResourceRecordSets></R>
      """)
    #expect(await ask(.readRecords(record)).failure?.kind == .garbled)
  }

  @Test func `a record is found by exact name and type, its host as names compare`() async throws {
    try executor.prepareFixture("ListResourceRecordSets.xml")
    #expect(
      await ask(.readRecords(record))
        == .records([
          RecordState(
            host: "app-1.eu-west-1.elb.amazonaws.com", aliasZone: "Z32O12XQLNTSW2", setIdentifier: "primary",
            weight: 100,
            text: """
              <Name>App.example.com.</Name><Type>A</Type><SetIdentifier>primary</SetIdentifier><Weight>100</Weight>\
              <AliasTarget><HostedZoneId>Z32O12XQLNTSW2</HostedZoneId>\
              <DNSName>dualstack.App-1.eu-west-1.elb.amazonaws.com.</DNSName>\
              <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>
              """)
        ]))
    #expect(executor.asked[0].path == "/2013-04-01/hostedzone/Z1/rrset")
    #expect(executor.asked[0].query.first?.value == "app.example.com.")
  }

  @Test func `records are read page by page until another name comes`() async {
    let page = { (weight: Int, id: String, more: Bool) in
      """
      <R><ResourceRecordSets><ResourceRecordSet><Name>\\052.example.com.</Name><Type>CNAME</Type>
      <SetIdentifier>\(id)</SetIdentifier><Weight>\(weight)</Weight><TTL>60</TTL><ResourceRecords><ResourceRecord>
      <Value>\(id).example.net</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></ResourceRecordSets>
      <IsTruncated>\(more)</IsTruncated><NextRecordName>\\052.example.com.</NextRecordName>
      <NextRecordType>CNAME</NextRecordType><NextRecordIdentifier>b</NextRecordIdentifier></R>
      """
    }
    executor.prepare(
      "ListResourceRecordSets", .init(body: Array(page(0, "a", true).utf8)),
      .init(body: Array(page(100, "b", false).utf8)))
    let star = RecordRef(zone: "/hostedzone/Z1", name: "*.example.com", type: "CNAME")
    guard case .records(let records) = await ask(.readRecords(star)) else { return #expect(Bool(false)) }
    #expect(records.map(\.setIdentifier) == ["a", "b"] && records.map(\.weight) == [0, 100])
    #expect(
      executor.asked.count == 2 && executor.asked[1].query.contains { $0.name == "identifier" && $0.value == "b" })
    #expect(executor.asked[0].path == "/2013-04-01/hostedzone/Z1/rrset")
  }
}
