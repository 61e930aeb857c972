// What the cloud answered, reduced to what decisions need. Nothing secret is in here: it is logged and journalled.

/// The answer to one `CloudAction`.
package indirect enum CloudReply: Hashable, Sendable, Codable {
  case identity(account: String, arn: String)
  case group(GroupState)
  case database(DatabaseState)
  case lag([LagSample])
  case targets(TargetHealth)
  case secret(SecretState)
  /// The region of the secret that it is a replica of; nil: it stands alone.
  case secretSource(region: String?)
  case records([RecordState])
  case change(ChangeStatus)
  case checkers(CheckerHealth)
  case checkSwitch(CheckSwitch)
  case controls(RoutingState)
  case names(NameReport)
  case object(present: Bool)
  /// Whether our own rule answers in every other's place; and what stands first instead and cannot be held before, nil: nothing does.
  case writeHold(present: Bool, foreign: String? = nil)
  case snapshot(status: String)
  /// Of a topic: those who get its messages, and those who have not confirmed yet that they want to.
  case subscribers(confirmed: Int, pending: Int)
  /// nil when the group names none.
  case launchSource(LaunchSource?)
  case permissions([Permission])
  /// By how much this host's clock is behind the one of AWS's answer; negative when it is ahead.
  case clock(behind: Duration)
  /// nil when there is none.
  case lease(LeaseRecord?)
  /// The lease stands as it was claimed.
  case leased(LeaseRecord)
  /// A write was taken; the receipt is the id by which it can be asked about, if the API gives one.
  case accepted(receipt: String?)
  case failed(CloudFailure)
}

/// An Auto Scaling Group as it is.
package struct GroupState: Hashable, Sendable, Codable {
  package var size: GroupSize
  /// Instances with LifecycleState InService and HealthStatus Healthy.
  package var inService: Int
  /// All instances listed, any state.
  package var instances: Int
  /// StatusMessage of the newest failed scaling activity, if it is newer than the newest successful one.
  package var trouble: String?
  /// Suspended processes that would stop a scale-up: `Launch`, `Terminate`, ….
  package var suspended: [String]
  /// Instances with ProtectedFromScaleIn; nil where that was not asked.
  package var protected: Int?
  package init(
    size: GroupSize, inService: Int, instances: Int, trouble: String? = nil, suspended: [String] = [],
    protected: Int? = nil
  ) {
    self.size = size
    self.inService = inService
    self.instances = instances
    self.trouble = trouble
    self.suspended = suspended
    self.protected = protected
  }
}

/// An RDS instance, or a cluster of a global database, as it is.
package struct DatabaseState: Hashable, Sendable, Codable {
  /// DBInstanceStatus, or a cluster's Status, e.g. `available`, `modifying`, `backing-up`, `rebooting`, `creating`, `stopped`, `storage-full`.
  package var status: String
  /// ReadReplicaSourceDBInstanceIdentifier (an ARN for a cross-region replica); nil for a standalone instance. Of a cluster that is a
  /// reader the ARN of the writer; nil for the writer, and for one that is no member any more.
  package var source: String?
  package var arn: String
  /// nil while the instance is being created.
  package var address: DatabaseAddress?
  package var engine: String
  /// Status of the `read replication` StatusInfo: `replicating`, `error`, `stopped`, `terminated`, …; nil when absent. Of a reader its
  /// SynchronizationStatus, `replicating` for `connected`; of a writer that of a reader that is not connected.
  package var replication: String?
  /// nil: an instance.
  package var cluster: ClusterState?
  /// nil: a cluster, or a recording, which keeps none of it.
  package var instance: InstanceState?
  package init(
    status: String, source: String?, arn: String, address: DatabaseAddress?, engine: String, replication: String? = nil,
    cluster: ClusterState? = nil, instance: InstanceState? = nil
  ) {
    self.status = status
    self.source = source
    self.arn = arn
    self.address = address
    self.engine = engine
    self.replication = replication
    self.cluster = cluster
    self.instance = instance
  }
}

/// One datapoint of ReplicaLag as CloudWatch gave it.
package struct LagSample: Hashable, Sendable, Codable {
  /// Start of the datapoint's minute on the daemon's time line, or a little before: how old it is was told by the clock of the answer
  /// that brought it, never by this host's.
  package var at: Instant
  /// Seconds; -1 means replication is not active.
  package var seconds: Double
  package init(at: Instant, seconds: Double) {
    self.at = at
    self.seconds = seconds
  }
}

/// Counts of DescribeTargetHealth.
package struct TargetHealth: Hashable, Sendable, Codable {
  package var healthy: Int
  package var unhealthy: Int
  /// `initial`, `draining`, `unused`, `unavailable`: neither healthy nor proven unhealthy.
  package var other: Int
  package init(healthy: Int, unhealthy: Int, other: Int) {
    self.healthy = healthy
    self.unhealthy = unhealthy
    self.other = other
  }
}

/// What the checkers of a Route 53 health check report, by count.
package struct CheckerHealth: Hashable, Sendable, Codable {
  package var healthy: Int
  package var unhealthy: Int
  package init(healthy: Int, unhealthy: Int) {
    self.healthy = healthy
    self.unhealthy = unhealthy
  }

  /// Route 53 takes an endpoint as healthy when more than 18 % of its checkers do (Route 53 developer guide, "How Amazon Route 53
  /// determines whether a health check is healthy").
  package var isHealthy: Bool { Double(healthy) > 0.18 * Double(healthy + unhealthy) }
}

