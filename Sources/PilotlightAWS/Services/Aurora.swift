// Aurora global databases, RDS API version 2014-10-31. A cluster is described by two calls, both in its own region: no endpoint of a region
// that may be dark is asked.

import PilotlightCore

extension AWSCloud {
  /// A cluster as the decisions see a database: it has a source while it takes no writes.
  func describeCluster(
    _ ref: DatabaseRef, of global: GlobalDatabase, _ deadline: Deadline
  ) async throws(CloudFailure) -> DatabaseState {
    let name = "DescribeDBClusters"
    let result = try await query(
      .rds, ref.region, name, version: AWSCloud.rds, [("DBClusterIdentifier", ref.identifier)], deadline)
    guard let list = result["DBClusters"] else { throw missing(name, "DBClusters", ref.region) }
    guard let cluster = list.children.first(where: { isSame($0["DBClusterIdentifier"], ref.identifier) }) else {
      throw CloudFailure(
        .notFound, code: "DBClusterNotFound", message: "cluster \(ref.identifier) does not exist in \(ref.region)")
    }
    guard let status = cluster.value("Status"), let arn = cluster.value("DBClusterArn"),
      let members = cluster["DBClusterMembers"]
    else { throw missing(name, "status, ARN and members of \(ref.identifier)", ref.region) }
    var address: DatabaseAddress?
    // Unlike an instance's, the endpoint is a text and the port beside it.
    if let host = cluster.value("Endpoint"), let port = cluster["Port"]?.number {
      address = DatabaseAddress(host: host, port: port)
    }
    let role = try await role(
      of: arn, saysMemberOf: cluster.value("GlobalClusterIdentifier"), in: global, ref.region, deadline)
    return DatabaseState(
      status: status, source: role.source, arn: arn, address: address, engine: cluster["Engine"]?.text.trimmed ?? "",
      replication: role.replication,
      cluster: ClusterState(
        instances: members.children.count, version: cluster.value("EngineVersion") ?? "",
        globalVersion: role.version, isMember: role.isMember, operation: role.operation))
  }

  /// One-way: never repeated by the client. Without AllowDataLoss it would be a switchover, which waits for a primary that is dead.
  func failOver(_ ref: DatabaseRef, _ arn: String, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    try await move("FailoverGlobalCluster", ref, arn, in: ref.region, [("AllowDataLoss", "true")], deadline)
  }

  /// One-way: never repeated by the client. It is asked of the region that still writes (AWS CLI reference, switchover-global-cluster).
  func switchOver(
    _ ref: DatabaseRef, _ arn: String, from old: DatabaseRef, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    try await move("SwitchoverGlobalCluster", ref, arn, in: old.region, [], deadline)
  }

  private func move(
    _ name: String, _ ref: DatabaseRef, _ arn: String, in region: String, _ more: [(String, String)],
    _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    guard let global = ref.global else {
      throw CloudFailure(
        .invalid, code: "NotACluster", message: oneLine("\(ref.identifier) is no cluster of a global database"))
    }
    return try await write(
      name, region, [("GlobalClusterIdentifier", global.identifier), ("TargetDbClusterIdentifier", arn)] + more,
      deadline)
  }

  // MARK: The global database

  /// The global database as the region sees it, or `.failed(.notFound)`.
  func describeGlobal(
    _ global: GlobalDatabase, _ region: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> XMLElement {
    let name = "DescribeGlobalClusters"
    let result = try await query(
      .rds, region, name, version: AWSCloud.rds, [("GlobalClusterIdentifier", global.identifier)], deadline)
    guard let list = result["GlobalClusters"] else { throw missing(name, "GlobalClusters", region) }
    // The list's elements have a misleading name (botocore's model: GlobalClusterMember), so it is by what is in them.
    guard let found = list.children.first(where: { isSame($0["GlobalClusterIdentifier"], global.identifier) }) else {
      throw CloudFailure(
        .notFound, code: "GlobalClusterNotFound", message: "global database \(global.identifier) does not exist")
    }
    return found
  }

  private struct ClusterRole {
    var source: String?
    var replication: String?
    var isMember = false
    var version = ""
    var operation: GlobalOperation?
  }

  /// - Parameter own: the global database that the cluster itself names. While it names one it is no cluster that somebody detached,
  ///   whatever the other answer lacks: that would be taken for a promotion.
  private func role(
    of arn: String, saysMemberOf own: String?, in global: GlobalDatabase, _ region: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> ClusterRole {
    let found: XMLElement
    do throws(CloudFailure) {
      found = try await describeGlobal(global, region, deadline)
    } catch {
      guard error.kind == .notFound else { throw error }
      try check(arn, saysMemberOf: own, global, region)
      // It can be deleted only when it has no members any more.
      return ClusterRole()
    }
    guard let members = found["GlobalClusterMembers"]?.children else {
      throw missing("DescribeGlobalClusters", "members of \(global.identifier)", region)
    }
    func isMe(_ member: XMLElement) -> Bool { member.value("DBClusterArn")?.lowercased() == arn.lowercased() }
    func writes(_ member: XMLElement) -> Bool { member["IsWriter"]?.text.trimmed == "true" }
    var role = ClusterRole(version: found.value("EngineVersion") ?? "", operation: operation(found))
    guard let me = members.first(where: isMe) else {
      try check(arn, saysMemberOf: own, global, region)
      return role
    }
    role.isMember = true
    if writes(me) {
      role.replication = members.lazy.compactMap { $0.value("SynchronizationStatus") }.first { $0 != "connected" }
      return role
    }
    // In the middle of a failover nobody may be listed as the writer; a reader must never look as if it took writes.
    role.source =
      members.first(where: writes)?.value("DBClusterArn") ?? found["FailoverState"]?.value("FromDbClusterArn")
      ?? found.value("GlobalClusterArn") ?? global.identifier
    role.replication = me.value("SynchronizationStatus").map { $0 == "connected" ? "replicating" : $0 }
    return role
  }

  /// For a cluster that the global database does not list.
  private func check(
    _ arn: String, saysMemberOf own: String?, _ global: GlobalDatabase, _ region: String
  ) throws(CloudFailure) {
    guard let own, !own.isEmpty else { return }
    if own.lowercased() != global.identifier.lowercased() {
      throw CloudFailure(
        .invalid, code: "OtherGlobalDatabase",
        message: oneLine("\(arn) is a member of \(own), not of \(global.identifier)"))
    }
    throw missing("DescribeGlobalClusters", "\(arn), which says that it is a member of \(own),", region)
  }

  /// FailoverState is empty while nothing runs. Where it is not told, the status of the whole may tell.
  private func operation(_ global: XMLElement) -> GlobalOperation? {
    if let state = global["FailoverState"], let status = state.value("Status") {
      return GlobalOperation(
        status: status, to: state.value("ToDbClusterArn") ?? "",
        allowsLoss: state["IsDataLossAllowed"]?.text.trimmed == "true")
    }
    guard let status = global.value("Status"), ["failing-over", "switching-over"].contains(status) else { return nil }
    return GlobalOperation(status: status, to: "", allowsLoss: status == "failing-over")
  }
}
