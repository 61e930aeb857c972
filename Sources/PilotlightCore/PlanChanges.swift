// What operators change in the plans: steps of their own, and steps that their deployment does not need.

/// A program of the operator's that is a step of a plan.
package struct CommandSpec: Hashable, Sendable, Codable {
  /// Absolute path of the program, then its arguments. Exit status 0 is success. It may be run more than once.
  package var command: [String]
  /// What takes it back; nil: it stays.
  package var undo: [String]?
  /// It is killed after this long.
  package var timeout: Duration
  /// What it is told of the run, besides the incident and the addresses.
  package var environment: [String: String]
  /// Databases whose addresses it is told; nil: of none.
  package var databases: [ToldDatabase]?

  package init(
    command: [String], undo: [String]? = nil, timeout: Duration, environment: [String: String] = [:],
    databases: [ToldDatabase]? = nil
  ) {
    self.command = command
    self.undo = undo
    self.timeout = timeout
    self.environment = environment
    self.databases = databases
  }

  /// As it is run for this incident.
  ///
  /// - Parameter addresses: of the databases, in their order; nil: there is none of this name, or it has none yet.
  func call(_ command: [String], in run: Run, _ addresses: [DatabaseAddress?] = []) -> CloudAction {
    var told = environment
    for case (let database, let address?) in zip(databases ?? [], addresses) {
      told["\(database.variable)_HOST"] = address.host
      told["\(database.variable)_PORT"] = "\(address.port)"
    }
    told["PILOTLIGHT_INCIDENT"] = run.incident
    told["PILOTLIGHT_RUN"] = run.kind.rawValue
    told["PILOTLIGHT_OUTAGE_START"] = run.outageStart?.text
    return .runCommand(CommandCall(command: command, environment: told, timeout: timeout))
  }
}

/// A database whose address a program is told.
package struct ToldDatabase: Hashable, Sendable, Codable {
  /// Of the environment, without `_HOST` and `_PORT`.
  package var variable: String
  package var database: DatabaseRef

  package init(_ variable: String, _ database: DatabaseRef) {
    self.variable = variable
    self.database = database
  }
}

/// One call of a program of the operator's on this host: a step, or the veto command.
package struct CommandCall: Hashable, Sendable, Codable {
  /// Absolute path of the program, then its arguments.
  package var command: [String]
  /// The only variables it has, besides PATH and LANG.
  package var environment: [String: String]
  /// It is killed after this long.
  package var timeout: Duration

  package init(command: [String], environment: [String: String], timeout: Duration) {
    self.command = command
    self.environment = environment
    self.timeout = timeout
  }
}

/// A step of the operator's.
package struct OwnStep: Equatable, Sendable, Codable {
  package enum Kind: Equatable, Sendable, Codable {
    case command(CommandSpec)
    /// A person does it, and says so with `approve`.
    case confirm(String)
  }
  package var name: String
  /// The step that it comes right behind.
  package var after: String
  package var kind: Kind

  package init(name: String, after: String, kind: Kind) {
    self.name = name
    self.after = after
    self.kind = kind
  }
}

/// What is different in one plan.
package struct PlanChange: Equatable, Sendable, Codable {
  /// Names of steps that are left out.
  package var without: [String]
  package var steps: [OwnStep]

  package init(without: [String] = [], steps: [OwnStep] = []) {
    self.without = without
    self.steps = steps
  }
}

/// What is different in the plans.
package struct PlanChanges: Equatable, Sendable, Codable {
  package var failover: PlanChange
  package var switchover: PlanChange
  package var failback: PlanChange

  package init(
    failover: PlanChange = PlanChange(), switchover: PlanChange = PlanChange(), failback: PlanChange = PlanChange()
  ) {
    self.failover = failover
    self.switchover = switchover
    self.failback = failback
  }

  package subscript(kind: RunKind) -> PlanChange {
    switch kind {
    case .failover, .preparation: failover
    case .switchover: switchover
    case .failback: failback
    }
  }
}

extension Work {
  /// Whether a plan may do without it. What keeps data whole, or the pilot light burning, stays.
  package var isDispensable: Bool {
    switch self {
    case .scaleUp, .awaitTargets, .awaitInService, .awaitApplication, .awaitNames, .announce, .snapshot, .reinstate,
      .applyParameters:
      true
    case .repoint, .detach, .scaleDown, .gate, .fence, .fenceListener, .stopDatabase, .startDatabase, .promote,
      .switchOver, .awaitDemoted, .shift,
      .checkRegion, .setAside, .replicate, .awaitReplication, .holdWrites, .awaitDrained, .releaseWrites,
      .confirmByHand,
      .command:
      false
    }
  }
}

extension [Step] {
  /// The plan with the operator's steps, and without those he leaves out. Names that are in no plan change nothing: the configuration
  /// was checked.
  func changed(_ settings: WorkloadSettings, _ kind: RunKind) -> [Step] {
    guard let change = settings.plans?[kind] else { return self }
    var plan = self
    for name in change.without { plan.removeStep(name) }
    for own in change.steps { plan.insert(own.step(settings, in: kind), behind: own.after) }
    return plan
  }

  private mutating func removeStep(_ name: String) {
    guard let index = firstIndex(where: { $0.name == name }), self[index].work.isDispensable else { return }
    let gone = remove(at: index)
    replaceNeed(gone.name, with: gone.needs)
  }

  private mutating func insert(_ step: Step, behind name: String) {
    guard let index = firstIndex(where: { $0.name == name }) else { return }
    replaceNeed(name, with: [step.name])
    var step = step
    step.needs = [name]
    insert(step, at: index + 1)
  }

  private mutating func replaceNeed(_ name: String, with others: [String]) {
    for index in indices {
      guard let place = self[index].needs.firstIndex(of: name) else { continue }
      self[index].needs.replaceSubrange(place...place, with: others)
    }
  }
}

extension OwnStep {
  fileprivate func step(_ settings: WorkloadSettings, in run: RunKind) -> Step {
    switch kind {
    case .confirm(let what): return Step(name, .confirmByHand(what), forecast: .minutes(5))
    case .command(var spec):
      spec.environment = [
        "PILOTLIGHT_WORKLOAD": settings.name, "PILOTLIGHT_STEP": name,
        "PILOTLIGHT_PRIMARY_REGION": settings.primary.region, "PILOTLIGHT_DR_REGION": settings.dr.region,
      ]
      // While both regions are well a program may compare the databases. In a failover nothing waits for the region that is down.
      switch run {
      case .switchover, .failback:
        spec.databases = [
          ToldDatabase("PILOTLIGHT_PRIMARY_DATABASE", settings.primary.database.ref),
          ToldDatabase("PILOTLIGHT_DR_DATABASE", settings.dr.database.ref),
        ]
      case .failover, .preparation: break
      }
      return Step(name, .command(spec), forecast: min(spec.timeout, .seconds(10)))
    }
  }
}
