// When the service manager may hear that we live. Time is counted in beats: a process that was frozen has none, and must not find
// all its loops overdue when it goes on.
//
// A round asks every loop for a turn and is over when the last one has answered: that is the proof, and only then WATCHDOG=1 is
// sent. The next round begins at the next beat. A loop that does not answer holds its round open for ever, whatever the others do.
// A loop may turn and still have lost something: what it has begun (a look, an act) must end within its time, too.

/// What must turn.
package enum Loop: String, CaseIterable, Sendable {
  /// The queue on which everything is decided. Its proof is a turn of the engine, not of the queue.
  case decisions = "decision loop"
  /// libcurl's queue, on which probes run.
  case probes = "probe loop"
  /// Swift's thread pool, on which calls to AWS wait for their answers.
  case cloud = "AWS loop"
  /// The event loop of the control socket.
  case control = "control loop"
  /// Writes of the ledger. They happen in the decision loop's turn and hold it up.
  case ledger = "ledger"
}

/// What the heart does after something was told to the proof.
package enum Sign: Equatable, Sendable {
  /// A round begins: ask these loops for a turn, under this number.
  case ask(round: Int)
  /// Every loop has turned: tell the service manager.
  case alive
  /// The disk keeps the decision loop waiting in a write of the ledger, and all others turn; said once. Signs of life go on for a
  /// while: a new process would find the same disk, and would have forgotten what the probes saw.
  case stalled
  /// These loops have not turned within their bound; said once.
  case wedged(Loop)
  /// All loops turn again; said once.
  case turnsAgain
  /// Something was begun and will never end: nothing in this process can be trusted to notice the next one.
  case lost(Loop, String)
}

/// Which loops have turned, in which round.
package struct ProofOfLife: Sendable {
  private struct Begun {
    var loop: Loop
    var what: String
    var dueAt: Int
  }

  /// Beats a loop may take for a turn before it is named.
  private let bound: Int
  /// Beats that a write of the ledger may take before it counts as wedged.
  private let ledgerBound: Int
  private var beats = 0
  private var round = 0
  private var roundBegan = 0
  private var missing: Set<Loop> = []
  private var named: Loop?
  private var begun: [Int: Begun] = [:]
  private var lastToken = 0
  /// Since which beat the decision loop is inside the ledger.
  private var inLedgerSince: Int?
  private var isStalled = false

  /// The loops that answer rounds. The ledger answers through the decision loop.
  package static let asked: Set<Loop> = [.decisions, .probes, .cloud, .control]

  /// - Parameters:
  ///   - bound: beats a loop may take for a turn before it is named.
  ///   - ledgerBound: beats that a write of the ledger may take.
  package init(bound: Int, ledgerBound: Int) {
    self.bound = bound
    self.ledgerBound = ledgerBound
  }

  /// Called at every beat.
  package mutating func beat() -> [Sign] {
    beats += 1
    if let late = begun.values.filter({ $0.dueAt < beats }).min(by: { $0.dueAt < $1.dueAt }) {
      begun = [:]
      return [.lost(late.loop, late.what)]
    }
    if missing.isEmpty { return [nextRound()] }
    guard beats - roundBegan >= bound, named == nil, let stuck = Loop.allCases.first(where: missing.contains) else {
      return []
    }
    if let since = inLedgerSince, missing == [.decisions] {
      guard beats - since >= ledgerBound else { return wait() }
    }
    let culprit = stuck == .decisions && inLedgerSince != nil ? .ledger : stuck
    named = culprit
    return [.wedged(culprit)]
  }

  private mutating func nextRound() -> Sign {
    round += 1
    roundBegan = beats
    missing = ProofOfLife.asked
    return .ask(round: round)
  }

  /// All loops but the one that waits for the disk have turned; they have to turn again.
  private mutating func wait() -> [Sign] {
    defer { isStalled = true }
    return (isStalled ? [] : [.stalled]) + [.alive, nextRound()]
  }

  /// A loop has turned. An answer to a round of before proves nothing.
  package mutating func turned(_ loop: Loop, round answered: Int) -> [Sign] {
    guard answered == round, missing.remove(loop) != nil, missing.isEmpty else { return [] }
    defer {
      named = nil
      isStalled = false
    }
    return named == nil && !isStalled ? [.alive] : [.alive, .turnsAgain]
  }

  /// The decision loop enters or leaves the ledger.
  package mutating func ledger(isEntered: Bool) { inLedgerSince = isEntered ? beats : nil }

  /// Something that must end was begun.
  ///
  /// - Parameter within: beats.
  /// - Returns: a number for `ended`.
  package mutating func began(_ loop: Loop, _ what: String, within: Int) -> Int {
    lastToken += 1
    begun[lastToken] = Begun(loop: loop, what: what, dueAt: beats + within)
    return lastToken
  }

  package mutating func ended(_ token: Int) { begun[token] = nil }
}