/// The two settings of a Route 53 health check by which it can be made to say what we want.
package struct CheckSwitch: Hashable, Sendable, Codable {
  package var disabled: Bool
  package var inverted: Bool
  package init(disabled: Bool, inverted: Bool) {
    self.disabled = disabled
    self.inverted = inverted
  }
}

/// The address in a secret, and nothing else of it.
package struct SecretState: Hashable, Sendable, Codable {
  package var address: DatabaseAddress
  package var version: String
  package init(address: DatabaseAddress, version: String) {
    self.address = address
    self.version = version
  }
}

/// One Route 53 record set.
package struct RecordState: Hashable, Sendable, Codable {
  /// Lower case, without the trailing dot.
  package var host: String
  package var aliasZone: String?
  package var setIdentifier: String?
  package var weight: Int?
  /// Its routing policy where it is neither simple nor weighted, e.g. `failover`.
  package var policy: String?
  /// `AAAA`, beside the A record that was asked about; nil: of the type asked about.
  package var type: String?
  /// The whole set as the service wrote it; nil: there is none yet.
  package var text: String?
  package init(
    host: String, aliasZone: String? = nil, setIdentifier: String? = nil, weight: Int? = nil, policy: String? = nil,
    type: String? = nil, text: String? = nil
  ) {
    self.host = host
    self.aliasZone = aliasZone
    self.setIdentifier = setIdentifier
    self.weight = weight
    self.policy = policy
    self.type = type
    self.text = text
  }
}

/// What an Auto Scaling Group launches its instances from.
package struct LaunchSource: Hashable, Sendable, Codable {
  package enum Kind: String, Hashable, Sendable, Codable {
    case template
    case configuration
  }
  package var kind: Kind
  /// Id or name, as the group has it.
  package var name: String
  /// Of a template, as the group has it: `$Default`, `$Latest` or a number.
  package var version: String?
  /// It exists, in this version.
  package var isPresent: Bool
  /// nil: not told.
  package var choice: LaunchChoice?
  package init(_ kind: Kind, name: String, version: String? = nil, isPresent: Bool, choice: LaunchChoice? = nil) {
    self.kind = kind
    self.name = name
    self.version = version
    self.isPresent = isPresent
    self.choice = choice
  }
}

/// What a group may turn to by itself where EC2 has no capacity of one kind (`InsufficientInstanceCapacity`).
package struct LaunchChoice: Hashable, Sendable, Codable {
  /// Instance types it is allowed; nil: all that meet its requirements.
  package var types: Int?
  /// Availability zones, as their names.
  package var zones: [String]
  package init(types: Int?, zones: [String]) {
    self.types = types
    self.zones = zones
  }
}

/// IAM's word on one change.
package struct Permission: Hashable, Sendable, Codable {
  package enum Decision: Hashable, Sendable, Codable {
    case allowed
    case denied
    /// The simulation does not tell, for this reason.
    case undecided(String)
  }
  /// As IAM names it, e.g. `rds:PromoteReadReplica`.
  package var action: String
  /// ARN; nil when it cannot be told.
  package var resource: String?
  package var decision: Decision
  package init(action: String, resource: String?, decision: Decision) {
    self.action = action
    self.resource = resource
    self.decision = decision
  }
}

/// Route 53's word on a change.
package enum ChangeStatus: String, Hashable, Sendable, Codable {
  case pending
  case insync
}

/// Why an action has no proper answer.
package struct CloudFailure: Error, Hashable, Sendable, Codable {
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    /// The thing asked for does not exist.
    case notFound
    /// Try later: throttled, or another change of the same thing is running.
    case throttled
    /// The service failed before doing anything (5xx to a read, connect failure, DNS): try again.
    case transient
    /// The request was sent and no answer came: it may or may not have happened. Look before repeating.
    case unknownOutcome
    /// The region could not be reached at all (DNS, connect, TLS, timeout before anything was sent).
    case unreachable
    /// Not allowed (AccessDenied, UnauthorizedOperation): a human must change something.
    case denied
    /// No usable credentials, or they expired and could not be refreshed.
    case credentials
    /// The thing is in a state that does not allow it now (InvalidDBInstanceState, ScalingActivityInProgress).
    case wrongState
    /// Already exists (DBInstanceAlreadyExists, PriorityInUse).
    case exists
    /// The request is wrong and will stay wrong (ValidationError, InvalidParameter…).
    case invalid
    /// The answer could not be understood (garbage, truncated, too large, a captive portal's HTML).
    case garbled
  }
  package var kind: Kind
  /// AWS error code as it came, e.g. `InvalidDBInstanceState`; for transport faults a word such as `timeout`.
  package var code: String
  /// One line, escaped, at most 300 characters.
  package var message: String
  package var requestID: String?
  package init(_ kind: Kind, code: String, message: String, requestID: String? = nil) {
    self.kind = kind
    self.code = code
    self.message = message
    self.requestID = requestID
  }
}
