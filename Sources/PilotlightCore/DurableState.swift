// The fold of the records.

/// Everything a workload remembers across a restart.
package struct DurableState: Equatable, Sendable {
  package private(set) var phase: Phase = .healthy
  package private(set) var pause: Pause?
  package private(set) var debts: [FenceDebt] = []
  /// Fingerprint of the configuration whose primary was seen serving.
  package private(set) var armedFor: String?
  /// The AWS account this workload was first seen in.
  package private(set) var account: String?
  /// When the newest automatic failover began; the hold-down counts from its end.
  package private(set) var lastFailover: (began: Instant, ended: Instant)?
  /// An operator ended the hold-down.
  package private(set) var isRearmed = false
  /// Who aborted the failover of the present outage: nobody starts another one by itself.
  package private(set) var abortedBy: String?
  /// What each site's group was wanted at while the site served.
  package private(set) var capacity: [Site: CapacityMemory] = [:]
  /// Days for which the primary database's backups were kept while it served; nil: never seen.
  package private(set) var backups: Int?
  /// How long steps took in the runs so far.
  package private(set) var durations = StepDurations()
  /// Steps of the present run whose duration says nothing about the next run's: a person, a pause or an error was in between.
  private var disturbed: Set<String> = []
  /// The newest finished or rolled back run.
  package var lastRun: Run? { ended?.value }
  private var ended: Shared<Run>?

  package init() {}

  package init(_ records: [Record]) {
    for record in records { apply(record) }
  }

  package static func == (a: DurableState, b: DurableState) -> Bool {
    a.phase == b.phase && a.pause == b.pause && a.debts == b.debts && a.armedFor == b.armedFor && a.account == b.account
      && a.lastFailover?.began == b.lastFailover?.began && a.lastFailover?.ended == b.lastFailover?.ended
      && a.isRearmed == b.isRearmed && a.lastRun == b.lastRun
      && a.capacity == b.capacity && a.backups == b.backups && a.abortedBy == b.abortedBy && a.durations == b.durations
      && a.disturbed == b.disturbed
  }

  /// What somebody still has to see to; nil where the workload may be forgotten.
  package var unfinished: String? {
    if let run = phase.run { return "\(run.kind.rawValue) \(run.incident) is under way" }
    return debts.first.map { "fence debt: \($0.why)" }
  }

  /// Takes one record in. Every record is answered; those that only tell the story change nothing.
  package mutating func apply(_ record: Record) {
    switch record {
    case .armed(let fingerprint): armedFor = fingerprint
    case .account(let id): account = id
    case .degraded(let outage): phase = .degraded(outage, preparation: phase.run)
    case .recovered:
      phase = .healthy
      abortedBy = nil
    case .heldBack(let hold, _, _):
      if case .degraded(var outage, let preparation) = phase {
        outage.held = (outage.held ?? []) + [hold]
        phase = .degraded(outage, preparation: preparation)
      }
    case .wouldFailOver(_, let at):
      if case .degraded(var outage, let preparation) = phase {
        outage.wouldFailOverAt = at
        phase = .degraded(outage, preparation: preparation)
      }
    case .runBegun(let run, _): begin(run)
    case .stepStarted(let name, let at):
      step(name) {
        $0.state = .running
        $0.startedAt = $0.startedAt ?? at
      }
    case .intent(let name, _, let undo, let at):
      step(name) {
        // Only the first act knows the world as it was before.
        if $0.intentAt == nil { $0.undo = undo }
        $0.intentAt = at
        $0.attempts += 1
        $0.didNotHappen = false
        $0.wasTaken = false
        $0.receipt = nil
        $0.detail = ""
      }
    case .accepted(let name, let receipt):
      step(name) {
        $0.receipt = receipt
        $0.wasTaken = true
        // A repetition that was refused because the first request arrived after all: it did happen.
        $0.didNotHappen = false
      }
    case .didNotHappen(let name, _):
      step(name) {
        $0.didNotHappen = true
        $0.wasTaken = false
      }
      // Nothing was left behind a promotion that there was not.
      withRun { if $0[name]?.step.work.kind == .oneWay, $0.loss?.isLetThrough == true { $0.loss = nil } }
    case .gatePassed(let name, let loss, let sentence, let at):
      finish(name, .done, sentence, at)
      withRun { $0.lossAtGate = loss }
    case .vetoed(let name, let why): step(name) { $0.detail = why }
    case .stepDone(let name, let sentence, let at):
      learn(name, at)
      step(name) { $0.adoptHold(at: at) }
      finish(name, .done, sentence, at)
    case .stepOwed(let name, let debt, let at):
      finish(name, .owed, debt.why, at)
      debts.append(debt)
    case .stepStuck(let name, let why):
      disturbed.insert(name)
      step(name) {
        $0.state = .stuck
        $0.detail = why
      }
    case .stepReopened(let name, _):
      disturbed.insert(name)
      step(name) {
        $0.state = .running
        $0.finishedAt = nil
        // An operator who says "again" has looked: from here on only the world counts.
        $0.wasTaken = false
        $0.detail = ""
      }
    case .stepSkipped(let name, let by, let reason, let at): finish(name, .skipped, "skipped by \(by): \(reason)", at)
    case .approved(let name, let by, _): withRun { $0.approvals[name] = by }
    case .lossAccepted(_, let by, _): withRun { $0.lossAcceptedBy = by }
    case .lossNoted(let loss):
      withRun {
        $0.loss = loss
        if loss.isLetThrough == true { $0.lossReview = nil }
      }
    case .lossReviewed(let review):
      if case .drActive(var residence) = phase {
        residence.failover.lossReview = review
        phase = .drActive(residence)
      } else {
        withRun { $0.lossReview = review }
      }
    case .rollbackBegun(let why, let by):
      withRun {
        $0.rollback = why
        $0.abortedBy = by
      }
    case .stepUndone(let name): step(name) { $0.state = .undone }
    case .rolledBack: rollBack()
    case .runFinished(let at): finishRun(at)
    case .debtIncurred(let debt):
      debts.append(debt)
      // Its instances may have served again, and taken writes: what was looked for before is not all.
      if case .drActive(var residence) = phase, case .group = debt.fence {
        residence.failover.lossReview = nil
        phase = .drActive(residence)
      }
    case .debtPaid(let debt, _): debts.removeAll { $0 == debt }
    case .debtWaived(let debt, let by, let reason): waive(debt, "left as it is by \(by): \(reason)")
    case .acknowledged(let by, _): acknowledge(by)
    case .paused(let pause):
      self.pause = pause
      disturbed.formUnion(phase.run?.steps.filter { $0.state == .running }.map(\.step.name) ?? [])
    case .unpaused: pause = nil
    case .backupsSeen(let days, _): backups = days
    case .capacitySeen(let site, let desired, let at): capacity[site, default: CapacityMemory()].see(desired, at: at)
    case .ordered: break
    }
  }

  /// The step counts as skipped from then on: what it fenced is not looked after.
  private mutating func waive(_ debt: FenceDebt, _ why: String) {
    debts.removeAll { $0 == debt }
    func skip(_ step: inout StepRun) {
      step.state = .skipped
      step.detail = why
    }
    if case .drActive(var residence) = phase {
      residence.failover.update(debt.step, skip)
      // After a switchover there is no such step.
      residence.waived = (residence.waived ?? []) + [debt.step]
      phase = .drActive(residence)
    } else {
      step(debt.step, skip)
    }
  }

  private mutating func learn(_ name: String, _ at: Instant) {
    guard let step = phase.run?[name], let start = step.startedAt, !disturbed.contains(name) else { return }
    switch step.step.work {
    // These wait for evidence or for a person.
    case .gate, .confirmByHand: return
    // Before it asked, it waited for a primary that serves.
    case .holdWrites:
      if let asked = step.intentAt { durations.learn(step.step, at - asked) }
    // Given up at its bound.
    case _ where step.step.bound.map { at - start >= $0 } ?? false: return
    default: durations.learn(step.step, at - start)
    }
  }

  private mutating func begin(_ run: Run) {
    disturbed = []
    switch (run.kind, phase) {
    case (.failback, .drActive(let residence)): phase = .failingBack(run, residence)
    case (.preparation, .degraded(let outage, _)): phase = .degraded(outage, preparation: run)
    default: phase = .failingOver(run)
    }
    if run.kind == .failover { isRearmed = false }
  }

  private mutating func rollBack() {
    switch phase {
    case .failingOver(let run):
      ended = Shared(run)
      if run.kind == .failover { abortedBy = run.abortedBy }
      // What the step owed is owed no more: the primary may serve.
      debts.removeAll { $0.incident == run.incident }
      phase = .degraded(
        Outage(start: run.outageStart, noticedAt: run.startedAt, why: run.rollback ?? "a failover was taken back"),
        preparation: nil)
    case .degraded(var outage, let preparation):
      abortedBy = preparation?.abortedBy ?? abortedBy
      // A run of its own has a name of its own: requests are told apart by it.
      outage.incident = nil
      phase = .degraded(outage, preparation: nil)
    case .failingBack(let run, let residence):
      ended = Shared(run)
      phase = .drActive(residence)
    case .healthy, .drActive: break
    }
  }

  private mutating func finishRun(_ at: Instant) {
    switch phase {
    case .failingOver(let run):
      ended = Shared(run)
      if run.kind == .failover { lastFailover = (run.startedAt, at) }
      capacity[.dr] = nil
      phase = .drActive(Residence(failover: run, since: at))
    case .failingBack(let run, _):
      ended = Shared(run)
      capacity[.primary] = nil
      phase = .healthy
    case .healthy, .degraded, .drActive: break
    }
  }

  private mutating func acknowledge(_ by: String) {
    isRearmed = true
    abortedBy = nil
    if case .drActive(var residence) = phase {
      residence.acknowledgedBy = by
      phase = .drActive(residence)
    }
  }

  private mutating func finish(_ name: String, _ state: StepState, _ sentence: String, _ at: Instant) {
    step(name) {
      $0.state = state
      $0.finishedAt = at
      $0.detail = sentence
    }
  }

  private mutating func step(_ name: String, _ change: (inout StepRun) -> Void) {
    withRun { $0.update(name, change) }
  }

  private mutating func withRun(_ change: (inout Run) -> Void) {
    switch phase {
    case .failingOver(var run):
      change(&run)
      phase = .failingOver(run)
    case .failingBack(var run, let residence):
      change(&run)
      phase = .failingBack(run, residence)
    case .degraded(let outage, var preparation?):
      change(&preparation)
      phase = .degraded(outage, preparation: preparation)
    case .healthy, .degraded, .drActive: break
    }
  }
}
