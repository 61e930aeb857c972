// What each step of a plan would find at this moment: the looks of the real steps, read by the real steps, and no act.

import PilotlightCore
import PilotlightEngine

struct DryRun {
  let cloud: any Cloud
  let now: Instant
  /// Whether our own probes find the two sites serving.
  let primaryServing: Bool?
  let drServing: Bool?

  /// Nobody waits longer for an answer while he reads a plan.
  private static let patience: Duration = .seconds(5)

  /// - Returns: a sentence for each step that can be judged before those above it are done; nil for the others.
  func sentences(_ plan: [Step], _ kind: RunKind) async -> [String?] {
    let run = Run(
      incident: "dry-run", kind: kind, startedAt: now, outageStart: nil, orderedBy: nil, plan: plan)
    let judged = kind == .failback ? plan.prefix(while: { !$0.work.standsOnOthers }).count : plan.count
    return await withTaskGroup(of: (Int, String?).self) { group in
      for index in plan.indices.prefix(judged) where plan[index].work != .gate {
        group.addTask { (index, await sentence(plan[index], run)) }
      }
      return await group.reduce(into: Array(repeating: nil, count: plan.count)) { $0[$1.0] = $1.1 }
    }
  }

  private func sentence(_ step: Step, _ run: Run) async -> String? {
    let blank = StepRun(step)
    var replies: [CloudReply] = []
    for action in step.work.looks(blank) {
      replies.append(await cloud.perform(action, timeout: min(action.timeout, DryRun.patience)))
    }
    let context = StepContext(
      now: now, run: run, step: blank, primaryServing: primaryServing, drServing: drServing)
    return switch step.work.read(replies, context) {
    case .done(let what): "so already: \(what)"
    case .underway(let what): "would wait: \(what)"
    case .needed(let action, _, let what): "would ask \(action.apiName): \(what)"
    case .asks(let what): "would ask a person: \(what)"
    case .impossible(let why): "would be stuck: \(why)"
    case .unclear(let failure): "cannot be told: \(failure.text)"
    }
  }
}

extension Work {
  /// In a failback, what the steps above are to bring about first.
  fileprivate var standsOnOthers: Bool {
    if case .awaitReplication = self { true } else { false }
  }
}
