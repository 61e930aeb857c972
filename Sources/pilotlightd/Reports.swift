// The engine's state as the control API shows it.

import Glibc
import PilotlightControlAPI
import PilotlightCore
import PilotlightEngine
import PilotlightLedger

extension Daemon {
  func statusReport() -> StatusReport {
    look { guards, halted in
      StatusReport(
        daemon: DaemonStatus(
          pid: getpid(), startedAt: stamp(startedAt), at: stamp(line.now),
          ledger: LedgerStatus(state: halted.map(\.word) ?? "ok", entries: ledger.count),
          state: halted == nil ? .running : .halted, why: halted?.text, sandbox: sandbox != nil,
          account: guards.lazy.compactMap { $0.machine.state.account }.first),
        workloads: guards.map { status(of: $0) })
    }
  }

  func stamp(_ instant: Instant) -> Timestamp { Timestamp(unixSeconds: line.wallSeconds(of: instant)) }

  private func status(of workload: WorkloadGuard) -> WorkloadStatus {
    let (settings, machine) = (workload.settings, workload.machine)
    // A fresh look: lag and countdowns are as of now, not as of the last event.
    let situation = workload.look(at: line.now)
    let reasons = machine.unarmed(situation)
    return WorkloadStatus(
      name: settings.name, phase: PhaseWord(machine.state.phase.name), mode: ModeWord(settings.mode),
      paused: machine.state.pause != nil,
      armed: ArmedStatus(
        ok: reasons.isEmpty, reasons: reasons, obstacles: machine.refusing(situation),
        unproven: machine.unproven(situation)),
      assessment: assessment(situation, machine.state.phase), lag: lag(situation),
      loss: loss(situation, machine.state.phase),
      commitDeadline: machine.commitDeadline(situation.assessment).map(stamp), incident: incident(machine, situation),
      pause: machine.state.pause.map { PauseStatus(reason: $0.reason, by: $0.by, expires: $0.expires.map(stamp)) },
      holdDownUntil: machine.holdDownUntil.flatMap { $0 > situation.now ? stamp($0) : nil },
      forecast: machine.forecast(at: situation.now).seconds,
      objectives: ObjectivesStatus(rto: settings.objectives.rto.seconds, rpo: settings.objectives.rpo.seconds),
      regions: RegionsStatus(primary: settings.primary.region, dr: settings.dr.region),
      debts: machine.state.debts.map { debt in
        DebtStatus(what: debt.why, since: stamp(debt.since), step: debt.step, note: machine.note(of: debt))
      },
      stuck: machine.state.phase.run?.stuck.map {
        StuckStatus(step: $0.step.name, why: $0.detail, wayOut: machine.wayOut)
      },
      diagnosis: diagnosis(situation, machine.state.phase), surplus: surplus(machine, situation),
      lease: lease(workload, situation), lost: machine.state.phase.residence.map { lost(by: $0.failover) })
  }

  private func lease(_ workload: WorkloadGuard, _ situation: Situation) -> LeaseStatus? {
    situation.lease.map { lease in
      let until = lease.held(at: situation.now)
      return LeaseStatus(
        held: until != nil, until: until.map(stamp),
        holder: until == nil ? lease.foreign?.holder : workload.settings.lease?.holder,
        number: lease.number(at: situation.now) ?? lease.foreign?.number,
        trouble: lease.silence(at: situation.now))
    }
  }

  private func lost(by run: Run) -> LostStatus {
    let loss = run.loss
    return LostStatus(
      what: run.lossSentence, seconds: loss?.window.window?.seconds,
      confidence: loss.map { ConfidenceWord($0.window.confidence) } ?? .unknown, from: loss?.proof.map(stamp),
      to: loss.map { stamp($0.end) }, reviewedBy: run.lossReview?.by,
      left: loss.map {
        DatabaseStatus($0.left, $0.leftName, keptAs: run.kind == .failback ? nil : $0.keptAs(incident: run.incident))
      },
      promoted: loss.map { DatabaseStatus($0.promoted, DatabaseName(arn: $0.arn, address: $0.address)) })
  }

  private func surplus(_ machine: Machine, _ situation: Situation) -> SurplusStatus? {
    guard case .degraded(_, let preparation?) = machine.state.phase, let surplus = preparation.surplus else {
      return nil
    }
    return SurplusStatus(
      region: surplus.region, instances: surplus.instances, since: stamp(surplus.since),
      instanceHours: surplus.hours(at: situation.now))
  }

