// A cluster of a global database, as its own region describes it.

import PilotlightCore
import Testing

@testable import PilotlightAWS

let cluster = DatabaseRef(
  region: "us-west-2", identifier: "app-dr", global: GlobalDatabase(identifier: "django-app", peer: "eu-west-1"))
let oldCluster = DatabaseRef(
  region: "eu-west-1", identifier: "app", global: GlobalDatabase(identifier: "django-app", peer: "us-west-2"))
let clusterARN = "arn:aws:rds:us-west-2:123456789012:cluster:app-dr"
let oldARN = "arn:aws:rds:eu-west-1:123456789012:cluster:app"

@Suite struct AuroraTests {
  let executor = FakeExecutor()

  private func ask(_ action: CloudAction) async -> CloudReply {
    await makeCloud(executor).perform(action, timeout: .seconds(10))
  }

  private func prepare(
    cluster edit: (String) -> String = { $0 }, _ global: String = "DescribeGlobalClusters.xml",
    global change: (String) -> String = { $0 }
  ) throws {
    executor.prepare(
      "DescribeDBClusters", edit(String(decoding: try fixture("DescribeDBClusters.xml"), as: UTF8.self)))
    executor.prepare("DescribeGlobalClusters", change(String(decoding: try fixture(global), as: UTF8.self)))
  }

  private func state() async -> DatabaseState? {
    if case .database(let state) = await ask(.describeDatabase(cluster)) { state } else { nil }
  }

  private func atRest(_ change: (inout DatabaseState) -> Void = { _ in }) -> DatabaseState {
    var state = DatabaseState(
      status: "available", source: oldARN, arn: clusterARN,
      address: DatabaseAddress(host: "app-dr.cluster-c1a2b3.us-west-2.rds.amazonaws.com", port: 5433),
      engine: "aurora-postgresql", replication: "replicating",
      cluster: ClusterState(instances: 1, version: "16.4", globalVersion: "16.4", isMember: true))
    change(&state)
    return state
  }

  @Test func `a reader has the writer as its source, and only its own region is asked`() async throws {
    try prepare()
    #expect(await state() == atRest())
    #expect(executor.asked.map(\.region) == ["us-west-2", "us-west-2"])
    #expect(executor.asked[0].form["DBClusterIdentifier"] == "app-dr")
    #expect(executor.asked[1].form["GlobalClusterIdentifier"] == "django-app")
  }

  @Test func `a failover that was asked for shows while the roles are what they were`() async throws {
    try prepare("DescribeGlobalClusters-pending.xml")
    let operation = GlobalOperation(status: "pending", to: clusterARN, allowsLoss: true)
    #expect(await state() == atRest { $0.cluster?.operation = operation })
  }

  @Test func `the writer has no source; what it left is resynchronised later`() async throws {
    try prepare("DescribeGlobalClusters-resync.xml")
    #expect(await state() == atRest { ($0.source, $0.replication) = (nil, "pending-resync") })
    executor.prepare(
      "DescribeDBClusters",
      String(decoding: try fixture("DescribeDBClusters.xml"), as: UTF8.self)
        .replacing("us-west-2", with: "eu-west-1").replacing("app-dr", with: "app"))
    guard case .database(let old) = await ask(.describeDatabase(oldCluster)) else { return #expect(Bool(false)) }
    #expect(old.source == clusterARN && old.replication == "pending-resync")
  }

  @Test func `a cluster without instances is told as such`() async throws {
    try prepare(cluster: { text in
      let start = text.firstRange(of: "<DBClusterMember>")?.lowerBound ?? text.startIndex
      let end = text.firstRange(of: "</DBClusterMember>")?.upperBound ?? text.startIndex
      return String(text[..<start] + text[end...])
    })
    #expect(await state()?.cluster?.instances == 0)
  }

  @Test func `a reader never looks like a writer, even while nobody is listed as one`() async throws {
    try prepare(
      "DescribeGlobalClusters-pending.xml",
      global: { $0.replacing("<IsWriter>true</IsWriter>", with: "<IsWriter>false</IsWriter>") })
    #expect(await state()?.source == oldARN)
    try prepare(global: { $0.replacing("<IsWriter>true</IsWriter>", with: "") })
    #expect(await state()?.source == "arn:aws:rds::123456789012:global-cluster:django-app")
  }

  @Test func `an operation under way shows by the status of the whole, where its own state is not told`() async throws {
    try prepare(global: { $0.replacing("<Status>available", with: "<Status>switching-over") })
    #expect(
      await state()?.cluster?.operation == GlobalOperation(status: "switching-over", to: "", allowsLoss: false))
  }

