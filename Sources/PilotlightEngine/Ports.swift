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
  /// The file is no sound database, or no ledger: it stays so until somebody restores it.
  case damaged(String)
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
  /// The names of all workloads that have entries.
  func workloads() throws(LedgerFailure) -> [String]
}

/// The last look before a request leaves.
package enum Sending {
  /// A process that was frozen between deciding and sending must not act on what it knew then: the answer such an act gets instead of
  /// being sent; nil when it may go.
  ///
  /// - Parameter terms: what holds for the workload since the decision.
  package static func refusal(_ action: CloudAction, _ terms: SendingTerms, at now: Instant) -> CloudReply? {
    guard action.changes else { return nil }
    let why: String
    if now - terms.decidedAt > terms.timeGap {
      why = "decided \((now - terms.decidedAt).text) ago and not sent: the process stood still"
    } else if let end = terms.until, end <= now {
      why = "not sent: the lease has lapsed"
    } else {
      return nil
    }
    return .failed(CloudFailure(.unreachable, code: "NotSent", message: why))
  }

  /// How long a caller waits for the answer: an act is given up when the lease ends.
  package static func timeout(_ action: CloudAction, _ terms: SendingTerms, at now: Instant) -> Duration {
    // A program that was begun under the lease ends by itself, or by its own timeout.
    if case .runCommand = action { return action.timeout }
    guard action.changes, let end = terms.until else { return action.timeout }
    return min(action.timeout, end - now)
  }
}

/// Under which terms a decision is carried out.
package struct SendingTerms: Equatable, Sendable {
  package var decidedAt: Instant
  package var timeGap: Duration
  /// The end of the lease under which it was decided; nil where there is none.
  package var until: Instant?
  package init(decidedAt: Instant, timeGap: Duration, until: Instant?) {
    self.decidedAt = decidedAt
    self.timeGap = timeGap
    self.until = until
  }
}

extension CloudAction {
  /// How long a caller waits for its answer: a question is given up after this long, an act later.
  package var timeout: Duration {
    if case .runCommand(let call) = self { return call.timeout }
    return changes ? .seconds(45) : .seconds(15)
  }
}

extension Watch {
  /// How long a call that answers it may take. The primary region's API is asked whether it is there: that it is not is believed
  /// after several questions, and they should not take as long as the confirmation itself.
  ///
  /// A lease that is asked for long is over before the answer comes.
  package func timeout(of action: CloudAction) -> Duration {
    switch self {
    case .primaryAPI, .lease: .seconds(5)
    default: action.timeout
    }
  }
}

/// The cloud, AWS or sandbox. Retries of its own are limited to requests that certainly did nothing (throttles, reads).
package protocol Cloud: Sendable {
  /// Always answers: what goes wrong comes back as `.failed`. Answers within `timeout`, give or take a second.
  func perform(_ action: CloudAction, timeout: Duration) async -> CloudReply
}
