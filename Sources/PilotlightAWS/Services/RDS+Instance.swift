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
      parameterStatus: group?.value("ParameterApplyStatus"),
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

  /// Each is asked for whatever became of the others. What may be taken later is told first: behind a refusal for good nothing is asked again.
  func modify(_ ref: DatabaseRef, _ change: InstanceChange, _ deadline: Deadline) async throws(CloudFailure)
    -> CloudReply
  {
    try expectInstance(ref)
    var failures: [CloudFailure] = []
    func ask(_ settings: [(String, String)?]) async {
      let wanted = settings.compactMap { $0 }
      if wanted.isEmpty { return }
      let target = [("DBInstanceIdentifier", ref.identifier), ("ApplyImmediately", "true")]
      do throws(CloudFailure) {
        _ = try await write("ModifyDBInstance", ref.region, target + wanted, deadline)
      } catch { failures.append(error) }
    }
    func option(_ name: String, _ isWanted: Bool) -> (String, String)? { isWanted ? (name, "true") : nil }
    if !change.tags.isEmpty {
      do throws(CloudFailure) { try await tag(ref, change.tags, deadline) } catch { failures.append(error) }
    }
    await ask([
      option("DeletionProtection", change.deletionProtection), option("CopyTagsToSnapshot", change.copyTagsToSnapshot),
    ])
    await ask([option("EnableIAMDatabaseAuthentication", change.iamAuthentication)])
    await ask([change.parameterGroup.map { ("DBParameterGroupName", $0) }])
    await ask([option("MultiAZ", change.multiAZ)])
    if let failure = failures.first(where: \.passesByItself) ?? failures.first { throw failure }
    return .accepted(receipt: nil)
  }

  private func tag(_ ref: DatabaseRef, _ tags: [String: String], _ deadline: Deadline) async throws(CloudFailure) {
    var parameters = [("ResourceName", try await describeDatabase(ref, deadline).arn)]
    for (index, tag) in tags.sorted(by: { $0.key < $1.key }).enumerated() {
      parameters.append(("Tags.Tag.\(index + 1).Key", tag.key))
      parameters.append(("Tags.Tag.\(index + 1).Value", tag.value))
    }
    _ = try await write("AddTagsToResource", ref.region, parameters, deadline)
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
