// `replay` for people: what was recorded, then for each workload what would have happened, the wrong ones in red.

import PilotlightCore
import PilotlightRecording

func replayPage(
  _ findings: Findings, _ damage: RecordingReader.Damage, config: String, style: Style
) -> String {
  var page = Page(style: style)
  recordingLines(findings, damage, config, &page)
  for workload in findings.workloads { workloadLines(workload, &page) }
  return page.text
}

private func recordingLines(
  _ findings: Findings, _ damage: RecordingReader.Damage, _ config: String, _ page: inout Page
) {
  let span =
    findings.span.map { "\(moment($0.lowerBound)) to \(moment($0.upperBound)), \(length($0)) of it" } ?? "empty"
  page.line(page.style.paint("Replay", .bold) + "  \(span); nothing was done")
  page.field("configuration", shown(config))
  page.field("recorded", "\(findings.sightings) sightings, \(counted(findings.starts, "start")) of the daemon")
  if findings.gaps.count > 0 {
    page.field("time gaps", "\(findings.gaps.count), longest \(findings.gaps.longest.text)", .yellow)
  }
  if findings.missed > 0 {
    page.field("not kept", "\(findings.missed) sightings: the disk was full, slow or broken", .yellow)
  }
  if damage.bytes > 0 {
    page.field("unreadable", "\(damage.bytes) bytes were damaged or torn and are left out", .yellow)
  }
  if damage.unknown > 0 || damage.newer != nil {
    let version = damage.newer.map { ", format \($0)" } ?? ""
    page.field("unreadable", "\(damage.unknown) parts were written by a newer version\(version)", .yellow)
  }
  if !findings.strangers.isEmpty {
    page.field("left out", "not in this configuration: \(findings.strangers.map(shown).joined(separator: ", "))")
  }
}

private func workloadLines(_ found: Findings.Workload, _ page: inout Page) {
  let (word, ink) = headline(found)
  page.line()
  page.line(
    page.style.paint(shown(found.settings.name), .bold) + "  " + page.style.paint(word, ink)
      + "  confirmFor \(found.settings.detection.confirmFor.text), mode \(found.settings.mode.rawValue)")
  for failover in found.failovers { failoverLines(failover, found.settings, &page) }
  for held in found.held {
    let end = held.recoveredAt == nil ? ", not over at the end" : ""
    page.field("held back", "outage at \(moment(held.outageStart)), \(held.lasted.text)\(end)", .yellow)
    page.bullets(held.why)
  }
  page.field("near misses", nearMisses(found.nearMisses))
  if found.concerns > 0 {
    page.field("concerns", "degraded \(counted(found.concerns, "time")) although probes succeeded")
  }
  page.field(
    "blind",
    found.blind.count == 0
      ? "never"
      : "\(counted(found.blind.count, "time")), \(found.blind.total.text) in all, longest \(found.blind.longest.text)")
  page.field(
    "lag unknown", found.longestUnknownLag == .zero ? "never" : "for \(found.longestUnknownLag.text) at the longest")
  for run in found.runs { page.field("the daemon itself", "a run was \(run.moment.rawValue) at \(moment(run.at))") }
  if !found.limits.isEmpty {
    page.field("it cannot tell", found.limits.isEmpty ? "" : "what follows from these:")
    page.bullets(found.limits)
  }
}

private func headline(_ found: Findings.Workload) -> (String, Style.Ink) {
  if found.failovers.contains(where: { $0.verdict == .wrong && $0.brake == nil }) {
    return ("WOULD HAVE FAILED OVER WRONGLY", .red)
  }
  if found.failovers.contains(where: { $0.brake == nil }) { return ("WOULD HAVE FAILED OVER", .yellow) }
  if !found.held.isEmpty || !found.failovers.isEmpty { return ("WOULD HAVE HELD BACK", .yellow) }
  return ("NOTHING WOULD HAVE BEGUN", .green)
}

private func failoverLines(_ failover: Findings.Failover, _ settings: WorkloadSettings, _ page: inout Page) {
  let start = failover.outageStart
  page.field(
    "would fail over", "\(moment(failover.begunAt)), \((failover.begunAt - start).text) into the outage", .bold)
  page.field(
    "  outage since", "\(moment(start)), confirmed after \((failover.confirmedAt - start).text)")
  page.field(
    "  loss", lossText(failover.loss, settings), failover.loss.isWithin(settings.objectives.rpo) ? .plain : .yellow)
  let back = failover.servedAt - start
  page.field(
    "  service back", "about \(moment(failover.servedAt)), after \(back.text); RTO \(settings.objectives.rto.text)",
    back > settings.objectives.rto ? .red : .plain)
  let (text, ink) = verdictText(failover)
  page.field("  judgement", text, ink)
  if let brake = failover.brake { page.field("  but", "it would have been held: \(brake)", .yellow) }
  if let real = failover.realRunAt {
    page.field("  really", "the daemon began its own failover at \(moment(real))")
  }
  page.bullets(failover.evidence)
}

private func verdictText(_ failover: Findings.Failover) -> (String, Style.Ink) {
  let lasted = (failover.knownUntil - failover.outageStart).text
  switch failover.verdict {
  case .right:
    let end = failover.recoveredAt == nil ? "at least \(lasted), the recording ends" : lasted
    return ("right: the outage lasted \(end)", .green)
  case .wrong:
    let rest = failover.wouldBeTakenBack ? "; the gate would have taken it back before the promotion" : ""
    let after = failover.recoveredAt.map { ($0 - failover.begunAt).text } ?? ""
    return ("WRONG: the primary recovered after \(lasted), \(after) after the failover would have begun\(rest)", .red)
  case .open where failover.realRunAt != nil:
    return (
      "open: the daemon failed over itself and fenced the primary; how long it would have been out is not known",
      .yellow
    )
  case .open: return ("open: the primary was still down when the recording ends, after \(lasted)", .yellow)
  }
}

private func lossText(_ loss: LossWindow, _ settings: WorkloadSettings) -> String {
  let rpo = settings.objectives.rpo.text
  if loss.isWithin(settings.objectives.rpo) { return "\(loss.text), within the RPO of \(rpo)" }
  let then =
    switch settings.decision.onRpoBreach {
    case .hold: "it would have waited for a person"
    case .promote: "it would have promoted all the same"
    case .promoteAtDeadline: "it would have waited until the commit deadline"
    }
  return "\(loss.text), not within the RPO of \(rpo): \(then)"
}

private func nearMisses(_ all: [Findings.NearMiss]) -> String {
  guard let longest = all.max(by: { $0.lasted < $1.lasted }) else { return "none" }
  return "\(all.count), longest \(longest.lasted.text) at \(moment(longest.outageStart))"
}

private func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }

private func length(_ span: ClosedRange<Instant>) -> String { (span.upperBound - span.lowerBound).text }

/// `2026-11-03 03:12:04Z`.
private func moment(_ instant: Instant) -> String { instant.text.split(separator: "T").joined(separator: " ") }
