// One question to one server: by UDP, a fresh socket, port and id for each try, and by TCP where the answer did not fit (RFC 1035, 4.2;
// RFC 5452, 9; RFC 7766). Everything happens on one queue, and nothing on it blocks.

import Dispatch
import Glibc
import PilotlightCore
import PilotlightQueues

/// How long and how often a server is asked.
package struct Patience: Sendable {
  /// A try by UDP, or the one by TCP, takes so long at most.
  package var eachTry: Duration
  /// By UDP, 1...
  package var tries: Int
  package init(eachTry: Duration = .seconds(2), tries: Int = 2) {
    self.eachTry = eachTry
    self.tries = tries
  }
}

actor Exchange {
  private let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let sockets: SocketSet
  private let query: DNSQuery
  private let server: ServerAddress
  private let patience: Patience
  private let deadline: ContinuousClock.Instant
  private let begin = ContinuousClock.now

  private var completion: CheckedContinuation<Result<DNSMessage, DNSFailure>, Never>?
  private var isOver = false
  private var channel: Channel?
  private var id: UInt16 = 0
  /// Tries by UDP that were begun.
  private var tries = 0
  /// Of the try under way: a timer that comes late finds another one.
  private var turn = 0
  private var strangers = 0
  /// By the channel that is open.
  private var isSent = false

  init(
    _ query: DNSQuery, to server: ServerAddress, _ patience: Patience, until deadline: ContinuousClock.Instant,
    _ sockets: SocketSet, on executor: QueueExecutor
  ) {
    self.query = query
    self.server = server
    self.patience = patience
    self.deadline = deadline
    self.sockets = sockets
    self.executor = executor
  }

  /// Asks, once; whoever waits may be cancelled.
  func run() async -> Result<DNSMessage, DNSFailure> {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if isOver { return continuation.resume(returning: .failure(.notAsked("given up"))) }
        completion = continuation
        askByDatagram()
      }
    } onCancel: {
      Task { await finish(.failure(.notAsked("given up"))) }
    }
  }

  private func finish(_ result: Result<DNSMessage, DNSFailure>) {
    isOver = true
    channel?.close()
    channel = nil
    completion?.resume(returning: result)
    completion = nil
  }

  // What is sent

  private func askByDatagram() {
    tries += 1
    open(.datagram)
    if let failure = channel?.send(query.message(id: id)) { failed(failure) }
  }

  /// The message goes when the connection stands.
  private func askByStream() { open(.stream) }

  private func open(_ kind: Channel.Kind) {
    channel?.close()
    channel = nil
    isSent = kind == .datagram
    turn += 1
    id = .random(in: .min ... .max)
    let rest = ContinuousClock.now.duration(to: deadline)
    guard rest > .zero else { return finish(.failure(silence)) }
    limit(to: min(patience.eachTry, rest), turn)
    switch Channel.open(kind, to: server, sockets, { [weak self] in self?.assumeIsolated { $0.ready() } }) {
    case .failure(let failure): finish(.failure(failure))
    case .success(let opened): channel = opened
    }
  }

  // What comes of it

  private func limit(to time: Duration, _ turn: Int) {
    executor.queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: time.nanoseconds))) { [weak self] in
      self?.assumeIsolated { exchange in
        if exchange.turn == turn, !exchange.isOver { exchange.failed(exchange.silence) }
      }
    }
  }

  /// The next try, or the end of them.
  private func failed(_ failure: DNSFailure) {
    if tries < patience.tries, ContinuousClock.now < deadline, channel?.kind == .datagram {
      askByDatagram()
    } else {
      finish(.failure(failure))
    }
  }

  private var silence: DNSFailure {
    // To the tenth of a second: the rest is the scheduler's.
    let time = begin.duration(to: .now).nanoseconds / 100_000_000 * 100_000_000
    return .silent(.nanoseconds(time), strangers: strangers)
  }

  private func ready() {
    guard let channel, !isOver else { return }
    guard isSent else {
      isSent = true
      if let failure = channel.send(query.message(id: id)) { finish(.failure(failure)) }
      return
    }
    switch channel.receive() {
    case .nothing: break
    case .failure(let failure): failed(failure)
    case .message(let bytes): take(bytes, channel.kind)
    }
  }

  private func take(_ bytes: [UInt8], _ kind: Channel.Kind) {
    switch Reception(of: bytes, query, id: id) {
    case .answer(let message): finish(.success(message))
    case .truncated where kind == .datagram: askByStream()
    case .truncated: finish(.failure(.garbled("truncated by TCP, too")))
    case .garbled(let failure): failed(failure)
    case .strange where kind == .datagram: strangers += 1
    case .strange: finish(.failure(.garbled("no answer to our question")))
    }
  }
}
