// Changes of the plans that fit no plan.

import PilotlightCore

extension Contradictions {
  func plans(_ changes: PlanChanges?) {
    guard let changes else { return }
    var bare = workload
    bare.plans = nil
    check(changes.failover, of: Plan.failover(bare), "plans.failover")
    check(changes.switchover, of: Plan.switchover(bare), "plans.switchover")
    check(changes.failback, of: Plan.failback(bare, incident: "i"), "plans.failback")
  }

  private func check(_ change: PlanChange, of plan: [Step], _ at: String) {
    let dispensable = plan.filter(\.work.isDispensable).map(\.name)
    for (index, name) in change.without.enumerated() where !dispensable.contains(name) {
      let isStep = plan.contains { $0.name == name }
      require(
        false, "\(at).without",
        problem: "item \(index + 1), \(quoted(name)), \(isStep ? "cannot be left out" : "is no step of this plan"), "
          + "expected one of \(dispensable.joined(separator: ", "))")
    }
    var known = plan.map(\.name).filter { !change.without.contains($0) }
    for (index, step) in change.steps.enumerated() {
      require(
        !known.contains(step.name), "\(at).steps[\(index)].name",
        problem: "there is a step \(quoted(step.name)) already")
      require(
        known.contains(step.after), "\(at).steps[\(index)].after",
        problem: "\(quoted(step.after)) is no step of this plan, expected one of \(known.joined(separator: ", "))")
      known.append(step.name)
    }
  }
}
