// What the daemon says, as it goes to the journal, and the catalog that explains it.

/// How loud a message is; the numbers are syslog priorities.
package enum MessageLevel: Int, Hashable, Sendable, Codable {
  case critical = 2
  case error = 3
  case warning = 4
  case notice = 5
  case info = 6
  /// What is only of interest to somebody who looks for it.
  case debug = 7
}

/// One thing that happened, as it goes to the journal.
package struct Message: Hashable, Sendable {
  package var kind: MessageKind
  package var text: String
  /// nil for what concerns the daemon as a whole.
  package var workload: String?
  package var phase: PhaseName?
  package var incident: String?
  package var step: String?

  package init(
    _ kind: MessageKind, _ text: String, workload: String? = nil, phase: PhaseName? = nil, incident: String? = nil,
    step: String? = nil
  ) {
    self.kind = kind
    self.text = text
    self.workload = workload
    self.phase = phase
    self.incident = incident
    self.step = step
  }
}

/// The journal's message catalog, in the format of systemd's `journalctl --update-catalog`.
package func messageCatalog() -> String {
  MessageKind.allCases.map { kind in
    let meaning = kind.meaning
    return """
      -- \(meaning.id)
      Subject: \(kind.rawValue)
      Defined-By: Pilotlight
      Support: man:pilotlightctl(1)

      \(meaning.meaning)

      \(meaning.next)

      """
  }.joined(separator: "\n")
}
