// Keys that are right one by one and wrong together. Each contradiction is one sentence with the values in it, and
// names every key it is about with its line. A key that already has an error takes no part: its value is a placeholder.

import PilotlightCore

/// The shortest time in which anything was ever recovered by promoting a replica; an RTO must leave at least this much
/// after confirmation. RDS itself speaks of "several minutes".
private let shortestRecovery: Duration = .minutes(1)

/// Checks one workload's settings against each other.
struct Contradictions {
  let workload: WorkloadSettings
  private let path: String
  private let findings: Findings

  init(_ workload: WorkloadSettings, path: String, findings: Findings) {
    self.workload = workload
    self.path = path
    self.findings = findings
  }

  func check() {
    times()
    regions()
    probes()
    for (key, site) in [("primary", workload.primary), ("dr", workload.dr)] {
      sizes(site.group, key: key)
      probe(site.probe, key: "\(key).alb")
      arns(site, key: key)
    }
    fencing()
    globalDatabase()
    traffic()
    names()
    plans(workload.plans)
  }

  /// Notes that `keys` contradict each other, unless `holds`.
  func require(_ holds: Bool, _ keys: String..., problem: @autoclosure () -> String) {
    if holds { return }
    findings.contradiction(keys.map { "\(path).\($0)" }, problem())
  }

  private func times() {
    let probe = workload.primary.probe
    let detection = workload.detection
    let falling = probe.interval * probe.fallAfter
    let needed = detection.confirmFor + falling + shortestRecovery
    require(
      workload.objectives.rto >= needed, "objectives.rto", "detection.confirmFor", "primary.alb.interval",
      "primary.alb.fallAfter",
      problem: "rto \(workload.objectives.rto.written) cannot be met: confirmFor \(detection.confirmFor.written), "
        + "\(probe.fallAfter) failures at \(probe.interval.written) and at least \(shortestRecovery.written) to "
        + "recover make \(needed.written)")
    if let lease = workload.lease {
      // It is followed after one `lasting`, which may begin with the renewal before the end.
      let followed = needed + lease.lasting + lease.lasting / 10
      require(
        workload.objectives.rto >= followed, "objectives.rto", "lease.lasting",
        problem:
          "rto \(workload.objectives.rto.written) cannot be met when the watchdog dies with the region: to follow it takes "
          + "lasting \(lease.lasting.written), and everything else \(needed.written)")
    }
    require(
      workload.replication.alertAbove <= workload.objectives.rpo, "replication.alertAbove", "objectives.rpo",
      problem: "alertAbove \(workload.replication.alertAbove.written) is more than rpo "
        + "\(workload.objectives.rpo.written): the objective would be broken before anyone is told")
    require(
      detection.pollInterval < workload.replication.staleAfter, "detection.pollInterval", "replication.staleAfter",
      problem: "pollInterval \(detection.pollInterval.written) is not less than staleAfter "
        + "\(workload.replication.staleAfter.written): every lag reading would be stale before the next")
  }

  private func regions() {
    let primary = workload.primary.region
    let dr = workload.dr.region
    require(
      primary != dr, "dr.region", "primary.region",
      problem: "the DR region is the primary region \(primary), expected another one")
    require(
      partition(ofRegion: primary) == partition(ofRegion: dr), "dr.region", "primary.region",
      problem: "\(dr) and \(primary) belong to different AWS partitions, between which nothing replicates")
    guard primary == dr else { return }
    require(
      workload.primary.group.ref.name != workload.dr.group.ref.name, "dr.group.name", "primary.group.name",
      problem: "both sides name the same Auto Scaling Group")
    require(
      workload.primary.database.ref.identifier.lowercased() != workload.dr.database.ref.identifier.lowercased(),
      "dr.database.id", "primary.database.id", problem: "both sides name the same database")
  }

  private func probes() {
    let primary = workload.primary.probe
    require(
      primary.url != workload.dr.probe.url || primary.resolve != workload.dr.probe.resolve, "dr.alb.url",
      "primary.alb.url", problem: "both sides probe the same URL, expected each region's own load balancer")
    var names: [String: Int] = [:]
    for (index, reference) in workload.detection.references.enumerated() {
      if let first = names[reference.name] {
        require(
          false, "detection.references[\(index)].name", "detection.references[\(first)].name",
          problem: "two references have the name \(quoted(reference.name))")
      }
      names[reference.name] = index
      require(
        reference.url != primary.url, "detection.references[\(index)].url", "primary.alb.url",
        problem: "the reference is the primary's own URL: an outage would look like a blind daemon")
    }
  }

