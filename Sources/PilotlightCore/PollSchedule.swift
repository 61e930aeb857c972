// When each watch is due. One table per workload and one wake-up for all: no timer per target. A watch in flight is not started
// again before its answer came or was given up.

/// The polls of one workload.
package struct PollSchedule: Equatable, Sendable {
  struct Entry: Equatable, Sendable {
    let watch: Watch
    var due: Instant
    var inFlightSince: Instant?
    /// Start of the newest poll that finished.
    var finishedStart: Instant?
  }
  private var entries: [Entry]
  /// A poll without an answer for this long is given up; its own deadline is much shorter.
  private static let lost: Duration = .seconds(120)

  package init(_ settings: WorkloadSettings, at now: Instant, _ dice: inout Dice) {
    var watches: [Watch] = [
      .primaryProbe, .drProbe, .drAPI, .primaryAPI, .replicaLag, .drDatabase, .primaryDatabase, .drGroup,
    ]
    if settings.primary.targetGroup != nil { watches.append(.primaryTargets) }
    if settings.detection.healthCheck != nil { watches.append(.healthCheck) }
    if settings.decision.veto != nil { watches.append(.veto) }
    if settings.lease != nil { watches.append(.lease) }
    watches += settings.detection.references.map { .reference($0.name) }
    // Last: no other watch's jitter depends on them.
    for item in ReadinessItem.allCases where item.watch == .readiness(item) && item.action(settings) != nil {
      watches.append(item.watch)
    }
    // Jittered starts: a thousand workloads must not knock in the same instant. The first look still comes at once.
    entries = watches.map { watch in
      let spread = PollSchedule.spread(watch, settings)
      return Entry(watch: watch, due: watch == .veto ? .distantFuture : now + dice.duration(upTo: spread))
    }
  }

  /// What no decision waits for has more time.
  private static func spread(_ watch: Watch, _ settings: WorkloadSettings) -> Duration {
    switch watch {
    case .primaryProbe: min(settings.primary.probe.interval, .seconds(1))
    case .readiness: min(settings.detection.pollInterval, .seconds(30))
    case .drProbe, .reference, .drAPI, .primaryAPI, .primaryTargets, .healthCheck, .replicaLag, .drDatabase,
      .primaryDatabase, .drGroup, .veto, .lease:
      min(settings.detection.pollInterval, .seconds(1))
    }
  }

  package var nextDue: Instant? {
    var soonest: Instant?
    for entry in entries where entry.inFlightSince == nil {
      if soonest.map({ entry.due < $0 }) ?? true { soonest = entry.due }
    }
    return soonest
  }

  /// The watches that are due now; they count as started.
  package mutating func start(at now: Instant) -> [Watch] {
    var started: [Watch] = []
    for index in entries.indices {
      if let since = entries[index].inFlightSince, now - since < PollSchedule.lost { continue }
      guard entries[index].due <= now else { continue }
      entries[index].inFlightSince = now
      started.append(entries[index].watch)
    }
    return started
  }

  /// The watch is due at once. One that is in flight is started again: its answer may be older than the question.
  package mutating func hurry(_ watches: [Watch], at now: Instant) {
    for index in entries.indices where watches.contains(entries[index].watch) {
      entries[index].due = now
      entries[index].inFlightSince = nil
    }
  }

  /// The watch's answer came; it was asked at `start`. The next is due `interval` after the start, not after the answer; nil: when
  /// somebody hurries it.
  package mutating func finish(_ watch: Watch, startedAt start: Instant, at now: Instant, next interval: Duration?) {
    guard let index = entries.firstIndex(where: { $0.watch == watch }) else { return }
    if let since = entries[index].inFlightSince, since > start { return }
    entries[index].inFlightSince = nil
    entries[index].finishedStart = max(entries[index].finishedStart ?? start, start)
    entries[index].due = interval.map { max(start + $0, now) } ?? .distantFuture
  }

  /// Start of the newest finished poll of all these watches.
  func newestStart(_ isWanted: (Watch) -> Bool) -> Instant? {
    var newest: Instant?
    for entry in entries where isWanted(entry.watch) {
      if let start = entry.finishedStart, newest.map({ start > $0 }) ?? true { newest = start }
    }
    return newest
  }

  /// Start of the newest finished poll of a watch.
  package func finishedStart(_ watch: Watch) -> Instant? {
    for entry in entries where entry.watch == watch { return entry.finishedStart }
    return nil
  }
}
