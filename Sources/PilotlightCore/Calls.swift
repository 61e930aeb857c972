// Every call that a workload may need, for whoever grants them.

extension WorkloadSettings {
  /// What the gate of a failover reads once more, beside our own probes.
  package var readAtGate: [CloudAction] {
    [
      .replicaLag(dr.database.ref), .describeDatabase(dr.database.ref), .callerIdentity(region: dr.region),
      .callerIdentity(region: primary.region),
    ] + (primary.targetGroup.map { [.targetHealth($0)] } ?? [])
      + (detection.healthCheck.map { [.readHealthCheck($0)] } ?? [])
  }

  /// What is asked of AWS to guard this workload, each call once: what is polled, what readiness reads, and the steps of all plans with
  /// what they look at, and how they are taken back.
  ///
  /// - Parameter incident: goes into the names of what a failback keeps.
  package func calls(incident: String) -> [CloudAction] {
    var calls = readAtGate + [.describeGroup(dr.group.ref), .describeDatabase(primary.database.ref)]
    for item in ReadinessItem.allCases {
      guard let call = item.action(self) else { continue }
      calls.append(call)
      if case .simulate(let changes, _) = call { calls += changes }
    }
    for step in Plan.failover(self) + Plan.switchover(self) + Plan.failback(self, incident: incident) {
      calls += step.work.looks(StepRun(step)) + step.work.looksInTrouble
      for act in step.work.acts { calls += [act] + act.reverse }
    }
    return calls.reduce(into: []) { known, call in
      if !known.contains(call) { known.append(call) }
    }
  }
}

extension CloudAction {
  /// What takes it back, where that is another action than itself.
  fileprivate var reverse: [CloudAction] {
    switch self {
    case .holdWrites(let listener): [.releaseWrites(listener)]
    case .putObject(let object, _): [.removeObject(object)]
    case .stopDatabase(let database): [.startDatabase(database)]
    default: []
    }
  }
}
