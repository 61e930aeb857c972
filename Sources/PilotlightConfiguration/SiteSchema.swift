// The keys of one region. `primary` and `dr` have the same ones, since the two change places in a failover.

import PilotlightCore

func readSite(_ site: Section) -> SiteSettings {
  let region = site.required("region", .region, "AWS region of everything in this mapping.")
  return SiteSettings(
    region: region,
    probe: site.section("alb", "The load balancer, and how its health is probed.", readProbe),
    group: site.section("group", "The Auto Scaling Group.") { readGroup($0, region: region) },
    targetGroup: site.optional(
      "targetGroup",
      .arn(
        "elasticloadbalancing", resource: "targetgroup/",
        like: "arn:aws:elasticloadbalancing:REGION:123456789012:targetgroup/NAME/0123456789abcdef"),
      absent: "target health is not watched",
      "ARN of the load balancer's target group, whose health is a vantage of its own."
    ).map { TargetGroupRef(region: region, arn: $0) },
    listener: site.optional(
      "listener",
      .arn(
        "elasticloadbalancing", resource: "listener/app/",
        like: "arn:aws:elasticloadbalancing:REGION:123456789012:listener/app/NAME/0123456789abcdef/0123456789abcdef"),
      absent: "writes are held by hand",
      "ARN of the load balancer's listener, where a failback holds writes, or a switchover. The rule that an earlier run left there is taken "
        + "away before users are led to the site."
    ).map { ListenerRef(region: region, arn: $0) },
    database: site.section(
      "database",
      "The RDS instance or Aurora cluster, and what creates an instance anew as a replica in failback. What is not said here is "
        + "that of the instance whose place it takes, which is kept, as are Multi-AZ, deletion protection, IAM authentication, CopyTagsToSnapshot and tags; "
        + "the report says what else differs (storage type, monitoring, log exports)."
    ) {
      readDatabase($0, region: region)
    },
    secret: site.optional(
      "secret", absent: "the application reads none, or finds the database otherwise",
      "The JSON secret from which the application reads its database address."
    ) { readSecret($0, region: region) })
}

private func readProbe(_ alb: Section) -> ProbeSettings {
  let standard = ProbeSettings(url: "")
  let url = alb.required("url", .url, "Health endpoint behind the load balancer, best one that asks the database too.")
  let interval = alb.optional(
    "interval", .duration(.milliseconds(100)...(.minutes(5))), default: standard.interval, "Time between probes.")
  let timeout =
    alb.optional(
      "timeout", .duration(.milliseconds(50)...(.minutes(1))), absent: "5s, or `interval` when that is less",
      "Deadline of one probe, DNS to last byte; at most `interval`, so that a hanging target keeps its schedule.")
    ?? min(standard.timeout, interval)
  return ProbeSettings(
    url: url,
    method: alb.optional("method", .word("GET", "HEAD"), default: standard.method, "HTTP method."),
    expectedStatus: alb.optional(
      "expectStatus", .list(of: .status, 1...20), default: standard.expectedStatus,
      "Status codes that mean healthy; redirects are not followed."),
    bodyContains: alb.optional(
      "bodyContains", .text(maximum: 1024), absent: "any body is right",
      "Text that the first 64 kB of the body must contain."),
    timeout: timeout,
    slowAfter: alb.optional(
      "slowAfter", .orOff(.duration(.milliseconds(10)...(.minutes(1)))),
      absent: "2s, or half of `timeout` when that is less",
      "A right answer later than this is slow: it degrades and alerts, and never justifies a failover alone.")
      ?? min(.seconds(2), timeout / 2),
    interval: interval,
    recheckInterval: alb.optional(
      "recheckInterval", .duration(.milliseconds(50)...(.minutes(5))), absent: "1s, or `interval` when that is less",
      "Time between probes after a first failure, until the verdict is settled.")
      ?? min(standard.recheckInterval, interval),
    fallAfter: alb.optional(
      "fallAfter", .integer(1...100), default: standard.fallAfter,
      "Consecutive failures until the target counts as failing."),
    riseAfter: alb.optional(
      "riseAfter", .integer(1...100), default: standard.riseAfter,
      "Consecutive successes until it counts as serving again."),
    resolve: alb.optional(
      "resolve", .list(of: .resolveEntry, 0...20), default: [],
      "Fixed addresses instead of DNS, as curl writes them: `HOST:PORT:ADDRESS[,ADDRESS]`."),
    headers: alb.optional(
      "headers", .list(of: .header, 0...20), default: [], "Extra request headers, `Name: value`; never logged."),
    caFile: alb.optional(
      "caFile", .path(), absent: "the system's", "PEM file of the certificate authorities the probe trusts."))
}

