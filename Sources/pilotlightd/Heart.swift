// Beats, asks every loop for a turn, and tells the service manager when all have turned. It has a thread of Dispatch's to itself for
// the time of a beat and waits for nobody: it must see what is stuck, and never be it.

import Dispatch
import PilotlightCore
import PilotlightEngine
import PilotlightLedger
import PilotlightSystemd
import Synchronization

final class Heart: Sendable {
  /// How a loop is asked for a turn: it calls back from inside one.
  typealias Pulse = @Sendable (@escaping @Sendable () -> Void) -> Void

  private let manager: ServiceManager
  private let say: @Sendable (Message) -> Void
  private let proof: Mutex<ProofOfLife>
  private let pulses = Mutex<[Loop: Pulse]>([:])
  private let mended = Mutex<(@Sendable () -> Void)?>(nil)
  private let isResting = Mutex(false)
  private let threads = Mutex<[Loop: Int32]>([:])
  /// Something is named, and it is its stack that an abort shows.
  private let isNamed = Mutex(false)
  private let interval: Duration
  private let queue = DispatchQueue(label: "pilotlight.heart", qos: .userInitiated)

  /// What was begun has so much longer than its timeout before it counts as lost. A guess on the safe side: a busy host must not
  /// make us restart.
  private static let grace: Duration = .seconds(30)

  /// Ten beats in the service manager's time: a wedged loop is noticed, and so the last sign of life is at most a beat younger.
  init(_ manager: ServiceManager, say: @escaping @Sendable (Message) -> Void) {
    self.manager = manager
    self.say = say
    interval = (manager.watchdogTimeout ?? .seconds(10)) / 10
    // A disk gets six times the service manager's time: what hangs longer than a minute is no burst of a neighbour's.
    proof = Mutex(ProofOfLife(bound: 4, ledgerBound: 60))
  }

  /// Begins to beat.
  ///
  /// - Parameter mended: called when what was named turns again.
  /// - Returns: what keeps it beating, until it is cancelled; nil where nobody watches us.
  func start(_ pulses: [Loop: Pulse], mended: @escaping @Sendable () -> Void) -> (any DispatchSourceTimer)? {
    self.pulses.withLock { $0 = pulses }
    self.mended.withLock { $0 = mended }
    guard manager.watchdogTimeout != nil else { return nil }
    let timer = DispatchSource.makeTimerSource(queue: queue)
    let pause = DispatchTimeInterval.nanoseconds(Int(interval.nanoseconds))
    timer.schedule(deadline: .now(), repeating: pause, leeway: .milliseconds(20))
    timer.setEventHandler { [weak self] in self?.beat() }
    timer.activate()
    return timer
  }

  /// We stop: nothing has to turn any more, and TimeoutStopSec= guards the end.
  func rest() { isResting.withLock { $0 = true } }

  // MARK: What the daemon tells

  /// A look or an act has begun that must end within `timeout`.
  func began(_ loop: Loop, _ what: @autoclosure () -> String, timeout: Duration) -> Int {
    let beats = Int((timeout + Heart.grace) / interval) + 1
    let what = what()
    return proof.withLock { $0.began(loop, what, within: beats) }
  }

  func ended(_ token: Int) { proof.withLock { $0.ended(token) } }

  func ledger(isEntered: Bool) { proof.withLock { $0.ledger(isEntered: isEntered) } }

  /// Called by a loop, from the thread that it now runs on.
  func runs(_ loop: Loop) {
    let thread = LastWords.thisThread
    threads.withLock { $0[loop] = thread }
    // Unless something else is named, it is the decisions that an abort wants to know about.
    if loop == .decisions, !isNamed.withLock({ $0 }) { LastWords.want(stackOf: thread) }
  }

  /// What must never be is so. The service manager ends us with SIGABRT, and begins anew from the ledger.
  func broke(_ invariant: String) {
    tell(Message(.invariantBroken, "\(invariant): aborting, to begin anew from the ledger"), lastWords: invariant)
    LogQueue.shared.flush()
    manager.trigger(status: "aborting: \(invariant)")
  }

  // MARK: Beating

  private func beat() {
    if isResting.withLock({ $0 }) { return manager.alive() }
    obey(proof.withLock { $0.beat() })
  }

  private func turned(_ loop: Loop, _ round: Int) { obey(proof.withLock { $0.turned(loop, round: round) }) }

  private func obey(_ signs: [Sign]) {
    for sign in signs {
      switch sign {
      case .ask(let round): ask(round)
      case .alive: manager.alive()
      case .stalled: stall()
      case .wedged(let loop): name(loop)
      case .turnsAgain:
        isNamed.withLock { $0 = false }
        tell(Message(.turnsAgain, "all loops turn again"), lastWords: "")
        mended.withLock { $0 }?()
      case .lost(let loop, let what): broke("the \(loop.rawValue) has lost something, it never ended: \(what)")
      }
    }
  }

  private func ask(_ round: Int) {
    for (loop, pulse) in pulses.withLock({ $0 }) {
      pulse { [weak self] in
        if loop != .decisions { self?.runs(loop) }
        self?.turned(loop, round)
      }
    }
  }

  private func stall() {
    let text = "the disk keeps a write of the ledger waiting: nothing is decided until it ends"
    manager.status(text)
    tell(Message(.diskStalled, text), lastWords: text)
  }

  private func name(_ loop: Loop) {
    isNamed.withLock { $0 = true }
    let thread = threads.withLock { $0[loop == .ledger ? .decisions : loop] }
    if let thread { LastWords.want(stackOf: thread) }
    let text = "the \(loop.rawValue) is stuck"
    manager.status("\(text): no sign of life is sent until it turns")
    tell(Message(.wedged, "\(text): no sign of life is sent until it turns"), lastWords: text)
  }

  private func tell(_ message: Message, lastWords: String) {
    LastWords.say(lastWords)
    say(message)
  }
}

/// The ledger as the engine sees it, telling the heart when it is being written.
final class WatchedLedger: LedgerStore {
  let file: SQLiteLedger
  private let heart: Heart

  init(_ file: SQLiteLedger, _ heart: Heart) {
    self.file = file
    self.heart = heart
  }

  func append(_ entries: [LedgerEntry]) throws(LedgerFailure) {
    heart.ledger(isEntered: true)
    defer { heart.ledger(isEntered: false) }
    try file.append(entries)
  }

  func entries(workload: String) throws(LedgerFailure) -> [LedgerEntry] {
    try file.entries(workload: workload)
  }

  func workloads() throws(LedgerFailure) -> [String] { try file.workloads() }
}
