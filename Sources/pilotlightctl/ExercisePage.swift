// `simulate` for people: the timeline, then for each workload what it came to.

import PilotlightConfiguration
import PilotlightControlAPI
import PilotlightCore
import PilotlightSandbox
import PilotlightScenarios
import PilotlightSimulation

/// One run.
func exercisePage(_ exercise: Exercise, _ table: Tabletop, style: Style) -> String {
  var page = Page(style: style)
  headline(table, "seed \(exercise.seed)", &page)
  if !exercise.timeline.isEmpty { page.line() }
  let names = table.workloads.count > 1
  for line in exercise.timeline {
    // The daemon's own lines say the same.
    if ["request", "answer"].contains(line.source) { continue }
    page.line(timelineLine(line, began: exercise.began, names: names, style: style))
  }
  for found in exercise.workloads { findingsLines(found, began: exercise.began, &page) }
  for violation in exercise.violations {
    page.line()
    page.line(brokenLine("\(violation.rule) at \(elapsed(violation.at - exercise.began)): \(violation.detail)", style))
  }
  return page.text
}

/// Several runs.
func campaignPage(_ campaign: Campaign, _ table: Tabletop, style: Style) -> String {
  var page = Page(style: style)
  headline(
    table, "\(campaign.runs) runs, seeds \(campaign.first) to \(campaign.first + UInt64(campaign.runs) - 1)", &page)
  for tally in campaign.workloads {
    let objectives = tally.settings.objectives
    page.line()
    page.line(style.paint(tally.settings.name, .bold) + "  mode \(tally.settings.mode.rawValue)")
    let counts = Exercise.Verdict.allCases.map { "\(tally.count($0)) \($0.rawValue)" }
    page.field("runs", counts.joined(separator: ", "))
    page.field("recovery", spreadText(tally.recovery), .bold)
    page.field("", "RTO \(objectives.rto.text)")
    page.field("loss window", spreadText(tally.loss), .bold)
    page.field("", "RPO \(objectives.rpo.text)")
    page.field("writes lost", countText(tally.lostWrites))
    if let worst = tally.worst, worst.verdict > .undisturbed { page.field("worst run", "--seed \(worst.seed)") }
  }
  page.line()
  page.field("promises broken", "in \(campaign.violated) runs", campaign.violated == 0 ? .plain : .red)
  if let (seed, violation) = campaign.firstViolation {
    page.line(brokenLine("\(violation.rule) in seed \(seed): \(violation.detail)", style))
  }
  return page.text
}

private func headline(_ table: Tabletop, _ chance: String, _ page: inout Page) {
  page.line(
    page.style.paint(shown(table.file.name), .bold)
      + "  on \(table.focus.name), \(table.file.duration.text) simulated, \(chance); nothing real is touched")
}

private func brokenLine(_ text: String, _ style: Style) -> String {
  style.paint("BROKEN PROMISE, please report it: \(shown(text))", .red)
}

// MARK: Timeline

private func timelineLine(_ line: JournalLine, began: Instant, names: Bool, style: Style) -> String {
  let (word, ink) = label(line)
  let whose = names ? line.message?.workload.map { "[\($0)] " } ?? "" : ""
  let clock = line.at.text.dropFirst(11)
  let gap = String(repeating: " ", count: max(1, 10 - word.count))
  return "  \(elapsed(line.at - began))  \(style.paint(String(clock), .dim))  \(style.paint(word, ink))\(gap)"
    + whose + shown(line.text)
}

private func label(_ line: JournalLine) -> (String, Style.Ink) {
  guard let message = line.message else {
    return (line.source, line.source == "users" ? .bold : .cyan)
  }
  switch message.kind.meaning.level {
  case .critical: return ("CRITICAL", .red)
  case .error: return ("ERROR", .red)
  case .warning: return ("WARNING", .yellow)
  case .notice, .info, .debug: return ("daemon", .dim)
  }
}

