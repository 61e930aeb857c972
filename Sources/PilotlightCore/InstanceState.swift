// What an RDS instance is besides its data. A replica takes little of it from its source: whoever does not ask for it comes home to a
// database without standby, without deletion protection, and with the engine's default parameters.

/// What CreateDBInstanceReadReplica leaves out unless it is asked for (RDS API reference: "by default ... isn't enabled", "by default,
/// tags aren't copied", Multi-AZ "independent of whether the source is").
package struct InstanceOptions: Hashable, Sendable, Codable {
  package var multiAZ: Bool
  package var deletionProtection: Bool
  package var copyTagsToSnapshot: Bool
  /// EnableIAMDatabaseAuthentication.
  package var iamAuthentication: Bool
  /// Without AWS's own (`aws:`), which nobody else may set.
  package var tags: [String: String]

  package init(
    multiAZ: Bool = false, deletionProtection: Bool = false, copyTagsToSnapshot: Bool = false,
    iamAuthentication: Bool = false, tags: [String: String] = [:]
  ) {
    self.multiAZ = multiAZ
    self.deletionProtection = deletionProtection
    self.copyTagsToSnapshot = copyTagsToSnapshot
    self.iamAuthentication = iamAuthentication
    self.tags = tags
  }
}

/// A cross-region read replica to be created.
package struct ReplicaSpec: Hashable, Sendable, Codable {
  /// The replica's region and identifier.
  package var replica: DatabaseRef
  /// The source in the other region.
  package var source: DatabaseRef
  package var instanceClass: String?
  package var subnetGroup: String?
  package var securityGroups: [String]
  package var kmsKey: String?
  package var parameterGroup: String?
  /// The instance whose place it takes, which lives on under another name; nil, as in older ledgers: nobody's.
  package var predecessor: DatabaseRef?
  package init(settings: DatabaseSettings, source: DatabaseRef, predecessor: DatabaseRef? = nil) {
    replica = settings.ref
    self.source = source
    instanceClass = settings.instanceClass
    subnetGroup = settings.subnetGroup
    securityGroups = settings.securityGroups
    kmsKey = settings.kmsKey
    parameterGroup = settings.parameterGroup
    self.predecessor = predecessor
  }
}

/// What DescribeDBInstances says of an instance's make; what is pending counts as done.
package struct InstanceState: Hashable, Sendable, Codable {
  package var instanceClass: String?
  package var subnetGroup: String?
  package var securityGroups: [String]
  /// nil: it is not encrypted.
  package var kmsKey: String?
  package var parameterGroup: String?
  /// ParameterApplyStatus: `in-sync`, `applying`, `pending-reboot`, ...; nil when absent.
  package var parameterStatus: String?
  /// BackupRetentionPeriod in days; 0: no automated backups.
  package var backupRetention: Int
  /// AWS Backup keeps them, and lets nobody change for how long.
  package var hasBackupPlan: Bool
  package var options: InstanceOptions
  /// What is compared and never set, by RDS's own names, e.g. `StorageType`: `io2`.
  package var others: [String: String]

  package init(
    instanceClass: String? = nil, subnetGroup: String? = nil, securityGroups: [String] = [], kmsKey: String? = nil,
    parameterGroup: String? = nil, parameterStatus: String? = nil, backupRetention: Int = 0,
    hasBackupPlan: Bool = false,
    options: InstanceOptions = InstanceOptions(),
    others: [String: String] = [:]
  ) {
    self.instanceClass = instanceClass
    self.subnetGroup = subnetGroup
    self.securityGroups = securityGroups
    self.kmsKey = kmsKey
    self.parameterGroup = parameterGroup
    self.parameterStatus = parameterStatus
    self.backupRetention = backupRetention
    self.hasBackupPlan = hasBackupPlan
    self.options = options
    self.others = others
  }
}

/// What an instance is asked to become. Only what is missing: what somebody has switched on meanwhile stays.
package struct InstanceChange: Hashable, Sendable, Codable {
  package var parameterGroup: String?
  package var multiAZ = false
  package var deletionProtection = false
  package var copyTagsToSnapshot = false
  package var iamAuthentication = false
  package var tags: [String: String] = [:]
  package init() {}

  package var isEmpty: Bool { self == InstanceChange() }

  /// In RDS's own words, `MultiAZ, DBParameterGroupName app`.
  package var sentence: String {
    var words: [String] = []
    if deletionProtection { words.append("DeletionProtection") }
    if multiAZ { words.append("MultiAZ") }
    if copyTagsToSnapshot { words.append("CopyTagsToSnapshot") }
    if iamAuthentication { words.append("EnableIAMDatabaseAuthentication") }
    if let parameterGroup { words.append("DBParameterGroupName \(parameterGroup)") }
    if !tags.isEmpty { words.append("tags \(tags.keys.sorted().joined(separator: " "))") }
    return words.joined(separator: ", ")
  }
}

extension InstanceState {
  /// What it is missing of the one whose place it takes.
  ///
  /// - Parameters:
  ///   - kept: that one; nil: nothing is known of it.
  ///   - parameterGroup: the operator's word, which goes first.
  package func change(like kept: InstanceState?, parameterGroup: String?) -> InstanceChange {
    var change = InstanceChange()
    // The engine's own come with its version, and are never set by hand.
    let inherited = kept?.parameterGroup.flatMap { $0.hasPrefix("default.") ? nil : $0 }
    if let wanted = parameterGroup ?? inherited, wanted != self.parameterGroup { change.parameterGroup = wanted }
    guard let kept = kept?.options else { return change }
    change.multiAZ = kept.multiAZ && !options.multiAZ
    change.deletionProtection = kept.deletionProtection && !options.deletionProtection
    change.copyTagsToSnapshot = kept.copyTagsToSnapshot && !options.copyTagsToSnapshot
    change.iamAuthentication = kept.iamAuthentication && !options.iamAuthentication
    change.tags = kept.tags.filter { options.tags[$0.key] == nil }
    return change
  }

  /// In what else it is not like that one, `StorageType gp3, was io2`; empty when it is.
  package func differences(from kept: InstanceState) -> String {
    var words: [String] = []
    func compare(_ name: String, _ now: String?, _ then: String?) {
      if now != then { words.append("\(name) \(now ?? "none"), was \(then ?? "none")") }
    }
    compare("DBInstanceClass", instanceClass, kept.instanceClass)
    compare("DBSubnetGroup", subnetGroup, kept.subnetGroup)
    compare(
      "VpcSecurityGroups", securityGroups.sorted().joined(separator: " "),
      kept.securityGroups.sorted().joined(separator: " "))
    compare("KmsKeyId", kmsKey, kept.kmsKey)
    compare("DBParameterGroup", parameterGroup, kept.parameterGroup)
    for name in Set(others.keys).union(kept.others.keys).sorted() { compare(name, others[name], kept.others[name]) }
    return words.joined(separator: "; ")
  }
}

extension ReplicaSpec {
  /// With what the operator left open, and creation needs, taken from the instance whose place it takes.
  package func like(_ kept: InstanceState) -> ReplicaSpec {
    var spec = self
    spec.instanceClass = instanceClass ?? kept.instanceClass
    // Its security groups belong to the network of its subnets.
    if securityGroups.isEmpty, subnetGroup == nil || subnetGroup == kept.subnetGroup {
      spec.securityGroups = kept.securityGroups
    }
    spec.subnetGroup = subnetGroup ?? kept.subnetGroup
    spec.kmsKey = kmsKey ?? kept.kmsKey
    return spec
  }
}
