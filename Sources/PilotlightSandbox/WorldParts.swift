// The things the world is made of. They refer to one another by position in the world's tables; nothing is ever removed
// from a table of databases, so a position stays good.

internal import PilotlightCore

/// An EC2 instance of a group.
struct Machine: Sendable, Equatable {
  enum Lifecycle: Sendable { case pending, inService, terminating }
  enum Target: Sendable { case none, initial, healthy, unhealthy, draining }

  var id: Int
  var lifecycle = Lifecycle.pending
  var target = Target.none
  /// The application runs: it has read its secret.
  var ready = false
  /// The database host the application read at boot. It never reads again.
  var host: String?
  /// Whether the application would answer a deep health check now.
  var working = false
  var generation = 0
}

/// An Auto Scaling Group with its target group.
struct Group: Sendable {
  let ref: GroupRef
  let targets: TargetGroupRef?
  let region: Int
  let workload: Int
  let site: SandboxSite
  var size: GroupSize
  var machines: [Machine] = []
  var trouble: String?
  var launched = 0
  /// What DescribeAutoScalingGroups says but for the size; drawn anew by each refresh.
  var view = GroupState(size: GroupSize(min: 0, desired: 0, max: 0), inService: 0, instances: 0)
  /// What DescribeAutoScalingGroups still shows of the size, and until when.
  var stale: GroupSize?
  var staleUntil = Instant(nanoseconds: .min)
}

/// Status of an RDS instance.
enum DatabaseStatus: String, Sendable {
  case available, modifying, rebooting, creating, renaming, stopping, stopped, starting
  case backingUp = "backing-up"
}

/// How a replica follows its source.
struct Replay: Sendable, Equatable {
  enum Mode: Sendable, Equatable {
    case following
    /// Nothing arrives.
    case stopped
    /// Replay lags up to this many nanoseconds behind.
    case spiking(Int64)
  }
  var source: Int
  var mode = Mode.following
  /// The source's history is replayed at least up to `from`, which held at `since`.
  var from: Instant
  var since: Instant
}

/// An RDS instance, or a cluster of a global database.
struct Database: Sendable {
  let region: Int
  let workload: Int
  var ref: DatabaseRef
  var host: String
  var arn: String
  let encrypted: Bool
  var status = DatabaseStatus.available
  /// A status forced by a fault.
  var trouble: String?
  /// Shown as ReadReplicaSourceDBInstanceIdentifier; goes some time after a promotion.
  var source: Int?
  /// Present while it replays; a promotion ends it for good.
  var replay: Replay?
  /// Its own history, where its own writes go once it is writable.
  var history: Int
  var renamingTo: String?
  var promotions = 0
  /// A cluster that takes no writes, by Aurora's own act.
  var isFenced = false
  /// A cluster that a failover left, and that is not rebuilt yet.
  var isResyncing = false
  /// A cluster without instances.
  var isHeadless = false
  /// nil: a cluster.
  var instance: InstanceState?
  /// When it last came up after it had been stopped.
  var startedAt: Instant?
  var generation = 0
  var samples: [LagSample] = []
  /// Minute marks up to here have been sampled.
  var sampled: Instant
  /// Noise of its own for the lag.
  var noise: UInt64
  /// What DescribeDBInstances says; drawn anew by each refresh.
  var view: DatabaseState?
  /// What it still shows instead, and until when.
  var stale: DatabaseState?
  var staleUntil = Instant(nanoseconds: .min)

  var writable: Bool {
    replay == nil && !isFenced && !isHeadless && trouble == nil && (status == .available || status == .backingUp)
  }
  /// Whether it can feed a replica.
  var streams: Bool {
    trouble == nil && (status == .available || status == .backingUp || status == .modifying)
  }
}

/// A stretch of one history in which users wrote at an even pace: a write at every multiple of `period` in (from, to].
struct WritingSpan: Sendable, Equatable {
  var from: Instant
  var to: Instant
  /// Nanoseconds from write to write.
  var period: Int64

  /// Writes in (from, to] that are later than `after` and not later than `upTo`.
  func count(after: Instant, upTo: Instant) -> Int {
    let low = max(after, from).nanoseconds
    let high = min(upTo, to).nanoseconds
    return high <= low ? 0 : Int(high / period - low / period)
  }

  /// The newest write not later than `time`.
  func last(upTo time: Instant) -> Instant? {
    let high = min(time, to).nanoseconds
    let tick = high / period * period
    return tick > from.nanoseconds ? Instant(nanoseconds: tick) : nil
  }

  /// The oldest write later than `time`.
  func first(after time: Instant) -> Instant? {
    let tick = (max(time, from).nanoseconds / period + 1) * period
    return tick <= to.nanoseconds ? Instant(nanoseconds: tick) : nil
  }
}

/// What was written to one database since it became writable. A promotion forks it off its source's at the replayed
/// moment.
struct History: Sendable, Equatable {
  let workload: Int
  let parent: Int?
  /// Of the parent's writes it has those not later than this.
  let forkedAt: Instant
  var spans: [WritingSpan] = []
}

/// A Secrets Manager secret.
struct Secret: Sendable {
  let ref: SecretRef
  let region: Int
  var address: DatabaseAddress
  var version: String
  /// The region of the secret that it is a replica of.
  var source: String?
  /// Tokens seen and what they wrote, oldest first.
  var written: [(token: String, address: DatabaseAddress)] = []
  /// What is still read instead, and until when.
  var stale: SecretState?
  var staleUntil = Instant(nanoseconds: .min)

  var state: SecretState { SecretState(address: address, version: version) }
}

/// A change Route 53 is spreading.
struct RecordChange: Sendable {
  let id: String
  let workload: Int
  let at: Instant
  let host: String
  var status = ChangeStatus.pending
}

/// A DB snapshot.
struct Snapshot: Sendable {
  let region: Int
  let id: String
  let database: Int
  var done = false
}

/// One application: its sites and its users.
struct WorkloadWorld: Sendable {
  let settings: WorkloadSettings
  /// Positions of the groups and secrets, primary first.
  let groups: [Int]
  let secrets: [Int?]
  /// All its databases, in the order of their creation.
  var databases: [Int]
  /// Host an application uses that reads no secret, primary first.
  let ownHosts: [String]
  var held: [Bool] = [false, false]
  /// When the last request is answered that got past a load balancer before it was closed, primary first.
  var finishing = [Instant](repeating: Instant(nanoseconds: .min), count: 2)
  /// How often the watchdog's probes were answered, primary first.
  var probes = [0, 0]
  /// The switch, object or health check, sends users to the DR region.
  var switchPresent = false
  /// Where the zone's servers lead users now; nil: nowhere.
  var pointedAt: SandboxSite? = .primary
  var switchGeneration = 0
  /// Record sets as the control plane has them, each with something of its owner's in its text.
  var records: [RecordState] = []
  var traffic: [SandboxSite?]
  var trafficGeneration = 0
  /// What moves the writer of its global database; nil: nothing.
  var move: GlobalMove?
  var moveGeneration = 0
  /// Who takes writes now: history and share of the users' writes in `shareUnit`s.
  var writers: [(history: Int, share: Int64)] = []
  /// Share of the users being served, in `shareUnit`s of a cohort.
  var servedShare: Int64 = 0
  /// Since when that is more than nothing.
  var servesSince: Instant?
  var settledAt: Instant
  var served: Int64 = 0
  var doubled: Int64 = 0
  /// Oldest first; the newest may still last.
  var outages: [ServiceOutage] = []
  var publicView = PublicView()
}
