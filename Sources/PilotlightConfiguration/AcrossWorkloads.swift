// Checks of the workloads against each other, and what is allowed but probably not meant.

import PilotlightCore

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
  _ daemon: DaemonSettings, _ workloads: [WorkloadSettings], findings: Findings, isReadable: (String) -> Bool
) {
  func warnUnreadable(_ file: String?, _ path: String) {
    guard let file, !isReadable(file) else { return }
    findings.warning(path, "the file \(quoted(file)) cannot be read")
  }
  warnUnreadable(daemon.aws.caBundle, "daemon.aws.caBundle")
  for (index, workload) in workloads.enumerated() {
    let path = "workloads[\(index)]"
    warnUnreadable(workload.primary.probe.caFile, "\(path).primary.alb.caFile")
    warnUnreadable(workload.dr.probe.caFile, "\(path).dr.alb.caFile")
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
