// The closed list of what is asked of the cloud. A plan is journalled with these inside and must be understood after a crash,
// so they are plain values; adding one makes the compiler walk every switch: adapter, sandbox, explanation, IAM policy.

/// An Auto Scaling Group.
package struct GroupRef: Hashable, Sendable, Codable {
  package var region: String
  package var name: String
  package init(region: String, name: String) {
    self.region = region
    self.name = name
  }
}

/// An RDS instance, or an Aurora cluster of a global database, by its identifier.
package struct DatabaseRef: Hashable, Sendable, Codable {
  package var region: String
  package var identifier: String
  /// nil: an RDS instance.
  package var global: GlobalDatabase?
  package init(region: String, identifier: String, global: GlobalDatabase? = nil) {
    self.region = region
    self.identifier = identifier
    self.global = global
  }
}

/// An ELBv2 target group.
package struct TargetGroupRef: Hashable, Sendable, Codable {
  package var region: String
  package var arn: String
  package init(region: String, arn: String) {
    self.region = region
    self.arn = arn
  }
}

/// An ELBv2 listener.
package struct ListenerRef: Hashable, Sendable, Codable {
  package var region: String
  package var arn: String
  package init(region: String, arn: String) {
    self.region = region
    self.arn = arn
  }
}

/// A Secrets Manager secret holding a flat JSON object, and the keys that hold the database address in it.
package struct SecretRef: Hashable, Sendable, Codable {
  package var region: String
  /// Name or ARN.
  package var id: String
  /// Key of the host name, usually `host`.
  package var hostKey: String
  /// Key of the port, usually `port`; nil leaves the port alone.
  package var portKey: String?
  package init(region: String, id: String, hostKey: String = "host", portKey: String? = "port") {
    self.region = region
    self.id = id
    self.hostKey = hostKey
    self.portKey = portKey
  }
}

/// A Route 53 record set (or the pair of weighted sets) of one name and type.
package struct RecordRef: Hashable, Sendable, Codable {
  package var zone: String
  /// Fully qualified, without the trailing dot.
  package var name: String
  /// `CNAME` or `A` (alias).
  package var type: String
  /// Seconds, for a CNAME that has to be made; alias records have none.
  package var ttl: Int
  /// Where the Route 53 endpoint is (`us-east-1` for the aws partition).
  package var region: String
  package init(zone: String, name: String, type: String, ttl: Int = 60, region: String = "us-east-1") {
    self.zone = zone
    self.name = name
    self.type = type
    self.ttl = ttl
    self.region = region
  }
}

/// Where a record set can point.
package struct RecordTarget: Hashable, Sendable, Codable {
  /// DNS name of the load balancer.
  package var host: String
  /// Hosted zone of the load balancer, for an alias A record.
  package var aliasZone: String?
  /// Set when the name is a weighted pair: traffic moves by weights, both records stay.
  package var setIdentifier: String?
  package init(host: String, aliasZone: String? = nil, setIdentifier: String? = nil) {
    self.host = host
    self.aliasZone = aliasZone
    self.setIdentifier = setIdentifier
  }
}

/// A Route 53 health check.
package struct HealthCheckRef: Hashable, Sendable, Codable {
  package var id: String
  /// Where the Route 53 endpoint is (`us-east-1` for the aws partition).
  package var region: String
  package init(id: String, region: String = "us-east-1") {
    self.id = id
    self.region = region
  }
}

/// An S3 object.
package struct ObjectRef: Hashable, Sendable, Codable {
  package var region: String
  package var bucket: String
  package var key: String
  package init(region: String, bucket: String, key: String) {
    self.region = region
    self.bucket = bucket
    self.key = key
  }
}

/// An SNS topic.
package struct TopicRef: Hashable, Sendable, Codable {
  package var region: String
  package var arn: String
  package init(region: String, arn: String) {
    self.region = region
    self.arn = arn
  }
}

/// Where a database answers.
package struct DatabaseAddress: Hashable, Sendable, Codable {
  package var host: String
  package var port: Int
  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }
}

