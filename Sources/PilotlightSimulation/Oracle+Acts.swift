// The promises about acts: what must be durable, true and fresh when a request leaves, and what the world said when it arrived.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

extension Oracle {
  /// A changing request leaves the daemon.
  mutating func sends(_ action: CloudAction, of name: String, decidedAt: Instant, _ simulation: Simulation) {
    let now = simulation.now
    if now - decidedAt > .seconds(5) { violate("sent-late", now, "decided \((now - decidedAt).text) before") }
    guard let watched = workloads[name] else { return }
    workloads[name]?.acted += 1
    firstAct = firstAct ?? now
    // Invariant 3.
    if watched.state.pause != nil { violate("acted-while-paused", now, action.apiName) }
    if watched.settings.mode == .observe { violate("acted-while-observing", now, action.apiName) }
    // Preparing is what degraded is for, where it is configured; how it is taken back is judged at the end.
    if trial.expectation == .nothingActs, watched.state.phase.run?.kind != .preparation {
      violate("acted-without-need", now, action.apiName)
    }
    judgeLease("acted-without-the-lease", action.apiName, watched, at: now)
    judgeIntent(action, watched, at: now)
    judgeFence(action, watched, at: now)
    if action.promoted != nil { judgePromotion(name, simulation) }
    if case .failOverCluster = action, let run = watched.state.phase.run, run.kind != .failover {
      violate("failover-in-a-switchover", now, "\(run.kind.rawValue) of \(name) may lose writes")
    }
    judgeScalingDown(action, watched, simulation)
  }

  /// Where DNS is asked, nothing is scaled down behind users who are led there.
  private mutating func judgeScalingDown(_ action: CloudAction, _ watched: Watched, _ simulation: Simulation) {
    let settings = watched.settings
    guard settings.names != nil, let run = watched.state.phase.run, run.rollback == nil, simulation.patient.skips == 0
    else { return }
    let (dr, primary) = (settings.dr.group, settings.primary.group)
    let left: SandboxSite
    switch (run.kind, action) {
    case (.failback, .resizeGroup(dr.ref, dr.standby)): left = .dr
    case (.switchover, .resizeGroup(primary.ref, primary.standby)): left = .primary
    default: return
    }
    if simulation.world.leads(settings.name, to: left) {
      violate("scaled-down-under-users", simulation.now, "\(settings.name): users are still led to the \(left.words)")
    }
  }

  /// Invariant 3, in the store's own words.
  func isHolding(_ watched: Watched) -> Bool {
    guard let lease = watched.settings.lease else { return true }
    return watched.lease?.holder == lease.holder
  }

  private mutating func judgeLease(_ rule: String, _ what: String, _ watched: Watched, at now: Instant) {
    if !isHolding(watched) {
      violate(rule, now, "\(what) of \(watched.settings.name); \(watched.lease?.holder ?? "nobody") holds the lease")
    }
  }

  /// A changing request reaches the cloud.
  mutating func arrived(_ action: CloudAction, of name: String, at now: Instant) {
    if let watched = workloads[name] { judgeLease("arrived-without-the-lease", action.apiName, watched, at: now) }
  }

  /// The table after a claim: with every process the number grows, with every renewal the count.
  mutating func leased(_ record: LeaseRecord, of name: String, at now: Instant) {
    if let known = workloads[name]?.lease, known != record {
      let isRenewal = known.life == record.life && known.holder == record.holder
      let isNext =
        isRenewal
        ? record.number == known.number && record.renewal == known.renewal + 1
        : record.number == known.number + 1 && record.renewal == 0
      if !isNext {
        violate("fencing-number", now, "\(known.number).\(known.renewal), then \(record.number).\(record.renewal)")
      }
    }
    workloads[name]?.lease = record
  }

  /// Invariant 4: the intent, the rollback or the debt is durable before the request leaves.
  private mutating func judgeIntent(_ action: CloudAction, _ watched: Watched, at now: Instant) {
    if let count = watched.intents[action], count > 0 {
      workloads[watched.settings.name]?.intents[action] = count - 1
      return
    }
    let isUndo = watched.state.phase.run?.rollback != nil && watched.undos.contains(action)
    let isDebt = watched.state.debts.contains { $0.fence.act == action }
    if !isUndo, !isDebt { violate("act-before-record", now, "\(action.apiName) left without a durable intent") }
  }

  /// A fence before the gate would make a returning primary look dead by our own hand.
  private mutating func judgeFence(_ action: CloudAction, _ watched: Watched, at now: Instant) {
    guard let run = watched.state.phase.run, run.kind == .failover,
      let rung = run.steps.first(where: { $0.step.work.fence?.act == action })
    else { return }
    if run["gate"]?.state.isFinished != true { violate("fenced-before-gate", now, run.incident) }
    if !run.isCommitted, isKnownBroken(watched.settings, at: now) {
      violate("fenced-for-nothing", now, "the DR database cannot be promoted, and has been known to be so")
    }
    // A stopped database cannot be taken back in a moment.
    if case .database = rung.step.work.fence, !run.isCommitted { violate("stopped-too-early", now, run.incident) }
  }

