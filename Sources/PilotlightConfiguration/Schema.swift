// Every key of the file, declared where it is read; the reference in `config/REFERENCE.md` is printed from the same
// lines.

import PilotlightCore

/// The keys at the top of the file.
func readConfiguration(_ root: Section) -> (daemon: DaemonSettings, workloads: [WorkloadSettings]) {
  (
    daemon: root.defaulted("daemon", "The daemon itself, whatever it guards.", readDaemon),
    workloads: root.list(
      "workloads", .required, 1...1000, "The applications that are guarded, each with a primary and a DR region.",
      readWorkload)
  )
}

private func readDaemon(_ daemon: Section) -> DaemonSettings {
  let standard = DaemonSettings()
  return DaemonSettings(
    name: daemon.optional(
      "name", .name, absent: "host name and a digest of the machine's id",
      "How this watchdog signs leases; different on every host, the same after a restart."),
    ledger: daemon.optional(
      "ledger", .path(), default: standard.ledger,
      "SQLite file in which everything is recorded before it is done. Its directory must survive a reboot."),
    socket: daemon.optional(
      "socket", .path(maximum: 107), default: standard.socket,
      "Unix socket on which `pilotlightctl` is answered; at most 107 bytes."),
    operators: daemon.optional(
      "operators", .name, absent: "whoever reaches the socket",
      "Group whose members may order; everybody else who reaches the socket may read and no more. Root may always."),
    logLevel: daemon.optional(
      "logLevel", .choice(LogLevel.self, placeholder: .info), default: standard.logLevel,
      "The least important lines that are still logged."),
    maxConcurrentFailovers: daemon.optional(
      "maxConcurrentFailovers", .integer(1...1000), default: standard.maxConcurrentFailovers,
      "At most this many workloads fail over within `failoverWindow` without a human; the others ask."),
    failoverWindow: daemon.optional(
      "failoverWindow", .duration(.minutes(1)...(.hours(168))), default: standard.failoverWindow,
      "The window in which `maxConcurrentFailovers` counts."),
    observations: daemon.defaulted(
      "observations", "What is kept of what was seen, beside the ledger, for `pilotlightctl replay`.", readObservations),
    aws: daemon.defaulted("aws", "Where AWS credentials come from, beyond the standard chain of AWS's SDKs.", readAWS))
}

private func readObservations(_ observations: Section) -> ObservationSettings {
  let standard = ObservationSettings()
  return ObservationSettings(
    keepFor: observations.optional(
      "keepFor", .duration(.hours(1)...(.hours(87_600))), default: standard.keepFor, "What is older is dropped."),
    maximumSize: observations.optional(
      "maximumSize", .size(1 << 20...1 << 40), default: standard.maximumSize,
      "On disk; the oldest is dropped first. A workload takes about 0.3 MiB a day while nothing happens to it."))
}

private func readAWS(_ aws: Section) -> AWSSettings {
  AWSSettings(
    profile: aws.optional(
      "profile", .text(maximum: 256), absent: "as `AWS_PROFILE` says", "Profile of `~/.aws/config` and `credentials`."),
    role: aws.optional(
      "role", absent: "the credentials found are used as they are", "Role that is assumed for every call."
    ) { role in
      RoleSettings(
        arn: role.required(
          "arn", .arn("iam", resource: "role/", global: true, like: "arn:aws:iam::123456789012:role/pilotlight"),
          "ARN of the role."),
        externalID: role.optional(
          "externalId", .externalID, absent: "none is sent", "External id that the role's trust policy asks for."),
        sessionName: role.optional(
          "sessionName", .sessionName, default: "pilotlight", "How the daemon's calls are named in CloudTrail."))
    },
    caBundle: aws.optional(
      "caBundle", .path(), absent: "as `AWS_CA_BUNDLE` says, else the system's",
      "PEM file of the certificate authorities that AWS's endpoints are verified against."))
}