/// Everything that is ever asked of the cloud.
package indirect enum CloudAction: Hashable, Sendable, Codable {
  // Reads. They change nothing and may be repeated freely.

  /// STS GetCallerIdentity at the region's endpoint -> `.identity`.
  case callerIdentity(region: String)
  /// DescribeAutoScalingGroups (+ the newest DescribeScalingActivities) -> `.group`, or `.failed(.notFound)`.
  case describeGroup(GroupRef)
  /// DescribeDBInstances, of a cluster DescribeDBClusters and DescribeGlobalClusters in its own region -> `.database`, or
  /// `.failed(.notFound)`.
  case describeDatabase(DatabaseRef)
  /// CloudWatch GetMetricData AWS/RDS ReplicaLag, of a cluster AuroraGlobalDBRPOLag or AuroraGlobalDBReplicationLag, the last 15 minutes
  /// at 60 s -> `.lag`, newest last, -1 included as it came.
  case replicaLag(DatabaseRef)
  /// DescribeTargetHealth -> `.targets`.
  case targetHealth(TargetGroupRef)
  /// GetSecretValue, of which only the address leaves the adapter -> `.secret`.
  case readSecret(SecretRef)
  /// SNS GetTopicAttributes, who would get a message -> `.subscribers`.
  case readTopic(TopicRef)
  /// DescribeSecret, whether it is a replica -> `.secretSource`.
  case readSecretSource(SecretRef)
  /// ListResourceRecordSets for this name and type, of an A record AAAA too -> `.records`.
  case readRecords(RecordRef)
  /// Route 53 GetChange -> `.change`.
  case readChange(id: String, region: String)
  /// Route 53 GetHealthCheckStatus -> `.checkers`, or `.failed(.notFound)`.
  case readHealthCheck(HealthCheckRef)
  /// Route 53 GetHealthCheck -> `.checkSwitch`, or `.failed(.notFound)`.
  case readCheckSwitch(HealthCheckRef)
  /// GetRoutingControlState of both, at one endpoint of the cluster -> `.controls`.
  case readControls(RoutingControls)
  /// HeadObject -> `.object`.
  case readObject(ObjectRef)
  /// DescribeRules, looking for our own write hold -> `.writeHold`.
  case readWriteHold(ListenerRef)
  /// DescribeDBSnapshots of this identifier -> `.snapshot`, or `.failed(.notFound)`.
  case describeSnapshot(DatabaseRef, snapshot: String)

  /// DNS, asked of resolvers and of the zone's own servers, from this host -> `.names`.
  case askNames(NameQuestion)

  // Reads for readiness alone: no step of a plan asks them.

  /// What the group names (DescribeAutoScalingGroups), looked up by DescribeLaunchTemplateVersions or DescribeLaunchConfigurations
  /// -> `.launchSource`, or `.failed(.notFound)` when the group does not exist.
  case readLaunchSource(GroupRef)
  /// GetObject -> `.object`, or `.failed(.notFound)` when the bucket does not exist: HeadObject cannot tell the two apart.
  case readSwitch(ObjectRef)
  /// IAM SimulatePrincipalPolicy of these changes for whoever calls; the region is where the caller is asked for -> `.permissions`.
  case simulate([CloudAction], region: String)
  /// STS GetCallerIdentity, of whose answer only the Date header counts -> `.clock`.
  case readClock(region: String)

  // The watchdogs' own business: nothing of a workload is read or changed.

  /// DynamoDB GetItem, consistent -> `.lease`.
  case readLease(LeaseRef)
  /// DynamoDB PutItem on condition that `over` stands there, nil: that nothing does -> `.leased`, or `.failed(.wrongState)`.
  case claimLease(LeaseRef, LeaseRecord, over: LeaseRecord?)

  // Writes. All but those that promote and the creations are declarative: repeating one changes nothing more.

  /// UpdateAutoScalingGroup with min, desired and max -> `.accepted`.
  case resizeGroup(GroupRef, GroupSize)
  /// PutSecretValue: the same JSON with the address replaced; `token` is the ClientRequestToken -> `.accepted`.
  case repointSecret(SecretRef, DatabaseAddress, token: String)
  /// StopReplicationToReplica, in the replica's region -> `.accepted`.
  case detachSecret(SecretRef)
  /// PromoteReadReplica: one-way -> `.accepted`. `backups`: BackupRetentionPeriod in days; nil, as in older ledgers: RDS's 1.
  case promoteReplica(DatabaseRef, backups: Int? = nil)
  /// FailoverGlobalCluster with AllowDataLoss, in the region of the cluster that is promoted, so that it works with the other one dark:
  /// one-way -> `.accepted`. `arn` is that cluster's.
  case failOverCluster(DatabaseRef, arn: String)
  /// SwitchoverGlobalCluster, in the region of the cluster that still writes: one-way -> `.accepted`. `arn` is the promoted one's.
  case switchOverCluster(DatabaseRef, arn: String, from: DatabaseRef)
  /// ModifyDBInstance NewDBInstanceIdentifier, applied at once -> `.accepted`.
  case renameDatabase(DatabaseRef, to: String)
  /// ModifyDBInstance, applied at once, for the options and for the parameter group, and AddTagsToResource: one that is refused costs none
  /// of the others -> `.accepted` when all were taken.
  case modifyInstance(DatabaseRef, InstanceChange)
  /// RebootDBInstance -> `.accepted`.
  case rebootInstance(DatabaseRef)
  /// StopDBInstance: refused while the instance has a replica or is one -> `.accepted`.
  case stopDatabase(DatabaseRef)
  /// StartDBInstance -> `.accepted`.
  case startDatabase(DatabaseRef)
  /// CreateDBSnapshot -> `.accepted`.
  case snapshotDatabase(DatabaseRef, snapshot: String)
  /// CreateDBInstanceReadReplica, called in the replica's region -> `.accepted`.
  case createReplica(ReplicaSpec)
  /// ChangeResourceRecordSets UPSERT of these sets, so that the name leads to `to` and no more to `from` -> `.accepted` whose
  /// receipt is the change id. nil, as in older ledgers: the sets are read first.
  case pointRecords(RecordRef, to: RecordTarget, from: RecordTarget, sets: [RecordState]? = nil)
  /// UpdateHealthCheck, Disabled and Inverted: a check that is both is unhealthy whatever its endpoint does, one that is neither follows
  /// its endpoint (Route 53 API reference, UpdateHealthCheck) -> `.accepted`.
  case switchCheck(HealthCheckRef, unhealthy: Bool)
  /// UpdateRoutingControlStates: both at once, or none -> `.accepted`. A safety rule that refuses is `.failed(.wrongState)`.
  case turnControls(RoutingControls, to: Site)
  /// PutObject with a short body saying who wrote it and why -> `.accepted`.
  case putObject(ObjectRef, body: String)
  /// DeleteObject of our own switch object -> `.accepted`.
  case removeObject(ObjectRef)
  /// CreateRule: priority 1, every path answered 503 with a sentence; found again by that sentence -> `.accepted`.
  case holdWrites(ListenerRef)
  /// DeleteRule of our own write hold -> `.accepted`.
  case releaseWrites(ListenerRef)
  /// SNS Publish -> `.accepted` whose receipt is the message id.
  case publish(TopicRef, subject: String, message: String)

  /// A program of the operator's, run on this host and not in the cloud -> `.accepted` whose receipt is what it printed, or
  /// `.failed(.invalid)`.
  case runCommand(CommandCall)
}

