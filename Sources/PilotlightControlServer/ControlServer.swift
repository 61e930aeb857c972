// HTTP/1.1 over a Unix socket, on one event loop of its own. The loop only moves bytes: what a request means is found
// out by the handler, off the loop, so a slow handler delays one answer and no other connection.

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The daemon's control socket. Start once, stop once.
package final class ControlServer: Sendable {
  private struct Running {
    var group: MultiThreadedEventLoopGroup
    var listener: any Channel
    var table: NIOLoopBound<ConnectionTable>
    /// nil where the socket belongs to the service manager.
    var file: SocketFile?
  }
  private enum State {
    case idle
    case running(Running)
    case stopped
  }

  private let path: String
  private let mode: UInt32
  private let group: String?
  private let sandbox: Bool
  private let limits: ControlLimits
  private let owner: SocketOwner?
  private let handler: ControlHandler
  private let state = Mutex(State.idle)

  /// - Parameters:
  ///   - path: where the socket's file goes; at most 107 bytes. Its directory must exist.
  ///   - mode: permissions of the file; who may write to it may connect.
  ///   - group: name or number of the group it is given to; nil leaves the process's own.
  ///   - sandbox: whether `/v1/sandbox` exists.
  ///   - owner: who made a peer's socket, for peers whom the kernel calls nobody.
  package init(
    path: String, mode: UInt32 = 0o660, group: String? = nil, sandbox: Bool = false,
    limits: ControlLimits = ControlLimits(), owner: SocketOwner? = nil, handler: @escaping ControlHandler
  ) {
    self.path = path
    self.mode = mode
    self.group = group
    self.sandbox = sandbox
    self.limits = limits
    self.owner = owner
    self.handler = handler
  }

  /// Serves from its return on. A stale socket of a killed predecessor is replaced, a live one refused.
  ///
  /// - Parameter inherited: a listening socket that the service manager made and keeps; in place of one of our own.
  package func start(inherited: Int32? = nil) async throws(ControlServerError) {
    let fresh = state.withLock { state in
      guard case .idle = state else { return false }
      state = .stopped
      return true
    }
    guard fresh else { throw .alreadyStarted }
    let file = inherited == nil ? try SocketFile.open(path: path, mode: mode, group: group) : nil
    let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      let running = try await serve(inherited, file, on: threads)
      state.withLock { $0 = .running(running) }
    } catch {
      file?.remove()
      try? await threads.shutdownGracefully()
      throw .system(call: "listen", path: path, errno: (error as? IOError)?.errnoCode ?? 0)
    }
  }

  /// Takes no more connections, lets what was begun be asked and answered for up to a second, and ends the thread. Who connects to
  /// an inherited socket meanwhile waits for our successor.
  package func stop() async {
    let ended = state.withLock { state in
      defer { state = .stopped }
      if case .running(let running) = state { return Optional(running) }
      return nil
    }
    guard let ended else { return }
    ended.file?.remove()
    try? await ended.listener.close()
    let loop = ended.table.eventLoop
    let drained = loop.makePromise(of: Void.self)
    loop.execute {
      ended.table.value.drain(drained)
    }
    try? await wait(for: drained.futureResult, atMost: .seconds(1))
    try? await ended.group.shutdownGracefully()
  }

  /// Runs `done` in a turn of the event loop: proof that the loop still turns. Never runs it when the server does not
  /// run.
  package func pulse(_ done: @escaping @Sendable () -> Void) {
    let loop = state.withLock { state in
      if case .running(let running) = state { return Optional(running.table.eventLoop) }
      return nil
    }
    loop?.execute(done)
  }

  private func serve(
    _ inherited: Int32?, _ file: SocketFile?, on threads: MultiThreadedEventLoopGroup
  ) async throws -> Running {
    let loop = threads.next()
    let (handler, limits, sandbox, owner) = (handler, limits, sandbox, owner)
    guard let descriptor = inherited ?? file?.descriptor else { throw IOError(errnoCode: EBADF, reason: "no socket") }
    let table = try await loop.submit {
      NIOLoopBound(
        ConnectionTable(handler: handler, limits: limits, sandbox: sandbox, owner: owner), eventLoop: loop)
    }.get()
    let bootstrap = ServerBootstrap(group: threads)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try addHandlers(to: channel, table.value, limits) }
      }
    let listener = try await bootstrap.withBoundSocket(descriptor).get()
    return Running(group: threads, listener: listener, table: table, file: file)
  }
}

private func addHandlers(to channel: any Channel, _ table: ConnectionTable, _ limits: ControlLimits) throws {
  var decoding = NIOHTTPDecoderLimitConfiguration()
  decoding.maxHeaderListSize = limits.header
  decoding.maxHeaderFieldSize = limits.header
  decoding.maxHeaderFieldCount = 64
  let pipeline = channel.pipeline.syncOperations
  try pipeline.addHandler(HTTPResponseEncoder())
  try pipeline.addHandler(
    ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: decoding)))
  try pipeline.addHandler(Connection(table: table))
}

/// Waits for the future, or for the time, whichever ends first.
private func wait(for future: EventLoopFuture<Void>, atMost time: TimeAmount) async throws {
  let promise = future.eventLoop.makePromise(of: Void.self)
  let once = Once { promise.succeed($0) }
  let alarm = future.eventLoop.scheduleTask(in: time) { once.succeed(()) }
  future.whenComplete { _ in
    alarm.cancel()
    once.succeed(())
  }
  try await promise.futureResult.get()
}