  /// In dr-active the region that serves is the one that is assessed.
  private func assessment(_ situation: Situation, _ phase: Phase) -> AssessmentStatus {
    let seen = situation.assessment
    guard case .drActive(let residence) = phase else {
      return AssessmentStatus(verdict: VerdictWord(seen.verdict), since: stamp(seen.since), evidence: seen.evidence)
    }
    let verdict: VerdictWord = situation.drServing.map { $0 ? .up : .down } ?? .unknown
    return AssessmentStatus(
      verdict: verdict, since: stamp(residence.since),
      evidence: [
        (verdict == .down ? "users are led to the DR region, and its probe does not succeed" : "the DR region serves")
          + "; the primary is \(seen.verdict.rawValue)"
      ] + seen.evidence)
  }

  private func lag(_ situation: Situation) -> LagStatus {
    LagStatus(
      seconds: situation.lag.lag(at: situation.now)?.seconds, at: situation.lag.newest.map { stamp($0.at) },
      state: LagStateWord(rawValue: situation.lag.state(at: situation.now).rawValue))
  }

  /// Where promotion has no meaning there is nothing to lose by it.
  private func loss(_ situation: Situation, _ phase: Phase) -> LossStatus? {
    switch phase {
    case .healthy, .degraded, .failingOver:
      let loss = phase.run?.lossAtGate ?? situation.loss
      return LossStatus(seconds: loss.window?.seconds, confidence: ConfidenceWord(loss.confidence))
    case .drActive, .failingBack: return nil
    }
  }

  /// The name of what is wrong now; what degraded it, when that has no name.
  private func diagnosis(_ situation: Situation, _ phase: Phase) -> String? {
    switch phase {
    case .healthy, .failingOver: situation.diagnosis?.sentence
    case .degraded(let outage, _): situation.diagnosis?.sentence ?? outage.why
    case .drActive, .failingBack: nil
    }
  }

  /// The run in progress; in dr-active the failover that led there, in degraded what is prepared.
  private func incident(_ machine: Machine, _ situation: Situation) -> IncidentStatus? {
    switch machine.state.phase {
    case .healthy: nil
    case .degraded(_, let preparation): preparation.map { incident($0, machine, situation) }
    case .failingOver(let run), .failingBack(let run, _): incident(run, machine, situation)
    case .drActive(let residence):
      IncidentStatus(
        id: residence.failover.incident, startedAt: stamp(residence.failover.startedAt),
        kind: PlanKind(residence.failover.kind), standing: .finished,
        held: machine.whyStill(situation), steps: residence.failover.steps.map { stepStatus($0, machine.note(of: $0)) })
    }
  }

  private func standing(_ run: Run, _ machine: Machine, _ situation: Situation) -> Standing {
    if run.rollback != nil { return .rollingBack }
    if run.stuck != nil { return .stuck }
    return machine.asking(situation) == nil ? .running : .waiting
  }

  private func incident(_ run: Run, _ machine: Machine, _ situation: Situation) -> IncidentStatus {
    IncidentStatus(
      id: run.incident, startedAt: stamp(run.startedAt), kind: PlanKind(run.kind),
      standing: standing(run, machine, situation), asks: machine.asking(situation), held: machine.whyStill(situation),
      steps: run.steps.map { stepStatus($0, machine.note(of: $0)) })
  }

  private func stepStatus(_ step: StepRun, _ note: String? = nil) -> StepStatus {
    StepStatus(
      name: step.step.name, state: StepStateWord(rawValue: step.state.rawValue),
      kind: StepKindWord(step.step.work.kind), startedAt: step.startedAt.map(stamp),
      finishedAt: step.finishedAt.map(stamp), detail: note ?? (step.detail.isEmpty ? nil : step.detail))
  }

  // MARK: Past incidents

  func incidentReport(
    _ past: PastIncident, _ incident: String, _ workload: WorkloadGuard, _ timeline: [HistoryEntry]
  ) -> IncidentReport {
    let settings = workload.settings
    let run = past.run
    let (outcome, decisions) = (past.sentences[0], Array(past.sentences.dropFirst()))
    let unserved = run?.kind == .failover && !past.isOver ? run?.outageStart.map { line.now - $0 } : nil
    return IncidentReport(
      workload: settings.name, incident: incident, isPresent: workload.machine.state.phase.incident == incident,
      kind: run.map { PlanKind($0.kind) }, outcome: outcome,
      recovery: .init(
        seconds: past.recovery?.seconds, objective: settings.objectives.rto.seconds,
        soFar: past.recovery == nil ? unserved?.seconds : nil),
      loss: .init(seconds: run?.loss?.window.window?.seconds, objective: settings.objectives.rpo.seconds),
      lost: run.flatMap { $0.loss == nil ? nil : lost(by: $0) },
      milestones: past.milestones.map { .init(what: $0.what.rawValue, at: stamp($0.at)) }, decisions: decisions,
      steps: past.accounts(at: line.now).map { account in
        .init(
          step: stepStatus(account.step), does: account.step.step.work.sentence, ownSeconds: account.ours.seconds,
          cloudSeconds: account.cloud.seconds, attempts: account.step.attempts, receipt: account.step.receipt)
      }, debts: past.debts.map { DebtStatus(what: $0.why, since: stamp($0.since)) }, remains: run.flatMap(\.remains),
      timeline: timeline.suffix(ControlRequest.longestHistory), records: timeline.count)
  }