extension CloudAction {
  /// The region whose endpoint is asked.
  ///
  /// A program runs on this host, and DNS is asked from it.
  package var region: String {
    switch self {
    case .callerIdentity(let region), .readChange(_, let region), .simulate(_, let region), .readClock(let region):
      region
    case .describeGroup(let ref), .resizeGroup(let ref, _), .readLaunchSource(let ref): ref.region
    case .describeDatabase(let ref), .replicaLag(let ref), .promoteReplica(let ref, _), .renameDatabase(let ref, _),
      .modifyInstance(let ref, _), .rebootInstance(let ref), .stopDatabase(let ref), .startDatabase(let ref),
      .snapshotDatabase(let ref, _),
      .describeSnapshot(let ref, _),
      .failOverCluster(let ref, _), .switchOverCluster(_, _, let ref):
      ref.region
    case .targetHealth(let ref): ref.region
    case .readSecret(let ref), .repointSecret(let ref, _, _), .readSecretSource(let ref), .detachSecret(let ref):
      ref.region
    case .readRecords(let ref), .pointRecords(let ref, _, _, _): ref.region
    case .readHealthCheck(let ref), .readCheckSwitch(let ref), .switchCheck(let ref, _): ref.region
    case .readControls(let ref), .turnControls(let ref, _): "any of \(ref.endpoints.count) regions"
    case .readObject(let ref), .readSwitch(let ref), .putObject(let ref, _), .removeObject(let ref): ref.region
    case .readWriteHold(let ref), .holdWrites(let ref), .releaseWrites(let ref): ref.region
    case .createReplica(let spec): spec.replica.region
    case .readTopic(let ref), .publish(let ref, _, _): ref.region
    case .readLease(let ref), .claimLease(let ref, _, _): ref.region
    case .runCommand, .askNames: "this host"
    }
  }