  /// The DR database is broken for so long that it was read, in a cloud that answers, by a process that has lived since.
  private func isKnownBroken(_ settings: WorkloadSettings, at now: Instant) -> Bool {
    troubles.contains { broken in
      guard case .databaseTrouble(settings.dr.database.ref, _) = broken.fault, broken.to > now,
        now - broken.from > settings.detection.pollInterval * 2 + .seconds(10), bornAt < broken.from, isLineSound
      else { return false }
      return troubles.allSatisfy { other in
        other.to < broken.from || other.fault == broken.fault || other.fault.mayBreak(.primary, of: settings)
      }
    }
  }

  /// That it was asked for is forgotten, and does not show yet: what the cloud refuses is all that keeps it from being asked for again.
  private func oblivious(at time: Instant) -> Bool { forgotAt.map { time - $0 <= .hours(1) } ?? false }

  private mutating func judgePromotion(_ name: String, _ simulation: Simulation) {
    let now = simulation.now
    firstPromotion = firstPromotion ?? now
    guard let watched = workloads[name], let run = watched.state.phase.run else {
      return violate("promoted-outside-a-run", now, name)
    }
    workloads[name]?.promotions[run.incident, default: 0] += 1
    guard run.kind == .failover else { return }
    judgeFreshness(watched, run, at: now)
    judgeVeto(watched, run, at: now)
    judgeLoss(watched, run, simulation)
  }

  /// Invariant 1: the primary's probe failed a moment ago, and again and again for as long as the confirmation takes.
  private mutating func judgeFreshness(_ watched: Watched, _ run: Run, at now: Instant) {
    let probe = watched.settings.primary.probe
    let moment = probe.interval + probe.timeout + .seconds(125)
    guard let last = watched.lastFailure, now - last <= moment else {
      return violate("promoted-on-old-evidence", now, "no failed probe within \(moment.text)")
    }
    if let gate = watched.gateReached, run["gate"]?.state == .done,
      !watched.failures.contains(where: { $0.start >= gate && $0.told <= now })
    {
      violate(
        "promoted-without-a-fresh-look", now, "no probe failed since the gate was reached \((now - gate).text) ago")
    }
    // Where a grey failure counts as down, some probes succeed in the middle of it.
    let maySucceed = watched.settings.detection.grey.policy == .countAsDown
    if !maySucceed, let success = watched.lastSuccess, success > last, now - success > deafness {
      violate("promoted-after-a-good-probe", now, "a probe succeeded \((now - success).text) ago")
    }
    guard run.orderedBy == nil else { return }
    let confirm = watched.settings.detection.confirmFor
    if let thaw = thawedAt, thaw <= now, now - thaw < confirm {
      violate("promoted-after-a-gap", now, "the process stood still until \((now - thaw).text) ago")
    }
    if !maySucceed, let first = watched.firstFailure, now - first < confirm, run.startedAt > first {
      violate("promoted-unconfirmed", now, "probes fail for \((now - first).text) only")
    }
  }

  /// Where a command is asked, the promotion has its consent, or a person overruled it.
  private mutating func judgeVeto(_ watched: Watched, _ run: Run, at now: Instant) {
    guard let veto = watched.settings.decision.veto, !run.isApproved(.veto) else { return }
    switch watched.vetoWord {
    case .allowed?: break
    case .failed? where veto.onFailure == .pass: break
    // Our own fence keeps a gate from being asked again: its first word stands.
    case nil where run.mayBeFenced: break
    case .vetoed?, .failed?, nil: violate("promoted-despite-a-veto", now, run.incident)
    }
  }

  /// Invariant 2, against what promoting really loses of the writes from before the outage.
  private mutating func judgeLoss(_ watched: Watched, _ run: Run, _ simulation: Simulation) {
    let settings = watched.settings
    let start = run.outageStart ?? simulation.now
    guard let loss = simulation.world.exposure(of: settings.dr.database.ref, upTo: start) else { return }
    let claimed = run.lossAtGate?.window
    if let claimed, claimed + .seconds(1) < loss {
      violate("loss-understated", simulation.now, "said \(claimed.text), really \(loss.text)")
    }
    guard run.lossAcceptedBy == nil, settings.decision.onRpoBreach == .hold else { return }
    if claimed == nil { violate("unknown-loss-passed", simulation.now, "nobody accepted an unknown loss") }
    if loss > settings.objectives.rpo + .seconds(1) {
      violate("loss-beyond-rpo", simulation.now, "\(loss.text) lost, RPO \(settings.objectives.rpo.text)")
    }
  }

