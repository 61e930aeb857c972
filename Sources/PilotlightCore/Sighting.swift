// How a watch is read, and what it saw.

/// How a watch is read.
package enum PollRequest: Hashable, Sendable {
  /// An HTTP probe with full classification.
  case probe(HTTPTarget)
  /// Any HTTP answer counts.
  case reach(url: String)
  case ask(CloudAction)
  case veto(CommandCall)
}

/// Which site's probe settings to use.
package typealias HTTPTarget = Site

/// What a watch saw.
package enum Sighting: Equatable, Sendable {
  case observation(Observation)
  case reply(CloudReply)
  case veto(VetoWord)
}

extension Observation {
  /// True when anything HTTP came back: the network works.
  package var answered: Bool {
    switch outcome {
    case .success: true
    case .failure(let failure, let status, _):
      status != nil || failure == .wrongContent || failure == .slow || failure == .address
    }
  }
}

extension CloudReply {
  /// Whether the API itself answered; nil when that cannot be told from this.
  package var answered: Bool? {
    guard case .failed(let failure) = self else { return true }
    switch failure.kind {
    case .notFound, .denied, .wrongState, .exists, .invalid, .throttled: return true
    case .unreachable, .transient, .unknownOutcome: return false
    case .credentials, .garbled: return nil
    }
  }
}