  /// The AWS API action, as CloudTrail and IAM name it; of a program its path.
  package var apiName: String {
    switch self {
    case .callerIdentity, .readClock: "sts:GetCallerIdentity"
    case .describeGroup: "autoscaling:DescribeAutoScalingGroups"
    case .describeDatabase(let ref): ref.global == nil ? "rds:DescribeDBInstances" : "rds:DescribeDBClusters"
    case .replicaLag: "cloudwatch:GetMetricData"
    case .targetHealth: "elasticloadbalancing:DescribeTargetHealth"
    case .readSecret: "secretsmanager:GetSecretValue"
    case .readSecretSource: "secretsmanager:DescribeSecret"
    case .readTopic: "sns:GetTopicAttributes"
    case .detachSecret: "secretsmanager:StopReplicationToReplica"
    case .readRecords: "route53:ListResourceRecordSets"
    case .readChange: "route53:GetChange"
    case .readHealthCheck: "route53:GetHealthCheckStatus"
    case .readCheckSwitch: "route53:GetHealthCheck"
    case .switchCheck: "route53:UpdateHealthCheck"
    case .readControls: "route53-recovery-cluster:GetRoutingControlState"
    case .turnControls: "route53-recovery-cluster:UpdateRoutingControlStates"
    case .askNames: "DNS"
    case .readObject, .readSwitch: "s3:GetObject"
    case .readWriteHold: "elasticloadbalancing:DescribeRules"
    case .describeSnapshot: "rds:DescribeDBSnapshots"
    case .readLaunchSource: "ec2:DescribeLaunchTemplateVersions"
    case .simulate: "iam:SimulatePrincipalPolicy"
    case .resizeGroup: "autoscaling:UpdateAutoScalingGroup"
    case .repointSecret: "secretsmanager:PutSecretValue"
    case .promoteReplica: "rds:PromoteReadReplica"
    case .failOverCluster: "rds:FailoverGlobalCluster"
    case .switchOverCluster: "rds:SwitchoverGlobalCluster"
    case .renameDatabase, .modifyInstance: "rds:ModifyDBInstance"
    case .rebootInstance: "rds:RebootDBInstance"
    case .stopDatabase: "rds:StopDBInstance"
    case .startDatabase: "rds:StartDBInstance"
    case .snapshotDatabase: "rds:CreateDBSnapshot"
    case .createReplica: "rds:CreateDBInstanceReadReplica"
    case .pointRecords: "route53:ChangeResourceRecordSets"
    case .putObject: "s3:PutObject"
    case .removeObject: "s3:DeleteObject"
    case .holdWrites: "elasticloadbalancing:CreateRule"
    case .releaseWrites: "elasticloadbalancing:DeleteRule"
    case .publish: "sns:Publish"
    case .readLease: "dynamodb:GetItem"
    case .claimLease: "dynamodb:PutItem"
    case .runCommand(let call): call.command.first ?? ""
    }
  }

  /// Every API action that it takes leave for, `apiName` first.
  package var apiNames: [String] {
    switch self {
    case .describeDatabase(let ref) where ref.global != nil: [apiName, "rds:DescribeGlobalClusters"]
    case .modifyInstance: [apiName, "rds:AddTagsToResource"]
    case .describeGroup: [apiName, "autoscaling:DescribeScalingActivities"]
    case .readLaunchSource:
      [apiName, "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeLaunchConfigurations"]
    default: [apiName]
    }
  }

  /// True for actions that change something of a workload, or tell people.
  package var changes: Bool {
    switch self {
    case .callerIdentity, .describeGroup, .describeDatabase, .replicaLag, .targetHealth, .readSecret, .readSecretSource,
      .readRecords, .readChange, .readHealthCheck, .readCheckSwitch, .readControls, .askNames, .readObject,
      .readWriteHold, .readTopic,
      .describeSnapshot, .readLaunchSource, .readSwitch,
      .simulate, .readClock, .readLease, .claimLease:
      false
    case .resizeGroup, .repointSecret, .detachSecret, .promoteReplica, .failOverCluster, .switchOverCluster,
      .renameDatabase, .modifyInstance, .rebootInstance, .stopDatabase, .startDatabase, .snapshotDatabase,
      .createReplica, .pointRecords,
      .switchCheck, .turnControls, .putObject, .removeObject, .holdWrites, .releaseWrites, .publish, .runCommand:
      true
    }
  }

  /// Which database it makes a writer of; nil for every other one.
  package var promoted: DatabaseRef? {
    switch self {
    case .promoteReplica(let ref, _), .failOverCluster(let ref, _), .switchOverCluster(let ref, _, _): ref
    case .callerIdentity, .describeGroup, .describeDatabase, .replicaLag, .targetHealth, .readSecret, .readSecretSource,
      .readRecords, .readChange, .readHealthCheck, .readCheckSwitch, .readControls, .askNames, .readObject,
      .readWriteHold, .readTopic,
      .describeSnapshot, .readLaunchSource, .readSwitch, .simulate, .readClock, .readLease, .claimLease, .resizeGroup,
      .repointSecret, .detachSecret, .renameDatabase, .modifyInstance, .rebootInstance, .stopDatabase, .startDatabase,
      .snapshotDatabase,
      .createReplica, .pointRecords, .switchCheck, .turnControls, .putObject, .removeObject, .holdWrites,
      .releaseWrites, .publish,
      .runCommand:
      nil
    }
  }
}
