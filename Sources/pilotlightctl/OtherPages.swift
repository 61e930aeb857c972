// `plan` and `history` for people.

import PilotlightControlAPI

func planPage(_ plan: PlanReport, style: Style) -> String {
  var page = Page(style: style)
  let count = "\(plan.steps.count) step\(plan.steps.count == 1 ? "" : "s")"
  page.line(
    style.paint("\(plan.kind.rawValue) of \(shown(plan.workload))", .bold)
      + "  \(count), about \(spoken(plan.forecastSeconds)); nothing is done by looking at it")
  for (index, step) in plan.steps.enumerated() {
    page.line()
    let needs = step.needs.isEmpty ? "" : ", after \(step.needs.map(shown).joined(separator: ", "))"
    page.line(
      "\(index + 1). " + style.paint(shown(step.name), .bold) + "  "
        + style.paint(step.kind.rawValue, step.kind == .oneWay ? .red : .plain)
        + ", about \(spoken(step.forecastSeconds))\(needs)")
    page.line("   \(shown(step.does))")
    if let finds = step.finds { page.line("   now: \(shown(finds))") }
    for call in step.calls { page.line("   " + style.paint("\(shown(call.api)) in \(shown(call.region))", .dim)) }
  }
  if let without = plan.without {
    page.line()
    page.line(
      "Left out by the configuration, and done or looked at by nobody: \(without.map(shown).joined(separator: ", "))")
  }
  return page.text
}

func historyPage(_ entries: [HistoryEntry], style: Style) -> String {
  var page = Page(style: style)
  if entries.isEmpty { page.line("Nothing is recorded.") }
  for entry in entries {
    let place = entry.workload.isEmpty ? "daemon" : shown(entry.workload)
    page.line(
      "\(style.paint(entry.at.description, .dim))  \(style.paint(place, .cyan))  \(shown(entry.sentence))"
        + style.paint(entry.incident.map { "  [\(shown($0))]" } ?? "", .dim))
  }
  return page.text
}