  /// A failover that has changed nothing for good is taken back, wherever it stands, once the primary serves again.
  mutating func lookedAt(_ run: Run, of name: String, _ simulation: Simulation) {
    guard run.kind == .failover, !run.isCommitted, let since = workloads[name]?.servingSince,
      simulation.now - since > .minutes(5)
    else { return }
    violate("not-taken-back", simulation.now, "the primary serves again since more than five minutes")
  }

  /// A changing request was carried out by the world: what a careful operator would not have done is judged.
  mutating func performed(_ action: CloudAction, _ simulation: Simulation) {
    let noted = simulation.world.violations
    guard noted.count > judged else { return }
    for one in noted[judged...] { judge(one, simulation) }
    judged = noted.count
  }

  /// A primary that is late or fails in part serves, and somebody configured that it is left all the same.
  private func isWishedFor(_ watched: Watched, _ simulation: Simulation) -> Bool {
    guard watched.settings.detection.grey.policy == .countAsDown else { return false }
    return simulation.world.faults.contains {
      if case .albSlow(watched.settings.name, .primary, _) = $0 { true } else { false }
    }
  }

  /// Whether the primary serves again for so short a time that nobody could tell.
  private mutating func isStillMisled(_ watched: Watched, by noted: SandboxViolation, _ simulation: Simulation) -> Bool
  {
    guard let restored = noted.servedSince else { return false }
    let now = noted.at
    // Target groups and Route 53's checkers notice a recovery up to two minutes late: who cannot see it himself is misled by them.
    if lies.areHidden, now - restored <= .seconds(150) {
      deceived += 1
      return true
    }
    // A probe that began before the primary came back may still be on its way.
    let probe = watched.settings.primary.probe
    return now - restored <= probe.timeout + probe.recheckInterval + deafness
  }

  /// A process that waits for its disk hears late what came meanwhile: the decision's write, and what was written before it.
  private var deafness: Duration { .seconds(1) + trial.slowestWrite * (trial.workloads.count + 1) }

  private mutating func judge(_ noted: SandboxViolation, _ simulation: Simulation) {
    guard let watched = workloads[noted.workload] else { return }
    let run = watched.state.phase.run
    let isLiedTo =
      lies.hold(at: simulation.now, within: .minutes(15))
      || (watched.settings.detection.corroborate == .none && lies.wereHidden(at: simulation.now, within: .minutes(15)))
      || isWishedFor(watched, simulation)
    switch noted.kind {
    case .promotedAgain where oblivious(at: noted.at), .promotedStandalone where oblivious(at: noted.at): break
    case .promotedStandalone, .promotedAgain: violate("promoted-twice", noted.at, noted.detail)
    case .promotedHeadless:
      // Its instances may go between the look and the request.
      if !hasJustLostInstances(at: noted.at) { violate("promoted-headless", noted.at, noted.detail) }
    case .askedInTheWrongRegion: violate("asked-in-the-wrong-region", noted.at, noted.detail)
    case .clusterTakenForInstance: violate("cluster-taken-for-instance", noted.at, noted.detail)
    // A failback and a switchover close a site that serves, after all else stands.
    case .closedServingSite where run?.kind == .failback || run?.kind == .switchover: break
    case .promotedBesideServingPrimary, .stoppedServingSite, .closedServingSite:
      // In a failback writes are held; by order an operator may know better.
      if run?.kind == .failover, run?.orderedBy != nil { return }
      let overruled: [GateQuestion] = [.contradicted, .unconfirmed, .unwitnessed]
      if overruled.contains(where: { run?.isApproved($0) ?? false }) { return }
      if run?.kind == .failover, isLiedTo {
        deceived += 1
        return
      }
      let isFence = noted.kind != .promotedBesideServingPrimary
      if isStillMisled(watched, by: noted, simulation) {
        watched.misledAt = noted.at
        return
      }
      // The rungs of a fence go out together: what excuses one excuses the next, which finds the site half broken by it.
      if isFence, let misled = watched.misledAt, noted.at - misled <= .seconds(20) { return }
      // Once promoted, an old primary that comes back is stopped whoever it serves.
      if isFence, run?.isCommitted ?? !watched.state.debts.isEmpty { return }
      violate(isFence ? "stopped-serving-site" : "promoted-beside-serving-primary", noted.at, noted.detail)
    case .avoidableLoss, .loss:
      if let kind = run?.kind, kind == .failback || kind == .switchover, simulation.patient.skips == 0 {
        violate("\(kind.rawValue)-lost-writes", noted.at, noted.detail)
      }
    case .trafficToDeadSite:
      let isExcused = noted.site.map { wasTroubled($0, of: watched.settings, at: noted.at, aftermath: .minutes(3)) }
      guard isExcused != true, watched.settings.traffic != .manual, simulation.patient.skips == 0 else { return }
      violate("traffic-to-dead-site", noted.at, noted.detail)
    case .forgottenByRecord: violate("forgotten-by-record", noted.at, noted.detail)
    case .twoWriters:
      sawTwoWriters = true
      workloads[noted.workload]?.twoWritersSince = noted.at
    }
  }
}
