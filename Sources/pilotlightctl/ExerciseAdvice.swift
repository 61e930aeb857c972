// What the daemon waits for at the end of an exercise, and what an operator would type: in the words of `explain` and `status`.

import PilotlightControlAPI
import PilotlightCore
import PilotlightEngine
import PilotlightSandbox
import PilotlightSimulation

extension Exercise.Findings {
  /// Empty when everything is at rest and served.
  var waitingFor: [String] {
    let isAtRest = phase == .healthy || phase == .drActive
    if isAtRest, verdict != .notRecovered { return [] }
    guard let belief else { return ["the daemon does not run"] }
    if isLeftToUsers {
      return ["traffic is `manual`: users go to the primary region until somebody leads them to the DR region"]
    }
    return (belief.halted.map { ["nothing is acted upon: \($0.text)"] } ?? []) + belief.explanation
  }

  /// The daemon has done its part, and users have not moved.
  private var isLeftToUsers: Bool {
    phase == .drActive && settings.traffic == .manual && facts.traffic != .dr
  }

  /// Commands, the weightiest first.
  var next: [String] {
    guard let belief else { return ["systemctl start pilotlightd"] }
    if phase == .healthy, verdict <= .met { return [] }
    if isLeftToUsers {
      return ["move users to the load balancer of \(settings.dr.region); in a scenario `operator: {}` does it"]
    }
    let advised = advice(status(belief), isHalted: belief.halted != nil)
    guard phase == .degraded, verdict == .notRecovered, settings.mode != .observe else { return advised }
    return advised + ["or decide it yourself: \(failoverByHand(shown(settings.name)))"]
  }

  /// As much of a status as the advice asks for.
  private func status(_ belief: Exercise.Belief) -> WorkloadStatus {
    let objectives = settings.objectives
    return WorkloadStatus(
      name: settings.name, phase: PhaseWord(rawValue: phase.rawValue) ?? .healthy,
      mode: ModeWord(rawValue: settings.mode.rawValue) ?? .observe, paused: belief.isPaused,
      armed: ArmedStatus(ok: belief.unarmed.isEmpty, reasons: belief.unarmed),
      assessment: AssessmentStatus(verdict: .unknown),
      loss: LossStatus(
        seconds: belief.loss.window?.seconds,
        confidence: ConfidenceWord(rawValue: belief.loss.confidence.rawValue) ?? .unknown),
      incident: belief.incident.map {
        IncidentStatus(
          id: $0, startedAt: Timestamp(milliseconds: 0), kind: phase == .failingBack ? .failback : .failover,
          standing: belief.asks == nil ? .running : .waiting, asks: belief.asks, steps: [])
      },
      objectives: ObjectivesStatus(rto: objectives.rto.seconds, rpo: objectives.rpo.seconds),
      stuck: belief.stuckAt.map { StuckStatus(step: $0, why: "", wayOut: belief.wayOut) })
  }
}
