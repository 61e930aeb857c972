// The gate of a run, and what the steps behind it need of its word.

/// Whether a one-way step may begin now.
enum Clearance {
  case go
  case wait
  /// The gate's word is too old, or was never given.
  case askAgain
}

/// How far the asking of a gate has got.
package struct GateProgress: Sendable {
  /// When it last began to gather evidence.
  package var askedAt: Instant?
  /// When the veto command was last asked.
  package var vetoAskedAt: Instant?
  /// When it last let pass.
  package var passedAt: Instant?
}

/// The gate's word is good for this long before a fence, which can be taken back, and its retries must fit in.
private let gateWordForFence: Duration = .seconds(120)
/// And for this long before the one-way step: a fence that could not be reached in its bound has the evidence read once more.
private let gateWordForOneWay: Duration = .seconds(20)

extension Machine {
  /// A failover's fence and its one-way step need the gate's fresh word and a primary that is down at this very moment. Once a fence may have
  /// taken hold the gate is not asked again, it would only see our own hand: then a primary that our probes have found down for a
  /// whole confirmation is enough. A failback's one-way step was looked after by its own plan: writes are held and drained.
  func isClear(_ work: Work, _ situation: Situation) -> Clearance {
    guard let run = state.phase.run, run.kind == .failover else { return .go }
    let assessment = situation.assessment
    let isOrdered = run.orderedBy != nil && !assessment.answersAgain
    let isDown = assessment.verdict == .down && (assessment.witnessed || isOrdered)
    let word = work.kind == .oneWay ? gateWordForOneWay : gateWordForFence
    if let passed = gate.passedAt, situation.now - passed <= word, isDown { return .go }
    guard run.mayBeFenced else { return .askAgain }
    return isDown && (assessment.lasted || run.orderedBy != nil) ? .go : .wait
  }

  mutating func reopenGate(_ name: String, _ situation: Situation, _ reaction: inout Reaction) {
    rest(name, .milliseconds(500), failures: 0, situation)
    guard let gateStep = state.phase.run?.steps.first(where: { $0.step.work == .gate }), gateStep.state.isFinished
    else { return }
    gate = GateProgress()
    record(.stepReopened(gateStep.step.name, "its word is not fresh any more"), &reaction)
  }

  mutating func judgeGate(_ name: String, _ situation: Situation, _ reaction: inout Reaction) {
    guard let run = state.phase.run else { return }
    if run.steps.contains(where: { $0.step.work.kind == .oneWay && $0.state.isFinished }) {
      // While the evidence was read once more somebody has promoted, or a person took it as done.
      return record(.stepDone(name, "the promotion is done: nothing is left to let pass", at: situation.now), &reaction)
    }
    if gate.askedAt == nil {
      gate = GateProgress(askedAt: situation.now)
      reaction.effects.append(.observe(evidence))
    }
    switch judge(run, situation) {
    case .pass(let sentence):
      gate.passedAt = situation.now
      record(.gatePassed(step: name, situation.loss, sentence, at: situation.now), &reaction)
    case .wait(let why):
      if let asked = gate.askedAt, situation.now - asked > .seconds(30) {
        sayOnce("gate-\(why)", .heldBack, "the gate waits: \(why)", &reaction, step: name)
      }
    case .ask(.veto, let question):
      if run[name]?.detail != question { record(.vetoed(step: name, question), &reaction) }
    case .ask(_, let question):
      sayOnce("ask-\(question)", .waiting, "the gate waits: \(question)", &reaction, step: name)
    case .askVeto:
      gate.vetoAskedAt = situation.now
      reaction.effects.append(.observe(evidence + [.veto]))
    case .rollBack(let why):
      // Once committed there is no way back: the look at the one-way step decides, not the gate.
      if !run.isCommitted { record(.rollbackBegun(why, by: nil), &reaction) }
    }
  }

  /// What the gate says now, for `explain` and `status`; nil when no gate is waiting.
  package func gateVerdict(_ situation: Situation) -> GateVerdict? {
    guard let run = state.phase.run, run.rollback == nil,
      run.ready.contains(where: { $0.step.work == .gate })
    else { return nil }
    return judge(run, situation)
  }

  private func judge(_ run: Run, _ situation: Situation) -> GateVerdict {
    Gate.judge(
      run, settings, situation, askedAt: gate.askedAt ?? situation.now, vetoAskedAt: gate.vetoAskedAt,
      isPaused: state.pause != nil, deadline: commitDeadline(situation.assessment))
  }

  /// What is read again when the gate is asked.
  private var evidence: [Watch] {
    [.primaryProbe, .replicaLag, .drAPI, .drDatabase, .primaryAPI, .primaryTargets, .healthCheck]
  }
}
