// An RDS instance's settings: what it says of them, and how they are asked for.

import PilotlightCore

extension AWSCloud {
  /// What is pending is as good as done: it was asked for.
  func instanceState(_ instance: XMLElement) -> InstanceState {
    let pending = instance["PendingModifiedValues"]
    func value(_ name: String) -> String? { pending?.value(name) ?? instance.value(name) }
    func isOn(_ name: String) -> Bool { value(name)?.lowercased() == "true" }
    var others: [String: String] = [:]
    for name in [
      "StorageType", "Iops", "StorageThroughput", "MaxAllocatedStorage", "MonitoringInterval", "NetworkType",
    ] {
      if let value = value(name), value != "0" { others[name] = value }
    }
    for name in ["PerformanceInsightsEnabled", "PubliclyAccessible"] where isOn(name) { others[name] = "true" }
    for (list, item) in [
      ("OptionGroupMemberships", "OptionGroupName"), ("AssociatedRoles", "FeatureName"),
    ] {
      let names = instance[list]?.children.compactMap { $0.value(item) }.sorted() ?? []
      if !names.isEmpty { others[list] = names.joined(separator: " ") }
    }
    let logs = instance["EnabledCloudwatchLogsExports"]?.children.map(\.text.trimmed).sorted() ?? []
    if !logs.isEmpty { others["EnabledCloudwatchLogsExports"] = logs.joined(separator: " ") }
    let group = instance["DBParameterGroups"]?.children.first
    return InstanceState(
      instanceClass: value("DBInstanceClass"), subnetGroup: instance["DBSubnetGroup"]?.value("DBSubnetGroupName"),
      securityGroups: instance["VpcSecurityGroups"]?.children.compactMap { $0.value("VpcSecurityGroupId") } ?? [],
      kmsKey: isOn("StorageEncrypted") ? instance.value("KmsKeyId") : nil,
      parameterGroup: group?.value("DBParameterGroupName"),
      awaitsReboot: group?.value("ParameterApplyStatus") == "pending-reboot",
      backupRetention: value("BackupRetentionPeriod").flatMap { Int($0) } ?? 0,
      hasBackupPlan: instance.value("AwsBackupRecoveryPointArn") != nil,
      options: InstanceOptions(
        multiAZ: isOn("MultiAZ"), deletionProtection: isOn("DeletionProtection"),
        copyTagsToSnapshot: isOn("CopyTagsToSnapshot"), iamAuthentication: isOn("IAMDatabaseAuthenticationEnabled"),
        tags: tags(instance)),
      others: others)
  }

  private func tags(_ instance: XMLElement) -> [String: String] {
    var tags: [String: String] = [:]
    for tag in instance["TagList"]?.children ?? [] {
      // Tags of AWS's own are refused in a request; values are text as it stands, blanks and all.
      guard let key = tag["Key"]?.text, !key.isEmpty, !key.hasPrefix("aws:"), !key.hasPrefix("rds:") else { continue }
      tags[key] = tag["Value"]?.text ?? ""
    }
    return tags
  }

  /// Each is asked for whatever became of the others; the first refusal is told.
  func modify(_ ref: DatabaseRef, _ change: InstanceChange, _ deadline: Deadline) async throws(CloudFailure)
    -> CloudReply
  {
    try expectInstance(ref)
    var refusal: CloudFailure?
    func ask(_ operation: String, _ parameters: [(String, String)]) async {
      if parameters.isEmpty { return }
      do throws(CloudFailure) {
        _ = try await write(operation, ref.region, parameters, deadline)
      } catch { refusal = refusal ?? error }
    }
    let target = [("DBInstanceIdentifier", ref.identifier), ("ApplyImmediately", "true")]
    let options = [
      ("DeletionProtection", change.deletionProtection), ("CopyTagsToSnapshot", change.copyTagsToSnapshot),
      ("EnableIAMDatabaseAuthentication", change.iamAuthentication), ("MultiAZ", change.multiAZ),
    ].filter(\.1).map { ($0.0, "true") }
    if !change.tags.isEmpty {
      await ask("AddTagsToResource", tagging(change.tags, try await describeDatabase(ref, deadline).arn))
    }
    if let group = change.parameterGroup { await ask("ModifyDBInstance", target + [("DBParameterGroupName", group)]) }
    if !options.isEmpty { await ask("ModifyDBInstance", target + options) }
    if let refusal { throw refusal }
    return .accepted(receipt: nil)
  }

  private func tagging(_ tags: [String: String], _ arn: String) -> [(String, String)] {
    var parameters = [("ResourceName", arn)]
    for (index, tag) in tags.sorted(by: { $0.key < $1.key }).enumerated() {
      parameters.append(("Tags.Tag.\(index + 1).Key", tag.key))
      parameters.append(("Tags.Tag.\(index + 1).Value", tag.value))
    }
    return parameters
  }

  /// Called in the replica's region; the source is named by its ARN. An encrypted source also wants the same request presigned
  /// for the source's region (CreateDBInstanceReadReplica, `PreSignedUrl`).
  func createReplica(_ spec: ReplicaSpec, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    try expectInstance(spec.replica)
    let source = try await describeDatabase(spec.source, deadline)
    var parameters = [
      ("DBInstanceIdentifier", spec.replica.identifier), ("SourceDBInstanceIdentifier", source.arn),
    ]
    if let value = spec.instanceClass { parameters.append(("DBInstanceClass", value)) }
    if let value = spec.subnetGroup { parameters.append(("DBSubnetGroupName", value)) }
    // In another region that of every other engine is refused here (CreateDBInstanceReadReplica), and set afterwards.
    let takesGroup = ["mysql", "oracle-", "db2-"].contains { source.engine.hasPrefix($0) }
    if let value = spec.parameterGroup, takesGroup {
      parameters.append(("DBParameterGroupName", value))
    }
    for (index, group) in spec.securityGroups.enumerated() {
      parameters.append(("VpcSecurityGroupIds.VpcSecurityGroupId.\(index + 1)", group))
    }
    if let key = spec.kmsKey {
      parameters.append(("KmsKeyId", key))
      parameters.append(("PreSignedUrl", try await presignedReplica(spec, source.arn, key, deadline)))
    }
    return try await write("CreateDBInstanceReadReplica", spec.replica.region, parameters, deadline)
  }

  private func presignedReplica(
    _ spec: ReplicaSpec, _ source: String, _ key: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> String {
    let operation = Operation(
      .rds, region: spec.source.region, name: "CreateDBInstanceReadReplica", method: "GET",
      query: [
        ("Action", "CreateDBInstanceReadReplica"), ("Version", AWSCloud.rds),
        ("DBInstanceIdentifier", spec.replica.identifier), ("SourceDBInstanceIdentifier", source), ("KmsKeyId", key),
        ("DestinationRegion", spec.replica.region),
      ])
    return try await executor.presign(operation, expires: .seconds(3600), timeout: deadline.left).get()
  }
}
