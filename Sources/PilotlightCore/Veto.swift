// The veto: an optional command of the operator's that is asked before the one-way step of a failover. It may know what no probe can see: a
// deployment, a migration, a sale that ends in ten minutes.

/// What came of asking it; the text is what it printed, or what went wrong.
package enum VetoWord: Hashable, Sendable {
  /// Exit status 0.
  case allowed(String)
  /// Any other exit status.
  case vetoed(String)
  /// It could not be started, was killed, or took too long.
  case failed(String)

  package var sentence: String {
    switch self {
    case .allowed(let text): "the veto command allows it\(text.isEmpty ? "" : ": \(text)")"
    case .vetoed(let text): "vetoed: \(text)"
    case .failed(let text): "the veto command gave no answer: \(text)"
    }
  }
}

/// A word, and when it was asked for.
package struct VetoReading: Equatable, Sendable {
  package var word: VetoWord
  package var askedAt: Instant

  package init(word: VetoWord, askedAt: Instant) {
    self.word = word
    self.askedAt = askedAt
  }
}
