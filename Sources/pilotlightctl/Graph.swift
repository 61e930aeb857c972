import ArgumentParser

struct Graph: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the state diagram as Mermaid: the phases, and the sentence of every move between them.")

  func run() { print(diagramText()) }
}

/// The diagram of the machine that this program was built with.
func diagramText() -> String {
  placeholderDiagram()
}

private func placeholderDiagram() -> String {
  """
  stateDiagram-v2
    healthy --> degraded
    degraded --> healthy
    degraded --> failing-over
    failing-over --> dr-active
    dr-active --> failing-back
    failing-back --> healthy
  """
}
