// RDS: what an instance is besides its data.

package import PilotlightCore

extension SandboxWorld {
  /// The settings of the instance that has this name now; nil for a cluster, or without one.
  package func instance(_ ref: DatabaseRef) -> InstanceState? { find(ref).flatMap { databases[$0].instance } }

  mutating func modifyInstance(_ ref: DatabaseRef, _ change: InstanceChange) -> CloudReply {
    guard let index = find(ref), databases[index].instance != nil else { return unknownDatabase(ref) }
    guard isIdle(index) else { return wrongState(index, "modified") }
    rememberStale(index)
    databases[index].instance?.take(change)
    // A standby is built from a snapshot.
    enter(.modifying, index, for: change.multiAZ ? random.between(3 * minute, 12 * minute) : minute / 2)
    return .accepted(receipt: nil)
  }

  mutating func rebootInstance(_ ref: DatabaseRef) -> CloudReply {
    guard let index = find(ref), databases[index].instance != nil else { return unknownDatabase(ref) }
    guard isIdle(index) else { return wrongState(index, "rebooted") }
    rememberStale(index)
    databases[index].instance?.parameterStatus = nil
    enter(.rebooting, index, for: random.between(30 * second, minute))
    return .accepted(receipt: nil)
  }
}

extension InstanceState {
  fileprivate mutating func take(_ change: InstanceChange) {
    if change.parameterGroup != nil { parameterStatus = "pending-reboot" }
    parameterGroup = change.parameterGroup ?? parameterGroup
    options.multiAZ = options.multiAZ || change.multiAZ
    options.deletionProtection = options.deletionProtection || change.deletionProtection
    options.copyTagsToSnapshot = options.copyTagsToSnapshot || change.copyTagsToSnapshot
    options.iamAuthentication = options.iamAuthentication || change.iamAuthentication
    options.tags.merge(change.tags) { $1 }
  }

  /// A replica in another region: of its source it has the class, and of everything else what was asked for.
  func replicated(_ spec: ReplicaSpec, _ engine: SandboxEngine) -> InstanceState {
    InstanceState(
      instanceClass: spec.instanceClass ?? instanceClass, subnetGroup: spec.subnetGroup,
      securityGroups: spec.securityGroups, kmsKey: spec.kmsKey,
      parameterGroup: engine == .mysql ? spec.parameterGroup : nil)
  }
}
