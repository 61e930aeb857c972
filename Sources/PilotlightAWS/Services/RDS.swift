// Relational Database Service, API version 2014-10-31.

import PilotlightCore

extension AWSCloud {
  static let rds = "2014-10-31"

  func describeDatabase(_ ref: DatabaseRef, _ deadline: Deadline) async throws(CloudFailure) -> DatabaseState {
    if let global = ref.global { return try await describeCluster(ref, of: global, deadline) }
    let result = try await query(
      .rds, ref.region, "DescribeDBInstances", version: AWSCloud.rds, [("DBInstanceIdentifier", ref.identifier)],
      deadline)
    guard let list = result["DBInstances"] else { throw missing("DescribeDBInstances", "DBInstances", ref.region) }
    guard let instance = list.children.first(where: { isSame($0["DBInstanceIdentifier"], ref.identifier) }) else {
      throw CloudFailure(
        .notFound, code: "DBInstanceNotFound", message: "database \(ref.identifier) does not exist in \(ref.region)")
    }
    guard let status = instance.value("DBInstanceStatus"), let arn = instance.value("DBInstanceArn") else {
      throw missing("DescribeDBInstances", "status and ARN of \(ref.identifier)", ref.region)
    }
    var address: DatabaseAddress?
    if let host = instance["Endpoint"]?.value("Address"), let port = instance.at("Endpoint", "Port")?.number {
      address = DatabaseAddress(host: host, port: port)
    }
    let info = instance["StatusInfos"]?.children.first { $0["StatusType"]?.text == "read replication" }
    return DatabaseState(
      status: status, source: instance.value("ReadReplicaSourceDBInstanceIdentifier"), arn: arn, address: address,
      engine: instance["Engine"]?.text ?? "", replication: info?["Status"]?.text,
      instance: instanceState(instance))
  }

  /// One-way: never repeated by the client.
  func promote(_ ref: DatabaseRef, _ backups: Int?, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    try expectInstance(ref)
    let target = [("DBInstanceIdentifier", ref.identifier)]
    guard let backups else { return try await write("PromoteReadReplica", ref.region, target, deadline) }
    do throws(CloudFailure) {
      let wish = [("BackupRetentionPeriod", String(backups))]
      return try await write("PromoteReadReplica", ref.region, target + wish, deadline)
    } catch {
      // What was refused as it was put did not happen, and no recovery fails for its backups.
      guard error.kind == .invalid else { throw error }
      return try await write("PromoteReadReplica", ref.region, target, deadline)
    }
  }

  func rename(_ ref: DatabaseRef, _ name: String, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    try expectInstance(ref)
    return try await write(
      "ModifyDBInstance", ref.region,
      [("DBInstanceIdentifier", ref.identifier), ("NewDBInstanceIdentifier", name), ("ApplyImmediately", "true")],
      deadline)
  }

  /// A change that needs nothing but the instance's name.
  func instance(_ operation: String, _ ref: DatabaseRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply
  {
    try expectInstance(ref)
    return try await write(operation, ref.region, [("DBInstanceIdentifier", ref.identifier)], deadline)
  }

  func snapshot(_ ref: DatabaseRef, _ name: String, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    try expectInstance(ref)
    return try await write(
      "CreateDBSnapshot", ref.region, [("DBInstanceIdentifier", ref.identifier), ("DBSnapshotIdentifier", name)],
      deadline)
  }

  func describeSnapshot(_ ref: DatabaseRef, _ name: String, _ deadline: Deadline) async throws(CloudFailure)
    -> CloudReply
  {
    let result = try await query(
      .rds, ref.region, "DescribeDBSnapshots", version: AWSCloud.rds, [("DBSnapshotIdentifier", name)], deadline)
    guard let list = result["DBSnapshots"] else { throw missing("DescribeDBSnapshots", "DBSnapshots", ref.region) }
    guard let snapshot = list.children.first(where: { isSame($0["DBSnapshotIdentifier"], name) }) else {
      throw CloudFailure(
        .notFound, code: "DBSnapshotNotFound", message: "snapshot \(name) does not exist in \(ref.region)")
    }
    guard let status = snapshot.value("Status") else {
      throw missing("DescribeDBSnapshots", "status of \(name)", ref.region)
    }
    return .snapshot(status: status)
  }

  /// No plan does to a cluster what can only be done to an instance; RDS would take some of it for an instance of that name.
  func expectInstance(_ ref: DatabaseRef) throws(CloudFailure) {
    guard let global = ref.global else { return }
    throw CloudFailure(
      .invalid, code: "NotAnInstance",
      message: oneLine("\(ref.identifier) is a cluster of the global database \(global.identifier)"))
  }

  /// RDS keeps identifiers in lower case, whatever case they were given in.
  func isSame(_ element: XMLElement?, _ name: String) -> Bool {
    element?.text.trimmed.lowercased() == name.lowercased()
  }

  func write(
    _ name: String, _ region: String, _ parameters: [(String, String)], _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    _ = try await query(
      .rds, region, name, version: AWSCloud.rds, parameters, changes: true, declarative: false, deadline)
    return .accepted(receipt: nil)
  }
}
