// What the operator's veto command says.

package import PilotlightCore

extension ProgramEnd {
  /// Exit status 0 allows, every other one vetoes; a program without one gave no answer.
  package var veto: VetoWord {
    switch self {
    case .exited(0, let text): .allowed(text)
    case .exited: .vetoed(fault ?? "")
    case .killed, .tookTooLong, .notStarted: .failed(fault ?? "")
    }
  }
}
