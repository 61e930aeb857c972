// What readiness asks AWS, and what is made of the answers.

import PilotlightCore
import Testing

@testable import PilotlightAWS

private let groupARN =
  "arn:aws:autoscaling:us-west-2:123456789012:autoScalingGroup:7fe02b8e:autoScalingGroupName/app-dr"
private let databaseARN = "arn:aws:rds:us-west-2:123456789012:db:app-dr"

@Suite struct ReadinessReadTests {
  let executor = FakeExecutor()

  func ask(_ action: CloudAction, clockAhead: Double = 0) async -> CloudReply {
    await makeCloud(executor, clockAhead: clockAhead).perform(action, timeout: .seconds(10))
  }

  // MARK: Topics

  @Test func `how many a topic reaches is read from its attributes, and what lacks it is garbled`() async throws {
    let topic = TopicRef(region: "us-west-2", arn: "arn:aws:sns:us-west-2:123456789012:pilotlight")
    try executor.prepareFixture("GetTopicAttributes.xml")
    #expect(await ask(.readTopic(topic)) == .subscribers(confirmed: 2, pending: 1))
    #expect(executor.asked[0].form["TopicArn"] == topic.arn)
    let text = String(decoding: try fixture("GetTopicAttributes.xml"), as: UTF8.self)
    for garbage in ["-1", "many", ""] {
      executor.prepare(
        "GetTopicAttributes", text.replacing("Confirmed</key><value>2", with: "Confirmed</key><value>\(garbage)"))
      #expect(await ask(.readTopic(topic)).failure?.kind == .garbled)
    }
    executor.prepare(
      "GetTopicAttributes",
      "<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error></ErrorResponse>",
      status: 404)
    #expect(await ask(.readTopic(topic)).failure?.kind == .notFound)
  }

  // MARK: Launch sources

  private func prepareGroup(_ launch: String) throws {
    let text = String(decoding: try fixture("DescribeAutoScalingGroups.xml"), as: UTF8.self)
    executor.prepare("DescribeAutoScalingGroups", text.replacing("<MinSize>", with: launch + "<MinSize>"))
  }

