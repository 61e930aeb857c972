// "Why did you?" and "why did you not?", asked days later. Built from the records of the incident and nothing else: what was not recorded
// then is not known now.

/// The story of one incident, from its records.
package struct PastIncident: Sendable {
  /// The records that carry its id, oldest first.
  package let story: [(at: Instant, record: Record)]
  /// The run as far as it got, or was taken back; nil when none began.
  package let run: Run?
  /// What is owed in the end.
  package let debts: [FenceDebt]

  package init(_ story: [(at: Instant, record: Record)]) {
    self.story = story
    var state = DurableState()
    var newest: Run?
    for (_, record) in story {
      state.apply(record)
      newest = state.phase.residence?.failover ?? state.phase.run ?? newest
    }
    run = newest
    debts = state.debts
  }

  /// What it came to, then what was decided and why, each with its moment.
  package var sentences: [String] {
    [outcome] + story.compactMap { at, record in told(record).map { "\(at.text) \($0)" } } + durations
  }

  var end: (at: Instant, record: Record)? {
    story.last {
      switch $0.record {
      case .recovered, .rolledBack, .runFinished: true
      default: false
      }
    }
  }

  private var outcome: String {
    guard let run, run.kind != .preparation else { return nearMiss }
    let by = run.orderedBy.map { "ordered by \($0)" } ?? "decided by the daemon"
    let whyEnded = story.lazy.compactMap { if case .rolledBack(let why) = $0.record { why } else { nil } }.last
    let finish = story.last { if case .runFinished = $0.record { true } else { false } }?.at
    switch (run.kind, finish) {
    case (.failover, let finish?):
      let out = run.servedAt.flatMap { served in
        run.outageStart.map { "service was out for \((served - $0).text); " }
      }
      return "a failover, \(by): \(out ?? "")it took \((finish - run.startedAt).text)"
    case (.failback, let finish?), (.switchover, let finish?):
      return "a \(run.kind.rawValue), \(by): it took \((finish - run.startedAt).text)"
    case (_, nil):
      let end = whyEnded.map { "ended before anything one-way was done: \($0)" } ?? "not finished yet"
      return "a \(run.kind.rawValue), \(by), \(end)"
    case (.preparation, _): return nearMiss
    }
  }

  /// No failover began.
  private var nearMiss: String {
    var start: Instant?
    var (held, would) = (false, false)
    for (_, record) in story {
      switch record {
      case .degraded(let outage): start = outage.start ?? start
      case .heldBack: held = true
      case .wouldFailOver: would = true
      default: break
      }
    }
    guard let start else { return "trouble, but no outage: the primary served throughout" }
    guard let at = end?.at else { return "an outage that goes on; no failover has begun" }
    let lasted = "an outage of \((at - start).text) without a failover"
    if would { return "\(lasted): mode was observe, it only said when it would have begun" }
    return lasted + (held ? ": it was held back" : ": it was over before it was confirmed")
  }

  /// What was decided, by whom, and what stood in the way; nil for what only carries it out.
  private func told(_ record: Record) -> String? {
    switch record {
    case .degraded(let outage):
      return "trouble: \(outage.why)\(outage.start.map { "; first failure \($0.text)" } ?? "")"
    case .heldBack(_, let why, _), .wouldFailOver(let why, _): return why
    case .runBegun(let run, let why):
      switch run.kind {
      case .preparation: return "prepared for a failover: \(why)"
      case .failover where run.orderedBy == nil:
        return "failed over because the outage was confirmed and corroborated: \(why)"
      case .failover, .failback, .switchover: return "\(run.kind.rawValue) begun: \(why)"
      }
    case .gatePassed(_, _, let why, _): return "the gate let it pass: \(why)"
    case .vetoed(_, let why): return "the gate waited: \(why)"
    case .approved(let name, let by, let reason): return "\(name) approved by \(by): \(reason)"
    case .lossAccepted(let loss, let by, let reason): return "a loss of \(loss.text) accepted by \(by): \(reason)"
    case .lossNoted(let loss): return loss.sentence
    case .lossReviewed(let review): return "the loss was reviewed by \(review.by): \(review.reason)"
    case .stepOwed(_, let debt, _), .debtIncurred(let debt): return "fence debt: \(debt.why)"
    case .debtPaid(_, let why): return "fence debt paid: \(why)"
    case .debtWaived(let debt, let by, let reason):
      return "\(debt.fence.subject) left unfenced by \(by): \(reason)"
    case .stepStuck(let name, let why): return "\(name) was stuck: \(why)"
    case .stepSkipped(let name, let by, let reason, _): return "\(name) skipped by \(by): \(reason)"
    case .rollbackBegun(let why, _): return "taken back: \(why)"
    case .ordered(let order, .refused(let why)): return "\(order.kind.name) of \(order.by) was refused: \(why)"
    case .paused(let pause): return "paused by \(pause.by): \(pause.reason)"
    case .unpaused(let by, let reason): return "the pause ended by \(by): \(reason)"
    case .recovered(let why): return why
    case .runFinished: return "finished"
    case .armed, .account, .stepStarted, .intent, .accepted, .didNotHappen, .stepDone, .stepReopened, .stepUndone,
      .rolledBack, .acknowledged, .capacitySeen, .backupsSeen, .ordered:
      return nil
    }
  }

  /// How long each step of the run took, the longest first.
  private var durations: [String] {
    var started: [String: Instant] = [:]
    var took: [(name: String, time: Duration)] = []
    for (at, record) in story {
      switch record {
      case .stepStarted(let name, _): started[name] = started[name] ?? at
      case .stepDone(let name, _, _), .gatePassed(let name, _, _, _), .stepOwed(let name, _, _):
        if let start = started[name] { took.append((name, at - start)) }
      default: break
      }
    }
    guard !took.isEmpty else { return [] }
    let longest = took.sorted { $0.time > $1.time }.map { "\($0.name) \($0.time.text)" }
    return ["steps, the longest first: \(longest.joined(separator: ", "))"]
  }
}