private func readWorkload(_ workload: Section) -> WorkloadSettings {
  let name = workload.required(
    "name", .name, "Unique in the file; it is typed in commands and stands in every line of the log.")
  let mode = workload.required(
    "mode", .choice(Mode.self, placeholder: .observe),
    "How far the daemon goes by itself: `observe` only says what it would do, `approve` prepares and asks before the "
      + "one-way step, `automatic` decides and acts.")
  let objectives = workload.section("objectives", "What the business agreed to.", readObjectives)
  var primary = workload.section("primary", "The region that serves in normal times.", readSite)
  var dr = workload.section(
    "dr", sameAs: "primary", "The region that takes over; same keys as `primary`.", readSite)
  readGlobalDatabase(workload, &primary, &dr)
  let replication = workload.defaulted(
    "replication",
    "How the replica's lag is judged. A replica of MySQL or MariaDB says zero for up to a minute while nothing reaches it: "
      + "the loss shown is 65 s more than it says, and `replica_net_timeout` must stay at 60 s or less. An Aurora cluster's loss is counted "
      + "so, too: with an RPO of a minute or less every failover asks."
  ) {
    readReplication($0, rpo: objectives.rpo)
  }
  let traffic = workload.section("traffic", "How users are moved: exactly one of the five.") {
    readTraffic($0, primary: primary.region, dr: dr.region)
  }
  let settings = WorkloadSettings(
    name: name, mode: mode, objectives: objectives, primary: primary, dr: dr,
    detection: workload.defaulted("detection", "When an outage counts as one.") {
      readDetection($0, partition: partition(ofRegion: primary.region))
    },
    replication: replication,
    decision: workload.defaulted("decision", "What is done about a confirmed outage.", readDecision),
    traffic: traffic,
    announcement: workload.optional(
      "announce", absent: "incidents are announced in the log alone", "Where incidents are announced.", readTopic),
    failback: workload.defaulted("failback", "What the way home needs.", readFailback),
    lease: workload.optional(
      "lease", absent: "this watchdog is the only one",
      "Which of several watchdogs over this workload, each on a host of its own, acts. Each has a ledger of its own: one that takes "
        + "over begins with what it sees."
    ) { readLease($0, workload: name, region: dr.region) },
    plans: workload.optional(
      "plans", absent: "as `pilotlightctl plan` shows them", "What is different in the plans.", readPlans),
    page: workload.optional(
      "page", absent: "nobody is called",
      "Where a person is called when one is needed or should know: a failover begins, waits, is stuck or late, nothing could be done. "
        + "News of the daemon itself (its ledger, its credentials) goes to every topic, with the lease or without; mode observe calls nobody.",
      readTopic),
    names: workload.optional(
      "dns", absent: "DNS is not asked",
      "Users have moved when DNS says so: behind the traffic shift resolvers and the zone's own servers are asked until all that answer lead "
        + "to the load balancer of the region that serves. A failover waits 15 minutes at most; a failback and a switchover scale "
        + "nothing down before. Needs port 53 from here to both."
    ) { readNames($0, traffic, primary: primary, dr: dr) }
  )
  if !workload.isDescribing { Contradictions(settings, path: workload.path, findings: workload.findings).check() }
  return settings
}

/// One place for both sides, so that nothing can contradict.
private func readGlobalDatabase(_ workload: Section, _ primary: inout SiteSettings, _ dr: inout SiteSettings) {
  let name = workload.optional(
    "globalDatabase", .databaseIdentifier, absent: "both sides name RDS instances",
    "Aurora: `database.id` names on both sides a DB cluster of this global database. A failover promotes the DR region's cluster, a "
      + "switchover and a failback let the two change places without loss, and what a failover left is a fence debt until Aurora has made "
      + "it a reader again. An application that uses the global writer endpoint needs no `secret`, and no DNS cache longer than 5 s. "
      + "Leave `rds.global_db_rpo` at its default where there are two regions: a failover may pause transactions otherwise."
  )
  guard let name = name?.lowercased() else { return }
  primary.database.ref.global = GlobalDatabase(identifier: name, peer: dr.region)
  dr.database.ref.global = GlobalDatabase(identifier: name, peer: primary.region)
}

private func readObjectives(_ objectives: Section) -> Objectives {
  Objectives(
    rto: objectives.required(
      "rto", .duration(.minutes(1)...(.hours(168))), "Recovery time objective: outage start to service restored."),
    rpo: objectives.required(
      "rpo", .duration(.seconds(1)...(.hours(24))),
      "Recovery point objective: how much of the most recent writes may be lost, as time."))
}

