// One workload's part of a replay.

import PilotlightCore

struct WorkloadReplay {
  private let settings: WorkloadSettings
  private var workload: WorkloadGuard?
  private var found: Findings.Workload
  /// Of the line, never going back but at a start: a machine that booted with another clock begins another line.
  private var now = Instant.distantPast
  var wallAhead: Duration = .zero
  private var current: Outage?
  private var isConcern = false
  private var blindSince: Instant?
  private var lagUnknownSince: Instant?
  private var viewpoint: Viewpoint?
  /// Nothing was seen from this viewpoint yet.
  private var isUnused = false

  /// An outage while it lasts, on the line's time.
  private struct Outage {
    var start: Instant
    var confirmedAt: Instant?
    var failover: Findings.Failover?
    var held: [String] = []
    var realRunAt: Instant?
  }

  init(_ settings: WorkloadSettings) {
    found = Findings.Workload(settings: settings)
    var observing = settings
    observing.mode = .observe
    // What one watchdog saw and would have decided, whoever had the lease.
    observing.lease = nil
    self.settings = observing
  }

  // MARK: What was recorded

  mutating func take(_ seen: Seen) {
    let workload = awake(at: seen.arrivedAt, since: seen.startedAt - WorkloadReplay.longestPoll)
    found.sightings += 1
    if isUnused, let viewpoint { use(viewpoint) }
    workload.take(seen.sighting, of: seen.watch, startedAt: seen.startedAt, at: now)
    react(to: .assessed, workload)
  }

  /// The daemon was started again: it knew what its ledger knew.
  mutating func restart(at: Instant) {
    endSpells(at: now)
    now = at
    workload = WorkloadGuard(settings, state: workload?.machine.state ?? DurableState(), at: at, seed: 1)
  }

  mutating func wake(at: Instant, after lasted: Duration) {
    let workload = awake(at: at, since: at)
    workload.forgetEvidence(at: now)
    react(to: .woke(after: lasted), workload)
  }

  mutating func note(_ moment: RunMoment, at: Instant) {
    found.runs.append(Findings.RealRun(moment: moment, at: at + wallAhead))
    switch moment {
    case .begun: if current?.realRunAt == nil { current?.realRunAt = at + wallAhead }
    // Nothing one-way was done: the world is as it was.
    case .takenBack: current?.realRunAt = nil
    case .finished: break
    }
  }

  mutating func look(from viewpoint: Viewpoint) {
    self.viewpoint = viewpoint
    isUnused = true
  }

  private mutating func use(_ viewpoint: Viewpoint) {
    isUnused = false
    for limit in viewpoint.limits(for: settings) where !found.limits.contains(limit) { found.limits.append(limit) }
  }

  /// Where a recording begins in the middle of a life, what was under way then counts.
  private static let longestPoll: Duration = .minutes(2)

  /// - Parameter since: evidence from before does not count; for a workload of which nothing was heard before.
  private mutating func awake(at: Instant, since: Instant) -> WorkloadGuard {
    now = max(now, at)
    if let workload { return workload }
    let fresh = WorkloadGuard(settings, at: min(since, now), seed: 1)
    workload = fresh
    return fresh
  }

  // MARK: What follows

  private mutating func react(to event: Event, _ workload: WorkloadGuard) {
    let reaction = workload.react(to: event, at: now, brake: nil)
    for record in reaction.records { note(record, workload) }
    for output in workload.carryOut(reaction.effects, at: now) {
      if case .say(let message) = output, message.kind == .heldBack { hold(message.text) }
    }
    let situation = workload.situation
    if situation.assessment.confirmed, current?.confirmedAt == nil { current?.confirmedAt = now }
    follow(\.blindSince, while: situation.assessment.verdict == .blind) { $0.blind.add($1) }
    follow(\.lagUnknownSince, while: isUnknown(situation.lag)) { $0.longestUnknownLag = max($0.longestUnknownLag, $1) }
  }

  private func isUnknown(_ lag: LagTracker) -> Bool {
    switch lag.state(at: now) {
    case .replicating, .inactive: false
    case .stale, .unknown: true
    }
  }

  private mutating func follow(
    _ since: WritableKeyPath<WorkloadReplay, Instant?>, while holds: Bool,
    _ end: (inout Findings.Workload, Duration) -> Void
  ) {
    if holds {
      self[keyPath: since] = self[keyPath: since] ?? now
    } else if let began = self[keyPath: since] {
      end(&found, now - began)
      self[keyPath: since] = nil
    }
  }

  private mutating func endSpells(at: Instant) {
    if let since = blindSince { found.blind.add(at - since) }
    if let since = lagUnknownSince { found.longestUnknownLag = max(found.longestUnknownLag, at - since) }
    (blindSince, lagUnknownSince) = (nil, nil)
  }

