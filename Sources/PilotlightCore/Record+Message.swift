// Every record tells its own story: one sentence for the ledger's history, and the same sentence for the journal.

extension Record {
  /// The incident a record belongs to is the one after it, or before it when it ended one.
  package func incident(before: DurableState, after: DurableState) -> String? {
    switch self {
    // A failback that is taken back leads into the incident before it.
    case .rolledBack, .runFinished: before.phase.incident ?? after.phase.incident
    // It happens anyway.
    case .capacitySeen, .backupsSeen: nil
    default: after.phase.incident ?? before.phase.incident
    }
  }

  func message(_ workload: String, before: DurableState, after: DurableState) -> Message {
    Message(
      kind, sentence(before: before, after: after), workload: workload, phase: after.phase.name,
      incident: incident(before: before, after: after), step: step)
  }

  /// The kind of message a record is said as; its raw value is the stable name in the ledger's `kind` column.
  package var kind: MessageKind {
    switch self {
    case .armed: .armed
    case .account: .accountKnown
    case .degraded: .degraded
    case .recovered: .recovered
    case .heldBack: .heldBack
    case .wouldFailOver: .wouldFailOver
    case .runBegun(let run, _): run.kind == .preparation ? .preparing : .runBegun
    case .stepStarted: .stepStarted
    case .intent: .acting
    case .accepted: .accepted
    case .didNotHappen: .didNotHappen
    case .gatePassed: .gatePassed
    case .vetoed: .vetoed
    case .stepDone: .stepDone
    case .stepOwed(_, let debt, _): debt.isGoing == true ? .fenceUnderway : .stepOwed
    case .stepStuck: .stepStuck
    case .stepReopened: .stepReopened
    case .stepSkipped: .stepSkipped
    case .approved: .approved
    case .lossAccepted: .lossAccepted
    case .lossNoted: .lossNoted
    case .lossReviewed: .lossReviewed
    case .rollbackBegun: .rollbackBegun
    case .stepUndone: .stepUndone
    case .rolledBack: .rolledBack
    case .runFinished: .runFinished
    case .debtIncurred: .debtIncurred
    case .debtPaid: .debtPaid
    case .debtWaived: .debtWaived
    case .acknowledged: .acknowledged
    case .paused: .paused
    case .unpaused: .unpaused
    case .capacitySeen: .capacitySeen
    case .backupsSeen: .backupsSeen
    case .ordered: .ordered
    }
  }

  /// The step a record is about.
  package var step: String? {
    switch self {
    case .vetoed(let name, _), .stepStarted(let name, _), .intent(let name, _, _, _), .accepted(let name, _),
      .didNotHappen(let name, _),
      .gatePassed(let name, _, _, _), .stepDone(let name, _, _), .stepOwed(let name, _, _), .stepStuck(let name, _),
      .stepReopened(let name, _), .stepSkipped(let name, _, _, _), .approved(let name, _, _), .stepUndone(let name):
      name
    case .debtIncurred(let debt), .debtPaid(let debt, _), .debtWaived(let debt, _, _): debt.step
    case .armed, .account, .degraded, .recovered, .heldBack, .wouldFailOver, .runBegun, .lossAccepted, .lossNoted,
      .lossReviewed,
      .rollbackBegun, .rolledBack,
      .runFinished, .acknowledged, .paused, .unpaused, .capacitySeen, .backupsSeen, .ordered:
      nil
    }
  }