  @Test func `a cluster that left its global database is no member, whether that is still there or not`() async throws {
    try prepare(global: { $0.replacing(clusterARN, with: "arn:aws:rds:us-west-2:123456789012:cluster:other") })
    #expect(
      await state()
        == atRest {
          ($0.source, $0.replication) = (nil, nil)
          $0.cluster?.isMember = false
        })
    try prepare()
    executor.prepare("DescribeGlobalClusters", queryError("GlobalClusterNotFoundFault", "none"), status: 404)
    #expect(
      await state()
        == atRest {
          ($0.source, $0.replication) = (nil, nil)
          $0.cluster = ClusterState(instances: 1, version: "16.4", globalVersion: "", isMember: false)
        })
  }

  @Test func `a cluster that says it is a member, and is not listed as one, was not detached`() async throws {
    func saying(_ global: String) -> (String) -> String {
      {
        $0.replacing(
          "<DBClusterArn>", with: "<GlobalClusterIdentifier>\(global)</GlobalClusterIdentifier><DBClusterArn>")
      }
    }
    let unlisted = { (text: String) in text.replacing(clusterARN, with: "arn:aws:rds:us-west-2:1:cluster:other") }
    for (named, kind) in [("Django-App", CloudFailure.Kind.garbled), ("django", .invalid)] {
      try prepare(cluster: saying(named), global: unlisted)
      #expect(await ask(.describeDatabase(cluster)).failure?.kind == kind, "\(named)")
      executor.prepare("DescribeGlobalClusters", queryError("GlobalClusterNotFoundFault", "none"), status: 404)
      let failure = await ask(.describeDatabase(cluster)).failure
      #expect(failure?.kind == kind && failure?.message.contains("is a member of \(named)") == true)
    }
    // Where it is listed, that counts.
    try prepare(cluster: saying("django-app"))
    #expect(await state() == atRest())
  }

  @Test func `an answer that lacks the members of either is garbled, never a role`() async throws {
    for word in ["DBClusterMembers", "GlobalClusterMembers"] {
      try prepare(
        cluster: { $0.replacing(word, with: "Other") }, global: { $0.replacing("\(word)>", with: "Other>") })
      #expect(await ask(.describeDatabase(cluster)).failure?.kind == .garbled, "\(word)")
    }
    try prepare()
    executor.prepare("DescribeDBClusters", queryError("DBClusterNotFoundFault", "none"), status: 404)
    #expect(await ask(.describeDatabase(cluster)).failure?.kind == .notFound)
  }

  @Test func `a failover is asked of the region that takes over, and of no other, with leave to lose`() async throws {
    try executor.prepareFixture("FailoverGlobalCluster.xml")
    #expect(await ask(.failOverCluster(cluster, arn: clusterARN)) == .accepted(receipt: nil))
    #expect(executor.asked.map(\.region) == ["us-west-2"] && !executor.asked[0].declarative)
    #expect(
      executor.asked[0].form == [
        "Action": "FailoverGlobalCluster", "Version": "2014-10-31", "GlobalClusterIdentifier": "django-app",
        "TargetDbClusterIdentifier": clusterARN, "AllowDataLoss": "true",
      ])
  }

  @Test func `a switchover is asked of the region that writes, and may lose nothing`() async {
    executor.prepare("SwitchoverGlobalCluster", "<R><SwitchoverGlobalClusterResult/></R>")
    #expect(await ask(.switchOverCluster(cluster, arn: clusterARN, from: oldCluster)) == .accepted(receipt: nil))
    #expect(executor.asked.map(\.region) == ["eu-west-1"] && !executor.asked[0].declarative)
    #expect(
      executor.asked[0].form == [
        "Action": "SwitchoverGlobalCluster", "Version": "2014-10-31", "GlobalClusterIdentifier": "django-app",
        "TargetDbClusterIdentifier": clusterARN,
      ])
  }

  @Test(arguments: ["InvalidGlobalClusterStateFault", "InvalidDBClusterStateFault"])
  func `a state that forbids it may pass`(_ code: String) async {
    executor.prepare("FailoverGlobalCluster", queryError(code, "another failover is in progress"), status: 400)
    #expect(await ask(.failOverCluster(cluster, arn: clusterARN)).failure?.kind == .wrongState)
  }

  @Test func `nothing is asked of a cluster that only an instance can do, and the other way round`() async {
    let spec = ReplicaSpec(settings: DatabaseSettings(ref: cluster), source: oldCluster)
    for action: CloudAction in [
      .promoteReplica(cluster), .stopDatabase(cluster), .startDatabase(cluster), .renameDatabase(cluster, to: "x"),
      .snapshotDatabase(cluster, snapshot: "x"), .createReplica(spec),
    ] {
      #expect(await ask(action).failure?.code == "NotAnInstance", "\(action.apiName)")
    }
    #expect(await ask(.failOverCluster(database, arn: "arn:x")).failure?.code == "NotACluster")
    #expect(executor.asked.isEmpty)
  }

  // MARK: Lag

  private func series(_ id: String, _ values: [(time: String, value: String)]) -> String {
    "<member><Id>\(id)</Id><StatusCode>Complete</StatusCode><Timestamps>"
      + values.map { "<member>2026-11-23T17:\($0.time):00Z</member>" }.joined() + "</Timestamps><Values>"
      + values.map { "<member>\($0.value)</member>" }.joined() + "</Values></member>"
  }

  private func lag(_ series: String...) async -> CloudReply {
    let text =
      "<R><GetMetricDataResult><MetricDataResults>\(series.joined())</MetricDataResults></GetMetricDataResult></R>"
    executor.prepare("GetMetricData", .init(headers: [dateNow], body: Array(text.utf8)))
    return await ask(.replicaLag(cluster))
  }

  @Test func `lag of a cluster is its RPO lag in milliseconds, under the dimensions that have it`() async {
    let empty = series("rpo_sourced", [])
    let plain = series("rpo_plain", [("33", "80"), ("34", "1500")])
    let other = series("lag_sourced", [("34", "9000")])
    guard case .lag(let samples) = await lag(empty, plain, other) else { return #expect(Bool(false)) }
    #expect(samples.map(\.seconds) == [0.08, 1.5])
    let names = (1...4).map { executor.asked[0].form["MetricDataQueries.member.\($0).MetricStat.Metric.MetricName"] }
    #expect(
      names == [
        "AuroraGlobalDBRPOLag", "AuroraGlobalDBRPOLag", "AuroraGlobalDBReplicationLag", "AuroraGlobalDBReplicationLag",
      ])
    let dimension = "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.2"
    #expect(executor.asked[0].form["\(dimension).Name"] == "SourceRegion")
    #expect(executor.asked[0].form["\(dimension).Value"] == "eu-west-1")
  }

  @Test func `replication lag counts only where there is no RPO lag, and no series is no lag`() async {
    let other = series("lag_plain", [("34", "9000")])
    guard case .lag(let negative) = await lag(series("rpo_sourced", [("34", "-1")]), other) else {
      return #expect(Bool(false))
    }
    #expect(negative.count == 1 && negative[0].seconds < 0)
    guard case .lag(let samples) = await lag(series("rpo_sourced", []), other) else { return #expect(Bool(false)) }
    #expect(samples.map(\.seconds) == [9])
    #expect(await lag() == .lag([]))
    // What could not be read is not absent.
    let unread = series("rpo_plain", []).replacing("Complete", with: "Forbidden")
    #expect(await lag(unread, other).failure?.kind == .denied)
  }

  // MARK: Permissions

  @Test func `leave is asked for the global database and for every cluster in it`() async throws {
    try executor.prepareFixture("GetCallerIdentity.xml")
    try executor.prepareFixture("DescribeGlobalClusters.xml")
    executor.prepare(
      "SimulatePrincipalPolicy",
      "<R><SimulatePrincipalPolicyResult><EvaluationResults/></SimulatePrincipalPolicyResult></R>")
    guard
      case .permissions(let found) = await ask(.simulate([.failOverCluster(cluster, arn: "")], region: "us-west-2"))
    else { return #expect(Bool(false)) }
    #expect(found.map(\.action) == Array(repeating: "rds:FailoverGlobalCluster", count: 3))
    #expect(found.map(\.resource) == ["arn:aws:rds::123456789012:global-cluster:django-app", oldARN, clusterARN])
    #expect(executor.asked[1].region == "us-west-2")
  }
}
