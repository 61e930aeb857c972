// What is kept of each day, so that another configuration can be tried on it: every sighting a guard took in, exactly as it
// took it in, and what the process went through. Instants are those of the daemon's time line.

package import PilotlightCore

/// One thing that was kept.
package enum Recorded: Equatable, Sendable {
  case sighted(workload: String, Seen)
  case mark(Mark)
}

/// A sighting with the moments it has.
package struct Seen: Equatable, Sendable {
  package var watch: Watch
  package var sighting: Sighting
  /// When it was asked.
  package var startedAt: Instant
  /// When the guard took it in.
  package var arrivedAt: Instant

  package init(_ watch: Watch, _ sighting: Sighting, startedAt: Instant, arrivedAt: Instant) {
    self.watch = watch
    self.sighting = sighting
    self.startedAt = startedAt
    self.arrivedAt = arrivedAt
  }
}

/// What happened to the daemon itself.
package enum Mark: Hashable, Sendable {
  /// A segment of the recording begins here; the wall clock was so far ahead of the time line.
  case begins(at: Instant, wallAhead: Duration)
  /// The daemon started: what it had seen before is forgotten, what it had recorded in its ledger is not.
  case started(at: Instant)
  case stopped(at: Instant)
  /// The process was not running for so long: evidence from before was thrown away.
  case gap(at: Instant, lasted: Duration)
  /// The daemon itself acted: from here on the world is one that it changed.
  case run(workload: String, RunMoment, at: Instant)
  /// So many sightings could not be kept: the disk was full, slow or broken.
  case missed(count: Int, at: Instant)
  /// How this workload is looked at from here on.
  case viewpoint(workload: String, Viewpoint, at: Instant)

  package var at: Instant {
    switch self {
    case .begins(let at, _), .started(let at), .stopped(let at), .gap(let at, _), .run(_, _, let at),
      .missed(_, let at),
      .viewpoint(_, _, let at):
      at
    }
  }
}

/// How far a run of the daemon's own is.
package enum RunMoment: String, Hashable, Sendable, CaseIterable {
  case begun
  case takenBack = "taken back"
  case finished
}

/// From where and how often a workload was looked at: as much of the configuration as decides whether another one can be judged
/// by what was recorded. No header, no credential, no text of the configuration but the references' names is in it.
package struct Viewpoint: Hashable, Sendable {
  package var probeInterval: Duration
  package var recheckInterval: Duration
  package var timeout: Duration
  package var pollInterval: Duration
  package var timeGap: Duration
  /// Digests of what was asked for and expected: only whether they are equal has a meaning.
  package var primary: UInt64
  package var dr: UInt64
  /// Regions, databases, groups: what the API was asked about.
  package var subjects: UInt64
  package var watchesTargets: Bool
  /// Digest of the health check's id; 0 without one.
  package var healthCheck: UInt64
  package var references: [Reference]

  package struct Reference: Hashable, Sendable {
    package var name: String
    package var digest: UInt64
  }

  package init(_ settings: WorkloadSettings) {
    let probe = settings.primary.probe
    probeInterval = probe.interval
    recheckInterval = probe.recheckInterval
    timeout = probe.timeout
    pollInterval = settings.detection.pollInterval
    timeGap = settings.detection.timeGap
    primary = digest(probe.asked)
    dr = digest(settings.dr.probe.asked)
    subjects = digest(
      [settings.primary, settings.dr].map { "\($0.region) \($0.database.ref.identifier) \($0.group.ref.name)" })
    watchesTargets = settings.primary.targetGroup != nil
    healthCheck = settings.detection.healthCheck.map { digest([$0.id]) } ?? 0
    references = settings.detection.references.map { Reference(name: $0.name, digest: digest([$0.url])) }
  }

  init(_ from: inout Unpacker) throws(Garbled) {
    probeInterval = try from.duration()
    recheckInterval = try from.duration()
    timeout = try from.duration()
    pollInterval = try from.duration()
    timeGap = try from.duration()
    primary = try from.number()
    dr = try from.number()
    subjects = try from.number()
    watchesTargets = try from.count(1) == 1
    healthCheck = try from.number()
    references = try from.list { from throws(Garbled) in
      Reference(name: try from.text(), digest: try from.number())
    }
  }

  func pack(_ into: inout Packer) {
    for span in [probeInterval, recheckInterval, timeout, pollInterval, timeGap] { into.duration(span) }
    for digest in [primary, dr, subjects] { into.number(digest) }
    into.number(watchesTargets ? 1 : 0)
    into.number(healthCheck)
    into.list(references) {
      $0.text($1.name)
      $0.number($1.digest)
    }
  }
}

extension ProbeSettings {
  /// What decides whether an answer is right. Headers may hold credentials and stay out, even of a digest.
  fileprivate var asked: [String] {
    [url, method, bodyContains ?? ""] + expectedStatus.map { "\($0.first)-\($0.last)" } + resolve
  }
}

/// FNV-1a, 64 bits. Whoever can read the recording can read the configuration too: nothing is to be hidden by it.
private func digest(_ parts: [String]) -> UInt64 {
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  for part in parts {
    for byte in Array(part.utf8) + [0] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
  }
  return hash
}