  private mutating func note(_ record: Record, _ workload: WorkloadGuard) {
    switch record {
    case .degraded(let outage):
      guard let start = outage.start else {
        isConcern = true
        found.concerns += 1
        return
      }
      if isConcern, current == nil { isConcern = false }
      if current == nil {
        current = Outage(start: start)
      } else if current?.failover == nil, current?.start != start {
        // A success in between: the outage is another one, and has to last anew.
        current?.start = start
        current?.confirmedAt = nil
      }
    case .wouldFailOver(_, let at): begin(at, workload)
    case .recovered: recover(at: workload.situation.assessment.since)
    default: break
    }
  }

  private mutating func hold(_ why: String) {
    if current?.held.contains(why) == false { current?.held.append(why) }
  }

  private mutating func begin(_ at: Instant, _ workload: WorkloadGuard) {
    let situation = workload.situation
    var start = situation.assessment.outageStart ?? at
    if case .degraded(let known, _) = workload.machine.state.phase { start = known.start ?? start }
    var outage = current ?? Outage(start: start)
    let machine = workload.machine
    outage.failover = Findings.Failover(
      outageStart: start, confirmedAt: outage.confirmedAt ?? at, begunAt: at, loss: situation.loss,
      forecast: machine.forecast(at: at), untilGate: Plan.forecast(machine.failoverPlan, until: "gate"),
      recoveredAt: nil,
      knownUntil: at, evidence: situation.assessment.evidence, brake: nil, realRunAt: nil)
    current = outage
  }

  private mutating func recover(at: Instant) {
    isConcern = false
    guard let outage = current else { return }
    current = nil
    close(outage, recoveredAt: at, knownUntil: at, &found)
  }

  private func close(
    _ outage: Outage, recoveredAt: Instant?, knownUntil: Instant, _ found: inout Findings.Workload
  ) {
    let wall = { (line: Instant) in line + wallAhead }
    if var failover = outage.failover {
      failover.outageStart = wall(failover.outageStart)
      failover.confirmedAt = wall(failover.confirmedAt)
      failover.begunAt = wall(failover.begunAt)
      failover.recoveredAt = recoveredAt.map(wall)
      failover.knownUntil = wall(knownUntil)
      failover.realRunAt = outage.realRunAt
      found.failovers.append(failover)
    } else if !outage.held.isEmpty {
      found.held.append(
        Findings.Held(
          outageStart: wall(outage.start), recoveredAt: recoveredAt.map(wall), lasted: knownUntil - outage.start,
          why: outage.held))
    } else if recoveredAt != nil {
      found.nearMisses.append(Findings.NearMiss(outageStart: wall(outage.start), lasted: knownUntil - outage.start))
    }
  }

  /// The recording is over.
  func finish() -> Findings.Workload {
    var last = self
    last.endSpells(at: now)
    if let outage = current { close(outage, recoveredAt: nil, knownUntil: now, &last.found) }
    if last.found.sightings == 0 {
      last.found.limits = ["nothing of it is in this recording"]
    } else if viewpoint == nil {
      last.found.limits.append("how it was looked at was not recorded")
    }
    return last.found
  }
}

extension Viewpoint {
  /// What a recording from here cannot tell about other settings.
  func limits(for settings: WorkloadSettings) -> [String] {
    let wanted = Viewpoint(settings)
    var limits: [String] = []
    func compare(_ recorded: Duration, _ asked: Duration, _ what: String) {
      if asked < recorded {
        limits.append(
          "\(what) every \(recorded.text), the configuration asks for \(asked.text): nothing in between is known")
      } else if asked > recorded {
        limits.append(
          "\(what) every \(recorded.text), the configuration asks for \(asked.text): it would have seen less")
      }
    }
    compare(probeInterval, wanted.probeInterval, "the primary was probed")
    compare(recheckInterval, wanted.recheckInterval, "after a first failure the primary was probed")
    compare(pollInterval, wanted.pollInterval, "target health, lag and states were read")
    if wanted.timeout != timeout {
      limits.append(
        "probes were given \(timeout.text), the configuration gives them \(wanted.timeout.text): a late answer is what it was"
      )
    }
    if wanted.timeGap < timeGap {
      limits.append(
        "time gaps were recorded from \(timeGap.text) on, the configuration counts them from \(wanted.timeGap.text)")
    }
    if wanted.primary != primary {
      limits.append(
        "the primary's probe asked another URL, or expected another answer: it is judged by what was seen then")
    }
    if wanted.dr != dr { limits.append("the DR probe asked another URL, or expected another answer") }
    if wanted.subjects != subjects { limits.append("the API was asked about other regions, databases or groups") }
    if wanted.watchesTargets, !watchesTargets { limits.append("target health was not recorded: unknown") }
    if wanted.healthCheck != 0, wanted.healthCheck != healthCheck {
      limits.append("this health check's checkers were not recorded: unknown")
    }
    for reference in wanted.references {
      switch references.first(where: { $0.name == reference.name }) {
      case nil: limits.append("reference \(reference.name) was not recorded: unknown")
      case let known?:
        if known.digest != reference.digest { limits.append("reference \(reference.name) was another URL then") }
      }
    }
    return limits
  }
}
