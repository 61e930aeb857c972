// The API of the sandbox: what is asked, how long it takes, and everything that can happen between asking and
// answering.

package import PilotlightCore

extension SandboxWorld {
  /// Carries out one action at `time` (to which the world advances) and says what the caller is told, and how long
  /// after.
  ///
  /// The effect is at `time`. A latency beyond the caller's patience is the caller's to deal with;
  /// `perform(_:at:timeout:)` does it as a client does.
  package mutating func perform(_ action: CloudAction, at time: Instant) -> (reply: CloudReply, latency: Duration) {
    advance(to: time)
    if case .runCommand(let call) = action { return runProgram(call) }
    // A call across regions: 50 to 300 ms.
    var latency = random.between(50_000_000, 300_000_000)
    if faultSet.isEmpty { return (execute(action), .nanoseconds(latency)) }
    for case .slowAPI(let factor) in faultSet.active where factor > 1 {
      latency = Int64(Double(latency) * min(factor, 1000))
    }
    if let (reply, after) = before(action) { return (reply, .nanoseconds(after ?? latency)) }
    let reply = execute(action)
    if let (altered, after) = after(action) { return (altered, .nanoseconds(after ?? latency)) }
    return (reply, .nanoseconds(latency))
  }

  /// As `perform(_:at:)`, for a caller that waits `timeout` at most: a write it gave up on has an unknown outcome.
  package mutating func perform(
    _ action: CloudAction, at time: Instant, timeout: Duration
  ) -> (reply: CloudReply, latency: Duration) {
    let (reply, latency) = perform(action, at: time)
    guard latency > timeout else { return (reply, latency) }
    if case .failed(let failure) = reply, failure.kind == .unreachable { return (reply, timeout) }
    return (noAnswer(action), timeout)
  }

  /// What keeps a request from reaching any service, whatever else is wrong.
  private func unsent(_ action: CloudAction) -> (CloudReply, Int64?)? {
    if faultSet.contains(.credentialsLost) {
      return (failed(.credentials, "NoCredentials", "no usable credentials"), nil)
    }
    let isCut =
      faultSet.contains(.observerIsolated)
      || action.regions.allSatisfy {
        faultSet.contains(.regionOutage(region: $0)) || faultSet.contains(.apiOutage(region: $0))
      }
    return isCut ? (unreachable(action), 10 * second) : nil
  }

  /// What keeps a request from being carried out; the latency if it is not the usual one.
  private mutating func before(_ action: CloudAction) -> (CloudReply, Int64?)? {
    if let reply = unsent(action) { return reply }
    for fault in faultSet.active {
      switch fault {
      case .accessDenied(let name) where action.apiNames.contains(name):
        return (failed(.denied, "AccessDenied", "User is not authorized to perform \(name)"), nil)
      case .throttling(action.region, let share) where random.chance(share):
        return (failed(.throttled, throttleCode(action), "Rate exceeded"), nil)
      case .lostRequests(let share) where random.chance(share): return (noAnswer(action), 60 * second)
      case .captivePortal(let share) where random.chance(share):
        return (failed(.garbled, "html", "an HTML page came instead of an answer"), nil)
      default: break
      }
    }
    return nil
  }

  /// What happens to an answer on its way back.
  private mutating func after(_ action: CloudAction) -> (CloudReply, Int64?)? {
    for fault in faultSet.active {
      switch fault {
      case .unknownOutcomes(let share) where action.changes && random.chance(share):
        return (noAnswer(action), 60 * second)
      case .garbledReplies(let share) where random.chance(share):
        return (failed(.garbled, "truncated", "the answer ended in the middle"), nil)
      default: break
      }
    }
    return nil
  }

  private func unreachable(_ action: CloudAction) -> CloudReply {
    failed(.unreachable, "connect-timeout", "no connection to the endpoint in \(action.region)")
  }

  private func noAnswer(_ action: CloudAction) -> CloudReply {
    failed(action.changes ? .unknownOutcome : .transient, "timeout", "\(action.apiName) was sent and no answer came")
  }

  /// Each service throttles in words of its own.
  private func throttleCode(_ action: CloudAction) -> String {
    switch action.apiName.prefix(while: { $0 != ":" }) {
    case "secretsmanager": "ThrottlingException"
    case "s3": "SlowDown"
    case "elasticloadbalancing", "rds", "autoscaling", "cloudwatch", "route53", "sts", "sns", "iam": "Throttling"
    default: "RequestLimitExceeded"
    }
  }

