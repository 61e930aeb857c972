// libcurl's multi interface on one Dispatch queue: no thread per request, no timer per request.
//
// libcurl's sockets live in a private epoll set, and one Dispatch source watches that set. When it wakes, everything that is
// ready is drained in one go. A Dispatch source per socket costs twice the CPU and must be cancelled before libcurl closes its
// descriptor; closing a descriptor that sits in an epoll set needs no ceremony. libcurl's own clock is one Dispatch timer
// that is moved only when it would ring too late: what rings too early is set again.
//
// libcurl must not be called from inside its callbacks, so these only take notes (`watch`, `setDeadline`), and every entry ends in
// `settle`, which lets libcurl act on what is due and hands out what is done.

import CCurl
import Dispatch
import Glibc

/// The multi handle and all its transfers. Alive until `close`, which its owner must call.
// Unchecked: it wraps C handles, and everything in it is touched on `queue` alone.
final class CurlLoop: @unchecked Sendable {
  private let queue: DispatchQueue
  private let defaults: TransferDefaults
  private let multi: UnsafeMutableRawPointer
  private let epoll: Int32
  private let wakeups: any DispatchSourceRead
  private let clock: any DispatchSourceTimer
  private let ready: UnsafeMutablePointer<pl_ready>

  private var transfers: [Int: Transfer] = [:]
  private var pool: [EasyHandle] = []
  private var addresses = AddressBook()
  private var lastID = 0
  private var isClosed = false
  /// A turn is already on its way through the queue; requests started together share it.
  private var settleIsQueued = false
  /// When libcurl wants to be called, nanoseconds of `DispatchTime`; nil when it waits for sockets alone.
  private var wanted: UInt64?
  /// When the timer rings.
  private var armed: UInt64?

  /// Handles kept for reuse, about 6 kB each.
  private static let poolLimit = 256
  /// Kept-alive connections at most: thousands of targets must not evict each other.
  private static let connectionLimit = 16_384
  /// Batches of ready sockets per turn: what stays ready wakes the source again, so that other work of the queue has its turn.
  private static let batchesPerTurn = 32

  init(queue: DispatchQueue, defaults: TransferDefaults) {
    guard let multi = curl_multi_init() else { fatalError("libcurl has no memory for a multi handle") }
    self.queue = queue
    self.defaults = defaults
    self.multi = multi
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { fatalError("epoll_create1: \(String(cString: strerror(errno)))") }
    wakeups = DispatchSource.makeReadSource(fileDescriptor: epoll, queue: queue)
    clock = DispatchSource.makeTimerSource(queue: queue)
    ready = .allocate(capacity: PL_EPOLL_BATCH)
    connectCallbacks()
    wakeups.setEventHandler { [unowned self] in drain() }
    clock.setEventHandler { [unowned self] in ring() }
    wakeups.setCancelHandler { [epoll] in Glibc.close(epoll) }
    wakeups.activate()
    clock.activate()
  }

  deinit { ready.deallocate() }