private func readReplication(_ replication: Section, rpo: Duration) -> ReplicationSettings {
  ReplicationSettings(
    staleAfter: replication.optional(
      "staleAfter", .duration(.minutes(1)...(.hours(1)), because: "CloudWatch gives one ReplicaLag value a minute"),
      default: .minutes(3), "A lag reading older than this is stale, thus unknown; CloudWatch gives one a minute."),
    alertAbove: replication.optional(
      "alertAbove", .duration(.seconds(1)...(.hours(24))), absent: "`objectives.rpo`",
      "Lag above this while the primary serves is an alert, never a failover.") ?? rpo)
}

private func readDetection(_ detection: Section, partition: String) -> DetectionSettings {
  let standard = DetectionSettings()
  return DetectionSettings(
    confirmFor: detection.optional(
      "confirmFor", .duration(.seconds(1)...(.hours(1))), default: standard.confirmFor,
      "The primary must be down this long before anything is done about it."),
    corroborate: detection.optional(
      "corroborate", .choice(Corroboration.self, placeholder: .any), default: standard.corroborate,
      "Which independent vantages (target health, the primary region's AWS API, Route 53's checkers, a 5xx of the load "
        + "balancer itself) must agree: `any` needs one that says down, `all` needs every one with an opinion, `none` "
        + "trusts the probes alone. One without an opinion never counts as down."),
    references: detection.list(
      "references", .absent("the DR region's AWS API is the only reference"), 0...20,
      "Things that answer if the daemon's own network works; when they fail too, the view is blind, not the primary "
        + "down."
    ) { reference in
      ReferenceSettings(
        name: reference.required("name", .name, "Unique among the references."),
        url: reference.required("url", .url, "Any HTTP answer at all counts."))
    },
    pollInterval: detection.optional(
      "pollInterval", .duration(.milliseconds(100)...(.minutes(5))), default: standard.pollInterval,
      "Interval of the slow polls: target health, replica lag, state of instances and groups."),
    timeGap: detection.optional(
      "timeGap", .duration(.seconds(1)...(.minutes(5))), default: standard.timeGap,
      "A wake-up later than this means the daemon was frozen: evidence from before it is thrown away."),
    healthCheck: detection.optional(
      "healthCheck", .healthCheckID, absent: "Route 53's checkers are not asked",
      "Id of a Route 53 health check of the primary's load balancer, whose checkers are a vantage of their own."
    ).map { HealthCheckRef(id: $0, region: route53Region(forPartition: partition)) },
    grey: detection.defaulted(
      "grey", "When a primary that still answers counts as failing in part, or as too slow.", readGrey))
}

private func readGrey(_ grey: Section) -> GreySettings {
  let standard = GreySettings()
  return GreySettings(
    window: grey.optional(
      "window", .duration(.seconds(10)...(.minutes(10))), default: standard.window,
      "The probes of this long are looked at together."),
    share: Double(
      grey.optional(
        "share", .percent(1...100), default: Int((standard.share * 100).rounded()),
        "The share of failed or late probes among them from which it is grey, e.g. `40%`.")) / 100,
    policy: grey.optional(
      "policy", .choice(GreyPolicy.self, placeholder: .alert), default: standard.policy,
      "`alert` degrades and says so; `countAsDown` takes it as an outage, which still has to last `confirmFor` and to be "
        + "corroborated."))
}

