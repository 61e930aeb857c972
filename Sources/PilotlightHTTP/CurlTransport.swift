// libcurl's multi interface on one Dispatch queue: no thread per request, no timer per request.
//
// libcurl's sockets live in a private epoll set, and one Dispatch source watches that set. When it wakes, everything that is
// ready is drained in one go. A Dispatch source per socket costs twice the CPU and must be cancelled before libcurl closes its
// descriptor; closing a descriptor that sits in an epoll set needs no ceremony. libcurl's own clock is one Dispatch timer.

import CCurl
import Dispatch
import Glibc

/// Carries HTTP requests. Safe to use from any thread; one per daemon is enough.
// Everything mutable is touched on `queue` alone; the C handles inside have no other way to say so.
package final class CurlTransport: HTTPSending, @unchecked Sendable {
  private let queue = DispatchQueue(label: "pilotlight.http")
  private let multi: OpaquePointer?
  private let epoll: Int32
  private let wakeups: any DispatchSourceRead
  private let clock: any DispatchSourceTimer
  private var transfers: [Int: Transfer] = [:]
  private var idle: [EasyHandle] = []
  private var nextID = 1
  private var isShutDown = false
  private let defaults: TransferDefaults

  /// - Parameters:
  ///   - caFile: PEM file of certificate authorities for requests that name none.
  ///   - userAgent: sent with every request.
  package init(
    caFile: String = "/etc/ssl/certs/ca-certificates.crt", userAgent: String = "pilotlight"
  ) {
    CurlTransport.prepareProcess()
    defaults = TransferDefaults(caFile: caFile, userAgent: userAgent)
    multi = curl_multi_init().map { OpaquePointer($0) }
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard multi != nil, epoll >= 0 else { fatalError("libcurl or epoll cannot be set up: \(errno)") }
    wakeups = DispatchSource.makeReadSource(fileDescriptor: epoll, queue: queue)
    clock = DispatchSource.makeTimerSource(queue: queue)
    let context = Unmanaged.passUnretained(self).toOpaque()
    pl_multi_set_pointer(raw, CURLMOPT_SOCKETDATA, context)
    pl_multi_set_pointer(raw, CURLMOPT_TIMERDATA, context)
    pl_multi_set_socket_function(raw) { _, socket, what, context, known in
      CurlTransport.from(context)?.watch(socket, what, isKnown: known != nil)
      return 0
    }
    pl_multi_set_timer_function(raw) { _, milliseconds, context in
      CurlTransport.from(context)?.setClock(milliseconds)
      return 0
    }
    // Thousands of kept-alive targets must not evict each other.
    pl_multi_set_long(raw, CURLMOPT_MAXCONNECTS, 16_384)
    wakeups.setEventHandler { [weak self] in self?.drain() }
    clock.setEventHandler { [weak self] in self?.act(on: CURL_SOCKET_TIMEOUT, 0) }
    let descriptor = epoll
    wakeups.setCancelHandler { close(descriptor) }
    wakeups.activate()
    clock.activate()
  }

  deinit {
    wakeups.cancel()
    clock.cancel()
    for transfer in transfers.values {
      let failure = transfer.failure(.cancelled, "the transport is gone")
      curl_multi_remove_handle(raw, transfer.easy.raw)
      transfer.release()
      transfer.completion(.failure(failure))
    }
    curl_multi_cleanup(raw)
  }

  private var raw: UnsafeMutableRawPointer? { multi.map { UnsafeMutableRawPointer($0) } }

  /// curl_global_init is not thread-safe and wanted once; a peer that closes early must not raise SIGPIPE.
  private static let processIsPrepared: Bool = {
    signal(SIGPIPE, SIG_IGN)
    return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
  }()

  private static func prepareProcess() {
    guard processIsPrepared else { fatalError("libcurl cannot be initialised") }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> CurlTransport? {
    context.map { Unmanaged<CurlTransport>.fromOpaque($0).takeUnretainedValue() }
  }

  // MARK: Requests

  /// Sends a request; `completion` is called once, on the transport's queue.
  package func start(
    _ request: HTTPRequest, completion: @escaping @Sendable (Result<HTTPResponse, HTTPFailure>) -> Void
  ) {
    queue.async { _ = self.begin(request, completion) }
  }

  package func send(_ request: HTTPRequest) async -> Result<HTTPResponse, HTTPFailure> {
    let ticket = Ticket()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        queue.async {
          ticket.id = self.begin(request) { continuation.resume(returning: $0) }
          if ticket.isCancelled { self.cancel(ticket.id) }
        }
      }
    } onCancel: {
      queue.async {
        ticket.isCancelled = true
        self.cancel(ticket.id)
      }
    }
  }

  /// Links a waiting task to its transfer. Touched on the transport's queue alone.
  private final class Ticket: @unchecked Sendable {
    var id = 0
    var isCancelled = false
  }

  /// Runs a turn of the loop: proof of life for the watchdog.
  package func pulse(_ done: @escaping @Sendable () -> Void) { queue.async(execute: done) }

  /// Ends everything that is under way as cancelled; later requests are refused.
  package func shutdown() {
    queue.async {
      self.isShutDown = true
      for id in self.transfers.keys.sorted() { self.cancel(id) }
    }
  }

  private func begin(
    _ request: HTTPRequest, _ completion: @escaping @Sendable (Result<HTTPResponse, HTTPFailure>) -> Void
  ) -> Int {
    guard !isShutDown else {
      completion(.failure(.local("the transport is shut down")))
      return 0
    }
    let id = nextID
    nextID += 1
    let transfer = Transfer(id: id, request: request, easy: idle.popLast() ?? EasyHandle(), completion: completion)
    if let problem = transfer.configure(defaults) {
      transfer.release()
      completion(.failure(.local(problem)))
      return 0
    }
    transfers[id] = transfer
    guard curl_multi_add_handle(raw, transfer.easy.raw) == CURLM_OK else {
      transfers[id] = nil
      transfer.release()
      completion(.failure(.local("libcurl does not take the request")))
      return 0
    }
    return id
  }

  private func cancel(_ id: Int) {
    guard let transfer = transfers[id] else { return }
    end(transfer, .failure(transfer.failure(.cancelled, "cancelled")))
  }

  private func end(_ transfer: Transfer, _ result: Result<HTTPResponse, HTTPFailure>) {
    curl_multi_remove_handle(raw, transfer.easy.raw)
    transfers[transfer.id] = nil
    transfer.release()
    if idle.count < 1024 { idle.append(transfer.easy) }
    transfer.completion(result)
  }

  // MARK: The loop

  /// libcurl wants to hear of this socket.
  private func watch(_ socket: Int32, _ what: Int32, isKnown: Bool) {
    guard what != CURL_POLL_REMOVE else {
      pl_epoll_set(epoll, EPOLL_CTL_DEL, socket, 0)
      return
    }
    var events: UInt32 = 0
    if what & CURL_POLL_IN != 0 { events |= EPOLLIN.rawValue }
    if what & CURL_POLL_OUT != 0 { events |= EPOLLOUT.rawValue }
    if pl_epoll_set(epoll, EPOLL_CTL_MOD, socket, events) != 0 { pl_epoll_set(epoll, EPOLL_CTL_ADD, socket, events) }
  }

  private func setClock(_ milliseconds: Int) {
    guard milliseconds >= 0 else {
      clock.schedule(deadline: .distantFuture)
      return
    }
    clock.schedule(deadline: .now() + .milliseconds(milliseconds), leeway: .milliseconds(1))
  }

  private func drain() {
    var events: UInt32 = 0
    // Level-triggered: what stays ready wakes the source again, so a bounded turn starves nobody.
    for _ in 0..<4096 {
      let socket = pl_epoll_next(epoll, &events)
      guard socket >= 0 else { break }
      var mask: Int32 = 0
      if events & (EPOLLIN.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_IN }
      if events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
      if events & EPOLLERR.rawValue != 0 { mask |= CURL_CSELECT_ERR }
      var running: Int32 = 0
      curl_multi_socket_action(raw, socket, mask, &running)
    }
    collect()
  }

  private func act(on socket: Int32, _ mask: Int32) {
    var running: Int32 = 0
    curl_multi_socket_action(raw, socket, mask, &running)
    collect()
  }

  private func collect() {
    var code = CURLE_OK
    while let easy = pl_multi_next_done(raw, &code) {
      var pointer: UnsafeMutableRawPointer?
      pl_get_pointer(easy, CURLINFO_PRIVATE, &pointer)
      guard let transfer = transfers[Int(bitPattern: pointer)] else { continue }
      end(transfer, transfer.result(code))
    }
  }
}

extension HTTPFailure {
  static func local(_ detail: String) -> HTTPFailure {
    HTTPFailure(kind: .local, stage: .dns, requestMayHaveBeenSent: false, detail: detail)
  }
}