private func readGroup(_ group: Section, region: String) -> GroupSettings {
  let name = group.required("name", .groupName, "Name of the Auto Scaling Group.")
  let capacity = group.section("capacity", "Its size while this region serves.", readSize)
  let standby = group.optional(
    "standby", absent: "0, 0 and `capacity.max`", "Its size while the other region serves.", readSize)
  let acceptMinimum = group.optional(
    "acceptMinimum", .integer(1...10_000), absent: "`capacity.min`, at least 1",
    "Healthy targets that are enough to move traffic here in an emergency; 1 to `capacity.desired`.")
  let ofPeak = group.optional(
    "ofPeak", .orOff(.percent(1...200)), default: 100,
    "It takes over with this share of the other region's group, counted from the most instances wanted there in the last "
      + "24 h: at least `capacity.desired`, at most `capacity.max`. `off` always takes `capacity`.")
  return GroupSettings(
    ref: GroupRef(region: region, name: name), serving: capacity,
    standby: standby ?? GroupSize(min: 0, desired: 0, max: capacity.max),
    acceptMinimum: acceptMinimum ?? max(1, capacity.min), ofPeak: ofPeak)
}

private func readSize(_ size: Section) -> GroupSize {
  GroupSize(
    min: size.required("min", .integer(0...10_000), "Instances at least."),
    desired: size.required("desired", .integer(0...10_000), "Instances wanted; `min` to `max`."),
    max: size.required("max", .integer(0...10_000), "Instances at most."))
}

private func readDatabase(_ database: Section, region: String) -> DatabaseSettings {
  DatabaseSettings(
    ref: DatabaseRef(
      region: region,
      // As RDS keeps it and CloudWatch has it, however it was written.
      identifier: database.required("id", .databaseIdentifier, "DB instance, or Aurora DB cluster, identifier.")
        .lowercased()),
    instanceClass: database.optional(
      "instanceClass", .instanceClass, absent: "that of the one it replaces",
      "Instance class of a replica created here."),
    subnetGroup: database.optional(
      "subnetGroup", .text(maximum: 255), absent: "that of the one it replaces",
      "DB subnet group of a replica created here."),
    securityGroups: database.optional(
      "securityGroups", .list(of: .securityGroup, 0...20), default: [],
      "Security groups of a replica created here; none: those of the one it replaces."),
    kmsKey: database.optional(
      "kmsKey", .kmsKey, absent: "that of the one it replaces",
      "KMS key of this region for an encrypted replica created here."),
    parameterGroup: database.optional(
      "parameterGroup", .text(maximum: 255), absent: "that of the one it replaces",
      "DB parameter group of a replica created here."),
    backupRetention: database.optional(
      "backupRetention", .integer(1...35), absent: "as long as the primary's were, a week if that was never seen",
      "Days for which automated backups are kept once a replica is promoted here; RDS's own default is 1."))
}

private func readSecret(_ secret: Section, region: String) -> SecretSettings {
  SecretSettings(
    ref: SecretRef(
      region: region, id: secret.required("id", .secretID, "Name or ARN of the secret."),
      hostKey: secret.optional(
        "hostKey", .text(maximum: 128), default: "host", "Key of the database's host name in the JSON."),
      portKey: secret.optional(
        "portKey", .orOff(.text(maximum: 128)), default: "port",
        "Key of its port in the JSON; `off` leaves the port alone.")),
    isReplica: secret.optional(
      "isReplica", .boolean, default: false,
      "Of the DR region: it is a replica of the primary region's, read-only until a failover detaches it (StopReplicationToReplica). "
        + "From then on it is a secret of its own: set this to false."))
}
