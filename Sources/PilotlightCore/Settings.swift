// What the operator decided, as values. The configuration module reads YAML into these; defaults and ranges are declared
// there, once, so that parser and generated reference cannot disagree.

/// One application with a primary and a DR region.
package struct WorkloadSettings: Equatable, Sendable, Codable {
  /// Unique within the daemon; letters, digits, `-` and `_`, at most 64 characters.
  package var name: String
  package var mode: Mode
  package var objectives: Objectives
  package var primary: SiteSettings
  package var dr: SiteSettings
  package var detection: DetectionSettings
  package var replication: ReplicationSettings
  package var decision: DecisionSettings
  package var traffic: TrafficSettings
  /// Where incidents are announced; nil announces nowhere but the journal.
  package var announcement: TopicRef?
  package var failback: FailbackSettings
  /// Which of several watchdogs acts; nil: this one is the only one.
  package var lease: LeaseSettings?
  /// What is different in the plans; nil: nothing.
  package var plans: PlanChanges?
  /// Where a person is called; nil calls nobody.
  package var page: TopicRef?
  /// What DNS is asked after the traffic was moved; nil: nothing.
  package var names: NameSettings?

  package init(
    name: String, mode: Mode, objectives: Objectives, primary: SiteSettings, dr: SiteSettings,
    detection: DetectionSettings, replication: ReplicationSettings, decision: DecisionSettings,
    traffic: TrafficSettings, announcement: TopicRef?, failback: FailbackSettings, lease: LeaseSettings? = nil,
    plans: PlanChanges? = nil, page: TopicRef? = nil, names: NameSettings? = nil
  ) {
    self.name = name
    self.mode = mode
    self.objectives = objectives
    self.primary = primary
    self.dr = dr
    self.detection = detection
    self.replication = replication
    self.decision = decision
    self.traffic = traffic
    self.announcement = announcement
    self.failback = failback
    self.lease = lease
    self.plans = plans
    self.page = page
    self.names = names
  }
}

/// How far the daemon may go by itself.
package enum Mode: String, Equatable, Sendable, Codable, CaseIterable {
  /// Watches and says what it would do; changes nothing.
  case observe
  /// Prepares (reversible steps), then asks before the one-way step.
  case approve
  /// Decides and acts.
  case automatic
}

/// The recovery objectives the business agreed to.
package struct Objectives: Equatable, Sendable, Codable {
  /// Recovery time objective: outage start to service restored.
  package var rto: Duration
  /// Recovery point objective: the most recent writes that may be lost, as time.
  package var rpo: Duration

  package init(rto: Duration, rpo: Duration) {
    self.rto = rto
    self.rpo = rpo
  }
}

/// One of the two regions of a workload.
package struct SiteSettings: Equatable, Sendable, Codable {
  /// AWS region name, e.g. `eu-west-1`.
  package var region: String
  package var probe: ProbeSettings
  package var group: GroupSettings
  /// The ALB's target group, whose health corroborates the probe; nil when not watched.
  package var targetGroup: TargetGroupRef?
  /// The ALB's listener, where writes are held during failback; nil when writes are held by hand.
  package var listener: ListenerRef?
  package var database: DatabaseSettings
  /// The secret the application reads its database address from; nil when it reads none.
  package var secret: SecretSettings?

  package init(
    region: String, probe: ProbeSettings, group: GroupSettings, targetGroup: TargetGroupRef?, listener: ListenerRef?,
    database: DatabaseSettings, secret: SecretSettings?
  ) {
    self.region = region
    self.probe = probe
    self.group = group
    self.targetGroup = targetGroup
    self.listener = listener
    self.database = database
    self.secret = secret
  }
}

