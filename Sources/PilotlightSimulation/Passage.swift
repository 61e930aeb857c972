// From one place to the next, and what must hold on the way.

import PilotlightCore

struct Passage {
  var after: Place
  private(set) var violations: [Violation] = []
  private(set) var records: [Record] = []
  private let before: Place
  private var view = View.unknown

  init(_ place: Place, _ move: Move) {
    before = place
    after = place
    make(move)
  }

  private mutating func make(_ move: Move) {
    switch move {
    case .begin: break
    case .wait(let seconds, let arrives, let view):
      after.now = after.now + .seconds(seconds)
      if seconds > 30 {
        settle(arrives: arrives)
        after.cloud.showPromotions()
      }
      react(to: .assessed, view)
    case .answer(let index, let reply, let view):
      let question = after.asked.remove(at: index)
      let isAwaited = before.isAwaited(question)
      let replies = question.reply(reply, &after.cloud, at: after.now)
      let reaction = react(to: .answered(question.task, replies), view)
      if !isAwaited, !reaction.records.isEmpty { violate("late-answer-believed", "\(reaction.records)") }
    case .cloud(let index): after.cloud = after.cloud.next[index]
    case .crash(let arrives):
      if arrives { for question in after.asked where question.isAct { take(question) } }
      after.asked = []
      // What was recorded is all that is known: `react` has checked that it is the machine's state.
      after.machine = Machine(after.machine.settings, state: after.machine.state, seed: 1)
      react(to: .started, .unknown)
    case .freeze: react(to: .woke(after: .seconds(20)), .unknown)
    case .order(let kind, let view): react(to: .ordered(Order(kind, reason: "r", by: "o")), view)
    }
  }

  /// Requests that nobody waits for any more have arrived by now, or never will.
  private mutating func settle(arrives: Bool) {
    for question in after.asked where !after.isAwaited(question) {
      if arrives, question.isAct { take(question) }
    }
    // Whoever is about to be given up was answered long ago, or never will be.
    let place = after
    after.asked.removeAll { !place.isAwaited($0) || place.age(of: $0) > .seconds(90) }
  }

  private mutating func take(_ question: Place.Question) {
    for action in question.actions where action.changes { _ = after.cloud.take(action) }
  }

  @discardableResult
  private mutating func react(to event: Event, _ view: View) -> Reaction {
    let was = after.machine.state
    self.view = view
    let reaction = after.machine.react(to: event, after.situation(view))
    records += reaction.records
    judge(reaction, was)
    for effect in reaction.effects {
      switch effect {
      case .ask(let task, let actions):
        judge(task, actions, reaction)
        after.asked.append(Place.Question(task: task, actions: actions))
      case .startAfresh, .confirmAfresh, .observe, .endPrograms, .say: break
      }
    }
    forgetOldQuestions()
    return reaction
  }

  /// A look that nobody waits for is answered late at once, to nobody. An act is kept: it may still arrive. One is enough.
  private mutating func forgetOldQuestions() {
    let place = after
    let late = after.asked.filter { !place.isAwaited($0) }
    for question in late where !question.isAct {
      var machine = place.machine
      let replies = question.actions.map { place.cloud.answer($0, at: place.now) }
      let reaction = machine.react(to: .answered(question.task, replies), place.situation(view))
      if !reaction.records.isEmpty { violate("late-answer-believed", "\(reaction.records)") }
    }
    let kept = late.last(where: \.isAct)
    after.asked.removeAll { !place.isAwaited($0) && $0.task != kept?.task }
  }
}

// MARK: - What must hold

extension Passage {
  private mutating func violate(_ rule: String, _ detail: String) {
    violations.append(Violation(rule: rule, at: after.now, detail: detail))
  }

  private mutating func judge(_ reaction: Reaction, _ was: DurableState) {
    let state = after.machine.state
    // What was not recorded cannot be remembered.
    var folded = was
    for record in reaction.records {
      judge(record, folded)
      folded.apply(record)
    }
    if folded != state { violate("remembered-without-record", "\(reaction.records)") }
    // No automatic failback; no failover while somebody said no.
    if state.phase.name == .failingBack, was.phase.name == .drActive, reaction.answer == nil {
      violate("failed-back-unasked", "")
    }
    if state.phase.name == .failingBack, case .drActive(let residence) = was.phase,
      residence.failover.lossReview == nil
    {
      violate("went-home-over-lost-writes", "")
    }
    if state.phase.name == .failingOver, was.phase.name != .failingOver, reaction.answer == nil {
      if was.abortedBy != nil { violate("began-after-an-abort", "") }
      if !view.isConfirmed { violate("began-unconfirmed", "\(view)") }
    }
    if case .failingOver(let run) = was.phase, state.phase.name == .drActive,
      run.steps.allSatisfy({ $0.state != .skipped })
    {
      judgeEnd(reaction)
    }
  }

