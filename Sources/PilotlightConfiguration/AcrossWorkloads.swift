// Checks of the workloads against each other, and what is allowed but probably not meant.

import PilotlightCore

/// What a file that the configuration names is for.
enum FileUse {
  case read, execute
}

/// Two workloads that act on the same thing would undo each other's work.
func checkAcross(_ workloads: [WorkloadSettings], findings: Findings) {
  var owners: [String: String] = [:]
  func claim(_ what: String, _ identity: String, at path: String) {
    guard let other = owners.updateValue(path, forKey: "\(what) \(identity)") else { return }
    findings.contradiction([path, other], "two workloads have the same \(what)")
  }
  for (index, workload) in workloads.enumerated() {
    let path = "workloads[\(index)]"
    claim("name", workload.name, at: "\(path).name")
    for (key, site) in [("primary", workload.primary), ("dr", workload.dr)] {
      // Within one workload the regions differ, or there is an error already.
      if workload.primary.region == workload.dr.region { continue }
      claim("Auto Scaling Group", "\(site.region) \(site.group.ref.name)", at: "\(path).\(key).group.name")
      let database = site.database.ref
      claim("database", "\(site.region) \(database.identifier.lowercased())", at: "\(path).\(key).database.id")
      if let secret = site.secret { claim("secret", "\(site.region) \(secret.ref.id)", at: "\(path).\(key).secret.id") }
      // A write hold closes all that is behind it.
      if let listener = site.listener { claim("listener", listener.arn, at: "\(path).\(key).listener") }
      if let targets = site.targetGroup { claim("target group", targets.arn, at: "\(path).\(key).targetGroup") }
    }
    switch workload.traffic {
    case .route53(let record, _, _):
      claim("record", "\(record.zone) \(record.name) \(record.type)", at: "\(path).traffic.route53.record")
    case .healthCheck(let check): claim("health check", check.id, at: "\(path).traffic.healthCheck.id")
    case .objectSwitch(let object):
      claim("switch object", "\(object.bucket) \(object.key)", at: "\(path).traffic.objectSwitch.key")
    case .routingControl(let controls):
      claim("routing control", controls.primary, at: "\(path).traffic.routingControl.primary")
      // The same twice in one workload is an error already.
      if controls.dr == controls.primary { break }
      claim("routing control", controls.dr, at: "\(path).traffic.routingControl.dr")
    case .manual: break
    }
  }
}

/// Warns of what is right by the letter and will surprise in an outage.
func warn(
  _ daemon: DaemonSettings, _ workloads: [WorkloadSettings], findings: Findings, mayUse: (String, FileUse) -> Bool
) {
  func warnUnreadable(_ file: String?, _ path: String) {
    guard let file, !mayUse(file, .read) else { return }
    findings.warning(path, "the file \(quoted(file)) cannot be read")
  }
  func warnOfProgram(_ command: [String]?, _ path: String) {
    guard let program = command?.first, !mayUse(program, .execute) else { return }
    findings.warning(path, "the program \(quoted(program)) is not there or may not be executed")
  }
  func warnOfPlan(_ kind: RunKind, _ workload: WorkloadSettings, _ path: String) {
    guard let change = workload.plans?[kind] else { return }
    for (index, step) in change.steps.enumerated() {
      guard case .command(let spec) = step.kind else { continue }
      warnOfProgram(spec.command, "\(path).steps[\(index)].command")
      warnOfProgram(spec.undo, "\(path).steps[\(index)].undo")
    }
    // Behind the one-way step, where nothing leads back.
    let awaiting = ["verify-dr-targets", "verify-dr-instances"].filter { name in
      !change.without.contains(name) && (workload.dr.targetGroup == nil) == (name == "verify-dr-instances")
    }
    if kind == .failover, change.without.contains("scale-up-dr"), let name = awaiting.first {
      findings.warning("\(path).without", "without scale-up-dr somebody else must scale up what \(name) waits for")
    }
  }
  warnUnreadable(daemon.aws.caBundle, "daemon.aws.caBundle")
  for (index, workload) in workloads.enumerated() {
    let path = "workloads[\(index)]"
    warnUnreadable(workload.primary.probe.caFile, "\(path).primary.alb.caFile")
    warnUnreadable(workload.dr.probe.caFile, "\(path).dr.alb.caFile")
    warnOfProgram(workload.decision.veto?.command, "\(path).decision.veto.command")
    for kind in [RunKind.failover, .switchover, .failback] {
      warnOfPlan(kind, workload, "\(path).plans.\(kind.rawValue)")
    }
    if workload.announcement?.region == workload.primary.region {
      findings.warning(
        "\(path).announce.topic", "the topic is in the primary region, whose outage it is meant to announce")
    }
    if workload.mode == .automatic, workload.detection.corroborate == .none {
      findings.warning(
        "\(path).detection.corroborate", "nothing but our own probes decides on an automatic failover")
    }
    if workload.objectives.rpo < .minutes(2) {
      findings.warning(
        "\(path).objectives.rpo",
        "CloudWatch gives one lag value a minute, a minute late, so a loss below 2m (3m with MySQL or MariaDB) can hardly ever be proven"
      )
    }
  }
}
