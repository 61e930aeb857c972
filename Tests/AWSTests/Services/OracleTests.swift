// The requests as botocore's own serializer builds them (fixture botocore-requests.json: its service models, the same arguments).
// A misspelt parameter is ignored or refused by AWS on the night it is needed; here it is a difference.

import Foundation
import PilotlightCore
import Testing

@testable import PilotlightAWS

private var instanceChange: InstanceChange {
  var change = InstanceChange()
  change.parameterGroup = "pg16"
  change.multiAZ = true
  change.deletionProtection = true
  change.copyTagsToSnapshot = true
  change.iamAuthentication = true
  change.tags = ["team": "", "backup": "daily"]
  return change
}

@Suite struct OracleTests {
  struct Expected: Decodable {
    var method: String
    var path: String
    var query: [String: String]
    var form: [String: String]?
    var body: String?
    var target: String?
  }

  /// Every action but those of S3, whose requests are a path alone.
  static func actions() -> [CloudAction] {
    let settings = DatabaseSettings(
      ref: DatabaseRef(region: "us-west-2", identifier: "app-new"), instanceClass: "db.t3.medium", subnetGroup: "dr",
      securityGroups: ["sg-1", "sg-2"], kmsKey: "arn:key", parameterGroup: "pg16")
    return [
      .callerIdentity(region: "us-west-2"), .describeGroup(group), .describeDatabase(database), .replicaLag(database),
      .targetHealth(TargetGroupRef(region: "us-west-2", arn: "arn:tg")), .readSecret(secret), .readSecretSource(secret),
      .detachSecret(secret), .readRecords(record),
      .readChange(id: "C1", region: "us-east-1"), .readHealthCheck(HealthCheckRef(id: "0a1b-2c3d")),
      .readCheckSwitch(HealthCheckRef(id: "0a1b-2c3d")),
      .switchCheck(HealthCheckRef(id: "0a1b-2c3d"), unhealthy: true), .stopDatabase(database), .startDatabase(database),
      .readWriteHold(listener),
      .describeSnapshot(database, snapshot: "app-before"),
      .resizeGroup(group, GroupSize(min: 1, desired: 2, max: 3)), .promoteReplica(database, backups: 35),
      .modifyInstance(database, instanceChange), .rebootInstance(database),
      .renameDatabase(database, to: "app-old"), .snapshotDatabase(database, snapshot: "app-before"),
      .createReplica(ReplicaSpec(settings: settings, source: database)),
      .pointRecords(
        record, to: recordTargets.dr, from: recordTargets.primary,
        sets: RecordMove([], to: recordTargets.dr, from: recordTargets.primary).sets),
      .pointRecords(record, to: recordTargets.dr, from: recordTargets.primary, sets: readSets),
      .holdWrites(listener), .releaseWrites(listener),
      .describeDatabase(cluster), .replicaLag(cluster), .failOverCluster(cluster, arn: clusterARN),
      .switchOverCluster(cluster, arn: clusterARN, from: oldCluster),
      .publish(TopicRef(region: "us-west-2", arn: "arn:topic"), subject: "s", message: "m & n"),
      .readTopic(TopicRef(region: "us-west-2", arn: "arn:topic")),
      .simulate(
        [.resizeGroup(group, GroupSize(min: 0, desired: 0, max: 0)), .promoteReplica(database)], region: "us-west-2"),
      .readClock(region: "us-west-2"),
      .readLease(lease),
      .readControls(RoutingControls(primary: controls.primary, dr: controls.primary, endpoints: controls.endpoints)),
      .turnControls(controls, to: .dr),
      .claimLease(lease, leased("watchdog-a", 8, 0), over: leased("watchdog-b", 7, 41)),
    ]
  }

  @Test func `every request is built as botocore builds it`() async throws {
    let executor = FakeExecutor()
    for file in [
      "DescribeAutoScalingGroups.xml", "DescribeScalingActivities.xml", "DescribeDBInstances.xml", "DescribeRules.xml",
      "GetCallerIdentity.xml", "DescribeDBClusters.xml", "PromoteReadReplica.xml",
    ] { try executor.prepareFixture(file) }
    for action in OracleTests.actions() {
      _ = await makeCloud(executor).perform(action, timeout: .seconds(10))
    }
    for launch in [
      "<LaunchTemplate><LaunchTemplateId>lt-0a1b2c3d4e5f60718</LaunchTemplateId></LaunchTemplate>",
      "<LaunchConfigurationName>app-dr</LaunchConfigurationName>",
    ] {
      let text = String(decoding: try fixture("DescribeAutoScalingGroups.xml"), as: UTF8.self)
      executor.prepare("DescribeAutoScalingGroups", text.replacing("<MinSize>", with: "\(launch)<MinSize>"))
      _ = await makeCloud(executor).perform(.readLaunchSource(group), timeout: .seconds(10))
    }
    let expected = try JSONDecoder().decode(
      [String: Expected].self, from: Data(try fixture("botocore-requests.json")))
    func key(_ operation: PilotlightAWS.Operation) -> String {
      if operation.text.contains("AuroraGlobalDB") { return "\(operation.name) of a cluster" }
      for name in ["DeletionProtection", "EnableIAMDatabaseAuthentication", "MultiAZ", "DBParameterGroupName"]
      where operation.form[name] != nil { return "\(operation.name) \(name)" }
      return operation.text.contains("HealthCheckId") ? "\(operation.name) as read" : operation.name
    }
    #expect(Set(executor.asked.map(key)) == Set(expected.keys))
    for operation in executor.asked {
      let oracle = try #require(expected[key(operation)])
      #expect(operation.method == oracle.method && operation.path == oracle.path, "\(operation.name)")
      let query = Dictionary(operation.query.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      #expect(query == oracle.query, "\(operation.name)")
      if let form = oracle.form { #expect(operation.form == form, "\(operation.name)") }
      if let body = oracle.body {
        #expect(operation.text.replacing("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", with: "") == body)
      }
      #expect(operation.headers.first { $0.name == "X-Amz-Target" }?.value == oracle.target)
    }
  }
}