  private func sizes(_ group: GroupSettings, key: String) {
    for (name, size) in [("capacity", group.serving), ("standby", group.standby)] {
      let at = "\(key).group.\(name)"
      require(
        size.min <= size.desired && size.desired <= size.max, "\(at).desired", "\(at).min", "\(at).max",
        problem: "sizes \(size) are out of order, expected min <= desired <= max")
    }
    let serving = "\(key).group.capacity.desired"
    require(
      group.serving.desired >= 1, serving, problem: "a region that serves with no instances, expected at least 1")
    guard group.serving.min <= group.serving.desired, group.serving.desired >= 1 else { return }
    require(
      group.acceptMinimum <= group.serving.desired, "\(key).group.acceptMinimum", serving,
      problem: "acceptMinimum \(group.acceptMinimum) is more than the \(group.serving.desired) instances wanted")
    require(
      group.standby.desired <= group.serving.desired, "\(key).group.standby.desired", serving,
      problem: "standby has \(group.standby.desired) instances, more than the \(group.serving.desired) that serve")
  }

  private func probe(_ probe: ProbeSettings, key: String) {
    require(
      probe.timeout <= probe.interval, "\(key).timeout", "\(key).interval",
      problem: "timeout \(probe.timeout.written) is longer than interval \(probe.interval.written): "
        + "a hanging probe would still run when the next is due")
    require(
      probe.recheckInterval <= probe.interval, "\(key).recheckInterval", "\(key).interval",
      problem: "recheckInterval \(probe.recheckInterval.written) is longer than interval \(probe.interval.written): "
        + "a first failure would be looked at later, not sooner")
    if let slowAfter = probe.slowAfter {
      require(
        slowAfter < probe.timeout, "\(key).slowAfter", "\(key).timeout",
        problem: "slowAfter \(slowAfter.written) is not less than timeout \(probe.timeout.written): "
          + "no answer could ever be slow; write `slowAfter: off` to switch it off")
    }
    require(
      probe.method != "HEAD" || probe.bodyContains == nil, "\(key).bodyContains", "\(key).method",
      problem: "an answer to HEAD has no body that could contain anything")
    guard let url = try? ProbeURL(probe.url) else { return }
    require(
      url.scheme == "https" || probe.caFile == nil, "\(key).caFile", "\(key).url",
      problem: "certificate authorities for a URL that is not https")
    for entry in probe.resolve {
      let target = entry.lowercased()
      require(
        target.hasPrefix("\(url.host):\(url.port):"), "\(key).resolve", "\(key).url",
        problem: "an address is not for \(url.host):\(url.port), where the probe goes, and would never be used")
    }
  }

  /// Resources named by ARN must lie where their site is.
  private func arns(_ site: SiteSettings, key: String) {
    let named = [
      ("targetGroup", site.targetGroup?.arn), ("listener", site.listener?.arn),
      ("database.kmsKey", site.database.kmsKey),
      ("secret.id", site.secret?.ref.id),
    ]
    for (name, text) in named {
      guard let arn = text.flatMap(ARN.init) else { continue }
      require(
        arn.region == site.region && arn.partition == partition(ofRegion: site.region), "\(key).\(name)",
        "\(key).region", problem: "the ARN is of \(arn.partition):\(arn.region), expected one of \(site.region)")
    }
  }

  private func fencing() {
    let standby = workload.primary.group.standby
    require(
      !workload.decision.fencePrimary || standby.desired == 0, "primary.group.standby.desired",
      "decision.fencePrimary",
      problem: "fencing sizes the primary to standby, and with \(standby.desired) instances it would still take writes")
    require(
      !workload.decision.closesListener || workload.primary.listener != nil, "decision.fenceListener",
      "primary.listener", problem: "there is no listener to answer 503 at, expected `listener` in primary")
    require(
      !workload.decision.closesListener || workload.decision.fencePrimary, "decision.fenceListener",
      "decision.fencePrimary",
      problem: "with instances behind it a closed load balancer looks like an outage, expected `fencePrimary` with it")
    require(
      workload.primary.secret == nil || workload.dr.secret != nil, "primary.secret", "dr.secret",
      problem: "the application reads a secret in the primary region and none in the DR region: "
        + "nothing would lead it to the promoted database")
  }