private func readDecision(_ decision: Section) -> DecisionSettings {
  let standard = DecisionSettings()
  return DecisionSettings(
    onRpoBreach: decision.optional(
      "onRpoBreach", .choice(RpoBreachPolicy.self, placeholder: .hold), default: standard.onRpoBreach,
      "When promotion would lose more than the RPO, or an unknown amount: `hold` pages and waits for "
        + "`approve --accept-data-loss`, `promote` goes on, `promoteAtDeadline` holds until the commit deadline."),
    holdDown: decision.optional(
      "holdDown", .duration(.zero ... .hours(168)), default: standard.holdDown,
      "After a failover none starts automatically for this long, unless acknowledged."),
    fencePrimary: decision.optional(
      "fencePrimary", .boolean, default: standard.fencePrimary,
      "Size the primary's group to standby before promoting, so that the old primary takes no writes."),
    fenceListener: decision.optional(
      "fenceListener", .boolean, default: false,
      "Answer 503 at the primary's load balancer too, by a rule of its own, from before the promotion of a failover until the failback: "
        + "clients that still find it write nothing. Needs `primary.listener` and `fencePrimary`."),
    fenceDatabase: decision.optional(
      "fenceDatabase", .boolean, default: false,
      "Stop the old primary's database too, as soon as a failover has promoted the replica, and again when RDS starts it by itself after "
        + "seven days; a failback starts it. Its data stays. RDS stops no instance that has replicas, so not where it has others."
    ),
    prepareWhenDegraded: decision.optional(
      "prepareWhenDegraded", .boolean, default: standard.prepareWhenDegraded,
      "Repoint the DR secret and start the DR instances as soon as the primary is down, before that is confirmed; taken "
        + "back once it has served again for `confirmFor`. Costs instances for every outage that passes."),
    veto: decision.optional(
      "veto", absent: "nobody is asked", "A command that is asked before the one-way step of a failover.", readVeto),
    alertUnarmedAfter: decision.optional(
      "alertUnarmedAfter", .orOff(.duration(.minutes(1)...(.hours(168)))), default: standard.alertUnarmedAfter,
      "Not being able to fail over for longer than this is an alarm, repeated once a day; `off`: it is only shown. Observing, a "
        + "pause with an end and a hold-down are no reason."))
}

private func readVeto(_ veto: Section) -> VetoSettings {
  let standard = VetoSettings(command: [])
  return VetoSettings(
    command: veto.required(
      "command", .command,
      "Program and arguments, without a shell. Exit status 0 lets the failover go on, every other one vetoes; the first kB that "
        + "it prints is recorded. It may be asked more than once. Its environment says what is at stake: PILOTLIGHT_WORKLOAD, "
        + "_INCIDENT, _PRIMARY_REGION, _DR_REGION, _OUTAGE_START, _LOSS_SECONDS."),
    timeout: veto.optional(
      "timeout", .duration(.seconds(1) ... .minutes(1)), default: standard.timeout,
      "It is killed after this long, and has given no answer then."),
    onFailure: veto.optional(
      "onFailure", .choice(VetoFailurePolicy.self, placeholder: .veto), default: standard.onFailure,
      "What it means that it could not be started, was killed or took too long."))
}

private func readLease(_ lease: Section, workload: String, region: String) -> LeaseSettings {
  LeaseSettings(
    ref: LeaseRef(
      region: region,
      table: lease.required(
        "table", .tableName,
        "DynamoDB table in the DR region whose partition key is the text `workload`; no global table. One serves many workloads, by "
          + "their names."), key: workload),
    lasting: lease.optional(
      "lasting", .duration(.seconds(15) ... .minutes(10)),
      default: LeaseSettings.usual,
      "How long a lease is claimed for; it is renewed ten times as often. A watchdog that is gone is followed after this long, one that "
        + "cannot renew stops acting a quarter earlier."))
}

private func readTopic(_ announce: Section) -> TopicRef {
  let arn = announce.required(
    "topic", .topic,
    "ARN of an SNS topic; best in the DR region, since the primary's may be down.")
  return TopicRef(region: ARN(arn)?.region ?? "", arn: arn)
}

private func readFailback(_ failback: Section) -> FailbackSettings {
  FailbackSettings(
    maximumLag: failback.optional(
      "maximumLag", .duration(.seconds(1)...(.hours(1))), default: FailbackSettings().maximumLag,
      "The reverse replica must be this close before writes are held."),
    longestRequest: failback.optional(
      "longestRequest", .duration(.zero...(.minutes(15))), default: FailbackSettings.usualRequest,
      "How long a request may take at most: what was under way when a failback or a switchover held writes may write for so long, and "
        + "nothing is promoted before that is replayed, too. Aurora waits for it by itself."))
}
