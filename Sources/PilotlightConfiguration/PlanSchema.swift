// The keys of what is different in the plans.

import PilotlightCore

func readPlans(_ plans: Section) -> PlanChanges {
  PlanChanges(
    failover: plans.defaulted("failover", "Steps from the outage to the DR region.", readPlanChange),
    switchover: plans.defaulted(
      "switchover", sameAs: "failover", "Steps of the ordered move; same keys as `failover`.", readPlanChange),
    failback: plans.defaulted(
      "failback", sameAs: "failover", "Steps of the way home; same keys as `failover`.", readPlanChange))
}

private func readPlanChange(_ plan: Section) -> PlanChange {
  PlanChange(
    without: plan.optional(
      "without", .list(of: .stepName, 0...20), default: [],
      "Steps that this deployment does without; `pilotlightctl plan` shows their names. What keeps data whole cannot be left out."
    ),
    steps: plan.list("steps", .absent("the plan has none of your own"), 0...20, "Steps of your own.", readOwnStep))
}

private func readOwnStep(_ step: Section) -> OwnStep {
  let name = step.required("name", .stepName, "Unique in the plan; it is typed in `retry --step`.")
  let after = step.required(
    "after", .stepName, "The step that it comes right behind; what waited for that one waits for this.")
  let command = step.optional(
    "command", .command, absent: "a person does it",
    "Program and arguments, without a shell. It ends in 0 when it is so, and may be run again: after a restart in the middle of it, "
      + "or by `retry`. Any other end leaves the run stuck. The first kB that it prints is recorded. Its environment: "
      + "PILOTLIGHT_WORKLOAD, _INCIDENT, _RUN (failover, switchover, failback or preparation), _STEP, _PRIMARY_REGION, _DR_REGION, "
      + "_OUTAGE_START; of a switchover or failback also _PRIMARY_DATABASE_HOST, _PORT, and the same of _DR_DATABASE.")
  let undo = step.optional(
    "undo", .command, absent: "nothing takes it back",
    "Program that takes it back when the run is taken back, in the same way.")
  let timeout = step.optional(
    "timeout", .duration(.seconds(1) ... .hours(6)), default: .minutes(5),
    "It is killed after this long, and the run is stuck.")
  let confirm = step.optional(
    "confirm", .text(maximum: 200), absent: "a program does it",
    "What a person is to do; `pilotlightctl approve` says that it is done.")
  switch (command, confirm) {
  case (let command?, nil):
    return OwnStep(
      name: name, after: after, kind: .command(CommandSpec(command: command, undo: undo, timeout: timeout)))
  case (nil, let what?): return OwnStep(name: name, after: after, kind: .confirm(what))
  case (nil, nil), (_?, _?):
    step.refuseChoice(among: ["command", "confirm"], lack: "says nothing that is done")
    return OwnStep(name: name, after: after, kind: .confirm(""))
  }
}

extension Kind where Value == String {
  /// What `pilotlightctl` takes as `--step`.
  fileprivate static var stepName: Kind {
    .text("step", expected: "1 to 64 lower-case letters, digits or hyphens") { text in
      let isName =
        (1...64).contains(text.utf8.count)
        && text.utf8.allSatisfy { byte in
          (97...122).contains(byte) || (48...57).contains(byte) || byte == 45
        }
      return isName ? nil : "is not a name of a step"
    }
  }
}
