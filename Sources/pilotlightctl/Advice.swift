// What to do next, as commands that can be pasted. At most a handful: the one that matters stands first.

import PilotlightControlAPI

/// The step of a failover that asks whether a loss is accepted.
private let gate = "gate"

/// Sentences and commands; empty when there is nothing to do.
func advice(_ workload: WorkloadStatus, isHalted: Bool) -> [String] {
  if isHalted { return ["see 'journalctl -xeu pilotlightd', mend the cause, restart the daemon"] }
  let name = shown(workload.name)
  func order(_ command: String, _ flags: String = "") -> String {
    "pilotlightctl \(command) \(name)\(flags) --reason '...'"
  }
  if let stuck = workload.stuck { return stuck.wayOut.map(shown) }
  if workload.paused { return [order("resume") + "   (when the work is done)"] }
  if let held = workload.incident?.held {
    let wayOut = workload.mode == .observe ? ["set `mode: approve` and reload"] : []
    return ["nothing is changed: \(shown(held))"] + wayOut
  }
  switch (workload.phase, workload.incident?.standing) {
  case (_, .waiting):
    let flags = workload.incident?.asks == gate && lossIsBeyondRpo(workload) ? " --accept-data-loss" : ""
    let approval = order("approve", flags)
    return ["it waits for you: \(approval)"] + (mayAbort(workload) ? ["or roll back: \(order("abort"))"] : [])
  case (_, .rollingBack):
    return [watch(workload), "what cannot be taken back: \(order("skip", " --step STEP")) leaves it as it is"]
  case (.failingOver, _), (.failingBack, _):
    let isByOrder = workload.incident?.kind == .failback || workload.incident?.kind == .switchover
    return [watch(workload)] + (isByOrder && mayAbort(workload) ? ["or take it back: \(order("abort"))"] : [])
  case (.drActive, _):
    if let debt = workload.debts.first {
      // Its review is refused until then.
      let skip = order("skip", " --step \(shown(debt.step ?? "STEP"))")
      return ["the fence is retried until it holds; seen to by hand: \(skip)"]
    }
    if let lost = workload.lost, lost.reviewedBy == nil {
      return ["look for what was lost, then: \(order("ack", " --loss-reviewed"))"]
    }
    return [
      "look: pilotlightctl plan failback \(name)",
      "then home: \(order("failback")) --confirm \(name)",
    ]
  case (.degraded, _):
    return ["why not yet: pilotlightctl explain \(name)"] + byHand(workload)
  case (.healthy, _):
    if let holder = otherHolder(workload) { return ["it stands by for \(holder)"] }
    let isWanted = workload.holdDownUntil != nil
    let isUnwell = workload.armed.reasons.count > (isWanted ? 1 : 0)
    return (isWanted ? [order("ack") + "   (lets it fail over by itself again at once)"] : [])
      + (isUnwell ? ["mend the reasons above: a failover now would not succeed"] : [])
  }
}

private func watch(_ workload: WorkloadStatus) -> String {
  "watch: pilotlightctl history \(shown(workload.name))"
    + (workload.incident.map { " --incident \(shown($0.id))" } ?? "")
}

/// Nothing that cannot be taken back has begun.
private func mayAbort(_ workload: WorkloadStatus) -> Bool {
  workload.incident?.steps.allSatisfy { $0.kind != .oneWay || $0.state == .waiting } == true
}

/// What a person who knows better can do about a primary that is down.
private func byHand(_ workload: WorkloadStatus) -> [String] {
  let order = failoverByHand(shown(workload.name))
  if let holder = otherHolder(workload) { return ["orders are taken where the lease is held, by \(holder)"] }
  if workload.mode == .observe { return ["it only observes; set `mode: approve`, reload, then: \(order)"] }
  guard workload.assessment.verdict == .down else { return [] }
  if !workload.armed.obstacles.isEmpty {
    return [
      "mend first, a failover by order is refused for it, too: \(shown(workload.armed.obstacles.joined(separator: "; ")))"
    ]
  }
  return ["if you know that it is lost: \(order)"]
}

private func otherHolder(_ workload: WorkloadStatus) -> String? {
  workload.lease.flatMap { $0.held ? nil : $0.holder.map(shown) }
}

/// The order that needs nobody's consent but the person's who types it.
func failoverByHand(_ name: String) -> String { "pilotlightctl failover \(name) --reason '...' --confirm \(name)" }

private func lossIsBeyondRpo(_ workload: WorkloadStatus) -> Bool {
  guard let loss = workload.loss, let seconds = loss.seconds else { return true }
  return workload.objectives.map { seconds > $0.rpo } ?? (loss.confidence == .unknown)
}
