// Could a failover be carried out right now? What it stands on drifts while nobody needs it: a launch template is tidied away, a
// permission revoked, a secret deleted, a replica's storage fills up. Each is read again every few minutes, so that it is known
// months before the night on which it matters (F33, F92).
//
// What is found here is shown and alarms; it begins no failover and holds none back. The few known facts that make one pointless
// are obstacles (`Machine.obstaclesToBegin`), and what could merely not be read is never one.

/// The closed list of what a failover stands on, besides a primary that is down.
package enum ReadinessItem: String, Hashable, Sendable, Codable, CaseIterable {
  /// AWS takes our credentials.
  case credentials
  /// The DR database is a replica of the primary's, and well.
  case database
  /// How far it is behind is known.
  case lag
  /// The DR group is there and can launch.
  case group
  /// What the DR group launches its instances from is there.
  case launch
  /// The DR load balancer's target group is there.
  case targets
  /// The DR region's secret is there and holds an address.
  case secret
  /// The DR region's secret is, or is not, a replica of another region's, as configured.
  case secretSource
  /// What moves the users is there.
  case traffic
  /// The primary's load balancer, which the fence closes, is there.
  case listener
  /// The DR region's load balancer is there, and can be opened where a run that was left in the middle closed it.
  case passage
  /// IAM would allow everything that a failover changes.
  case permissions
  /// This host's clock is right.
  case clock
  /// The lease can be read and claimed.
  case lease
  /// The DR group may become as large as the primary's.
  case capacity
  /// DNS can be asked, and leads users to the primary.
  case names
  /// The topic of `page` is there, and somebody gets its messages.
  case page
}

/// What was found out about one item.
package enum Finding: Equatable, Sendable {
  case ready(String)
  /// - Parameter pointless: nothing could come of a failover: not even the daemon's own would begin.
  case notReady(String, pointless: Bool = false)
  /// The reading tells nothing, for this reason.
  case unknown(String)

  /// In a sentence, without the final dot.
  package var sentence: String {
    switch self {
    case .ready(let text), .notReady(let text, _), .unknown(let text): text
    }
  }
}

extension ReadinessItem {
  /// How the item is read; nil when the deployment has no such thing.
  package func action(_ settings: WorkloadSettings) -> CloudAction? {
    let dr = settings.dr
    switch self {
    case .credentials: return .callerIdentity(region: dr.region)
    case .database: return .describeDatabase(dr.database.ref)
    case .lag: return .replicaLag(dr.database.ref)
    case .group: return .describeGroup(dr.group.ref)
    case .launch: return .readLaunchSource(dr.group.ref)
    case .targets: return dr.targetGroup.map { .targetHealth($0) }
    case .secret: return dr.secret.map { .readSecret($0.ref) }
    case .secretSource: return dr.secret.map { .readSecretSource($0.ref) }
    case .permissions:
      // What is first looked at when something was changed is proven by no reading of another item.
      let behind = Plan.failover(settings).flatMap(\.work.looksBehind)
      return .simulate(Plan.changes(settings) + claim(settings) + pages(settings) + behind, region: dr.region)
    case .clock: return .readClock(region: dr.region)
    case .lease: return settings.lease.map { .readLease($0.ref) }
    case .names: return settings.names.map { .askNames($0.question(leadingTo: .primary)) }
    case .page: return settings.page.map { .readTopic($0) }
    case .listener:
      return settings.decision.fenceListener == true ? settings.primary.listener.map { .readWriteHold($0) } : nil
    case .passage: return dr.listener.map { .readWriteHold($0) }
    case .capacity: return settings.dr.group.ofPeak.map { _ in .describeGroup(settings.primary.group.ref) }
    case .traffic:
      switch settings.traffic {
      case .route53(let record, _, _): return .readRecords(record)
      case .objectSwitch(let object): return .readSwitch(object)
      case .healthCheck(let check): return .readCheckSwitch(check)
      case .routingControl(let controls): return .readControls(controls)
      case .manual: return nil
      }
    }
  }

  private func pages(_ settings: WorkloadSettings) -> [CloudAction] {
    settings.page.map { [.publish($0, subject: "", message: "")] } ?? []
  }

  private func claim(_ settings: WorkloadSettings) -> [CloudAction] {
    settings.lease.map { lease in
      let any = LeaseRecord(holder: lease.holder, life: "", number: 0, renewal: 0, lasting: lease.lasting)
      return [.claimLease(lease.ref, any, over: nil)]
    } ?? []
  }

  /// The watch that brings the item's readings. Some are read often anyway, for the decisions.
  package var watch: Watch {
    switch self {
    case .credentials: .drAPI
    case .database: .drDatabase
    case .lag: .replicaLag
    case .group: .drGroup
    case .lease: .lease
    case .launch, .targets, .secret, .secretSource, .traffic, .listener, .passage, .permissions, .clock, .capacity,
      .names, .page:
      .readiness(self)
    }
  }

  /// The item a watch's readings tell about; nil when they tell about none.
  init?(of watch: Watch) {
    switch watch {
    case .drAPI: self = .credentials
    case .drDatabase: self = .database
    case .replicaLag: self = .lag
    case .drGroup: self = .group
    case .lease: self = .lease
    case .readiness(let item): self = item
    case .primaryProbe, .drProbe, .reference, .primaryAPI, .primaryTargets, .healthCheck, .primaryDatabase, .veto:
      return nil
    }
  }

