// A page is kept in memory until it is taken, and a crash loses it. Of what changes a run the ledger knows more: it has the record that
// was paged about, and a note of the last page that was taken. Where they differ, the next process calls again.
//
// What is so as long as it is so (a gate that waits, a step that is stuck, a debt) is said again by the machine itself.

import PilotlightControlAPI
import PilotlightCore
import PilotlightEngine
import PilotlightLedger

/// What the last line of a page says, the same for every sending of the same news: `id WORKLOAD/INCIDENT/KIND[/STEP]`.
struct PageID: Equatable {
  let text: String
  let workload: String
  /// Records of these kinds are told once, when they are written.
  private static let once: Set<MessageKind> = [
    .runBegun, .runFinished, .rolledBack, .stepOwed, .vetoed, .debtIncurred,
  ]

  /// nil for a page whose news is said again by itself.
  init?(_ page: CloudAction) {
    guard case .publish(_, _, let message) = page, let line = message.split(separator: "\n").last else { return nil }
    let parts = line.dropFirst("id ".count).split(separator: "/")
    guard parts.count >= 3, let kind = MessageKind(rawValue: String(parts[2])), PageID.once.contains(kind) else {
      return nil
    }
    text = String(line)
    workload = String(parts[0])
  }

  /// Where the ledger keeps the last one that was taken.
  static func fact(of workload: String) -> String { "paged \(workload)" }
}

extension WorkloadGuard {
  /// The newest news of this workload that a process before this one should have paged, and has not seen taken.
  ///
  /// - Parameter patience: older news calls nobody any more.
  func unsent(in ledger: SQLiteLedger, at now: Instant, patience: Duration) throws -> Message? {
    guard let topic = settings.page, settings.mode != .observe, let incident = try ledger.newestIncident(of: name)
    else { return nil }
    let codec = JSONRecordCodec()
    for row in try ledger.history(workload: name, incident: incident, limit: 10_000).reversed() {
      if now - row.entry.at > patience { return nil }
      let record = try codec.decode(row.entry.payload)
      let message = Message(
        record.kind, row.entry.sentence, workload: name, phase: machine.state.phase.name, incident: row.entry.incident,
        step: record.step)
      guard message.kind.isPaged, let id = PageID(message.page(topic)) else { continue }
      return try ledger.fact(PageID.fact(of: name)) == id.text ? nil : message
    }
    return nil
  }
}