/// `+0:05:00`, hours, minutes and seconds since the beginning.
private func elapsed(_ time: Duration) -> String {
  let seconds = time.nanoseconds / 1_000_000_000
  func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
  return "+\(seconds / 3600):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
}

// MARK: Result

private func findingsLines(_ found: Exercise.Findings, began: Instant, _ page: inout Page) {
  let ink: Style.Ink =
    switch found.verdict {
    case .undisturbed, .met: .green
    case .missed: .yellow
    case .notRecovered: .red
    }
  page.line()
  page.line(
    page.style.paint(found.settings.name, .bold) + "  " + page.style.paint(found.verdict.rawValue.uppercased(), ink)
      + "  \(found.phase.rawValue) at the end, mode \(found.settings.mode.rawValue)")
  outageLines(found, began, &page)
  lossLines(found, &page)
  page.field("promotions", "\(found.facts.promotions)")
  page.field("two writers", found.facts.doubleWriters.text, found.facts.doubleWriters > .zero ? .red : .plain)
  if let debts = found.belief?.debts, !debts.isEmpty {
    page.field("fence debts", "\(debts.count), retried until paid", .red)
    page.bullets(debts.map(\.why))
  }
  listLines("waiting for", found.waitingFor, &page)
  listLines("next", found.next, &page)
  if found.settings.mode == .observe, found.verdict > .met {
    page.field("", "or see what it would do if it were allowed to: --mode automatic")
  }
}

private func listLines(_ label: String, _ items: [String], _ page: inout Page) {
  for (index, item) in items.enumerated() { page.field(index == 0 ? label : "", shown(item)) }
}

private func outageLines(_ found: Exercise.Findings, _ began: Instant, _ page: inout Page) {
  if found.outages.isEmpty { page.field("service", "users were served all the time") }
  let rto = found.settings.objectives.rto
  for outage in found.outages {
    page.field("outage at", "\(elapsed(outage.start - began))  (\(outage.start.text))")
    guard let restored = outage.restoredAt else {
      page.field("service restored", "not yet; RTO \(rto.text)", .red)
      continue
    }
    let took = restored - outage.start
    let from = outage.restoredFrom.map { ", from the \($0.words)" } ?? ""
    page.field(
      "service restored", "after \(took.text)\(from); \(compared(took, with: rto, "RTO"))", took > rto ? .red : .green)
  }
  if let claimed = found.claimedRecovery {
    page.field("the daemon said", "\(claimed.text) out, when its failover was finished")
  }
}

private func lossLines(_ found: Exercise.Findings, _ page: inout Page) {
  let facts = found.facts
  page.field("writes lost", "\(facts.lostWrites) of \(facts.writesAccepted)", facts.lostWrites > 0 ? .yellow : .plain)
  guard facts.promotions > 0 else { return }
  // What the new database lacks is lost for good when the first user writes to it.
  guard found.verdict != .notRecovered else { return page.field("loss window", "not known before users write again") }
  let rpo = found.settings.objectives.rpo
  page.field(
    "loss window", "\(facts.lossWindow.text); \(compared(facts.lossWindow, with: rpo, "RPO"))",
    facts.lossWindow > rpo ? .red : .green)
  if let claimed = found.claimedLoss { page.field("the daemon said", "\(claimed.text), when the gate let pass") }
}

/// `RTO 30 min met with 18 min to spare`.
private func compared(_ value: Duration, with objective: Duration, _ name: String) -> String {
  value <= objective
    ? "\(name) \(objective.text) met with \((objective - value).text) to spare"
    : "\(name) \(objective.text) MISSED by \((value - objective).text)"
}

private func spreadText(_ spread: Spread) -> String {
  named(spread) { $0.map { Duration.seconds($0).text } ?? "not at all" }
}

private func countText(_ spread: Spread) -> String { named(spread) { "\(Int($0 ?? 0))" } }

private func named(_ spread: Spread, _ show: (Double?) -> String) -> String {
  "min \(show(spread.min)), median \(show(spread.median)), p95 \(show(spread.p95)), max \(show(spread.max))"
}