  @Test(arguments: [
    (
      "<LaunchTemplate><LaunchTemplateId>lt-0a1b</LaunchTemplateId><LaunchTemplateName>app</LaunchTemplateName>"
        + "<Version>3</Version></LaunchTemplate>", "lt-0a1b", "3", "LaunchTemplateId"
    ),
    (
      "<LaunchTemplate><LaunchTemplateName>app</LaunchTemplateName></LaunchTemplate>", "app", "$Default",
      "LaunchTemplateName"
    ),
    (
      "<MixedInstancesPolicy><LaunchTemplate><LaunchTemplateSpecification><LaunchTemplateId>lt-0a1b</LaunchTemplateId>"
        + "<Version>$Latest</Version></LaunchTemplateSpecification></LaunchTemplate></MixedInstancesPolicy>", "lt-0a1b",
      "$Latest", "LaunchTemplateId"
    ),
  ])
  func `F92 the launch template is looked up as the group names it`(
    _ launch: String, _ name: String, _ version: String, _ key: String
  ) async throws {
    try prepareGroup(launch)
    try executor.prepareFixture("DescribeLaunchTemplateVersions.xml")
    #expect(
      await ask(.readLaunchSource(group))
        == .launchSource(LaunchSource(.template, name: name, version: version, isPresent: true)))
    let form = executor.asked[1].form
    #expect(form[key] == name && form["LaunchTemplateVersion.1"] == version && form["Version"] == "2016-11-15")
  }

  @Test(arguments: [
    "InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateName.NotFoundException",
    "InvalidLaunchTemplateId.VersionNotFound",
  ])
  func `F92 a launch template that is gone is told as missing`(_ code: String) async throws {
    try prepareGroup("<LaunchTemplate><LaunchTemplateId>lt-0a1b</LaunchTemplateId></LaunchTemplate>")
    executor.prepare(
      "DescribeLaunchTemplateVersions",
      "<Response><Errors><Error><Code>\(code)</Code><Message>no</Message></Error></Errors><RequestID>1</RequestID></Response>",
      status: 400)
    #expect(
      await ask(.readLaunchSource(group))
        == .launchSource(LaunchSource(.template, name: "lt-0a1b", version: "$Default", isPresent: false)))
  }

  @Test(arguments: [
    ("", 1), ("<Overrides><member><InstanceType>m5.large</InstanceType></member></Overrides>", 1),
    (
      "<Overrides><member><InstanceType>m5.large</InstanceType></member>"
        + "<member><InstanceType>m6i.large</InstanceType></member></Overrides>", 2
    ),
    ("<Overrides><member><InstanceRequirements><VCpuCount/></InstanceRequirements></member></Overrides>", nil),
  ])
  func `what a group may turn to in a shortage is read with what it launches from`(
    _ overrides: String, _ types: Int?
  ) async throws {
    try prepareGroup(
      "<AvailabilityZones><member>us-west-2a</member><member>us-west-2b</member></AvailabilityZones>"
        + "<MixedInstancesPolicy><LaunchTemplate><LaunchTemplateSpecification><LaunchTemplateId>lt-0a1b</LaunchTemplateId>"
        + "</LaunchTemplateSpecification>\(overrides)</LaunchTemplate></MixedInstancesPolicy>")
    try executor.prepareFixture("DescribeLaunchTemplateVersions.xml")
    guard case .launchSource(let source?) = await ask(.readLaunchSource(group)) else {
      return #expect(Bool(false))
    }
    #expect(source.choice == LaunchChoice(types: types, zones: ["us-west-2a", "us-west-2b"]))
  }

  @Test func `a template that states requirements is no template of one type`() async throws {
    try prepareGroup(
      "<AvailabilityZones><member>us-west-2a</member></AvailabilityZones>"
        + "<LaunchTemplate><LaunchTemplateId>lt-0a1b</LaunchTemplateId></LaunchTemplate>")
    let template = String(decoding: try fixture("DescribeLaunchTemplateVersions.xml"), as: UTF8.self)
    executor.prepare(
      "DescribeLaunchTemplateVersions",
      template.replacing(
        "<instanceType>t3.micro</instanceType>",
        with: "<instanceRequirements><vCpuCount><min>2</min></vCpuCount></instanceRequirements>"))
    guard case .launchSource(let source?) = await ask(.readLaunchSource(group)) else {
      return #expect(Bool(false))
    }
    #expect(source.choice == LaunchChoice(types: nil, zones: ["us-west-2a"]))
  }

  @Test func `not to be allowed to look at a launch template is no proof that it is missing`() async throws {
    try prepareGroup("<LaunchTemplate><LaunchTemplateId>lt-0a1b</LaunchTemplateId></LaunchTemplate>")
    executor.prepare(
      "DescribeLaunchTemplateVersions",
      "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>",
      status: 403)
    #expect(await ask(.readLaunchSource(group)).failure?.kind == .denied)
  }

  @Test func `a launch configuration is looked up by its name, and may be gone`() async throws {
    try prepareGroup("<LaunchConfigurationName>app-dr</LaunchConfigurationName>")
    try executor.prepareFixture("DescribeLaunchConfigurations.xml")
    #expect(
      await ask(.readLaunchSource(group))
        == .launchSource(LaunchSource(.configuration, name: "app-dr", isPresent: true)))
    try prepareGroup("<LaunchConfigurationName>app-old</LaunchConfigurationName>")
    #expect(
      await ask(.readLaunchSource(group))
        == .launchSource(LaunchSource(.configuration, name: "app-old", isPresent: false)))
    try prepareGroup("")
    #expect(await ask(.readLaunchSource(group)) == .launchSource(nil))
  }

  // MARK: The switch's bucket

  @Test func `an absent object is fine, an absent bucket is not, and GET tells them apart`() async {
    let error = { (code: String) in "<Error><Code>\(code)</Code><Message>no</Message></Error>" }
    executor.prepare("GetObject", error("NoSuchKey"), status: 404)
    #expect(await ask(.readSwitch(object)) == .object(present: false))
    executor.prepare("GetObject", error("NoSuchBucket"), status: 404)
    #expect(await ask(.readSwitch(object)).failure?.kind == .notFound)
    executor.prepare("GetObject", error("AccessDenied"), status: 403)
    #expect(await ask(.readSwitch(object)).failure?.kind == .denied)
    executor.prepare("GetObject", "pilotlight", headers: [("ETag", "\"1\"")])
    #expect(await ask(.readSwitch(object)) == .object(present: true))
    executor.prepare("GetObject", "<html>welcome</html>")
    #expect(await ask(.readSwitch(object)).failure?.kind == .garbled)
    #expect(executor.asked[0].method == "GET" && executor.asked[0].path == "/pilotlight/app%20on")
  }

  // MARK: Permissions

  private func prepareSimulation() throws {
    try executor.prepareFixture("GetCallerIdentity.xml")
    try executor.prepareFixture("DescribeAutoScalingGroups.xml")
    try executor.prepareFixture("SimulatePrincipalPolicy.xml")
  }

  @Test func `each change is judged on its own resource, not by what the whole simulation says`() async throws {
    try prepareSimulation()
    let changes: [CloudAction] = [
      .resizeGroup(group, GroupSize(min: 0, desired: 0, max: 0)), .promoteReplica(database),
      .putObject(object, body: ""), .publish(TopicRef(region: "us-west-2", arn: "arn:topic"), subject: "", message: ""),
    ]
    #expect(
      await ask(.simulate(changes, region: "us-west-2"))
        == .permissions([
          Permission(action: "autoscaling:UpdateAutoScalingGroup", resource: groupARN, decision: .allowed),
          Permission(action: "rds:PromoteReadReplica", resource: databaseARN, decision: .denied),
          Permission(
            action: "s3:PutObject", resource: "arn:aws:s3:::switch/pilotlight/app on",
            decision: .undecided("its policy depends on aws:PrincipalTag/team")),
          Permission(action: "sns:Publish", resource: "arn:topic", decision: .undecided("the answer lacks it")),
        ]))
  }

  @Test func `a secret's exact ARN is simulated, and nothing of the secret leaves`() async throws {
    try prepareSimulation()
    try executor.prepareFixture("GetSecretValue.json")
    let change = CloudAction.repointSecret(secret, DatabaseAddress(host: "", port: 0), token: "")
    let reply = await ask(.simulate([change], region: "us-west-2"))
    let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:app/db-a1b2c3"
    #expect(executor.asked.last?.form["ResourceArns.member.1"] == arn)
    #expect(!"\(reply)".contains("CANARY"))
  }

  @Test func `a rule is made at a listener, and deleted as a rule: policies name one or the other`() async throws {
    try prepareSimulation()
    let arn = "arn:aws:elasticloadbalancing:us-west-2:123456789012:listener/app/dr/50dc6c495c0c9188/f2f7dc8efc522ab2"
    let listener = ListenerRef(region: "us-west-2", arn: arn)
    _ = await ask(.simulate([.holdWrites(listener), .releaseWrites(listener)], region: "us-west-2"))
    let form = try #require(executor.asked.last?.form)
    let rule = arn.replacing(":listener/", with: ":listener-rule/")
    #expect(form["ContextEntries.member.1.ContextKeyName"] == "aws:RequestedRegion")
    #expect(form["ContextEntries.member.1.ContextKeyValues.member.1"] == "us-west-2")
    #expect(form["ContextEntries.member.2.ContextKeyValues.member.1"] == "rds.us-west-2.amazonaws.com")
    #expect(form["ResourceArns.member.1"] == arn)
    #expect(form["ResourceArns.member.2"]?.hasPrefix(rule + "/") == true)
  }

  @Test func `each region's changes are asked about as if they were asked for there`() async throws {
    try prepareSimulation()
    let far = TopicRef(region: "eu-west-1", arn: "arn:aws:sns:eu-west-1:123456789012:far")
    _ = await ask(.simulate([.promoteReplica(database), .publish(far, subject: "", message: "")], region: "us-west-2"))
    let forms = executor.asked.map(\.form).filter { $0["Action"] == "SimulatePrincipalPolicy" }
    #expect(
      forms.map { $0["ContextEntries.member.1.ContextKeyValues.member.1"] } == ["us-west-2", "eu-west-1"])
    #expect(forms.map { $0["ResourceArns.member.1"] } == [databaseARN, far.arn])
  }

  @Test func `a group that cannot be read leaves its own permission open and no other`() async throws {
    try prepareSimulation()
    executor.prepare("DescribeAutoScalingGroups", "<Error><Code>Throttling</Code></Error>", status: 400)
    guard
      case .permissions(let found) = await ask(
        .simulate([.resizeGroup(group, GroupSize(min: 0, desired: 0, max: 0)), .promoteReplica(database)], region: "x"))
    else { return #expect(Bool(false)) }
    #expect(found.map(\.decision) == [.undecided("its resource is not known: Throttling"), .denied])
  }

  @Test(arguments: [
    ("arn:aws:sts::123456789012:assumed-role/pilotlight/i-1", "arn:aws:iam::123456789012:role/pilotlight"),
    ("arn:aws-cn:iam::123456789012:user/ops/alice", "arn:aws-cn:iam::123456789012:user/ops/alice"),
    ("arn:aws:iam::123456789012:root", nil), ("arn:aws:sts::123456789012:federated-user/bob", nil),
  ])
  func `the policies are those of the role or user behind the caller`(_ caller: String, _ source: String?) {
    #expect(CallerARN(caller)?.policySource == source)
  }

  @Test func `whoever may not simulate is told so`() async throws {
    try prepareSimulation()
    executor.prepare(
      "SimulatePrincipalPolicy",
      "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>", status: 403)
    #expect(await ask(.simulate([.promoteReplica(database)], region: "us-west-2")).failure?.kind == .denied)
  }

  // MARK: The clock

  @Test(arguments: [0, 90, -3600] as [Double])
  func `the clock is compared with the answer's Date`(_ ahead: Double) async throws {
    try executor.prepareFixture("GetCallerIdentity.xml")
    guard case .clock(let behind) = await ask(.readClock(region: "us-west-2"), clockAhead: ahead) else {
      return #expect(Bool(false))
    }
    #expect(abs(behind.seconds + ahead) <= 1)
  }
}