/// An HTTP probe of a load balancer.
package struct ProbeSettings: Hashable, Sendable, Codable {
  /// Absolute http or https URL.
  package var url: String
  /// `GET` or `HEAD`.
  package var method: String
  /// Status codes that mean healthy, e.g. `[200...299]`.
  package var expectedStatus: [StatusRange]
  /// Text the first 64 kB of the body must contain; nil accepts any body.
  package var bodyContains: String?
  /// Total deadline of one probe, DNS to last byte.
  package var timeout: Duration
  /// An answer later than this is `slow`, even if right; nil switches the class off.
  package var slowAfter: Duration?
  package var interval: Duration
  /// The interval after a first failure, until the verdict is settled.
  package var recheckInterval: Duration
  /// Consecutive failures until the target counts as failing, 1...100.
  package var fallAfter: Int
  /// Consecutive successes until it counts as serving again, 1...100.
  package var riseAfter: Int
  /// Fixed addresses in curl's form `HOST:PORT:ADDRESS[,ADDRESS]`; empty uses DNS.
  package var resolve: [String]
  /// Extra request headers as `Name: value`.
  package var headers: [String]
  /// PEM file of certificate authorities; nil uses the system's.
  package var caFile: String?

  package init(
    url: String, method: String = "GET", expectedStatus: [StatusRange] = [StatusRange(200, 299)],
    bodyContains: String? = nil, timeout: Duration = .seconds(5), slowAfter: Duration? = .seconds(2),
    interval: Duration = .seconds(5), recheckInterval: Duration = .seconds(1), fallAfter: Int = 3, riseAfter: Int = 2,
    resolve: [String] = [], headers: [String] = [], caFile: String? = nil
  ) {
    self.url = url
    self.method = method
    self.expectedStatus = expectedStatus
    self.bodyContains = bodyContains
    self.timeout = timeout
    self.slowAfter = slowAfter
    self.interval = interval
    self.recheckInterval = recheckInterval
    self.fallAfter = fallAfter
    self.riseAfter = riseAfter
    self.resolve = resolve
    self.headers = headers
    self.caFile = caFile
  }
}

/// An inclusive range of HTTP status codes, 100...599.
package struct StatusRange: Hashable, Sendable, Codable {
  package var first: Int
  package var last: Int
  package init(_ first: Int, _ last: Int) {
    self.first = first
    self.last = last
  }
  package func contains(_ status: Int) -> Bool { first <= status && status <= last }
}

/// An Auto Scaling Group and the two sizes it has in its life.
package struct GroupSettings: Equatable, Sendable, Codable {
  package var ref: GroupRef
  /// Its size while this region serves (reference deployment: 1/2/3).
  package var serving: GroupSize
  /// Its size while the other region serves (reference deployment: 0/0/3).
  package var standby: GroupSize
  /// Healthy targets that are enough to shift traffic in an emergency, 1...serving.desired.
  package var acceptMinimum: Int
  /// It takes over with at least so many percent of the other group's peak; nil: always with `serving`.
  package var ofPeak: Int?

  package init(ref: GroupRef, serving: GroupSize, standby: GroupSize, acceptMinimum: Int, ofPeak: Int? = nil) {
    self.ref = ref
    self.serving = serving
    self.standby = standby
    self.acceptMinimum = acceptMinimum
    self.ofPeak = ofPeak
  }
}

/// Sizes of an Auto Scaling Group in instances, 0 <= min <= desired <= max.
package struct GroupSize: Equatable, Hashable, Sendable, Codable, CustomStringConvertible {
  package var min: Int
  package var desired: Int
  package var max: Int
  package init(min: Int, desired: Int, max: Int) {
    self.min = min
    self.desired = desired
    self.max = max
  }
  package var description: String { "\(min)/\(desired)/\(max)" }
}

/// An RDS instance and what is needed to create it anew as a replica.
package struct DatabaseSettings: Equatable, Sendable, Codable {
  package var ref: DatabaseRef
  /// For a replica re-created in this region by failback; nil lets RDS choose.
  package var instanceClass: String?
  package var subnetGroup: String?
  package var securityGroups: [String]
  /// KMS key of this region for an encrypted replica; nil when the database is not encrypted.
  package var kmsKey: String?
  package var parameterGroup: String?
  /// Days for which automated backups are kept once it was promoted here, 1...35; nil: as long as the primary's were.
  package var backupRetention: Int?

  /// - Parameter primary: days for which the primary's were kept; nil, never seen: a week, where RDS would keep one day (PromoteReadReplica).
  package func backups(like primary: Int?) -> Int { backupRetention ?? primary ?? 7 }

  package init(
    ref: DatabaseRef, instanceClass: String? = nil, subnetGroup: String? = nil, securityGroups: [String] = [],
    kmsKey: String? = nil, parameterGroup: String? = nil, backupRetention: Int? = nil
  ) {
    self.ref = ref
    self.instanceClass = instanceClass
    self.subnetGroup = subnetGroup
    self.securityGroups = securityGroups
    self.kmsKey = kmsKey
    self.parameterGroup = parameterGroup
    self.backupRetention = backupRetention
  }
}