  mutating func execute(_ action: CloudAction) -> CloudReply {
    switch action {
    case .callerIdentity:
      .identity(account: Self.account, arn: "arn:aws:sts::\(Self.account):assumed-role/pilotlight/sandbox")
    case .describeGroup(let ref): describeGroup(ref)
    case .describeDatabase(let ref): describeDatabase(ref)
    case .replicaLag(let ref): replicaLag(ref)
    case .targetHealth(let ref): targetHealth(ref)
    case .readSecret(let ref): readSecret(ref)
    case .readSecretSource(let ref): readSecretSource(ref)
    case .readTopic: .subscribers(confirmed: 1, pending: 0)
    case .readRecords(let ref): readRecords(ref)
    case .readChange(let id, _): readChange(id)
    case .readHealthCheck(let ref): readHealthCheck(ref)
    case .readCheckSwitch(let ref): readCheckSwitch(ref)
    case .readControls(let controls): readControls(controls)
    case .askNames(let question): askNames(question)
    case .readObject(let ref): readObject(ref)
    case .readWriteHold(let ref): readWriteHold(ref)
    case .describeSnapshot(let ref, let snapshot): describeSnapshot(ref, snapshot)
    case .readLaunchSource(let ref): readLaunchSource(ref)
    case .readSwitch(let ref): readObject(ref)
    case .simulate(let changes, _): simulate(changes)
    case .readClock: .clock(behind: .zero)
    case .readLease(let ref): .lease(leases[ref])
    case .claimLease(let ref, let record, let known): claimLease(ref, record, over: known)
    case .resizeGroup, .repointSecret, .detachSecret, .promoteReplica, .failOverCluster, .switchOverCluster,
      .renameDatabase, .modifyInstance, .rebootInstance, .stopDatabase, .startDatabase, .snapshotDatabase,
      .createReplica, .pointRecords,
      .switchCheck, .turnControls, .putObject, .removeObject, .holdWrites, .releaseWrites, .publish:
      write(action)
    case .runCommand(let call): runProgram(call).reply
    }
  }

  /// Writes can change what anybody sees: everything is settled before and drawn anew after.
  private mutating func write(_ action: CloudAction) -> CloudReply {
    for index in workloads.indices { settle(index) }
    let reply = change(action)
    for index in workloads.indices { refresh(index) }
    return reply
  }

  private mutating func change(_ action: CloudAction) -> CloudReply {
    if let ref = action.instance, let refusal = refuseInstanceAct(action, ref) { return refusal }
    return switch action {
    case .resizeGroup(let ref, let size): resizeGroup(ref, size)
    case .repointSecret(let ref, let address, let token): repointSecret(ref, address, token)
    case .detachSecret(let ref): detachSecret(ref)
    case .promoteReplica(let ref, let backups): promoteReplica(ref, backups)
    case .failOverCluster(let ref, let arn): failOverCluster(ref, arn)
    case .switchOverCluster(let ref, let arn, let old): switchOverCluster(ref, arn, from: old)
    case .renameDatabase(let ref, let name): renameDatabase(ref, to: name)
    case .modifyInstance(let ref, let change): modifyInstance(ref, change)
    case .rebootInstance(let ref): rebootInstance(ref)
    case .stopDatabase(let ref): stopDatabase(ref)
    case .startDatabase(let ref): startDatabase(ref)
    case .snapshotDatabase(let ref, let snapshot): snapshotDatabase(ref, snapshot)
    case .createReplica(let spec): createReplica(spec)
    case .pointRecords(let ref, let to, let from, let sets): pointRecords(ref, to: to, from: from, sets)
    case .switchCheck(let ref, let unhealthy): switchCheck(ref, unhealthy)
    case .turnControls(let controls, let site): turnControls(controls, to: site)
    case .putObject(let ref, _): setObject(ref, present: true)
    case .removeObject(let ref): setObject(ref, present: false)
    case .holdWrites(let ref): setWriteHold(ref, true)
    case .releaseWrites(let ref): setWriteHold(ref, false)
    case .publish(let ref, let subject, let message): publish(ref, subject, message)
    case .callerIdentity, .describeGroup, .describeDatabase, .replicaLag, .targetHealth, .readSecret, .readSecretSource,
      .readRecords, .readChange, .readHealthCheck, .readCheckSwitch, .readControls, .askNames, .readObject,
      .readWriteHold, .readTopic,
      .describeSnapshot, .readLaunchSource, .readSwitch,
      .simulate, .readClock, .readLease, .claimLease, .runCommand:
      failed(.invalid, "InvalidAction", "\(action.apiName) changes nothing")
    }
  }
}

extension CloudAction {
  /// The database to which it does what only an instance can; nil: none.
  fileprivate var instance: DatabaseRef? {
    switch self {
    case .promoteReplica(let ref, _), .renameDatabase(let ref, _), .modifyInstance(let ref, _),
      .rebootInstance(let ref), .stopDatabase(let ref), .startDatabase(let ref), .snapshotDatabase(let ref, _):
      ref
    case .createReplica(let spec): spec.replica
    default: nil
    }
  }
}
