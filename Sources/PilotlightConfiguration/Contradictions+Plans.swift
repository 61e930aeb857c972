// Changes of the plans that fit no plan.

import PilotlightCore

extension Contradictions {
  func plans(_ changes: PlanChanges?) {
    guard let changes else { return }
    var bare = workload
    bare.plans = nil
    let plans = [Plan.failover(bare), Plan.switchover(bare), Plan.failback(bare, incident: "i")]
    // What is measured of a step goes by its name.
    let names = Set(plans.joined().map(\.name))
    for (plan, kind) in zip(plans, [RunKind.failover, .switchover, .failback]) {
      check(changes[kind], of: plan, names, "plans.\(kind.rawValue)")
    }
  }

  private func check(_ change: PlanChange, of plan: [Step], _ taken: Set<String>, _ at: String) {
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
        !known.contains(step.name) && !taken.contains(step.name), "\(at).steps[\(index)].name",
        problem: "there is a step \(quoted(step.name)) already")
      require(
        known.contains(step.after), "\(at).steps[\(index)].after",
        problem: "\(quoted(step.after)) is no step of this plan, expected one of \(known.joined(separator: ", "))")
      require(
        !["fence-primary", "fence-listener"].contains(step.after), "\(at).steps[\(index)].after",
        problem: "nothing comes between the fence and the promotion: the evidence would grow old")
      known.append(step.name)
    }
  }
}
