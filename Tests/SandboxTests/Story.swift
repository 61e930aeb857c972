// A world, a clock moved by hand, and the reference deployment: what the stories below are told with.

import FoundationEssentials
import PilotlightCore
import PilotlightSandbox
import Testing

/// Programs built with a sanitizer are this many times slower (`make sanitize`).
let patience = ProcessInfo.processInfo.environment["PATIENCE"].flatMap(Double.init) ?? 1

struct Story {
  var world: SandboxWorld
  var now: Instant
  let settings: WorkloadSettings

  static let start = Instant(nanoseconds: 1_790_000_000_000_000_000)
  static let primary = "eu-west-1"
  static let dr = "us-west-2"
  static let record = RecordRef(zone: "Z0APP", name: "django.example.com", type: "CNAME", ttl: 60)
  static let primaryTarget = RecordTarget(host: "primary.elb.example.com")
  static let drTarget = RecordTarget(host: "dr.elb.example.com")
  static let switchObject = ObjectRef(region: dr, bucket: "django-dr-switch", key: "traffic")

  init(
    seed: UInt64 = 7, traffic: TrafficSettings = .route53(record, primary: primaryTarget, dr: drTarget),
    kmsKey: String? = nil
  ) {
    settings = Self.workload("django-app", traffic: traffic, kmsKey: kmsKey)
    world = SandboxWorld(settings: [settings], seed: seed, start: Self.start)
    now = Self.start
  }

  static func workload(_ name: String, traffic: TrafficSettings, kmsKey: String? = nil) -> WorkloadSettings {
    WorkloadSettings(
      name: name, mode: .automatic, objectives: Objectives(rto: .minutes(30), rpo: .minutes(5)),
      primary: site(
        name, primary, serving: GroupSize(min: 1, desired: 2, max: 3), standby: GroupSize(min: 0, desired: 0, max: 3),
        kmsKey: kmsKey),
      dr: site(
        name, dr, serving: GroupSize(min: 1, desired: 2, max: 3), standby: GroupSize(min: 0, desired: 0, max: 3),
        kmsKey: kmsKey),
      detection: DetectionSettings(), replication: ReplicationSettings(), decision: DecisionSettings(),
      traffic: traffic, announcement: TopicRef(region: dr, arn: "arn:aws:sns:us-west-2:111122223333:\(name)"),
      failback: FailbackSettings())
  }

  static func site(
    _ name: String, _ region: String, serving: GroupSize, standby: GroupSize, kmsKey: String?
  ) -> SiteSettings {
    SiteSettings(
      region: region, probe: ProbeSettings(url: "http://\(region).example.com/health"),
      group: GroupSettings(
        ref: GroupRef(region: region, name: "\(name)-asg"), serving: serving, standby: standby, acceptMinimum: 1),
      targetGroup: TargetGroupRef(region: region, arn: "arn:targetgroup/\(name)"),
      listener: ListenerRef(region: region, arn: "arn:listener/\(name)"),
      database: DatabaseSettings(ref: DatabaseRef(region: region, identifier: "\(name)-db"), kmsKey: kmsKey),
      secret: SecretSettings(ref: SecretRef(region: region, id: "\(name)/db")))
  }

  var primarySite: SiteSettings { settings.primary }
  var drSite: SiteSettings { settings.dr }
  var primaryDatabase: DatabaseRef { settings.primary.database.ref }
  var drDatabase: DatabaseRef { settings.dr.database.ref }

  /// Asks, and lets the time of the answer pass.
  @discardableResult
  mutating func ask(_ action: CloudAction) -> CloudReply {
    let (reply, latency) = world.perform(action, at: now)
    now = now + latency
    return reply
  }

  /// Asks for what must be accepted.
  mutating func does(_ action: CloudAction, _ location: SourceLocation = #_sourceLocation) {
    let reply = ask(action)
    guard case .accepted = reply else {
      Issue.record("\(action.apiName) was answered with \(reply)", sourceLocation: location)
      return
    }
  }

  /// Asks for what must be refused with this AWS error code.
  mutating func refused(
    _ action: CloudAction, _ kind: CloudFailure.Kind, _ code: String, _ location: SourceLocation = #_sourceLocation
  ) {
    let reply = ask(action)
    guard case .failed(let failure) = reply, failure.kind == kind, failure.code == code else {
      Issue.record("\(action.apiName) was answered with \(reply)", sourceLocation: location)
      return
    }
  }

  mutating func wait(_ time: Duration) {
    now = now + time
    world.advance(to: now)
  }

  /// Waits, looking every second, until it is so; the time it took, or an issue after `limit`.
  @discardableResult
  mutating func wait(
    upTo limit: Duration, until holds: (inout Story) -> Bool, _ location: SourceLocation = #_sourceLocation
  ) -> Duration {
    let start = now
    while now - start <= limit {
      if holds(&self) { return now - start }
      wait(.seconds(1))
    }
    Issue.record("it did not come true within \(limit)", sourceLocation: location)
    return now - start
  }

  mutating func group(_ ref: GroupRef) throws -> GroupState {
    guard case .group(let state) = ask(.describeGroup(ref)) else { throw Unexpected() }
    return state
  }

  mutating func database(_ ref: DatabaseRef) throws -> DatabaseState {
    guard case .database(let state) = ask(.describeDatabase(ref)) else { throw Unexpected() }
    return state
  }

  mutating func lag(_ ref: DatabaseRef) throws -> [LagSample] {
    guard case .lag(let samples) = ask(.replicaLag(ref)) else { throw Unexpected() }
    return samples
  }

  mutating func targets(_ site: SiteSettings) throws -> TargetHealth {
    guard let ref = site.targetGroup, case .targets(let health) = ask(.targetHealth(ref)) else { throw Unexpected() }
    return health
  }

  mutating func status(_ ref: DatabaseRef) -> String? { try? database(ref).status }

  mutating func probe(_ site: SandboxSite) -> ALBAnswer { world.alb(workload: settings.name, site: site, at: now) }

  mutating func probeStatus(_ site: SandboxSite) -> Int? {
    if case .answer(let status, _, _) = probe(site) { status } else { nil }
  }

  func facts() throws -> SandboxFacts {
    guard let facts = world.facts(for: settings.name) else { throw Unexpected() }
    return facts
  }

  func secret(_ site: SiteSettings) throws -> SecretRef {
    guard let secret = site.secret else { throw Unexpected() }
    return secret.ref
  }

  func listener(_ site: SiteSettings) throws -> ListenerRef {
    guard let listener = site.listener else { throw Unexpected() }
    return listener
  }
}

/// The world said something else than the story needs to go on.
struct Unexpected: Error {}