  // MARK: Plans

  /// The run in progress, where it is of this kind; else one that would begin now.
  func run(of workload: WorkloadGuard, _ kind: PlanKind) -> Run {
    let machine = workload.machine
    let kind = RunKind(kind)
    if let run = machine.state.phase.run, run.kind == kind { return run }
    let plan =
      switch kind {
      case .failover: machine.failoverPlan(at: line.now)
      case .failback: machine.failbackPlan(incident: line.now.stamp, at: line.now)
      case .switchover: machine.switchoverPlan(at: line.now)
      case .preparation: Plan.preparation(of: machine.failoverPlan(at: line.now))
      }
    return Run(
      incident: line.now.stamp, kind: kind, startedAt: line.now, outageStart: nil, orderedBy: nil, plan: plan)
  }

  /// - Parameter finds: what each step would find now; nil where that cannot be said yet.
  func planReport(
    _ workload: WorkloadSettings, _ kind: PlanKind, _ steps: [Step], _ finds: [String?]
  ) -> PlanReport {
    let without = workload.plans?[RunKind(kind)].without ?? []
    let forecast =
      kind == .failover || kind == .switchover ? Plan.forecast(steps, until: "shift-traffic") : Plan.forecast(steps)
    return PlanReport(
      workload: workload.name, kind: kind,
      steps: zip(steps, finds).map { step, finds in
        let gate = step.work == .gate ? workload.readAtGate : []
        let actions = gate + step.work.looks(StepRun(step)) + step.work.acts + step.work.looksBehind
        let calls = actions.flatMap { action in action.apiNames.map { PlannedCall(api: $0, region: action.region) } }
        return PlanStep(
          name: step.name, kind: StepKindWord(step.work.kind), needs: step.needs, does: step.work.sentence,
          calls: calls, forecastSeconds: step.forecast.seconds, finds: finds)
      }, without: without.isEmpty ? nil : without, forecastSeconds: forecast.seconds)
  }
}

extension DatabaseStatus {
  fileprivate init(_ ref: DatabaseRef, _ name: DatabaseName?, keptAs: DatabaseRef? = nil) {
    self.init(
      region: ref.region, identifier: ref.identifier, arn: name?.arn,
      address: name?.address.map { "\($0.host):\($0.port)" }, keptAs: keptAs?.identifier)
  }
}

extension LedgerFailure {
  /// One word for `status`.
  var word: String {
    switch self {
    case .cannotWrite: "unwritable"
    case .broken: "broken"
    case .damaged: "damaged"
    case .tampered: "tampered"
    case .newer: "newer"
    }
  }
}

extension PhaseWord {
  init(_ phase: PhaseName) {
    switch phase {
    case .healthy: self = .healthy
    case .degraded: self = .degraded
    case .failingOver: self = .failingOver
    case .drActive: self = .drActive
    case .failingBack: self = .failingBack
    }
  }
}

extension ModeWord {
  init(_ mode: Mode) {
    switch mode {
    case .observe: self = .observe
    case .approve: self = .approve
    case .automatic: self = .automatic
    }
  }
}

extension VerdictWord {
  init(_ verdict: Verdict) {
    switch verdict {
    case .up: self = .up
    case .down: self = .down
    case .blind: self = .blind
    case .unknown: self = .unknown
    }
  }
}

extension ConfidenceWord {
  init(_ confidence: LossWindow.Confidence) {
    switch confidence {
    case .measured: self = .measured
    case .atMost: self = .atMost
    case .unknown: self = .unknown
    }
  }
}

extension PlanKind {
  init(_ kind: RunKind) {
    switch kind {
    case .failover: self = .failover
    case .failback: self = .failback
    case .switchover: self = .switchover
    case .preparation: self = .preparation
    }
  }
}

extension RunKind {
  init(_ kind: PlanKind) {
    switch kind {
    case .failover: self = .failover
    case .failback: self = .failback
    case .switchover: self = .switchover
    case .preparation: self = .preparation
    }
  }
}

extension StepKindWord {
  init(_ kind: StepKind) {
    switch kind {
    case .readOnly: self = .readOnly
    case .reversible: self = .reversible
    case .oneWay: self = .oneWay
    }
  }
}
