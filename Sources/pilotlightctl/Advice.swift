// What to do next, as commands that can be pasted. At most a handful: the one that matters stands first.

import PilotlightControlAPI

/// Sentences and commands; empty when there is nothing to do.
func advice(_ workload: WorkloadStatus, isHalted: Bool) -> [String] {
  if isHalted { return ["see 'journalctl -xeu pilotlightd', mend the cause, restart the daemon"] }
  let name = shown(workload.name)
  func order(_ command: String, _ flags: String = "") -> String {
    "pilotlightctl \(command) \(name)\(flags) --reason '...'"
  }
  if let stuck = workload.stuck { return stuck.wayOut.map(shown) }
  if workload.paused { return [order("resume") + "   (when the work is done)"] }
  switch (workload.phase, workload.incident?.standing) {
  case (_, .waiting):
    let approval = lossIsBeyondRpo(workload) ? order("approve", " --accept-data-loss") : order("approve")
    return ["it waits for you: \(approval)", "or roll back: \(order("abort"))"]
  case (.failingOver, _), (.failingBack, _):
    return ["watch: pilotlightctl history \(name)" + (workload.incident.map { " --incident \(shown($0.id))" } ?? "")]
  case (.drActive, _):
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
    return workload.armed.ok ? [] : ["mend the reasons above: a failover now would not succeed"]
  }
}

/// What a person who knows better can do about a primary that is down.
private func byHand(_ workload: WorkloadStatus) -> [String] {
  let order = failoverByHand(shown(workload.name))
  if let holder = otherHolder(workload) { return ["orders are taken where the lease is held, by \(holder)"] }
  if workload.mode == .observe { return ["it only observes; set `mode: approve`, reload, then: \(order)"] }
  return workload.assessment.verdict == .down ? ["if you know that it is lost: \(order)"] : []
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
