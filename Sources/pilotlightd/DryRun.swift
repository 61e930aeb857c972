// What each step of a plan would find at this moment: the looks of the real steps, read by the real steps, and no act.

import PilotlightCore
import PilotlightEngine

struct DryRun {
  /// The one in progress, or one that would begin now.
  let run: Run
  private let phase: PhaseName
  private let situation: Situation
  private let rpo: Duration
  private let cloud: any Cloud

  /// Nobody waits longer for an answer while he reads a plan.
  private static let patience: Duration = .seconds(5)

  init(_ run: Run, _ workload: WorkloadGuard, _ situation: Situation, _ cloud: any Cloud) {
    self.run = run
    phase = workload.machine.state.phase.name
    self.situation = situation
    rpo = workload.settings.objectives.rpo
    self.cloud = cloud
  }

  /// - Returns: a sentence for each step that can be judged now; nil for one that stands on what others are to bring about, and for all
  ///   in a phase in which such a run cannot be.
  func sentences() async -> [String?] {
    await withTaskGroup(of: (Int, String?).self) { group in
      for index in run.steps.indices where isTelling(run.steps[index]) {
        group.addTask { (index, await sentence(run.steps[index])) }
      }
      return await group.reduce(into: Array(repeating: nil, count: run.steps.count)) { $0[$1.0] = $1.1 }
    }
  }

  private func isTelling(_ step: StepRun) -> Bool {
    switch (run.kind, phase) {
    case (.failover, .healthy), (.failover, .degraded), (.preparation, .healthy), (.preparation, .degraded): true
    // What is yet to come of a failback is nothing like what is there now.
    case (.failback, .drActive): step.step.needs.isEmpty
    case (.switchover, .healthy), (.switchover, .degraded): true
    case (.switchover, .failingOver): step.state != .waiting
    case (.failover, .failingOver): true
    case (.failback, .failingBack): step.state != .waiting
    case (.failover, .drActive), (.failover, .failingBack), (.preparation, .failingOver), (.preparation, .drActive),
      (.preparation, .failingBack), (.failback, .healthy), (.failback, .degraded), (.failback, .failingOver):
      false
    case (.switchover, .drActive), (.switchover, .failingBack): false
    }
  }

  private func sentence(_ step: StepRun) async -> String {
    if step.state.isFinished { return "\(step.state.rawValue): \(step.detail)" }
    let work = step.step.work
    if work == .gate {
      let loss = "promoting now would lose \(situation.loss.text), the RPO is \(rpo.text)"
      return "the primary is \(situation.assessment.verdict.rawValue); \(loss)"
    }
    var replies: [CloudReply] = []
    for action in work.looks(step) {
      replies.append(await cloud.perform(action, timeout: min(action.timeout, DryRun.patience)))
    }
    let context = StepContext(
      now: situation.now, run: run, step: step, primaryServing: situation.primaryServing,
      drServing: situation.drServing)
    let goesOn =
      step.step.bound == nil
      ? "" : "; the run would go on without it\(step.step.work.fence == nil ? "" : ", and owe it")"
    return switch work.read(replies, context) {
    case .done(let what): "so already: \(what)"
    case .underway(let what), .held(let what), .overtaken(let what): "would wait: \(what)"
    case .needed(let action, _, let what): "would ask \(action.apiName): \(what)"
    case .repeated(let action, let what): "would ask \(action.apiName) again: \(what)"
    case .asks(let what): "would ask a person: \(what)"
    case .impossible(let why): goesOn.isEmpty ? "would be stuck: \(why)" : why + goesOn
    case .unclear(let failure): "cannot be told: \(failure.text)\(goesOn)"
    }
  }
}
