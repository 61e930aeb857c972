// Every legal move between phases, with its sentence. The table asserts, is printed in the log, and draws the diagram; it never
// dispatches.

/// One legal move of the machine.
package struct Edge: Hashable, Sendable {
  package let from: PhaseName
  package let to: PhaseName
  package let sentence: String

  /// In the order of a bad night.
  package static let all: [Edge] = [
    Edge(.healthy, .degraded, "the primary shows trouble"),
    Edge(.degraded, .healthy, "the primary serves again"),
    Edge(
      .degraded, .failingOver, "the outage is confirmed and corroborated, or a failover or a switchover was ordered"),
    Edge(.healthy, .failingOver, "a failover or a switchover was ordered"),
    Edge(.failingOver, .degraded, "taken back before the one-way step"),
    Edge(.failingOver, .drActive, "the DR region serves"),
    Edge(.drActive, .failingBack, "a failback was ordered"),
    Edge(.failingBack, .drActive, "taken back before the cut-over"),
    Edge(.failingBack, .healthy, "the primary serves and the pilot light burns again"),
  ]

  init(_ from: PhaseName, _ to: PhaseName, _ sentence: String) {
    self.from = from
    self.to = to
    self.sentence = sentence
  }

  /// The sentence of a move; nil when the phase stays.
  package static func sentence(from: PhaseName, to: PhaseName) -> String? {
    if from == to { return nil }
    return all.first { $0.from == from && $0.to == to }?.sentence
  }
}

/// The state diagram as Mermaid text, for the README and `pilotlightctl graph`.
package func machineDiagram() -> String {
  // Mermaid's identifiers have no hyphens, so the names that do stand behind aliases.
  func id(_ phase: PhaseName) -> String { phase.rawValue.split(separator: "-").joined() }
  var lines = ["stateDiagram-v2"]
  for phase in PhaseName.allCases { lines.append("  state \"\(phase.rawValue)\" as \(id(phase))") }
  lines.append("  [*] --> \(id(.healthy))")
  for edge in Edge.all { lines.append("  \(id(edge.from)) --> \(id(edge.to)): \(edge.sentence)") }
  return lines.joined(separator: "\n") + "\n"
}
