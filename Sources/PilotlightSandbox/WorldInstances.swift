// RDS: what an instance is besides its data.

package import PilotlightCore

extension SandboxWorld {
  /// The settings of the instance that has this name now; nil for a cluster, or without one.
  package func instance(_ ref: DatabaseRef) -> InstanceState? { find(ref).flatMap { databases[$0].instance } }

  mutating func modifyInstance(_ ref: DatabaseRef, _ change: InstanceChange) -> CloudReply {
    guard let index = find(ref), databases[index].instance != nil else {
      return failed(.notFound, "DBInstanceNotFound", "DBInstance \(ref.identifier) not found in \(ref.region)")
    }
    guard databases[index].trouble == nil, databases[index].status == .available else {
      return failed(.wrongState, "InvalidDBInstanceState", "Instance \(ref.identifier) cannot be modified now")
    }
    rememberStale(index)
    databases[index].instance?.take(change)
    // A standby is built from a snapshot.
    enter(.modifying, index, for: change.multiAZ == true ? random.between(3 * minute, 12 * minute) : minute / 2)
    return .accepted(receipt: nil)
  }
}

extension InstanceState {
  fileprivate mutating func take(_ change: InstanceChange) {
    parameterGroup = change.parameterGroup ?? parameterGroup
    options.multiAZ = change.multiAZ ?? options.multiAZ
    options.deletionProtection = change.deletionProtection ?? options.deletionProtection
    options.copyTagsToSnapshot = change.copyTagsToSnapshot ?? options.copyTagsToSnapshot
    options.iamAuthentication = change.iamAuthentication ?? options.iamAuthentication
  }

  /// A replica in another region: of its source it has the class, and of everything else what was asked for.
  func replicated(_ spec: ReplicaSpec, _ engine: SandboxEngine) -> InstanceState {
    InstanceState(
      instanceClass: spec.instanceClass ?? instanceClass, subnetGroup: spec.subnetGroup,
      securityGroups: spec.securityGroups, kmsKey: spec.kmsKey,
      parameterGroup: engine == .mysql ? spec.parameterGroup : nil, options: spec.options ?? InstanceOptions())
  }
}