  /// There is no way back once a one-way step may have happened, and no end before every step has one.
  private mutating func judge(_ record: Record, _ state: DurableState) {
    guard let run = state.phase.run else { return }
    switch record {
    // Of a failover there is no way back; of what was left while it served, by order alone.
    case .rollbackBegun(_, let by):
      if run.isCommitted, run.kind == .failover || by == nil { violate("rolled-back-after-commitment", run.incident) }
    case .rolledBack:
      if run.isCommitted, run.kind == .failover || run.abortedBy == nil {
        violate("rolled-back-after-commitment", run.incident)
      }
    // A preparation becomes a failover, and its outage may become another one.
    case .runBegun, .degraded: if run.kind != .preparation { violate("left-a-run", "\(record.kind)") }
    case .recovered: violate("left-a-run", "\(record.kind)")
    case .stepDone(let name, _, _):
      guard let fence = run[name]?.step.work.fence else { break }
      if !after.cloud.holds(fence) { violate("fenced-in-word-only", "\(name): \(after.cloud)") }
    case .debtPaid(let debt, _):
      if !after.cloud.holds(debt.fence) { violate("paid-in-word-only", "\(debt.step): \(after.cloud)") }
    case .runFinished: if !run.isFinished { violate("finished-too-early", run.incident) }
    default: break
    }
  }

  /// A failover that nobody helped along ends with a DR region that can serve, and with a primary that is fenced or owed for.
  private mutating func judgeEnd(_ reaction: Reaction) {
    let (settings, cloud) = (after.machine.settings, after.cloud)
    if !cloud.serves(settings.dr) { violate("finished-without-serving", "\(cloud)") }
    let group = settings.primary.group
    let isFenced = cloud.groups[group.ref]?.desired == 0
    if settings.decision.fencePrimary, !isFenced, !isNoticed { violate("two-writers-unreported", "\(cloud.groups)") }
  }

  /// An old primary that serves beside the DR region is owed for, now or once it is seen.
  private var isNoticed: Bool {
    var later = after
    later.now = later.now + .minutes(3)
    _ = later.machine.react(to: .assessed, later.situation(.up))
    return !later.machine.state.debts.isEmpty
  }

  private mutating func judge(_ task: CloudTask, _ actions: [CloudAction], _ reaction: Reaction) {
    guard let action = actions.first(where: \.changes) else { return }
    let state = after.machine.state
    if state.pause != nil { violate("acted-while-paused", action.apiName) }
    if after.machine.settings.mode == .observe { violate("acted-while-observing", action.apiName) }
    switch task.purpose {
    case .look, .lookDebt, .lookFence, .lookHold: violate("looked-with-an-act", action.apiName)
    case .act(let name):
      let isRecorded = reaction.records.contains {
        if case .intent(name, action, _, _) = $0 { true } else { false }
      }
      if !isRecorded { violate("act-before-record", "\(name): \(action.apiName)") }
    case .undo(let name):
      if state.phase.run?.rollback == nil || state.phase.run?[name]?.undo != action {
        violate("undone-without-record", name)
      }
    case .payDebt:
      if !state.debts.contains(where: { $0.fence.act == action }) {
        violate("paid-without-debt", action.apiName)
      }
      if let run = state.phase.run, run.kind == .failover, !run.isCommitted { violate("paid-before-commitment", "") }
    }
    judgeWorld(action)
  }

  /// The act against what the detector says and what the cloud is.
  private mutating func judgeWorld(_ action: CloudAction) {
    guard let run = after.machine.state.phase.run else { return }
    let isDown = after.situation(view).assessment.verdict == .down
    if case .failOverCluster = action, run.kind != .failover { violate("failover-in-a-switchover", "\(run.kind)") }
    if let database = action.promoted {
      switch after.cloud.databases[database] {
      // Who skips the wait for what was left asks too early, and is refused.
      case .replica, .demoting: break
      case .standalone, .stopped, .creating, .unseen, .promoting, .leaving, nil:
        return violate("promoted-twice", "\(after.cloud.databases)")
      }
      if before.asked.contains(where: { $0.actions == [action] && before.isAwaited($0) }) {
        violate("promoted-twice", "the first request is still on its way")
      }
      guard run.kind == .failover else {
        if after.cloud.held.isEmpty, run["hold-writes"]?.state == .done { violate("promoted-while-written", "") }
        return
      }
      if !isDown { violate("promoted-without-need", "\(view)") }
      if run["gate"]?.state.isFinished != true { violate("promoted-without-gate", "") }
      if run.lossAtGate?.window == nil, run.lossAcceptedBy == nil { violate("promoted-with-unknown-loss", "") }
    }
    let group = after.machine.settings.primary.group
    if action == .resizeGroup(group.ref, group.standby), run.kind == .failover, !isDown, !run.isCommitted {
      violate("fenced-without-need", "\(view)")
    }
    if case .putObject = action, run.kind == .failover, !after.cloud.serves(after.machine.settings.dr),
      run.steps.allSatisfy({ $0.state != .skipped })
    {
      violate("shifted-to-nothing", "")
    }
  }
}
