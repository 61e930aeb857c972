// The page that is read at 3 a.m.: what stands where, since when, on what evidence, and what to type next. Nothing that
// is fine takes more than a line.

import PilotlightControlAPI

/// All of `status`.
func statusPage(_ report: StatusReport, style: Style) -> String {
  var page = Page(style: style)
  daemonLines(report.daemon, &page)
  if report.workloads.isEmpty {
    page.line()
    page.line("No workload is configured.")
  }
  for workload in report.workloads { workloadLines(workload, report.daemon, &page) }
  return page.text
}

/// What is shown before a destructive order: where it stands and how well.
func rolePage(_ workload: WorkloadStatus, at now: Timestamp, style: Style) -> String {
  var page = Page(style: style)
  headline(workload, &page)
  assessmentLines(workload, now, &page)
  replicationLines(workload, now, &page)
  armedLines(workload, &page)
  if let incident = workload.incident {
    page.field("incident", "\(shown(incident.id)), \(incident.kind.rawValue), \(incident.standing.rawValue)")
  }
  return page.text
}

private func daemonLines(_ daemon: DaemonStatus, _ page: inout Page) {
  let account = daemon.account.map { ", account \(shown($0))" } ?? ""
  let age = spoken(max(0, daemon.at - daemon.startedAt))
  page.line(
    page.style.paint("Pilotlight \(shown(daemon.version))", .bold)
      + "  \(daemon.state.rawValue), pid \(daemon.pid), up \(age), "
      + "ledger \(shown(daemon.ledger.state)) with \(daemon.ledger.entries) entries\(account)")
  if daemon.sandbox { page.line(page.style.paint("SANDBOX: the cloud is simulated, nothing here is real", .cyan)) }
  if daemon.state == .halted {
    page.line(page.style.paint("HALTED: it watches but does not act: \(shown(daemon.why ?? "no reason given"))", .red))
  }
}

private func workloadLines(_ workload: WorkloadStatus, _ daemon: DaemonStatus, _ page: inout Page) {
  let now = daemon.at
  page.line()
  headline(workload, &page)
  if let diagnosis = workload.diagnosis { page.field("diagnosis", shown(diagnosis), .bold) }
  assessmentLines(workload, now, &page)
  replicationLines(workload, now, &page)
  deadlineLine(workload, now, &page)
  armedLines(workload, &page)
  leaseLine(workload, &page)
  pauseLines(workload, now, &page)
  if let incident = workload.incident { incidentLines(incident, now, &page) }
  if let surplus = workload.surplus {
    page.field(
      "ready at a cost",
      "\(surplus.instances) in \(shown(surplus.region)), \(since(surplus.since, seenAt: now)), "
        + "\((surplus.instanceHours * 10).rounded() / 10) instance-hours", .yellow)
  }
  if let stuck = workload.stuck { page.field("stuck at", "\(shown(stuck.step)): \(shown(stuck.why))", .red) }
  if let lost = workload.lost {
    let review = lost.reviewedBy.map { "reviewed by \(shown($0))" } ?? "not reviewed"
    page.field("lost", "\(shown(lost.what)) (\(review))", lost.reviewedBy == nil ? .yellow : .plain)
  }
  if !workload.debts.isEmpty {
    page.field("fence debts", "\(workload.debts.count), retried until paid", .red)
    page.bullets(
      workload.debts.map { debt in
        "\(debt.step.map { "\($0): " } ?? "")\(debt.what) (\(since(debt.since, seenAt: now)))\(debt.note.map { "; now: \($0)" } ?? "")"
      })
  }
  let steps = advice(workload, isHalted: daemon.state == .halted)
  if let first = steps.first {
    page.field("next", first)
    for step in steps.dropFirst() { page.field("", step) }
  }
}

private func headline(_ workload: WorkloadStatus, _ page: inout Page) {
  let ink: Style.Ink =
    switch workload.phase {
    case .healthy: .green
    case .degraded, .drActive: .yellow
    case .failingOver, .failingBack: .red
    }
  let pause = workload.paused ? page.style.paint("  PAUSED", .yellow) : ""
  page.line(
    page.style.paint(shown(workload.name), .bold) + "  "
      + page.style.paint(workload.phase.rawValue.uppercased(), ink) + "  mode \(workload.mode.rawValue)" + pause)
  guard let regions = workload.regions else { return }
  let (primary, dr) = ("\(shown(regions.primary)) (primary)", "\(shown(regions.dr)) (DR)")
  switch workload.phase {
  case .healthy: page.field("serving", "\(primary); \(dr) stands by")
  case .degraded: page.field("serving", "\(primary), in doubt; \(dr) stands by")
  case .failingOver: page.field("moving", "\(primary) -> \(dr)")
  case .drActive: page.field("serving", "\(dr); \(primary) is out")
  case .failingBack: page.field("moving", "\(dr) -> \(primary)")
  }
}

