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
  /// nil: as RDS makes replicas.
  package var options: InstanceOptions?
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
  /// BackupRetentionPeriod in days; 0: no automated backups.
  package var backupRetention: Int
  package var options: InstanceOptions
  /// What is compared and never set, by RDS's own names, e.g. `StorageType`: `io2`.
  package var others: [String: String]

  package init(
    instanceClass: String? = nil, subnetGroup: String? = nil, securityGroups: [String] = [], kmsKey: String? = nil,
    parameterGroup: String? = nil, backupRetention: Int = 0, options: InstanceOptions = InstanceOptions(),
    others: [String: String] = [:]
  ) {
    self.instanceClass = instanceClass
    self.subnetGroup = subnetGroup
    self.securityGroups = securityGroups
    self.kmsKey = kmsKey
    self.parameterGroup = parameterGroup
    self.backupRetention = backupRetention
    self.options = options
    self.others = others
  }
}

/// What ModifyDBInstance is asked for; nil leaves a setting as it is.
package struct InstanceChange: Hashable, Sendable, Codable {
  package var parameterGroup: String?
  package var multiAZ: Bool?
  package var deletionProtection: Bool?
  package var copyTagsToSnapshot: Bool?
  package var iamAuthentication: Bool?
  package init() {}

  /// In RDS's own words, `MultiAZ true`; empty when nothing is asked for.
  package var sentence: String {
    var words: [String] = []
    if let parameterGroup { words.append("DBParameterGroupName \(parameterGroup)") }
    if let multiAZ { words.append("MultiAZ \(multiAZ)") }
    if let deletionProtection { words.append("DeletionProtection \(deletionProtection)") }
    if let copyTagsToSnapshot { words.append("CopyTagsToSnapshot \(copyTagsToSnapshot)") }
    if let iamAuthentication { words.append("EnableIAMDatabaseAuthentication \(iamAuthentication)") }
    return words.joined(separator: ", ")
  }
}

extension InstanceState {
  /// What makes it like the one whose place it takes.
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
    func differs(_ option: KeyPath<InstanceOptions, Bool>) -> Bool? {
      kept[keyPath: option] == options[keyPath: option] ? nil : kept[keyPath: option]
    }
    change.multiAZ = differs(\.multiAZ)
    change.deletionProtection = differs(\.deletionProtection)
    change.copyTagsToSnapshot = differs(\.copyTagsToSnapshot)
    change.iamAuthentication = differs(\.iamAuthentication)
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
    for name in Set(others.keys).union(kept.others.keys).sorted() { compare(name, others[name], kept.others[name]) }
    for name in Set(options.tags.keys).union(kept.options.tags.keys).sorted() {
      compare("tag \(name)", options.tags[name], kept.options.tags[name])
    }
    return words.joined(separator: "; ")
  }
}

extension ReplicaSpec {
  /// With everything that the operator left open taken from the instance whose place it takes.
  package func like(_ kept: InstanceState) -> ReplicaSpec {
    var spec = self
    spec.instanceClass = instanceClass ?? kept.instanceClass
    spec.subnetGroup = subnetGroup ?? kept.subnetGroup
    if securityGroups.isEmpty { spec.securityGroups = kept.securityGroups }
    spec.kmsKey = kmsKey ?? kept.kmsKey
    spec.parameterGroup = parameterGroup ?? kept.parameterGroup.flatMap { $0.hasPrefix("default.") ? nil : $0 }
    spec.options = kept.options
    return spec
  }
}
