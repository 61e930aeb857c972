// What the engine needs from the world, as protocols. The adapters at the rim implement them.

package import PilotlightCore

/// One durable line of the ledger.
package struct LedgerEntry: Equatable, Sendable {
  /// Which workload it belongs to; empty for the daemon itself.
  package var workload: String
  /// The incident it belongs to, nil outside one.
  package var incident: String?
  /// A short stable name of the kind of record, e.g. `stepIntent`.
  package var kind: String
  /// The record, JSON, UTF-8.
  package var payload: String
  /// One sentence for people, shown by `history`.
  package var sentence: String
  package var at: Instant
  package init(workload: String, incident: String?, kind: String, payload: String, sentence: String, at: Instant) {
    self.workload = workload
    self.incident = incident
    self.kind = kind
    self.payload = payload
    self.sentence = sentence
    self.at = at
  }
}

/// Why the ledger could not take or give a record.
package enum LedgerFailure: Error, Hashable, Sendable {
  /// The disk is full (F62) or read-only (F69): nothing may act until it is written again.
  case cannotWrite(String)
  /// An fsync or write failed in a way that leaves the file's state unknown (F63, F64): stop, never retry on the same file.
  case broken(String)
  /// The chain of hashes does not hold (F66, F97): sequence number of the first bad record, and what is wrong.
  case tampered(sequence: Int64, String)
  /// Written by a newer version (F68).
  case newer(found: Int, known: Int)
}

/// A chained, append-only record that survives power loss.
package protocol LedgerStore: AnyObject {
  /// Durable when it returns: all entries in one transaction, fsynced, or none of them.
  func append(_ entries: [LedgerEntry]) throws(LedgerFailure)
  /// All entries of one workload, oldest first.
  func entries(workload: String) throws(LedgerFailure) -> [LedgerEntry]
}

/// The last look before a request leaves.
package enum Sending {
  /// A process that was frozen between deciding and sending must not act on what it knew then: the answer such an act gets instead of
  /// being sent; nil when it may go.
  package static func refusal(
    _ action: CloudAction, decidedAt: Instant, at now: Instant, timeGap: Duration
  ) -> CloudReply? {
    guard action.changes, now - decidedAt > timeGap else { return nil }
    let late = (now - decidedAt).text
    return .failed(
      CloudFailure(.unreachable, code: "NotSent", message: "decided \(late) ago and not sent: the process stood still"))
  }
}

extension CloudAction {
  /// How long a caller waits for its answer: a question is given up after this long, an act later.
  package var timeout: Duration { changes ? .seconds(45) : .seconds(15) }
}

extension Watch {
  /// How long a call that answers it may take. The primary region's API is asked whether it is there: that it is not is believed
  /// after several questions, and they should not take as long as the confirmation itself.
  package func timeout(of action: CloudAction) -> Duration { self == .primaryAPI ? .seconds(5) : action.timeout }
}

/// The cloud, AWS or sandbox. Retries of its own are limited to requests that certainly did nothing (throttles, reads).
package protocol Cloud: Sendable {
  /// Always answers: what goes wrong comes back as `.failed`. Answers within `timeout`, give or take a second.
  func perform(_ action: CloudAction, timeout: Duration) async -> CloudReply
}