  /// Whether a workload is not armed when the item has not been read for long. What no step of a failover reads is shown as not
  /// proven and no more: an administrator need not allow us to look at it.
  package var isNeeded: Bool {
    switch self {
    case .credentials, .database, .group, .targets, .secret, .traffic: true
    // How old the lag is, is judged by the loss window; whether the lease is held, by the clock. A fence that cannot be built is owed.
    case .lag, .lease, .secretSource, .listener, .passage, .launch, .permissions, .clock, .capacity, .names, .page:
      false
    }
  }

  /// A failover stands on it: where it is known to be missing, the workload is not armed. Who is called comes beside that.
  fileprivate var isFooting: Bool { self != .page }
}

extension Plan {
  /// Everything a failover may change, each once.
  static func changes(_ settings: WorkloadSettings) -> [CloudAction] {
    var changes: [CloudAction] = []
    for step in failover(settings) {
      switch step.work {
      // What a wait may do is what the step before it did; a program is nothing of AWS's.
      case .command, .awaitTargets, .awaitInService: break
      default: for act in step.work.acts where !changes.contains(act) { changes.append(act) }
      }
    }
    return changes
  }
}

/// What is known of all items. A reading that tells nothing leaves standing what was told before, for a while.
package struct Readiness: Equatable, Sendable {
  private struct Entry: Equatable, Sendable {
    let item: ReadinessItem
    /// The newest finding that is not `unknown`, and when it was made.
    var finding: Finding?
    var foundAt: Instant?
    /// Why readings tell nothing, and since when without a break; nil when the newest told something.
    var silence: String?
    var silentSince: Instant?
  }
  private var entries: [Entry] = []

  /// What was told stands for this long without being told again: two readings may fail.
  package static let memory: Duration = .minutes(11)
  /// The pause between two readings of an item that no decision needs (F92: at most 5 min).
  static let interval: Duration = .minutes(5)
  /// After bad news somebody is mending it, and wants to see it mended.
  static let sooner: Duration = .minutes(1)

  /// Of nothing: nothing is missing.
  package init() {}

  package init(_ settings: WorkloadSettings) {
    for item in ReadinessItem.allCases where item != .lag && item.action(settings) != nil {
      entries.append(Entry(item: item))
    }
  }

  package mutating func take(_ finding: Finding, of item: ReadinessItem, at now: Instant) {
    guard let index = entries.firstIndex(where: { $0.item == item }) else { return }
    switch finding {
    case .unknown(let why):
      entries[index].silence = why
      entries[index].silentSince = entries[index].silentSince ?? now
    case let told:
      entries[index] = Entry(item: item, finding: told, foundAt: now)
    }
  }

  /// Whether every item was asked about and answered, be it with an error.
  package var isComplete: Bool {
    !entries.isEmpty && entries.allSatisfy { $0.finding != nil || $0.silence != nil }
  }

  /// Findings in the order of the list.
  package func findings(at now: Instant) -> [(item: ReadinessItem, finding: Finding)] {
    entries.map { ($0.item, finding($0, at: now)) }
  }

  private func finding(_ entry: Entry, at now: Instant) -> Finding {
    guard let finding = entry.finding, let at = entry.foundAt else {
      guard let silence = entry.silence, let since = entry.silentSince else { return .unknown("not read yet") }
      return .unknown("\(silence), for \((now - since).text)")
    }
    guard now - at > Readiness.memory else { return finding }
    return .unknown("\(entry.silence ?? "no answer"); last known \((now - at).text) ago: \(finding.sentence)")
  }

  /// Why a failover could not be carried out, in sentences; empty when nothing is known to be missing.
  package func lacks(at now: Instant) -> [String] {
    var lacks: [String] = []
    for entry in entries {
      switch current(entry, at: now) {
      case .ready?: break
      case .notReady(let why, _)?: if entry.item.isFooting { lacks.append(why) }
      case .unknown?, nil: if entry.item.isNeeded { lacks.append(unproven(entry, at: now)) }
      }
    }
    return lacks
  }

  /// What is neither proven nor missing, and what is missing and keeps no failover from its way, in sentences.
  package func unproven(at now: Instant) -> [String] {
    entries.compactMap { entry in
      switch current(entry, at: now) {
      case .ready?: nil
      case .notReady(let why, _)?: entry.item.isFooting ? nil : why
      case .unknown?, nil: entry.item.isNeeded ? nil : unproven(entry, at: now)
      }
    }
  }

  /// Asked of a thousand workloads at each turn: no sentence is made for what is well. nil: unknown.
  private func current(_ entry: Entry, at now: Instant) -> Finding? {
    guard let at = entry.foundAt, now - at <= Readiness.memory else { return nil }
    return entry.finding
  }

  private func unproven(_ entry: Entry, at now: Instant) -> String {
    "\(entry.item.rawValue) not proven: \(finding(entry, at: now).sentence)"
  }

  /// When the item should be read again, after its newest reading.
  func pause(after item: ReadinessItem) -> Duration {
    guard let entry = entries.first(where: { $0.item == item }) else { return Readiness.interval }
    if entry.silence != nil { return item.isNeeded ? Readiness.sooner : Readiness.interval }
    switch entry.finding {
    case .notReady?: return Readiness.sooner
    case .ready?, .unknown?, nil: return Readiness.interval
    }
  }
}
