// Sockets that wait, in an epoll set of their own that one Dispatch source watches. A source for each socket would be simpler, but libdispatch
// passes over what is an error and nothing else (EPOLLERR alone), as a closed UDP port is, and watches the socket no more.

import CGlibc
import Dispatch
import Glibc
import PilotlightQueues

/// On the queue of those who use it, which may enter it without a hop.
actor SocketSet {
  private let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let epoll: Int32
  private var source: (any DispatchSourceRead)?
  private var handlers: [UInt64: @Sendable () -> Void] = [:]
  private var tickets: UInt64 = 0

  init(_ executor: QueueExecutor) {
    self.executor = executor
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { fatalError("epoll_create1: \(String(cString: strerror(errno)))") }
  }

  isolated deinit {
    // The descriptor may be closed when nobody watches it any more.
    if let source { source.cancel() } else { Glibc.close(epoll) }
  }

  /// Calls `handler` whenever the socket is ready, or has failed, until it is forgotten.
  ///
  /// - Returns: its ticket. Where the kernel has no room for it, only the time tells.
  func watch(_ descriptor: Int32, forWriting: Bool, _ handler: @escaping @Sendable () -> Void) -> UInt64 {
    if source == nil { begin() }
    tickets += 1
    handlers[tickets] = handler
    _ = pl_ticket_control(epoll, EPOLL_CTL_ADD, descriptor, forWriting ? 1 : 0, tickets)
    return tickets
  }

  func watchForReading(_ descriptor: Int32, _ ticket: UInt64) {
    _ = pl_ticket_control(epoll, EPOLL_CTL_MOD, descriptor, 0, ticket)
  }

  /// The socket leaves the set when it is closed.
  func forget(_ ticket: UInt64) { handlers[ticket] = nil }

  private func begin() {
    let fresh = DispatchSource.makeReadSource(fileDescriptor: epoll, queue: executor.queue)
    fresh.setEventHandler { [weak self] in self?.assumeIsolated { $0.drain() } }
    fresh.setCancelHandler { [epoll] in Glibc.close(epoll) }
    fresh.activate()
    source = fresh
  }

  /// What stays ready wakes the source again.
  private func drain() {
    var ready = [UInt64](repeating: 0, count: Int(PL_TICKETS))
    let count = Int(pl_tickets_ready(epoll, &ready))
    for ticket in ready.prefix(count) { handlers[ticket]?() }
  }
}
