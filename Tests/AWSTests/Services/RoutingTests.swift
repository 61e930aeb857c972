// ARC's routing controls: one cluster, five endpoints.

import PilotlightCore
import PilotlightHTTP
import Testing

@testable import PilotlightAWS

private let panel = "arn:aws:route53-recovery-control::123456789012:controlpanel/0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d"
private let regions = ["us-east-1", "us-west-2", "ap-northeast-1", "ap-southeast-2", "eu-west-1"]
let controls = RoutingControls(
  primary: "\(panel)/routingcontrol/aaaa", dr: "\(panel)/routingcontrol/bbbb",
  endpoints: regions.map {
    ClusterEndpoint(region: $0, host: "\($0.prefix(2))0a1b.route53-recovery-cluster.\($0).amazonaws.com")
  })

private let update = "UpdateRoutingControlStates"
private let look = "GetRoutingControlState"

private func refusal(_ status: Int, _ code: String, _ message: String = "no") -> FakeExecutor.Prepared {
  FakeExecutor.Prepared(status: status, body: Array(#"{"__type":"\#(code)","message":"\#(message)"}"#.utf8))
}

private func state(_ word: String) -> FakeExecutor.Prepared {
  FakeExecutor.Prepared(body: Array(#"{"RoutingControlState":"\#(word)"}"#.utf8))
}

@Suite struct RoutingTests {
  let executor = FakeExecutor()

  @Test func `both controls are read at one endpoint`() async {
    executor.prepare { state($0.text.contains("aaaa") ? "On" : "Off") }
    let cloud = makeCloud(executor)
    #expect(
      await cloud.perform(.readControls(controls), timeout: .seconds(15))
        == .controls(RoutingState(primary: true, dr: false)))
    #expect(executor.asked.map(\.region) == ["us-east-1", "us-east-1"])
    #expect(executor.asked.map(\.host) == Array(repeating: controls.endpoints[0].host, count: 2))
    #expect(executor.asked.allSatisfy { !$0.changes })
  }

  @Test(arguments: ["{}", ""]) func `both are turned in one update, or none`(answer: String) async {
    executor.prepare(update, answer)
    #expect(
      await makeCloud(executor).perform(.turnControls(controls, to: .dr), timeout: .seconds(45))
        == .accepted(receipt: nil))
    #expect(executor.asked.count == 1 && executor.asked[0].changes && executor.asked[0].path == "/v1")
    #expect(
      executor.asked[0].text == """
        {"UpdateRoutingControlStateEntries":[\
        {"RoutingControlArn":"\(controls.primary)","RoutingControlState":"Off"},\
        {"RoutingControlArn":"\(controls.dr)","RoutingControlState":"On"}]}
        """)
  }

  @Test(arguments: [
    refusal(503, "EndpointTemporarilyUnavailableException"), refusal(500, "InternalServerException"),
    refusal(429, "ThrottlingException"), FakeExecutor.Prepared(body: Array("<html>".utf8)),
    FakeExecutor.Prepared(body: Array(#"{"RoutingControlState":"Perhaps"}"#.utf8)),
    FakeExecutor.Prepared(failure: CloudFailure(.unreachable, code: "timeout", message: "")),
  ])
  func `F44 two of five endpoints are dead: the next is asked, and first the next time`(
    dead: FakeExecutor.Prepared
  ) async {
    for region in ["us-east-1", "us-west-2"] { executor.prepare("\(look) in \(region)", dead) }
    executor.prepare(look, state("Off"))
    let cloud = makeCloud(executor)
    let off = CloudReply.controls(RoutingState(primary: false, dr: false))
    #expect(await cloud.perform(.readControls(controls), timeout: .seconds(15)) == off)
    let turns = ["us-east-1", "us-west-2", "ap-northeast-1"].flatMap { [$0, $0] }
    #expect(executor.asked.map(\.region) == turns)
    #expect(await cloud.perform(.readControls(controls), timeout: .seconds(15)) == off)
    #expect(executor.asked.dropFirst(6).map(\.region) == ["ap-northeast-1", "ap-northeast-1"])
  }

  @Test func `F44 what a safety rule refuses is refused everywhere, and said verbatim`() async throws {
    let words = "The safety rule \(panel)/safetyrule/cccc (never both off) refuses the change of \(controls.dr)"
    executor.prepare(update, refusal(409, "ConflictException", words))
    let reply = await makeCloud(executor).perform(.turnControls(controls, to: .dr), timeout: .seconds(45))
    let failure = try #require(reply.failure)
    #expect(failure.kind == .wrongState && failure.code == "ConflictException")
    #expect(failure.message.hasSuffix(words))
    #expect(executor.asked.count == 1)
  }

  @Test(arguments: [
    (403, "AccessDeniedException", CloudFailure.Kind.denied), (404, "ResourceNotFoundException", .notFound),
    (400, "ValidationException", .invalid),
  ])
  func `what one endpoint decides holds for all`(
    status: Int, code: String, kind: CloudFailure.Kind
  ) async {
    executor.prepare(update, refusal(status, code))
    let reply = await makeCloud(executor).perform(.turnControls(controls, to: .dr), timeout: .seconds(45))
    #expect(reply.failure?.kind == kind && executor.asked.count == 1)
  }

  @Test(arguments: [
    refusal(500, "InternalServerException"), FakeExecutor.Prepared(body: Array("<html>".utf8)),
    FakeExecutor.Prepared(failure: CloudFailure(.unknownOutcome, code: "timeout", message: "")),
  ])
  func `an update that may have been carried out is asked of nobody else before somebody has looked`(
    lost: FakeExecutor.Prepared
  ) async {
    for region in ["us-east-1", "us-west-2"] { executor.prepare("\(update) in \(region)", lost) }
    executor.prepare(update, "{}")
    executor.prepare(look, state("On"))
    let cloud = makeCloud(executor)
    for _ in 0..<2 {
      let reply = await cloud.perform(.turnControls(controls, to: .dr), timeout: .seconds(45))
      #expect(reply.failure?.kind == .unknownOutcome)
      _ = await cloud.perform(.readControls(controls), timeout: .seconds(15))
    }
    #expect(
      await cloud.perform(.turnControls(controls, to: .dr), timeout: .seconds(45)) == .accepted(receipt: nil))
    // Who answers looks and loses updates is not asked again.
    let updates = executor.asked.filter { $0.name == update }
    #expect(updates.map(\.region) == ["us-east-1", "us-west-2", "ap-northeast-1"])
  }

  @Test func `when none answers, each is named with what it did`() async throws {
    executor.prepare(update, refusal(503, "EndpointTemporarilyUnavailableException"))
    let reply = await makeCloud(executor).perform(.turnControls(controls, to: .dr), timeout: .seconds(45))
    let failure = try #require(reply.failure)
    #expect(failure.kind == .transient && executor.asked.count == 5)
    #expect(failure.message.contains("no endpoint of the cluster answered"))
    for region in regions { #expect(failure.message.contains(region), "\(failure.message)") }
  }

  @Test func `none gets more time than leaves some for the others`() async {
    executor.prepare(look, refusal(503, "EndpointTemporarilyUnavailableException"))
    _ = await makeCloud(executor).perform(.readControls(controls), timeout: .seconds(10))
    #expect(executor.timeouts.first == .seconds(2) && executor.timeouts.last == .seconds(3))
  }

  @Test func `the client asks the endpoint's own host once, signed for its region`() async throws {
    let http = FakeHTTP(script: [answer(503, #"{"__type":"EndpointTemporarilyUnavailableException"}"#)])
    let operation = Operation(
      .routingControl, region: "us-west-2", name: look, path: "/v1", host: controls.endpoints[1].host)
    _ = await (try client(http)).execute(operation, timeout: .seconds(3))
    #expect(http.requests.count == 1)
    #expect(http.requests[0].url == "https://us0a1b.route53-recovery-cluster.us-west-2.amazonaws.com/v1")
    let signature = http.requests[0].headers.first { $0.name.lowercased() == "authorization" }?.value
    #expect(signature?.contains("/us-west-2/route53-recovery-cluster/aws4_request") == true)
  }
}
