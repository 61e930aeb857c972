import ArgumentParser
import PilotlightCore

struct Graph: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the state diagram as Mermaid: the phases, and the sentence of every move between them.")

  func run() { print(diagramText(), terminator: "") }
}

/// The diagram of the machine that this program was built with; the README embeds the same text.
func diagramText() -> String { machineDiagram() }
