// Moving to the DR region on purpose, while the primary serves: maintenance, an exercise, a storm that is on its way.

extension Machine {
  mutating func orderSwitchover(
    _ order: Order, _ situation: Situation, _ reaction: inout Reaction
  ) -> (refusal: String?, done: String) {
    if let refusal = refusalOfSwitchover(situation) { return (refusal, "") }
    let run = Run(
      incident: freshIncident(situation), kind: .switchover, startedAt: situation.now, outageStart: nil,
      orderedBy: order.by, plan: switchoverPlan(at: situation.now))
    start(run, why: "ordered by \(order.by): \(order.reason)", situation, &reaction)
    return (nil, "switching over; incident \(run.incident)")
  }

  /// It is no emergency: everything has to be in order.
  private func refusalOfSwitchover(_ situation: Situation) -> String? {
    switch state.phase {
    case .failingOver: return "a \(state.phase.run?.kind.rawValue ?? "run") is running already"
    case .drActive: return "the DR region serves already; `failback` is the way home"
    case .failingBack: return "a failback is running; `abort` it first"
    case .healthy, .degraded: break
    }
    if let pause = state.pause { return "paused by \(pause.by); `resume` first" }
    if settings.mode == .observe { return "mode is observe: nothing may be changed. Set `mode: approve` and reload" }
    if let refusal = refusalByLease(situation) ?? outdated(situation) { return refusal }
    guard situation.assessment.verdict == .up else {
      return
        "the primary is \(situation.assessment.verdict.rawValue): a switchover loses nothing only while it serves; `failover` is for an outage"
    }
    if case .degraded(_, let preparation?) = state.phase {
      return "the preparation \(preparation.incident) is being taken back; try again in a moment"
    }
    if settings.primary.group.standby.desired > 0 {
      return
        "`primary.group.standby` leaves \(settings.primary.group.standby.desired) instance(s), which would write beside the DR region"
    }
    let lacks = situation.obstacles.isEmpty ? situation.readiness.lacks(at: situation.now) : situation.obstacles
    return lacks.isEmpty ? nil : "not ready: \(lacks.joined(separator: "; "))"
  }
}
