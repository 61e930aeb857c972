import PilotlightCore
import Testing

@testable import PilotlightAWS

@Suite struct WriteTests {
  let executor = FakeExecutor()

  func ask(_ action: CloudAction) async -> CloudReply {
    await makeCloud(executor).perform(action, timeout: .seconds(10))
  }

  @Test func `a resize names all three sizes and may be repeated`() async throws {
    try executor.prepareFixture("UpdateAutoScalingGroup.xml")
    let reply = await ask(.resizeGroup(group, GroupSize(min: 1, desired: 2, max: 3)))
    #expect(reply == .accepted(receipt: nil))
    let operation = executor.asked[0]
    #expect(operation.changes && operation.declarative)
    #expect(
      operation.form == [
        "Action": "UpdateAutoScalingGroup", "Version": "2011-01-01", "AutoScalingGroupName": "app-dr", "MinSize": "1",
        "DesiredCapacity": "2", "MaxSize": "3",
      ])
  }

  @Test func `F38 a desired size above the maximum is refused for good`() async {
    executor.prepare(
      "UpdateAutoScalingGroup",
      queryError("ValidationError", "New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup."),
      status: 400)
    let failure = await ask(.resizeGroup(group, GroupSize(min: 1, desired: 4, max: 3))).failure
    #expect(failure?.kind == .invalid && failure?.code == "ValidationError")
    #expect(failure?.message.contains("above max value 3") == true)
  }

  @Test func `promotion is exactly one request that does not bear repeating`() async throws {
    try executor.prepareFixture("PromoteReadReplica.xml")
    #expect(await ask(.promoteReplica(database)) == .accepted(receipt: nil))
    #expect(executor.asked.count == 1 && executor.asked[0].changes && !executor.asked[0].declarative)
    #expect(
      executor.asked[0].form
        == ["Action": "PromoteReadReplica", "Version": "2014-10-31", "DBInstanceIdentifier": "app-dr"])
  }

  @Test(arguments: [500, 502, 503, 504]) func `F29 a promotion that met a server error has an unknown outcome`(
    _ status: Int
  ) async {
    executor.prepare("PromoteReadReplica", "<html><body>Bad Gateway</body></html>", status: status)
    #expect(await ask(.promoteReplica(database)).failure?.kind == .unknownOutcome)
    #expect(executor.asked.count == 1)
  }

  @Test func `a promotion that is refused for its backups is asked for without`() async throws {
    let refusal = FakeExecutor.Prepared(
      status: 400, body: Array(queryError("InvalidParameterCombination", "managed by AWS Backup").utf8))
    executor.prepare("PromoteReadReplica", refusal, .init(body: try fixture("PromoteReadReplica.xml")))
    #expect(await ask(.promoteReplica(database, backups: 7)) == .accepted(receipt: nil))
    #expect(executor.asked.map { $0.form["BackupRetentionPeriod"] } == ["7", nil])
    // What may have happened is not asked for again.
    executor.prepare("PromoteReadReplica", "<html/>", status: 503)
    #expect(await ask(.promoteReplica(database, backups: 7)).failure?.kind == .unknownOutcome)
    #expect(executor.asked.count == 3)
  }

  @Test func `each setting is asked for whatever became of the others, and what passes by itself is told first`()
    async throws
  {
    var change = InstanceChange()
    change.deletionProtection = true
    change.multiAZ = true
    change.parameterGroup = "pg16"
    change.tags = ["team": "a"]
    try executor.prepareFixture("DescribeDBInstances.xml")
    let denied = FakeExecutor.Prepared(status: 403, body: Array(queryError("AccessDenied", "no").utf8))
    let busy = FakeExecutor.Prepared(status: 400, body: Array(queryError("InvalidDBInstanceState", "modifying").utf8))
    let taken = FakeExecutor.Prepared(body: Array("<R><ModifyDBInstanceResult/></R>".utf8))
    executor.prepare("AddTagsToResource", denied)
    executor.prepare("ModifyDBInstance", taken, taken, busy)
    #expect(await ask(.modifyInstance(database, change)).failure?.kind == .wrongState)
    #expect(executor.asked.filter { $0.name == "ModifyDBInstance" }.count == 3)
    executor.prepare("ModifyDBInstance", taken)
    #expect(await ask(.modifyInstance(database, change)).failure?.kind == .denied)
    executor.prepare("AddTagsToResource", "<AddTagsToResourceResponse><ResponseMetadata/></AddTagsToResourceResponse>")
    #expect(await ask(.modifyInstance(database, change)) == .accepted(receipt: nil))
  }

  @Test func `F46 a denied promotion is told as such, with the request id`() async {
    executor.prepare("PromoteReadReplica", queryError("AccessDenied", "User: alice is not authorized"), status: 403)
    let failure = await ask(.promoteReplica(database)).failure
    #expect(failure?.kind == .denied && failure?.requestID == "42d59b56")
    #expect(executor.asked.count == 1)
  }

  @Test func `F47 a promotion answered by a page of HTML has an unknown outcome`() async {
    executor.prepare("PromoteReadReplica", "<!DOCTYPE html><html><body>Please log in</body></html>")
    #expect(await ask(.promoteReplica(database)).failure?.kind == .unknownOutcome)
  }

  @Test func `a rename is applied at once`() async {
    executor.prepare("ModifyDBInstance", "<R><ModifyDBInstanceResult/></R>")
    #expect(await ask(.renameDatabase(database, to: "app-old")) == .accepted(receipt: nil))
    let form = executor.asked[0].form
    #expect(form["NewDBInstanceIdentifier"] == "app-old" && form["ApplyImmediately"] == "true")
  }

  @Test func `an encrypted replica is asked for in its own region with a request presigned for the source's`()
    async throws
  {
    let source = DatabaseRef(region: "eu-west-1", identifier: "app-dr")
    try executor.prepareFixture("DescribeDBInstances.xml")
    executor.prepare("CreateDBInstanceReadReplica", "<R><CreateDBInstanceReadReplicaResult/></R>")
    var spec = replicaSpec(source)
    #expect(await ask(.createReplica(spec)) == .accepted(receipt: nil))
    #expect(executor.asked.map(\.region) == ["eu-west-1", "us-west-2"])
    let form = executor.asked[1].form
    #expect(form["SourceDBInstanceIdentifier"] == "arn:aws:rds:us-west-2:123456789012:db:app-dr")
    #expect(form["PreSignedUrl"] == "https://presigned.example/?X-Amz-Signature=1" && form["KmsKeyId"] == "arn:key")
    #expect(form["VpcSecurityGroupIds.VpcSecurityGroupId.2"] == "sg-2" && form["DBInstanceClass"] == "db.t3.medium")
    // "A parameter group can't be specified during Read Replica creation for the following DB engine: postgres".
    #expect(form["DBSubnetGroupName"] == "dr" && form["DBParameterGroupName"] == nil)
    #expect(executor.presigned.map(\.region) == ["eu-west-1"] && executor.presigned[0].method == "GET")
    #expect(executor.presigned[0].query.contains { $0.name == "DestinationRegion" && $0.value == "us-west-2" })
    spec.kmsKey = nil
    _ = await ask(.createReplica(spec))
    #expect(executor.presigned.count == 1 && executor.asked[3].form["PreSignedUrl"] == nil)
    let text = String(decoding: try fixture("DescribeDBInstances.xml"), as: UTF8.self)
    executor.prepare("DescribeDBInstances", text.replacing("<Engine>postgres<", with: "<Engine>mysql<"))
    _ = await ask(.createReplica(spec))
    #expect(executor.asked[5].form["DBParameterGroupName"] == "pg16")
  }

  @Test func `writes are held by a rule of the first priority for every path`() async throws {
    try executor.prepareFixture("CreateRule.xml")
    #expect(await ask(.holdWrites(listener)) == .accepted(receipt: nil))
    let form = executor.asked[0].form
    #expect(form["Priority"] == "1" && form["Conditions.member.1.Values.member.1"] == "*")
    #expect(form["Actions.member.1.FixedResponseConfig.StatusCode"] == "503")
    #expect(
      form["Actions.member.1.FixedResponseConfig.MessageBody"]
        == "pilotlight: this load balancer is closed while the other region takes over")
  }

  @Test func `releasing writes deletes our own rule and no other`() async throws {
    try executor.prepareFixture("DescribeRules.xml")
    executor.prepare("DeleteRule", "<DeleteRuleResponse><DeleteRuleResult/></DeleteRuleResponse>")
    #expect(await ask(.releaseWrites(listener)) == .accepted(receipt: nil))
    #expect(executor.asked.last?.form["RuleArn"] == "arn:rule/ours")
    executor.prepare("DeleteRule", queryError("RuleNotFound", "gone"), status: 400)
    #expect(await ask(.releaseWrites(listener)) == .accepted(receipt: nil))
    executor.prepare("DescribeRules", "<R><DescribeRulesResult><Rules/></DescribeRulesResult></R>")
    let before = executor.asked.count
    #expect(await ask(.releaseWrites(listener)) == .accepted(receipt: nil))
    #expect(executor.asked.count == before + 1)
  }

  @Test func `F47 a switch object counts as written only when S3 says so`() async {
    executor.prepare(
      "PutObject", .init(body: Array("<html>log in</html>".utf8)), .init(headers: [("etag", "\"1\"")]))
    #expect(await ask(.putObject(object, body: "by pilotlight")).failure?.kind == .unknownOutcome)
    #expect(await ask(.putObject(object, body: "by pilotlight")) == .accepted(receipt: nil))
    executor.prepare("DeleteObject", .init(status: 200), .init(status: 204))
    #expect(await ask(.removeObject(object)).failure?.kind == .unknownOutcome)
    #expect(await ask(.removeObject(object)) == .accepted(receipt: nil))
  }

  @Test func `a notice carries a subject of plain characters`() async throws {
    try executor.prepareFixture("Publish.xml")
    let topic = TopicRef(region: "us-west-2", arn: "arn:topic")
    let reply = await ask(.publish(topic, subject: "a\nb → c" + String(repeating: "x", count: 200), message: "m&m"))
    #expect(reply == .accepted(receipt: "567910cd-659e-55d4-8ccb-5aaf14679dc0"))
    let form = executor.asked[0].form
    #expect(
      form["Subject"]?.hasPrefix("a?b ? cxx") == true && form["Subject"]?.count == 100 && form["Message"] == "m&m")
  }

  @Test func `the requests of one action share one timeout, and none is sent when it is used up`() async throws {
    try executor.prepareFixture("DescribeAutoScalingGroups.xml")
    try executor.prepareFixture("DescribeScalingActivities.xml")
    let executor = executor
    // Every request takes six seconds.
    let cloud = makeCloud(executor, steady: { .seconds(6 * executor.asked.count) })
    _ = await cloud.perform(.describeGroup(group), timeout: .seconds(10))
    #expect(executor.timeouts == [.seconds(10), .seconds(4)])
    try executor.prepareFixture("GetSecretValue.json")
    let reply = await cloud.perform(
      .repointSecret(secret, DatabaseAddress(host: "h", port: 1), token: "t"), timeout: .seconds(5))
    #expect(reply.failure?.kind == .transient && executor.asked.last?.name == "GetSecretValue")
  }

  func replicaSpec(_ source: DatabaseRef) -> ReplicaSpec {
    var settings = DatabaseSettings(ref: DatabaseRef(region: "us-west-2", identifier: "app-new"))
    settings.instanceClass = "db.t3.medium"
    settings.subnetGroup = "dr"
    settings.securityGroups = ["sg-1", "sg-2"]
    settings.kmsKey = "arn:key"
    settings.parameterGroup = "pg16"
    return ReplicaSpec(settings: settings, source: source)
  }
}

/// An error as Query services send it.
func queryError(_ code: String, _ message: String) -> String {
  """
  <ErrorResponse><Error><Type>Sender</Type><Code>\(code)</Code><Message>\(message)</Message></Error>
  <RequestId>42d59b56</RequestId></ErrorResponse>
  """
}
