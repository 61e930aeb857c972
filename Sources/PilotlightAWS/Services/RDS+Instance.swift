// An RDS instance's settings: what it says of them, and how they are asked for.

import PilotlightCore

extension AWSCloud {
  /// What is pending is as good as done: it was asked for.
  func instanceState(_ instance: XMLElement) -> InstanceState {
    let pending = instance["PendingModifiedValues"]
    func value(_ name: String) -> String? { pending?.value(name) ?? instance.value(name) }
    func isOn(_ name: String) -> Bool { value(name)?.lowercased() == "true" }
    var others: [String: String] = [:]
    for name in ["StorageType", "Iops", "StorageThroughput", "MaxAllocatedStorage", "MonitoringInterval"] {
      if let value = value(name), value != "0" { others[name] = value }
    }
    for name in ["PerformanceInsightsEnabled", "PubliclyAccessible"] where isOn(name) { others[name] = "true" }
    let logs = instance["EnabledCloudwatchLogsExports"]?.children.map(\.text.trimmed).sorted() ?? []
    if !logs.isEmpty { others["EnabledCloudwatchLogsExports"] = logs.joined(separator: " ") }
    return InstanceState(
      instanceClass: value("DBInstanceClass"), subnetGroup: instance["DBSubnetGroup"]?.value("DBSubnetGroupName"),
      securityGroups: instance["VpcSecurityGroups"]?.children.compactMap { $0.value("VpcSecurityGroupId") } ?? [],
      kmsKey: isOn("StorageEncrypted") ? instance.value("KmsKeyId") : nil,
      parameterGroup: instance["DBParameterGroups"]?.children.first?.value("DBParameterGroupName"),
      backupRetention: value("BackupRetentionPeriod").flatMap { Int($0) } ?? 0,
      options: InstanceOptions(
        multiAZ: isOn("MultiAZ"), deletionProtection: isOn("DeletionProtection"),
        copyTagsToSnapshot: isOn("CopyTagsToSnapshot"), iamAuthentication: isOn("IAMDatabaseAuthenticationEnabled"),
        tags: tags(instance)),
      others: others)
  }

  private func tags(_ instance: XMLElement) -> [String: String] {
    var tags: [String: String] = [:]
    for tag in instance["TagList"]?.children ?? [] {
      // Tags of AWS's own are refused in a request; their values are text as it stands, blanks and all.
      guard let key = tag["Key"]?.text, !key.isEmpty, !key.hasPrefix("aws:") else { continue }
      tags[key] = tag["Value"]?.text ?? ""
    }
    return tags
  }

  private func parameters(of options: InstanceOptions) -> [(String, String)] {
    var parameters: [(String, String)] = []
    if options.multiAZ { parameters.append(("MultiAZ", "true")) }
    if options.deletionProtection { parameters.append(("DeletionProtection", "true")) }
    if options.copyTagsToSnapshot { parameters.append(("CopyTagsToSnapshot", "true")) }
    if options.iamAuthentication { parameters.append(("EnableIAMDatabaseAuthentication", "true")) }
    for (index, tag) in options.tags.sorted(by: { $0.key < $1.key }).enumerated() {
      parameters.append(("Tags.Tag.\(index + 1).Key", tag.key))
      parameters.append(("Tags.Tag.\(index + 1).Value", tag.value))
    }
    return parameters
  }

  func modify(_ ref: DatabaseRef, _ change: InstanceChange, _ deadline: Deadline) async throws(CloudFailure)
    -> CloudReply
  {
    try expectInstance(ref)
    var parameters = [("DBInstanceIdentifier", ref.identifier), ("ApplyImmediately", "true")]
    if let value = change.parameterGroup { parameters.append(("DBParameterGroupName", value)) }
    for (name, value) in [
      ("MultiAZ", change.multiAZ), ("DeletionProtection", change.deletionProtection),
      ("CopyTagsToSnapshot", change.copyTagsToSnapshot),
      ("EnableIAMDatabaseAuthentication", change.iamAuthentication),
    ] {
      if let value { parameters.append((name, String(value))) }
    }
    return try await write("ModifyDBInstance", ref.region, parameters, deadline)
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
    // In another region that of every other engine is refused here, and set afterwards (CreateDBInstanceReadReplica).
    if let value = spec.parameterGroup, source.engine.hasPrefix("mysql") {
      parameters.append(("DBParameterGroupName", value))
    }
    for (index, group) in spec.securityGroups.enumerated() {
      parameters.append(("VpcSecurityGroupIds.VpcSecurityGroupId.\(index + 1)", group))
    }
    parameters += spec.options.map(parameters(of:)) ?? []
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