private func assessmentLines(_ workload: WorkloadStatus, _ now: Timestamp, _ page: inout Page) {
  let assessment = workload.assessment
  let ink: Style.Ink =
    switch assessment.verdict {
    case .up: .green
    case .down: .red
    case .blind, .unknown: .yellow
    }
  let age = assessment.since.map { " " + since($0, seenAt: now) } ?? ""
  let gloss =
    switch assessment.verdict {
    case .up, .down: ""
    case .blind: ": our own view is broken, nothing moves towards failover"
    case .unknown: ": nothing has been seen yet"
    }
  page.field("verdict", "\(assessment.verdict.rawValue)\(age)\(gloss)", ink)
  page.bullets(assessment.evidence)
}

private func replicationLines(_ workload: WorkloadStatus, _ now: Timestamp, _ page: inout Page) {
  if let lag = workload.lag {
    let age = lag.at.map { ", measured \(spoken(max(0, now - $0))) ago" } ?? ""
    let size = lag.seconds.map(spoken) ?? "unknown"
    let state = lag.state == .replicating ? "" : " (\(shown(lag.state.rawValue)))"
    page.field("replica lag", "\(size)\(state)\(age)", lag.state == .replicating ? .plain : .yellow)
  }
  guard let loss = workload.loss else { return }
  let rpo = workload.objectives?.rpo
  guard let seconds = loss.seconds else {
    return page.field("loss if promoted", "unknown\(rpo.map { ", RPO \(spoken($0))" } ?? "")", .yellow)
  }
  let size = (loss.confidence == .atMost ? "at most " : "") + spoken(seconds)
  guard let rpo else { return page.field("loss if promoted", size) }
  let within = seconds <= rpo
  let verdict = within ? "within the RPO of \(spoken(rpo))" : "BEYOND the RPO of \(spoken(rpo))"
  page.field("loss if promoted", "\(size), \(verdict)", within ? .plain : .red)
}

private func deadlineLine(_ workload: WorkloadStatus, _ now: Timestamp, _ page: inout Page) {
  let forecast = workload.forecast.map { "recovery takes about \(spoken($0))" }
  guard let deadline = workload.commitDeadline else {
    if let forecast, workload.phase == .degraded || workload.phase == .failingOver { page.field("forecast", forecast) }
    return
  }
  let left = deadline - now
  let when = clock(deadline, seenAt: now)
  let rest = forecast.map { "; \($0)" } ?? ""
  if left >= 0 {
    page.field("commit deadline", "in \(spoken(left)) (\(when))\(rest)", left < 300 ? .red : .yellow)
  } else {
    page.field("commit deadline", "passed \(spoken(-left)) ago (\(when)): the RTO is missed\(rest)", .red)
  }
}

private func leaseLine(_ workload: WorkloadStatus, _ page: inout Page) {
  guard let lease = workload.lease else { return }
  let number = lease.number.map { ", number \($0)" } ?? ""
  let whose =
    lease.held
    ? "held by this watchdog\(number)" : lease.holder.map { "\(shown($0))'s\(number): this watchdog only watches" }
  let trouble = lease.trouble.map(shown)
  page.field(
    "lease", [whose ?? "not held", trouble].compactMap { $0 }.joined(separator: "; "), trouble == nil ? .plain : .yellow
  )
}

private func armedLines(_ workload: WorkloadStatus, _ page: inout Page) {
  if workload.armed.ok {
    page.field("armed", "yes", .green)
  } else {
    page.field("armed", "NO", .yellow)
    page.bullets(workload.armed.reasons)
  }
  if !workload.armed.unproven.isEmpty {
    page.field("not proven", "\(workload.armed.unproven.count)", .yellow)
    page.bullets(workload.armed.unproven)
  }
}

private func pauseLines(_ workload: WorkloadStatus, _ now: Timestamp, _ page: inout Page) {
  if let pause = workload.pause {
    let end = pause.expires.map { "for another \(spoken(max(0, $0 - now)))" } ?? "until resumed"
    page.field("paused", "by \(shown(pause.by)), \(end): \(shown(pause.reason))", .yellow)
  }
  if let held = workload.holdDownUntil, held > now {
    page.field("held down", "no failover by itself for another \(spoken(held - now))", .yellow)
  }
}

private func incidentLines(_ incident: IncidentStatus, _ now: Timestamp, _ page: inout Page) {
  page.field(
    "incident",
    "\(shown(incident.id)): \(incident.kind.rawValue), \(incident.standing.rawValue), "
      + since(incident.startedAt, seenAt: now))
  let head = ["STEP", "STATE", "KIND", "STARTED", "TOOK", ""].map { Cell($0, .dim) }
  page.table([head] + incident.steps.map { stepRow($0, now) })
}

private func stepRow(_ step: StepStatus, _ now: Timestamp) -> [Cell] {
  let ink: Style.Ink =
    switch step.state {
    case .done, .skipped: .green
    case .running, .owed: .yellow
    case .stuck: .red
    case .waiting, .undone: .dim
    default: .plain
    }
  let took = step.startedAt.map { start in
    step.finishedAt.map { spoken($0 - start) } ?? "\(spoken(max(0, now - start)))..."
  }
  return [
    Cell(shown(step.name)), Cell(shown(step.state.rawValue), ink),
    Cell(step.kind.rawValue, step.kind == .oneWay ? .bold : .plain),
    Cell(step.startedAt.map { clock($0, seenAt: now) } ?? "-"), Cell(took ?? "-"), Cell(shown(step.detail ?? "")),
  ]
}
