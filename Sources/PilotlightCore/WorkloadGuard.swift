// One workload, whole: schedule, detector, lag, machine. Still pure: inputs in, outputs out.

/// What the engine is to carry out for a workload.
package enum Output: Equatable, Sendable {
  case poll(Watch, PollRequest)
  case ask(CloudTask, [CloudAction])
  case endPrograms
  case say(Message)
}

/// One guarded workload: a thing with a life, held by one engine. The machine inside is a value, so that a refused reaction can be
/// put back.
package final class WorkloadGuard {
  private let shared: Shared<WorkloadSettings>
  package var settings: WorkloadSettings { _read { yield shared.value } }
  package var name: String { shared.value.name }
  package private(set) var machine: Machine
  private var machineWake: Instant?
  /// How long ago the machine may have turned for a poll's beginning to leave it alone. What only passes with time, and is no wake-up of
  /// its own, is seen that much later at most, and when the poll ends or the next one begins.
  private static let stillness: Duration = .seconds(2)
  package private(set) var detector: Detector
  package private(set) var drTally: Tally
  package private(set) var lag: LagTracker
  private var schedule: PollSchedule
  /// Those that this workload has.
  private let vantages: [Watch]
  private var standing = Standing()
  /// The situation as last concluded.
  package private(set) var situation: Situation
  private var dice: Dice
  private let home: String

  /// What was last read of the two databases and the DR group; nil = not read since the start.
  struct Standing: Equatable, Sendable {
    /// What an answer said, and when. One that says nothing leaves it standing, for as long as readiness remembers.
    struct Told: Equatable, Sendable {
      var reply: CloudReply
      var at: Instant
    }
    var drDatabase: Told?
    var drRole: DatabaseRole?
    var primaryDatabase: Told?
    var drGroup: Told?
    var account: String?
    var veto: VetoReading?
    var desired = Demand()
    /// What follows from the databases and the group.
    var obstacles: [String] = []
    /// Why the DR database cannot be promoted; nil: nothing is known that stands in the way.
    var unpromotable: String?
    /// Days for which the backups of the primary database are kept, where it writes; nil: the newest answer does not say.
    var primaryBackups: Int?
    /// What the primary database was last, and what it was called; no failure makes it forgotten.
    var primaryRole: DatabaseRole?
    var primaryName: DatabaseName?

    /// Takes an answer in.
    ///
    /// - Returns: whether anything else is known than before.
    static func note(_ reply: CloudReply, _ told: inout Told?, at now: Instant) -> Bool {
      let before = told
      switch reply {
      case .failed(let failure) where failure.kind != .notFound:
        told = before.flatMap { now - $0.at <= Readiness.memory ? $0 : nil }
      default: told = Told(reply: reply, at: now)
      }
      return told?.reply != before?.reply
    }
  }

  /// What a failover stands on.
  private var readiness: Readiness
  package private(set) var lease: LeaseTracker?

  /// - Parameter home: which ledger this is, for the lease.
  package init(
    _ settings: WorkloadSettings, state: DurableState = DurableState(), at now: Instant, seed: UInt64, home: String = ""
  ) {
    self.home = home
    shared = Shared(settings)
    dice = Dice(seed: seed)
    machine = Machine(settings, state: state, seed: dice.next())
    machineWake = machine.nextWake
    detector = Detector(settings, at: now)
    let probe = settings.dr.probe
    drTally = Tally(fallAfter: probe.fallAfter, riseAfter: probe.riseAfter)
    lag = LagTracker(settings)
    readiness = Readiness(settings)
    // Drawn only where it is needed: no other chance depends on it.
    if let settings = settings.lease {
      lease = LeaseTracker(settings, life: "\(home).\(String(dice.next(), radix: 16))")
    }
    schedule = PollSchedule(settings, at: now, &dice)
    vantages =
      [.primaryAPI] + (settings.primary.targetGroup == nil ? [] : [.primaryTargets])
      + (settings.detection.healthCheck == nil ? [] : [.healthCheck])
    situation = Situation(
      now: now, assessment: Assessment(verdict: .unknown, since: now), primaryServing: nil, drServing: nil, lag: lag,
      evidenceAt: nil, obstacles: [], brake: nil)
  }

  package var nextWake: Instant? {
    guard let poll = schedule.nextDue else { return turnDue }
    return turnDue.map { min($0, poll) } ?? poll
  }

  /// When the machine wants to turn without any event.
  private var turnDue: Instant? {
    // What was due already when the machine last turned, and is due still, waits for something else.
    machineWake.map { $0 > situation.now ? $0 : situation.now + .milliseconds(500) }
  }

  /// Whether the machine is to turn at this wake-up. A poll that begins and is evidence brings a turn of its own when it ends, mostly in the
  /// next moment.
  package func mustTurn(at now: Instant) -> Bool {
    now - situation.now >= WorkloadGuard.stillness || turnDue.map { $0 <= now } ?? false
  }

  // MARK: Seeing

  /// Takes in what a watch saw; `start` is when it was asked.
  package func take(_ sighting: Sighting, of watch: Watch, startedAt start: Instant, at now: Instant) {
    let before = detector.tally
    see(sighting, watch, start, now)
    schedule.finish(watch, startedAt: start, at: now, next: aligned(interval(watch), watch, start, now))
    // The first failure makes everything that can tell us more due sooner.
    if before.failures == 0, detector.tally.failures == 1 {
      schedule.hurry([.drAPI, .primaryAPI, .primaryTargets, .healthCheck, .drProbe] + references, at: now)
    }
  }

  /// The probe that proves a whole confirmation starts exactly when it can: one that began just before, and takes as long as the
  /// last, would be in its way.
  private func aligned(_ pause: Duration?, _ watch: Watch, _ start: Instant, _ now: Instant) -> Duration? {
    guard let pause else { return nil }
    let next = max(start + pause, now)
    guard watch == .primaryProbe, let due = detector.confirmationDue, next < due, next + (now - start) > due else {
      return pause
    }
    return due - start
  }

  private var references: [Watch] { settings.detection.references.map { .reference($0.name) } }

  private func see(_ sighting: Sighting, _ watch: Watch, _ start: Instant, _ now: Instant) {
    if case .reply(let reply) = sighting, let item = ReadinessItem(of: watch) {
      readiness.take(item.judge(reply, settings, at: now), of: item, at: now)
      if case .group(let state) = reply { standing.desired[item == .capacity ? .primary : .dr] = state.size.desired }
    }
    switch (watch, sighting) {
    case (.primaryProbe, .observation(let seen)): detector.probed(seen)
    case (.drProbe, .observation(let seen)):
      drTally.take(seen)
      detector.reached(.drProbe, seen.answered, at: start)
    case (.reference, .observation(let seen)): detector.reached(watch, seen.answered, at: start)
    case (.drAPI, .reply(let reply)):
      detector.reached(.drAPI, reply.answered ?? false, at: start)
      if case .identity(let account, _) = reply { standing.account = account }
    case (.primaryAPI, .reply(let reply)): detector.sawPrimaryAPI(reply.answered, at: start)
    case (.primaryTargets, .reply(.targets(let health))): detector.sawTargets(health, at: start)
    case (.primaryTargets, .reply): detector.sawTargets(nil, at: start)
    case (.healthCheck, .reply(.checkers(let health))): detector.sawCheckers(health, at: start)
    case (.healthCheck, .reply): detector.sawCheckers(nil, at: start)
    case (.replicaLag, .reply(.lag(let samples))): lag.take(samples, at: now)
    case (.replicaLag, .reply(.failed(let failure))): lag.failed(failure.text, at: now)
    case (.replicaLag, .reply(let other)): lag.failed("unexpected answer \(other)", at: now)
    case (.drDatabase, .reply(let reply)):
      if Standing.note(reply, &standing.drDatabase, at: now) { noteObstacles(at: now) }
      if case .database(let state) = reply {
        lag.meaning = LagMeaning(engine: state.engine)
        standing.drRole = DatabaseRole(isReplica: state.source != nil, at: start)
      } else if case .failed(let failure) = reply, failure.kind == .notFound {
        standing.drRole = nil
      }
    case (.primaryDatabase, .reply(let reply)):
      if Standing.note(reply, &standing.primaryDatabase, at: now) { noteObstacles(at: now) }
      standing.primaryBackups = nil
      if case .database(let state) = reply {
        standing.primaryRole = DatabaseRole(isReplica: state.source != nil, at: start)
        standing.primaryName = DatabaseName(arn: state.arn, address: state.address)
        if state.source == nil { standing.primaryBackups = state.instance?.backupRetention }
      }
    case (.drGroup, .reply(let reply)):
      if Standing.note(reply, &standing.drGroup, at: now) { noteObstacles(at: now) }
    // Taken in above: it concerns no decision.
    case (.readiness, .reply): break
    case (.lease, .reply(let reply)): lease?.take(reply, askedAt: start, at: now)
    case (.veto, .veto(let word)):
      // One that was given up may still answer.
      if standing.veto.map({ $0.askedAt <= start }) ?? true { standing.veto = VetoReading(word: word, askedAt: start) }
    // A probe never brings a reply, nor a call an observation, nor either of them a veto.
    case (.veto, .observation), (.veto, .reply), (_, .veto): break
    case (.primaryProbe, .reply), (.drProbe, .reply), (.reference, .reply), (.drAPI, .observation),
      (.primaryAPI, .observation), (.primaryTargets, .observation), (.healthCheck, .observation),
      (.replicaLag, .observation), (.drDatabase, .observation), (.primaryDatabase, .observation),
      (.drGroup, .observation), (.readiness, .observation), (.lease, .observation):
      break
    }
  }

  /// The pause until a watch's next poll, short while something is undecided; nil: only when it is asked for.
  private func interval(_ watch: Watch) -> Duration? {
    let probe = settings.primary.probe
    let poll = settings.detection.pollInterval
    let isTense = detector.isTense
    switch watch {
    case .primaryProbe:
      let isDeciding =
        switch machine.state.phase {
        // What was just taken in may be what ends the healthy phase.
        case .healthy, .degraded: isTense
        case .failingOver(let run): !run.isCommitted
        case .drActive, .failingBack: false
        }
      return detector.tally.unsettled || isDeciding ? min(probe.recheckInterval, probe.interval) : probe.interval
    case .drProbe:
      let isAwaited = machine.state.phase.run != nil
      return isAwaited ? min(settings.dr.probe.recheckInterval, settings.dr.probe.interval) : settings.dr.probe.interval
    case .reference, .drAPI, .primaryAPI, .primaryTargets: return isTense ? detector.pace : poll
    // Not meant for high query rates (Route 53 API reference, GetHealthCheckStatus).
    case .healthCheck: return isTense ? poll : max(poll, .seconds(60))
    case .replicaLag, .drDatabase, .primaryDatabase, .drGroup: return poll
    case .veto: return nil
    case .lease: return lease?.pause
    case .readiness(let item):
      let pause = readiness.pause(after: item)
      return pause - dice.duration(upTo: pause / 10)
    }
  }

  // MARK: Turning

  /// Concludes and lets the machine react to `event`. The guard is changed as if the records were durable; the engine keeps
  /// the change only when they are.
  package func react(to event: Event, at now: Instant, brake: String?) -> Reaction {
    // Kept only afterwards: copying it would cost more than most reactions.
    let fresh = describe(detector.assess(at: now), at: now, brake: brake)
    let reaction = machine.react(to: event, fresh)
    machineWake = reaction.nextWake
    situation = fresh
    return reaction
  }

  /// The reaction's records did not become durable: it never was.
  package func takeBack(to before: Machine) {
    machine = before
    // Due at once: it is to be tried again.
    machineWake = situation.now
  }

  /// The situation as of now, for somebody who only asks: lag and countdowns move on, nothing is changed.
  package func look(at now: Instant) -> Situation {
    var detector = detector
    return describe(detector.assess(at: now), at: now, brake: situation.brake)
  }

  private func describe(_ assessment: Assessment, at now: Instant, brake: String?) -> Situation {
    Situation(
      now: now, assessment: assessment, primaryServing: detector.tally.serving, drServing: drTally.serving, lag: lag,
      evidenceAt: evidenceAt, obstacles: obstacles, brake: brake, account: standing.account,
      veto: standing.veto, readiness: readiness, drRole: standing.drRole, lease: lease,
      desired: standing.desired, backups: standing.primaryBackups, unpromotable: standing.unpromotable,
      primaryRole: standing.primaryRole, primaryName: standing.primaryName)
  }

  /// Start of the oldest of the newest readings that a round consists of.
  private var evidenceAt: Instant? {
    guard let probe = schedule.finishedStart(.primaryProbe), let lag = schedule.finishedStart(.replicaLag),
      let reference = newestReference
    else { return nil }
    var oldest = min(probe, lag, reference)
    guard settings.detection.corroborate != .none else { return oldest }
    for vantage in vantages {
      guard let read = schedule.finishedStart(vantage) else { return nil }
      oldest = min(oldest, read)
    }
    return oldest
  }

  private var newestReference: Instant? { schedule.newestStart { $0.isReference } }

  /// Known facts that make a failover pointless or wrong. What merely could not be read is not in here.
  private var obstacles: [String] {
    // A phase with a run is much to copy.
    if standing.obstacles.isEmpty { return [] }
    return switch machine.state.phase {
    // It may yet become a failover.
    case .failingOver(let run) where (run.kind == .switchover || run.rollback != nil) && !run.isCommitted:
      standing.obstacles
    case .failingOver, .drActive, .failingBack: []
    case .healthy, .degraded: standing.obstacles
    }
  }

  /// Judged when something else was read than before, and not at each of the many turns between.
  private func noteObstacles(at now: Instant) {
    func pointless(_ item: ReadinessItem, _ told: Standing.Told?) -> String? {
      guard case .notReady(let why, pointless: true)? = told.map({ item.judge($0.reply, settings, at: now) }) else {
        return nil
      }
      return why
    }
    let database = pointless(.database, standing.drDatabase)
    var swapped: String?
    if case .database(let state)? = standing.primaryDatabase?.reply, let source = state.source,
      state.cluster == nil || source.isCluster(outside: settings.primary.region)
    {
      swapped = ReadinessItem.swapped(settings)
    }
    standing.obstacles = [database, swapped, pointless(.group, standing.drGroup)].compactMap { $0 }
    // Promoted by somebody else, it is what the run would make of it.
    standing.unpromotable = database == ReadinessItem.standalone(settings) ? nil : database
  }

  /// Polls that are due, with how to read them.
  package func startPolls(at now: Instant) -> [Output] {
    schedule.start(at: now).map { .poll($0, request($0, at: now)) }
  }

  private func request(_ watch: Watch, at now: Instant) -> PollRequest {
    switch watch {
    case .primaryProbe: .probe(.primary)
    case .drProbe: .probe(.dr)
    case .reference(let name): .reach(url: settings.detection.references.first { $0.name == name }?.url ?? "")
    case .drAPI: .ask(.callerIdentity(region: settings.dr.region))
    case .primaryAPI: .ask(.callerIdentity(region: settings.primary.region))
    case .primaryTargets:
      .ask(settings.primary.targetGroup.map { .targetHealth($0) } ?? .callerIdentity(region: settings.primary.region))
    case .replicaLag: .ask(.replicaLag(settings.dr.database.ref))
    case .healthCheck:
      .ask(
        settings.detection.healthCheck.map { .readHealthCheck($0) } ?? .callerIdentity(region: settings.dr.region))
    case .drDatabase: .ask(.describeDatabase(settings.dr.database.ref))
    case .primaryDatabase: .ask(.describeDatabase(settings.primary.database.ref))
    case .drGroup: .ask(.describeGroup(settings.dr.group.ref))
    case .veto:
      .veto(
        CommandCall(
          command: settings.decision.veto?.command ?? [], environment: vetoEnvironment,
          timeout: settings.decision.veto?.timeout ?? .zero))
    case .lease:
      .ask(
        lease?.request(at: now, mayClaim: machine.wantsLease(situation))
          ?? .callerIdentity(region: settings.dr.region))
    case .readiness(let item): .ask(item.action(settings) ?? .callerIdentity(region: settings.dr.region))
    }
  }

  /// What the veto command is told.
  private var vetoEnvironment: [String: String] {
    let loss = situation.loss
    var told = [
      "PILOTLIGHT_WORKLOAD": name, "PILOTLIGHT_PRIMARY_REGION": settings.primary.region,
      "PILOTLIGHT_DR_REGION": settings.dr.region,
      "PILOTLIGHT_LOSS_SECONDS": loss.window.map { "\(Int($0.seconds.rounded(.up)))" } ?? "unknown",
    ]
    told["PILOTLIGHT_INCIDENT"] = machine.state.phase.run?.incident
    told["PILOTLIGHT_OUTAGE_START"] = machine.state.phase.run?.outageStart?.text
    return told
  }

  /// Carries out the effects that are the guard's own and hands the others on.
  package func carryOut(_ effects: [Effect], at now: Instant) -> [Output] {
    var outputs: [Output] = []
    for effect in effects {
      switch effect {
      case .ask(let task, let actions): outputs.append(.ask(task, actions))
      case .observe(let watches): schedule.hurry(watches, at: now)
      case .startAfresh:
        forgetEvidence(at: now)
        // What a failover stands on was read in the other region's days, of another replica.
        lag = LagTracker(staleAfter: lag.staleAfter, meaning: lag.meaning)
        schedule.hurry([.replicaLag] + ReadinessItem.allCases.map { .readiness($0) }, at: now)
      case .confirmAfresh: detector.confirmAfresh(at: now)
      case .endPrograms: outputs.append(.endPrograms)
      case .say(let message): outputs.append(.say(message))
      }
    }
    return outputs
  }

  /// Evidence from before now no longer counts.
  package func forgetEvidence(at now: Instant) {
    detector.forget(at: now)
    drTally.forget()
    schedule.hurry([.primaryProbe, .drAPI, .drProbe] + references, at: now)
  }

  /// The same workload under new settings: evidence is gathered anew, the state stays.
  package func renewed(_ settings: WorkloadSettings, at now: Instant) -> WorkloadGuard {
    let fresh = WorkloadGuard(settings, state: machine.state, at: now, seed: dice.next(), home: home)
    // What another replica has proves nothing of this one.
    if settings.dr.database.ref == self.settings.dr.database.ref { fresh.lag = lag }
    if settings.lease == self.settings.lease { fresh.lease = lease }
    return fresh
  }
}