  /// One sentence for people.
  package func sentence(before: DurableState, after: DurableState) -> String {
    let edge = Edge.sentence(from: before.phase.name, to: after.phase.name).map { "\($0): " } ?? ""
    switch self {
    case .armed(let fingerprint): return "the primary was seen serving; armed for \(fingerprint)"
    case .account(let id): return "the credentials belong to account \(id); no other is acted in"
    case .degraded(let outage): return edge + outage.why + (outage.start.map { "; first failure \($0.text)" } ?? "")
    case .recovered(let why): return why
    case .heldBack(_, let sentence, _), .wouldFailOver(let sentence, _): return sentence
    case .runBegun(let run, let why):
      return begun(run, why)
    case .stepStarted(let name, _): return "\(name): started"
    case .intent(let name, .runCommand(let call), _, _):
      return "\(name): running \(call.command.joined(separator: " "))"
    case .intent(let name, let action, _, _): return "\(name): asking \(action.apiName) in \(action.region)"
    case .accepted(let name, let receipt): return "\(name): accepted\(receipt.map { " as \($0)" } ?? "")"
    case .didNotHappen(let name, let why): return "\(name): did not happen: \(why)"
    case .gatePassed(let name, _, let why, _): return "\(name): passed: \(why)"
    case .vetoed(let name, let why): return "\(name) waits: \(why)"
    case .stepDone(let name, let why, _): return "\(name): done: \(why)"
    case .stepOwed(_, let debt, _): return "fence debt: \(debt.why)"
    case .stepStuck(let name, let why): return "\(name): stuck: \(why)"
    case .stepReopened(let name, let why): return "\(name): looked at anew: \(why)"
    case .stepSkipped(let name, let by, let reason, _): return "\(name): skipped by \(by): \(reason)"
    case .approved(let name, let by, let reason): return "\(name): approved by \(by): \(reason)"
    case .lossAccepted(let loss, let by, let reason): return "loss of \(loss.text) accepted by \(by): \(reason)"
    case .lossNoted(let loss): return loss.sentence
    case .lossReviewed(let review): return "the loss was reviewed by \(review.by): \(review.reason)"
    case .rollbackBegun(let why, _): return "taking the run back: \(why)"
    case .stepUndone(let name): return "\(name): taken back"
    case .rolledBack(let why): return edge + "the run is taken back: \(why)"
    case .runFinished(let at): return edge + finished(before, at: at)
    case .debtIncurred(let debt): return "fence debt: \(debt.why)"
    case .debtPaid(_, let why): return "fence debt paid: \(why)"
    case .debtWaived(let debt, let by, let reason):
      return "\(debt.fence.subject) is left unfenced by \(by): \(reason)"
    case .acknowledged(let by, let reason): return "acknowledged by \(by): \(reason)"
    case .paused(let pause):
      return "paused by \(pause.by)\(pause.expires.map { " until \($0.text)" } ?? ""): \(pause.reason)"
    case .unpaused(let by, let reason): return "pause ended by \(by): \(reason)"
    case .capacitySeen(let site, let desired, _):
      return "the \(site.rawValue) region's group is wanted at \(desired) instance(s)"
    case .backupsSeen(let days, _): return "the primary database's backups are kept for \(days) day(s)"
    case .ordered(let order, let outcome): return order.sentence(outcome)
    }
  }

  private func begun(_ run: Run, _ why: String) -> String {
    switch run.kind {
    case .preparation: "preparing for a failover, which is not certain yet: \(why)"
    case .failover where run.orderedBy == nil: "failover begun: the outage is confirmed and corroborated: \(why)"
    case .failover, .failback, .switchover: "\(run.kind.rawValue) begun: \(why)"
    }
  }

  private func finished(_ before: DurableState, at: Instant) -> String {
    guard let run = before.phase.run else { return "the run is finished" }
    let skipped = run.steps.filter { $0.state == .skipped }.map(\.step.name)
    let took =
      "\(run.kind.rawValue) \(run.incident) took \((at - run.startedAt).text)"
      + (skipped.isEmpty ? "" : "; skipped, by a person's word alone: \(skipped.joined(separator: ", "))")
    guard let start = run.outageStart else { return took }
    let out =
      run.servedAt.map { "service was out for \(($0 - start).text)" }
      ?? "for how long service was out is not known, users were led over by hand"
    return "\(took); \(out); loss \(run.lossAtGate?.text ?? "unknown")"
  }
}

extension Order {
  func sentence(_ outcome: OrderOutcome) -> String {
    switch outcome {
    case .accepted(let text): "\(by) ordered \(kind.name) (\(reason)): \(text)"
    case .refused(let text): "\(by) ordered \(kind.name) (\(reason)), refused: \(text)"
    case .failed(let text): "\(by) ordered \(kind.name) (\(reason)), failed: \(text)"
    }
  }
}

extension OrderKind {
  /// The word on the command line.
  package var name: String {
    switch self {
    case .pause: "pause"
    case .resume: "resume"
    case .failover: "failover"
    case .failback: "failback"
    case .switchover: "switchover"
    case .approve: "approve"
    case .retry: "retry"
    case .skip: "skip"
    case .abort: "abort"
    case .ack: "ack"
    case .reviewLoss: "ack --loss-reviewed"
    }
  }
}
