// How large the region that takes over has to be: a share of what the serving region's group was wanted at, at its peak of the last
// 24 hours, which is remembered for the hour in which nobody can ask (AWS's ARC Region switch sizes by the same rule: developer
// guide, "EC2 Auto Scaling group scaling execution block").

/// How large a group was wanted while its region served.
package struct CapacityMemory: Equatable, Sendable {
  /// The peak is looked for in this much of the past.
  package static let span: Duration = .hours(24)

  /// Instances wanted as last seen; nil before.
  package private(set) var newest: Int?
  /// What was wanted before, and until when at most: each less than the one before it.
  private var past: [(desired: Int, until: Instant)] = []

  package init() {}

  package static func == (a: CapacityMemory, b: CapacityMemory) -> Bool {
    a.newest == b.newest && a.past.elementsEqual(b.past, by: ==)
  }

  /// From `at` on so many instances are wanted.
  mutating func see(_ desired: Int, at: Instant) {
    if let newest { past.append((newest, at)) }
    newest = desired
    past.removeAll { $0.until + CapacityMemory.span <= at }
    // What is less than something that lasted longer is no peak any more.
    var kept: [(desired: Int, until: Instant)] = []
    for level in past.reversed() where level.desired > kept.last?.desired ?? desired { kept.append(level) }
    past = kept.reversed()
  }

  /// The most instances that were wanted at any moment of the last 24 h; nil when none were ever seen.
  package func peak(at now: Instant) -> Int? {
    guard let newest else { return nil }
    return past.first { $0.until + CapacityMemory.span > now }.map { max($0.desired, newest) } ?? newest
  }
}

/// What the two groups are wanted at; nil: not read since the start.
package struct Demand: Equatable, Sendable {
  package var primary: Int?
  package var dr: Int?

  package init(primary: Int? = nil, dr: Int? = nil) {
    self.primary = primary
    self.dr = dr
  }

  package subscript(site: Site) -> Int? {
    get { site == .primary ? primary : dr }
    set { if site == .primary { primary = newValue } else { dr = newValue } }
  }
}

extension GroupSettings {
  /// The size at which this group takes over from one whose peak is known: `ofPeak` of it, rounded up, at least `serving.desired` and at
  /// most `serving.max`.
  package func size(peak: Int?) -> GroupSize {
    guard let peak, let share = share(of: peak) else { return serving }
    return GroupSize(min: serving.min, desired: min(max(share, serving.desired), serving.max), max: serving.max)
  }

  /// `ofPeak` of so many instances, rounded up; nil where the group takes over with `serving` alone.
  func share(of peak: Int) -> Int? {
    // No group has more than a million instances, whatever an answer says.
    ofPeak.map { (min(peak, 1_000_000) * $0 + 99) / 100 }
  }
}

extension DurableState {
  /// The size at which a site takes over from the other one now.
  package func size(of site: Site, _ settings: WorkloadSettings, at now: Instant) -> GroupSize {
    switch site {
    case .primary: settings.primary.group.size(peak: capacity[.dr]?.peak(at: now))
    case .dr: settings.dr.group.size(peak: capacity[.primary]?.peak(at: now))
    }
  }
}

extension Machine {
  /// The plan of a failover that begins now.
  package func failoverPlan(at now: Instant) -> [Step] {
    let size = state.size(of: .dr, settings, at: now)
    if size == settings.dr.group.serving, state.backups == nil { return failoverPlan }
    return state.durations.informed(Plan.failover(settings, at: size, backups: state.backups))
  }

  /// The plan of a switchover that begins now.
  package func switchoverPlan(at now: Instant) -> [Step] {
    state.durations.informed(
      Plan.switchover(settings, at: state.size(of: .dr, settings, at: now), backups: state.backups))
  }

  /// The plan of a failback that begins now.
  package func failbackPlan(incident: String, at now: Instant) -> [Step] {
    let size = state.size(of: .primary, settings, at: now)
    let failover: String? =
      switch state.phase {
      case .drActive(let residence), .failingBack(_, let residence): residence.failover.incident
      case .healthy, .degraded, .failingOver: nil
      }
    return state.durations.informed(
      Plan.failback(settings, incident: incident, after: failover, at: size, backups: state.backups))
  }

  /// Remembers for how long the primary database's backups are kept: on the night when it counts nobody may answer.
  mutating func watchBackups(_ situation: Situation, _ reaction: inout Reaction) {
    guard case .healthy = state.phase, reaction.records.isEmpty, reaction.effects.isEmpty else { return }
    guard let days = situation.backups, days > 0, days != state.backups else { return }
    record(.backupsSeen(days: days, at: situation.now), &reaction)
  }

  /// Remembers what the serving region's group is wanted at, whenever that has changed. A primary that is down is still asked: what it was
  /// wanted at before is what counts, and a group that shrinks makes no peak.
  mutating func watchCapacity(_ situation: Situation, _ reaction: inout Reaction) {
    // Where the ledger refuses records, nothing else must be lost with this one.
    guard reaction.records.isEmpty, reaction.effects.isEmpty else { return }
    rememberCapacity(situation, &reaction)
  }

  /// Before a run begins, too, whatever else is recorded: its plan is made of what was read last.
  mutating func rememberCapacity(_ situation: Situation, _ reaction: inout Reaction) {
    let site: Site
    switch state.phase {
    case .healthy, .degraded: site = .primary
    case .drActive: site = .dr
    case .failingOver, .failingBack: return
    }
    let other = site == .primary ? settings.dr.group : settings.primary.group
    guard other.ofPeak != nil, let desired = situation.desired[site], desired != state.capacity[site]?.newest else {
      return
    }
    record(.capacitySeen(site, desired: desired, at: situation.now), &reaction)
  }
}