  private func connectCallbacks() {
    let context = Unmanaged.passUnretained(self).toOpaque()
    let codes = [
      pl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, context),
      pl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, context),
      pl_multi_set_socket_function(multi) { easy, socket, interest, context, _ in
        CurlLoop.from(context)?.watch(socket, interest, easy)
        return 0
      },
      pl_multi_set_timer_function(multi) { _, milliseconds, context in
        CurlLoop.from(context)?.setDeadline(milliseconds)
        return 0
      },
      pl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, CurlLoop.connectionLimit),
    ]
    guard codes.allSatisfy({ $0 == CURLM_OK }) else { fatalError("libcurl refuses the options of its multi handle") }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> CurlLoop? {
    context.map { Unmanaged<CurlLoop>.fromOpaque($0).takeUnretainedValue() }
  }

  // MARK: Transfers

  /// - Returns: a number for `cancel`; 0 when the request could not begin, and then `completion` has been called.
  func begin(_ request: HTTPRequest, _ completion: @escaping Transfer.Completion) -> Int {
    if isClosed {
      completion(.failure(.local("the transport is shut down")))
      return 0
    }
    if let problem = request.problem {
      completion(.failure(.local(problem)))
      return 0
    }
    lastID += 1
    let transfer = Transfer(
      id: lastID, request: request, easy: pool.popLast() ?? EasyHandle(), completion: completion)
    if let refusal = transfer.configure(defaults, &addresses) {
      giveBack(transfer.easy)
      completion(.failure(.local(refusal)))
      return 0
    }
    let code = curl_multi_add_handle(multi, transfer.easy.raw)
    guard code == CURLM_OK else {
      giveBack(transfer.easy)
      completion(.failure(.local(String(cString: curl_multi_strerror(code)))))
      return 0
    }
    transfers[lastID] = transfer
    queueSettle()
    return lastID
  }

  func cancel(_ id: Int) {
    guard let transfer = transfers[id] else { return }
    end(transfer, .failure(transfer.failure(.cancelled, "cancelled")))
    queueSettle()
  }

  /// Ends everything under way as cancelled, closes every connection, and refuses what comes later. Harmless when repeated.
  func close() {
    if isClosed { return }
    isClosed = true
    for id in transfers.keys.sorted() { cancel(id) }
    curl_multi_cleanup(multi)
    pool = []
    wakeups.cancel()
    clock.cancel()
  }

  private func end(_ transfer: Transfer, _ result: Result<HTTPResponse, HTTPFailure>) {
    curl_multi_remove_handle(multi, transfer.easy.raw)
    transfers[transfer.id] = nil
    giveBack(transfer.easy)
    transfer.completion(result)
  }

  private func giveBack(_ easy: EasyHandle) {
    easy.reset()
    if pool.count < CurlLoop.poolLimit { pool.append(easy) }
  }

  // MARK: Notes of libcurl's wishes

  private func watch(_ socket: Int32, _ interest: Int32, _ easy: UnsafeMutableRawPointer?) {
    if interest == CURL_POLL_REMOVE {
      // The kernel forgot a closed descriptor by itself.
      _ = pl_epoll_control(epoll, EPOLL_CTL_DEL, socket, 0)
      return
    }
    var events: UInt32 = 0
    if interest & CURL_POLL_IN != 0 { events |= EPOLLIN.rawValue }
    if interest & CURL_POLL_OUT != 0 { events |= EPOLLOUT.rawValue }
    if pl_epoll_control(epoll, EPOLL_CTL_ADD, socket, events) == EEXIST {
      _ = pl_epoll_control(epoll, EPOLL_CTL_MOD, socket, events)
    }
    if interest & CURL_POLL_IN != 0, let easy, let transfer = transfer(of: easy), transfer.request.isTLS {
      transfer.noteReadInterest()
    }
  }

  private func setDeadline(_ milliseconds: Int) {
    wanted =
      milliseconds < 0
      ? nil : DispatchTime.now().uptimeNanoseconds + UInt64(min(milliseconds, Int(Int32.max))) * 1_000_000
  }

  /// libcurl rounds to milliseconds: should it find that nothing was due yet, it does not repeat its wish.
  private func askForDeadline() {
    var milliseconds = -1
    guard curl_multi_timeout(multi, &milliseconds) == CURLM_OK, milliseconds >= 0 else { return }
    setDeadline(max(1, milliseconds))
  }

  private func transfer(of easy: UnsafeMutableRawPointer) -> Transfer? {
    var number: UnsafeMutableRawPointer?
    guard pl_get_pointer(easy, CURLINFO_PRIVATE, &number) == CURLE_OK else { return nil }
    return transfers[Int(bitPattern: number)]
  }

  // MARK: Turns

  private func drain() {
    for _ in 0..<CurlLoop.batchesPerTurn {
      let count = Int(pl_epoll_ready(epoll, ready))
      for index in 0..<count {
        let (socket, events) = (ready[index].descriptor, ready[index].events)
        var mask: Int32 = 0
        if events & (EPOLLIN.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_IN }
        if events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
        if events & EPOLLERR.rawValue != 0 { mask |= CURL_CSELECT_ERR }
        act(on: socket, mask)
      }
      if count < PL_EPOLL_BATCH { break }
    }
    settle()
  }

  private func ring() {
    armed = nil
    settle()
  }

  private func queueSettle() {
    if settleIsQueued || isClosed { return }
    settleIsQueued = true
    queue.async { [self] in
      settleIsQueued = false
      settle()
    }
  }

  private func settle() {
    if isClosed { return }
    while let deadline = wanted, deadline <= DispatchTime.now().uptimeNanoseconds {
      wanted = nil
      act(on: CURL_SOCKET_TIMEOUT, 0)
      if wanted == nil { askForDeadline() }
    }
    var code = CURLE_OK
    while let easy = pl_multi_next_done(multi, &code) {
      if let transfer = transfer(of: easy) { end(transfer, transfer.result(code)) }
    }
    arm()
  }

  private func act(on socket: Int32, _ mask: Int32) {
    var running: Int32 = 0
    let code = curl_multi_socket_action(multi, socket, mask, &running)
    guard code == CURLM_OK || code == CURLM_BAD_SOCKET else {
      fatalError("curl_multi_socket_action: \(String(cString: curl_multi_strerror(code)))")
    }
  }

  private func arm() {
    guard let wanted else { return }
    if let armed, armed <= wanted { return }
    armed = wanted
    clock.schedule(deadline: DispatchTime(uptimeNanoseconds: wanted), leeway: .milliseconds(1))
  }
}
