// Some worlds have global databases instead of instances.

package import PilotlightCore
import PilotlightSandbox

extension WorkloadSettings {
  /// The same on clusters of a global database.
  package mutating func moveToAurora() {
    primary.database.ref.global = GlobalDatabase(identifier: "\(name)-global", peer: dr.region)
    dr.database.ref.global = GlobalDatabase(identifier: "\(name)-global", peer: primary.region)
    decision.fenceDatabase = nil
  }

  /// What is said of an instance, said of its cluster.
  fileprivate func cluster(_ ref: DatabaseRef) -> DatabaseRef? {
    [primary.database.ref, dr.database.ref].first { $0.identifier == ref.identifier && $0.region == ref.region }
  }
}

extension Draw {
  /// Drawn last: what was drawn of instances happens to clusters.
  mutating func aurora(_ trial: inout Trial) {
    guard chance(0.2) else { return }
    for index in trial.workloads.indices { trial.workloads[index].moveToAurora() }
    for index in trial.scenario.entries.indices {
      guard case .cloud(let fault) = trial.scenario.entries[index].what else { continue }
      trial.scenario.entries[index].what = .cloud(fault.ofClusters(trial.workloads))
    }
    guard trial.expectation == .none, chance(0.6) else { return }
    let workload = pick(trial.workloads)
    for _ in 0..<pick([1, 1, 2]) {
      let fault: SandboxFault = pick([
        .writeFencingFails(workload: workload.name), .writeFencingFails(workload: workload.name),
        .resyncStalls(workload: workload.name), .switchoverCancelled(workload: workload.name),
        .headless(pick([workload.primary.database.ref, workload.dr.database.ref])),
      ])
      let at = seconds(60, max(trial.scenario.duration.seconds * 0.8, 120))
      trial.scenario.entries.append(
        Scenario.Entry(at: at, .cloud(fault), lasting: chance(0.3) ? nil : seconds(60, 2400)))
    }
    trial.scenario.entries.sort { $0.at < $1.at }
  }
}

extension SandboxFault {
  fileprivate func ofClusters(_ workloads: [WorkloadSettings]) -> SandboxFault {
    func cluster(_ ref: DatabaseRef) -> DatabaseRef { workloads.lazy.compactMap { $0.cluster(ref) }.first ?? ref }
    switch self {
    case .accessDenied("rds:PromoteReadReplica"): return .accessDenied(apiName: "rds:FailoverGlobalCluster")
    case .accessDenied("rds:DescribeDBInstances"): return .accessDenied(apiName: "rds:DescribeDBClusters")
    case .databaseTrouble(let ref, let status): return .databaseTrouble(cluster(ref), status: status)
    case .backupRunning(let ref): return .backupRunning(cluster(ref))
    case .databaseRestarts(let ref): return .databaseRestarts(cluster(ref))
    default: return self
    }
  }
}
