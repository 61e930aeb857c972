// The report of an incident as Markdown: fit for a wiki page or a ticket, and readable as it is.

import PilotlightControlAPI

/// - Parameter next: what is to do about the workload now; empty: nothing.
func incidentPage(_ report: IncidentReport, next: [String]) -> String {
  var page = Page(style: .plain)
  page.line(
    "# \(title(report.kind)) of \(shown(report.workload)): \(shown(report.incident))")
  page.line()
  page.line("\(escaped(report.outcome)).")
  page.line()
  page.objectives(report)
  page.section("Next", remains(of: report) + next)
  page.section("Not paid yet", report.debts.map { "\($0.what), since \($0.since)" })
  page.section("What was decided, and why", report.decisions)
  page.milestones(report.milestones)
  page.steps(report.steps)
  page.timeline(report)
  return page.text
}

/// What an incident that is over leaves to a person.
private func remains(of report: IncidentReport) -> [String] {
  if report.isPresent || !report.debts.isEmpty { return [] }
  // A failover's is reviewed by order, and stands with the workload until then.
  let lost = report.kind == .failback ? report.lost.map { ["Look for what was left behind: \($0.what)."] } : nil
  let left = (lost ?? []) + (report.remains ?? [])
  return left.isEmpty ? ["Nothing: it is over, and nothing is owed."] : left
}

private func title(_ kind: PlanKind?) -> String {
  switch kind {
  case .failover?: "Failover"
  case .failback?: "Failback"
  case .switchover?: "Switchover"
  case .preparation?: "Preparation"
  case nil: "Incident"
  }
}

extension Page {
  fileprivate mutating func heading(_ title: String) {
    line("## \(title)")
    line()
  }

  fileprivate mutating func section(_ title: String, _ items: [String]) {
    if items.isEmpty { return }
    heading(title)
    for item in items { line("- \(escaped(item))") }
    line()
  }

  fileprivate mutating func row(_ cells: [String]) { line("| " + cells.joined(separator: " | ") + " |") }

  fileprivate mutating func head(_ cells: [String]) {
    row(cells)
    line("|" + String(repeating: "---|", count: cells.count))
  }

  fileprivate mutating func objectives(_ report: IncidentReport) {
    defer { loss(report) }
    guard report.kind == .failover else { return }
    head(["", "achieved", "objective", "met"])
    for (name, achieved) in [("recovery (RTO)", report.recovery), ("loss (RPO)", report.loss)] {
      let size = achieved.seconds.map(spoken) ?? achieved.soFar.map { "not yet, after \(spoken($0))" } ?? "not known"
      let bound = name.hasPrefix("loss") && report.lost?.confidence == .atMost ? "at most " : ""
      row([name, bound + size, spoken(achieved.objective), verdict(achieved)])
    }
    line()
  }

  private mutating func loss(_ report: IncidentReport) {
    guard let lost = report.lost else { return }
    let review = lost.reviewedBy.map { "; reviewed by \(escaped($0))" } ?? "; **not reviewed**"
    line("\(escaped(lost.what))\(report.kind == .failback ? "" : review).")
    line()
    let places = [lost.left.map { "left behind: \(place($0))" }, lost.promoted.map { "promoted: \(place($0))" }]
    for place in places.compactMap(\.self) { line("- \(escaped(place))") }
    if lost.left != nil { line() }
  }

  fileprivate mutating func milestones(_ moments: [IncidentReport.Moment]) {
    guard let first = moments.first else { return }
    heading("When")
    head(["", "at", "after the beginning"])
    for moment in moments {
      row([escaped(moment.what), moment.at.description, spoken(max(0, moment.at - first.at))])
    }
    line()
  }

  fileprivate mutating func steps(_ steps: [IncidentReport.StepReport]) {
    if steps.isEmpty { return }
    heading("Steps")
    head(["step", "state", "started", "AWS's time", "ours", "asked", "how it ended"])
    for step in steps {
      let id = step.receipt.map { " (\($0))" } ?? ""
      row([
        escaped(step.step.name), step.step.state.rawValue, step.step.startedAt?.description ?? "-",
        spoken(step.cloudSeconds), spoken(step.ownSeconds), "\(step.attempts)", escaped((step.step.detail ?? "") + id),
      ])
    }
    let (cloud, own) = (steps.reduce(0) { $0 + $1.cloudSeconds }, steps.reduce(0) { $0 + $1.ownSeconds })
    row(["together", "", "", spoken(cloud), spoken(own), "\(steps.reduce(0) { $0 + $1.attempts })", ""])
    line()
  }

  fileprivate mutating func timeline(_ report: IncidentReport) {
    let entries = report.timeline
    heading("Timeline")
    if entries.count < report.records {
      line("The newest \(entries.count) of \(report.records) records; `pilotlightctl ledger export` has all.")
      line()
    }
    head(["at", "what", ""])
    for entry in entries { row([entry.at.description, escaped(entry.kind), escaped(entry.sentence)]) }
  }
}

private func place(_ database: DatabaseStatus) -> String {
  let kept = database.keptAs.map { "; a failback keeps it as \($0)" } ?? ""
  return
    "\(database.arn ?? "\(database.identifier) in \(database.region)")\(database.address.map { ", \($0)" } ?? "")\(kept)"
}

private func verdict(_ achieved: IncidentReport.Achieved) -> String {
  if let met = achieved.met { return met ? "yes" : "**NO**" }
  return achieved.soFar.map { $0 > achieved.objective } == true ? "**NO**" : "-"
}

/// Foreign text, harmless in a terminal and in a table of Markdown.
private func escaped(_ text: String) -> String {
  var escaped = ""
  for character in shown(text) {
    if "\\|`*_<>[]".contains(character) { escaped.append("\\") }
    escaped.append(character)
  }
  return escaped
}