  /// What is done to instances alone.
  private func globalDatabase() {
    guard workload.dr.database.ref.global != nil else { return }
    require(
      !workload.decision.stopsOldDatabase, "decision.fenceDatabase", "globalDatabase",
      problem:
        "Aurora stops no cluster of a global database, and the old primary is watched anyway, expected no fenceDatabase"
    )
    for site in ["primary", "dr"] {
      for key in ["instanceClass", "subnetGroup", "securityGroups", "kmsKey", "parameterGroup", "backupRetention"] {
        let at = "\(site).database.\(key)"
        require(
          !findings.isWritten("\(path).\(at)"), at, "globalDatabase",
          problem: "no replica is created for an Aurora global database, expected none")
      }
    }
  }

  private func names() {
    guard let names = workload.names else { return }
    require(
      !names.name.isEmpty, "dns.name", "traffic.route53",
      problem: "no record tells which name users resolve, expected a DNS name such as app.example.com")
    require(
      !names.servers.isPrivate || names.servers.authoritative.isEmpty, "dns.servers", "dns.private",
      problem: "the servers of a private zone answer nobody, expected no servers")
    require(
      names.primary != names.dr, "dns.dr", "dns.primary",
      problem: "both sides have the host \(quoted(names.dr)), nothing would tell them apart")
  }

  private func traffic() {
    switch workload.traffic {
    case .route53(let record, let primary, let dr): records(record, primary, dr)
    case .routingControl(let controls): self.controls(controls)
    case .objectSwitch, .healthCheck, .manual: break
    }
  }

  private func controls(_ controls: RoutingControls) {
    let at = "traffic.routingControl"
    require(
      controls.primary != controls.dr, "\(at).dr", "\(at).primary",
      problem: "both sides have the same routing control, traffic would not move")
    let regions = controls.endpoints.map(\.region)
    require(
      Set(regions).count == regions.count, "\(at).endpoints",
      problem: "two endpoints are in one region, expected one in each of the cluster's regions")
  }

  private func records(_ record: RecordRef, _ primary: RecordTarget, _ dr: RecordTarget) {
    let at = "traffic.route53"
    for (key, target) in [("primary", primary), ("dr", dr)] {
      require(
        (record.type == "A") == (target.aliasZone != nil), "\(at).\(key).aliasZone", "\(at).type",
        problem: record.type == "A"
          ? "an alias record (type A) needs the load balancer's hosted zone, expected aliasZone in \(key)"
          : "a CNAME has no alias zone, expected type A or no aliasZone")
      require(
        target.host != record.name, "\(at).\(key).host", "\(at).record",
        problem: "the record would point at itself")
    }
    require(
      record.type != "A" || !findings.isWritten("\(path).\(at).ttl"), "\(at).ttl", "\(at).type",
      problem: "an alias record (type A) takes its target's TTL, expected no ttl")
    require(
      (primary.setIdentifier == nil) == (dr.setIdentifier == nil), "\(at).primary.setIdentifier",
      "\(at).dr.setIdentifier",
      problem: "a weighted pair needs a set identifier on both sides, a single record on none")
    require(
      primary.setIdentifier == nil || primary.setIdentifier != dr.setIdentifier, "\(at).dr.setIdentifier",
      "\(at).primary.setIdentifier", problem: "both records of the weighted pair have the same set identifier")
    require(
      primary.host != dr.host, "\(at).dr.host", "\(at).primary.host",
      problem: "both sides lead to the same host, traffic would not move")
  }
}

extension Findings {
  /// Notes one error about several keys: it stands at the first that is written, and names the others with their lines.
  func contradiction(_ paths: [String], _ problem: String) {
    if paths.contains(where: isBroken) { return }
    guard let anchor = paths.first(where: isWritten) ?? paths.first else { return }
    let others = paths.filter { $0 != anchor }.map { path in
      isWritten(path) ? "\(path) on line \(line(of: path))" : "\(path) not written"
    }
    let places = others.isEmpty ? "" : " (see \(others.joined(separator: ", ")))"
    note(line(of: anchor), anchor, problem + places)
  }
}