/// A JSON secret and the keys in it that hold the database address.
package struct SecretSettings: Equatable, Sendable, Codable {
  package var ref: SecretRef
  /// It is a replica of the other region's, read-only until it is detached; nil: it is not.
  package var isReplica: Bool?

  package init(ref: SecretRef, isReplica: Bool? = nil) {
    self.ref = ref
    self.isReplica = isReplica
  }
}

/// How our own view is checked against others.
package struct DetectionSettings: Equatable, Sendable, Codable {
  /// Own probes must be down this long before anything is done about it.
  package var confirmFor: Duration
  package var corroborate: Corroboration
  /// Things that answer if our own network works; the DR region's AWS API is always one of them.
  package var references: [ReferenceSettings]
  /// Interval of the slow polls: target health, replica lag, instance and group state.
  package var pollInterval: Duration
  /// A wake-up later than this is a time gap: evidence from before it is thrown away.
  package var timeGap: Duration
  /// The Route 53 health check of the primary, whose checkers are a vantage; nil when there is none.
  package var healthCheck: HealthCheckRef?
  package var grey: GreySettings

  package init(
    confirmFor: Duration = .seconds(60), corroborate: Corroboration = .any, references: [ReferenceSettings] = [],
    pollInterval: Duration = .seconds(15), timeGap: Duration = .seconds(5), healthCheck: HealthCheckRef? = nil,
    grey: GreySettings = GreySettings()
  ) {
    self.confirmFor = confirmFor
    self.corroborate = corroborate
    self.references = references
    self.pollInterval = pollInterval
    self.timeGap = timeGap
    self.healthCheck = healthCheck
    self.grey = grey
  }
}

/// When a primary that still answers counts as failing in part.
package struct GreySettings: Equatable, Sendable, Codable {
  /// The probes of this long are looked at together.
  package var window: Duration
  /// The share of failed or late probes among them from which it is grey, above 0 and up to 1.
  package var share: Double
  package var policy: GreyPolicy

  package init(window: Duration = .seconds(60), share: Double = 0.4, policy: GreyPolicy = .alert) {
    self.window = window
    self.share = share
    self.policy = policy
  }
}

/// What follows from a grey failure.
package enum GreyPolicy: String, Equatable, Sendable, Codable, CaseIterable {
  /// It degrades and is said.
  case alert
  /// It is an outage like any other: it has to last and to be corroborated.
  case countAsDown
}

/// Which independent vantages must agree before an outage is confirmed.
package enum Corroboration: String, Equatable, Sendable, Codable, CaseIterable {
  /// At least one vantage says down.
  case any
  /// Every vantage with an opinion says down, and at least one has an opinion.
  case all
  /// Our own probes are enough.
  case none
}

/// One reference probe: any HTTP answer at all means that our network works.
package struct ReferenceSettings: Equatable, Sendable, Codable {
  package var name: String
  package var url: String
  package init(name: String, url: String) {
    self.name = name
    self.url = url
  }
}

/// Where replica lag is read and how long a reading counts.
package struct ReplicationSettings: Equatable, Sendable, Codable {
  /// A sample older than this is stale, thus unknown.
  package var staleAfter: Duration
  /// Lag above this while the primary serves is an alert, never a failover.
  package var alertAbove: Duration

  package init(staleAfter: Duration = .seconds(180), alertAbove: Duration = .seconds(300)) {
    self.staleAfter = staleAfter
    self.alertAbove = alertAbove
  }
}

/// What failback needs beyond the plan.
package struct FailbackSettings: Equatable, Sendable, Codable {
  /// Replication must be this close before writes are held.
  package var maximumLag: Duration
  /// A request that was under way when writes were held may write for so long: until then replay is proven before the promotion. nil, as
  /// older versions recorded it: none is counted on.
  package var longestRequest: Duration?

  /// What common application servers allow (gunicorn's `--timeout`).
  package static let usualRequest = Duration.seconds(30)

  package init(maximumLag: Duration = .seconds(60), longestRequest: Duration? = usualRequest) {
    self.maximumLag = maximumLag
    self.longestRequest = longestRequest
  }
}

/// The family of regions one belongs to: replication, roles and Route 53 do not cross it.
package func partition(ofRegion region: String) -> String {
  for (prefix, partition) in [("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc")]
  where region.hasPrefix(prefix) {
    return partition
  }
  for family in ["iso", "isob", "isoe", "isof"] where region.contains("-\(family)-") {
    return family == "iso" ? "aws-iso" : "aws-iso-\(family.suffix(1))"
  }
  return "aws"
}
