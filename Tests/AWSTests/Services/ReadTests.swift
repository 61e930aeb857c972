import PilotlightCore
import Testing

@testable import PilotlightAWS

@Suite struct ReadTests {
  let executor = FakeExecutor()

  func ask(_ action: CloudAction) async -> CloudReply {
    await makeCloud(executor).perform(action, timeout: .seconds(10))
  }

  @Test func `the caller is known by account and ARN`() async throws {
    try executor.prepareFixture("GetCallerIdentity.xml")
    #expect(
      await ask(.callerIdentity(region: "us-west-2"))
        == .identity(account: "123456789012", arn: "arn:aws:iam::123456789012:user/Alice"))
    #expect(executor.asked[0].form == ["Action": "GetCallerIdentity", "Version": "2011-06-15"])
  }

  @Test func `a group counts only instances that are in service and healthy, and says why it lacks some`() async throws
  {
    try executor.prepareFixture("DescribeAutoScalingGroups.xml")
    try executor.prepareFixture("DescribeScalingActivities.xml")
    let trouble =
      "We currently do not have sufficient t3.medium capacity in the Availability Zone you requested (us-west-2a)."
    #expect(
      await ask(.describeGroup(group))
        == .group(
          GroupState(
            size: GroupSize(min: 1, desired: 3, max: 3), inService: 1, instances: 3, trouble: trouble,
            suspended: ["Launch"], protected: 1)))
  }

  @Test(arguments: [("bad KMS key", true), ("", false)])
  func `a launch that ends as cancelled failed, too, where AWS says why`(_ why: String, _ isReason: Bool) async throws {
    try executor.prepareFixture("DescribeAutoScalingGroups.xml")
    executor.prepare(
      "DescribeScalingActivities",
      """
      <R><DescribeScalingActivitiesResult><Activities><member><ActivityId>a</ActivityId><StatusCode>Cancelled</StatusCode>\
      <StatusMessage>\(why)</StatusMessage></member></Activities></DescribeScalingActivitiesResult></R>
      """)
    guard case .group(let state) = await ask(.describeGroup(group)) else { return #expect(Bool(false)) }
    #expect(state.trouble == (isReason ? why : nil))
  }

  @Test func `a group that is complete is not asked for its activities`() async throws {
    let full = String(decoding: try fixture("DescribeAutoScalingGroups.xml"), as: UTF8.self)
      .replacing("<DesiredCapacity>3", with: "<DesiredCapacity>1")
    executor.prepare("DescribeAutoScalingGroups", full)
    guard case .group(let state) = await ask(.describeGroup(group)) else { return #expect(Bool(false)) }
    #expect(state.trouble == nil && executor.asked.count == 1)
  }

  @Test func `a success newer than the failure ends the trouble`() async throws {
    try executor.prepareFixture("DescribeAutoScalingGroups.xml")
    let healed = String(decoding: try fixture("DescribeScalingActivities.xml"), as: UTF8.self)
      .replacing("InProgress", with: "Successful")
    executor.prepare("DescribeScalingActivities", healed)
    guard case .group(let state) = await ask(.describeGroup(group)) else { return #expect(Bool(false)) }
    #expect(state.trouble == nil)
  }

  @Test(arguments: [
    ("2026-11-20T10:00:00Z", "2026-11-20T10:05:00Z", "Launching a new EC2 instance", true),
    ("2026-11-13T10:00:00Z", "2026-11-20T10:05:00Z", "Launching a new EC2 instance", false),
    ("2026-11-20T10:00:00Z", "2026-11-20T10:05:00Z", "Terminating EC2 instance: i-1", false),
  ])
  func `a launch that failed last week, or an instance that would not go, is no reason why launches fail now`(
    _ failed: String, _ running: String, _ what: String, _ isReason: Bool
  ) async throws {
    try executor.prepareFixture("DescribeAutoScalingGroups.xml")
    let dated = String(decoding: try fixture("DescribeScalingActivities.xml"), as: UTF8.self)
      .replacing("<ActivityId>a3</ActivityId>", with: "<ActivityId>a3</ActivityId><StartTime>\(running)</StartTime>")
      .replacing(
        "<ActivityId>a2</ActivityId>",
        with: "<ActivityId>a2</ActivityId><Description>\(what)</Description><StartTime>\(failed)</StartTime>")
    executor.prepare("DescribeScalingActivities", dated)
    guard case .group(let state) = await ask(.describeGroup(group)) else { return #expect(Bool(false)) }
    #expect((state.trouble != nil) == isReason)
  }

  @Test func `an empty list of groups means that the group does not exist`() async {
    executor.prepare(
      "DescribeAutoScalingGroups",
      "<R><DescribeAutoScalingGroupsResult><AutoScalingGroups/></DescribeAutoScalingGroupsResult></R>")
    #expect(await ask(.describeGroup(group)).failure?.kind == .notFound)
  }

  @Test func `a replica shows its source, address and replication`() async throws {
    try executor.prepareFixture("DescribeDBInstances.xml")
    #expect(
      await ask(.describeDatabase(DatabaseRef(region: "us-west-2", identifier: "App-DR")))
        == .database(
          DatabaseState(
            status: "available", source: "arn:aws:rds:eu-west-1:123456789012:db:app",
            arn: "arn:aws:rds:us-west-2:123456789012:db:app-dr",
            address: DatabaseAddress(host: "app-dr.c1a2b3.us-west-2.rds.amazonaws.com", port: 5433),
            engine: "postgres", replication: "replicating",
            instance: InstanceState(
              instanceClass: "db.t3.medium", subnetGroup: "private", securityGroups: ["sg-0a1b2c3d"],
              kmsKey: "arn:aws:kms:us-west-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
              parameterGroup: "pg16", parameterStatus: "pending-reboot", backupRetention: 7,
              // A standby that is asked for counts; tags of AWS's own are nobody's to set.
              options: InstanceOptions(
                multiAZ: true, deletionProtection: true, copyTagsToSnapshot: true,
                tags: ["backup": "daily", "team": ""]),
              others: [
                "StorageType": "gp3", "Iops": "3000", "PerformanceInsightsEnabled": "true",
                "EnabledCloudwatchLogsExports": "postgresql upgrade",
              ]))))
  }

  @Test func `an empty source is no source, and an instance in creation has no address`() async {
    executor.prepare(
      "DescribeDBInstances",
      """
      <R><DescribeDBInstancesResult><DBInstances><DBInstance><DBInstanceIdentifier>app-dr</DBInstanceIdentifier>
      <DBInstanceStatus>creating</DBInstanceStatus><DBInstanceArn>arn:x</DBInstanceArn><Engine>mysql</Engine>
      <ReadReplicaSourceDBInstanceIdentifier/></DBInstance></DBInstances></DescribeDBInstancesResult></R>
      """)
    #expect(
      await ask(.describeDatabase(database))
        == .database(
          DatabaseState(
            status: "creating", source: nil, arn: "arn:x", address: nil, engine: "mysql", instance: InstanceState())))
  }

  @Test func `a snapshot has a status, or does not exist`() async throws {
    try executor.prepareFixture("DescribeDBSnapshots.xml")
    #expect(await ask(.describeSnapshot(database, snapshot: "app-before")) == .snapshot(status: "creating"))
    #expect(await ask(.describeSnapshot(database, snapshot: "app-other")).failure?.kind == .notFound)
  }

  @Test(arguments: [0, -3600, 3600, -73] as [Double])
  func `F54 lag comes on the daemon's time line, however wrong this host's clock is, newest last, -1 as it came`(
    _ clockAhead: Double
  ) async throws {
    try executor.prepareFixture("GetMetricData.xml")
    let cloud = makeCloud(executor, clockAhead: clockAhead)
    guard case .lag(let samples) = await cloud.perform(.replicaLag(database), timeout: .seconds(5)) else {
      return #expect(Bool(false))
    }
    #expect(samples.map(\.seconds) == [0.5, 4, -1])
    // A second early, since Date has whole seconds.
    #expect(samples.map(\.at.text) == ["2026-11-23T17:31:19Z", "2026-11-23T17:32:19Z", "2026-11-23T17:33:19Z"])
  }

  @Test(arguments: ["Mon, 23 Nov 2026 17:34:58 GMT", "Mon, 23 Nov 2026 18:35:15 GMT", "yesterday"])
  func `F54 lag whose age is not told by the answer's Date is not believed`(_ date: String) async throws {
    executor.prepare(
      "GetMetricData", .init(headers: [("Date", date)], body: try fixture("GetMetricData.xml")))
    #expect(await ask(.replicaLag(database)).failure?.kind == .garbled)
  }

  @Test func `lag is asked for by minutes, for a quarter of an hour`() async throws {
    try executor.prepareFixture("GetMetricData.xml")
    _ = await ask(.replicaLag(database))
    let form = executor.asked[0].form
    #expect(form["StartTime"] == "2026-11-23T17:20:15Z" && form["ScanBy"] == "TimestampAscending")
    #expect(form["EndTime"] == "2026-11-23T17:41:15Z")
    #expect(form["MetricDataQueries.member.1.MetricStat.Period"] == "60")
    #expect(form["MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value"] == "app-dr")
  }

  @Test(arguments: [("InternalError", CloudFailure.Kind.transient), ("Forbidden", .denied)])
  func `a metric that could not be read is a failure and not an empty series (F34)`(
    _ code: String, _ kind: CloudFailure.Kind
  ) async throws {
    let text = String(decoding: try fixture("GetMetricData.xml"), as: UTF8.self).replacing("Complete", with: code)
    executor.prepare("GetMetricData", text)
    #expect(await ask(.replicaLag(database)).failure?.kind == kind)
  }

  @Test func `Route 53's checkers are counted; one that has nothing to report is not`() async throws {
    try executor.prepareFixture("GetHealthCheckStatus.xml")
    let check = HealthCheckRef(id: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
    #expect(await ask(.readHealthCheck(check)) == .checkers(CheckerHealth(healthy: 2, unhealthy: 1)))
    #expect(executor.asked[0].path == "/2013-04-01/healthcheck/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/status")
  }

  @Test(arguments: [
    ("<Inverted>true</Inverted><Disabled>true</Disabled>", true, true),
    ("<Inverted>false</Inverted><Disabled>false</Disabled>", false, false),
    ("<Inverted> true </Inverted>", false, true),
    ("", false, false),
  ]) func `a health check says whether it is disabled and inverted; what is not written is not so`(
    config: String, disabled: Bool, inverted: Bool
  ) async throws {
    executor.prepare(
      "GetHealthCheck",
      "<GetHealthCheckResponse><HealthCheck><Id>c</Id><HealthCheckConfig><Type>HTTPS</Type>\(config)</HealthCheckConfig>"
        + "</HealthCheck></GetHealthCheckResponse>")
    let state = CheckSwitch(disabled: disabled, inverted: inverted)
    #expect(await ask(.readCheckSwitch(HealthCheckRef(id: "c"))) == .checkSwitch(state))
  }

  @Test func `a health check without its settings is garbled, never taken for one that follows its endpoint`() async {
    executor.prepare(
      "GetHealthCheck", "<GetHealthCheckResponse><HealthCheck><Id>c</Id></HealthCheck></GetHealthCheckResponse>")
    #expect(await ask(.readCheckSwitch(HealthCheckRef(id: "c"))).failure?.kind == .garbled)
  }

  @Test func `targets in neither state are counted apart`() async throws {
    try executor.prepareFixture("DescribeTargetHealth.xml")
    #expect(
      await ask(.targetHealth(TargetGroupRef(region: "us-west-2", arn: "arn:tg")))
        == .targets(TargetHealth(healthy: 1, unhealthy: 1, other: 1)))
  }

  @Test func `a change is asked for by its id alone`() async throws {
    try executor.prepareFixture("GetChange.xml")
    #expect(await ask(.readChange(id: "/change/C2682N5HXP0BZ4", region: "us-east-1")) == .change(.insync))
    #expect(executor.asked[0].path == "/2013-04-01/change/C2682N5HXP0BZ4")
  }

  @Test func `an object is there, is not there, or may not be seen`() async {
    executor.prepare(
      "HeadObject", .init(headers: [("ETag", "\"1\"")]), .init(status: 404, headers: [("x-amz-request-id", "R2")]),
      .init(status: 403, headers: [("x-amz-request-id", "R3")]))
    #expect(await ask(.readObject(object)) == .object(present: true))
    #expect(await ask(.readObject(object)) == .object(present: false))
    #expect(await ask(.readObject(object)).failure?.kind == .denied)
    #expect(executor.asked[0].path == "/pilotlight/app%20on" && executor.asked[0].bucket == "switch")
  }

  @Test func `our own write hold is known by its sentence among the rules of others`() async throws {
    try executor.prepareFixture("DescribeRules.xml")
    #expect(await ask(.readWriteHold(listener)) == .writeHold(present: true))
    let others = String(decoding: try fixture("DescribeRules.xml"), as: UTF8.self)
      .replacing("pilotlight: writes are held", with: "somebody holds writes")
    executor.prepare("DescribeRules", others)
    // Nothing of ours can stand before it.
    guard case .writeHold(present: false, let foreign?) = await ask(.readWriteHold(listener)) else {
      Issue.record("the rule of the first priority is not told of")
      return
    }
    #expect(foreign.hasPrefix("arn:rule/ours of somebody else has priority 1"))
  }
}
