// One connection carries one request and one answer, and is closed: a control socket has no use for keep-alive, and
// without it there is no pipelining, no reuse and no second request to be confused with the first. Every state has a
// deadline, so no peer can hold a connection for longer than the sum of three.

import NIOCore
import NIOHTTP1
import PilotlightControlAPI

/// What all connections of a server share; belongs to its event loop.
final class ConnectionTable {
  let handler: ControlHandler
  let limits: ControlLimits
  let sandbox: Bool
  let owner: SocketOwner?
  let names = UserNames()
  private var open: [ObjectIdentifier: Connection] = [:]
  private var whenEmpty: EventLoopPromise<Void>?

  init(handler: @escaping ControlHandler, limits: ControlLimits, sandbox: Bool, owner: SocketOwner?) {
    self.handler = handler
    self.limits = limits
    self.sandbox = sandbox
    self.owner = owner
  }

  var count: Int { open.count }

  func add(_ connection: Connection) { open[ObjectIdentifier(connection)] = connection }

  func remove(_ connection: Connection) {
    open[ObjectIdentifier(connection)] = nil
    if open.isEmpty { whenEmpty?.succeed() }
  }

  /// The promise is kept when the last connection has gone.
  func drain(_ promise: EventLoopPromise<Void>) {
    whenEmpty = promise
    for connection in Array(open.values) { connection.closeIfLingering() }
    if open.isEmpty { promise.succeed() }
  }
}

/// Reads a request, has it answered, writes the answer.
final class Connection: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case readingHead
    case readingBody(HTTPRequestHead, ByteBuffer)
    case answering
    /// `thenLinger`: the peer may still be sending, and would lose the answer if we closed under it.
    case writing(thenLinger: Bool)
    case lingering
    case closed
  }

  private let table: ConnectionTable
  private var state = State.readingHead
  private var credentials: PeerCredentials?
  private var deadline: Scheduled<Void>?
  private var context: ChannelHandlerContext?

  init(table: ConnectionTable) { self.table = table }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    let busy = table.count >= table.limits.connections
    guard table.count < 2 * table.limits.connections else { return context.close(promise: nil) }
    table.add(self)
    let me = NIOLoopBound(self, eventLoop: context.eventLoop)
    PeerCredentials.read(from: context.channel, owner: table.owner).whenComplete { result in
      guard case .success(let credentials) = result else { return me.value.close() }
      me.value.credentials = credentials
    }
    if busy {
      respond(
        .error(503, "the daemon has \(table.limits.connections) control connections open: try again"), linger: true)
    } else {
      setDeadline(table.limits.request) { $0.respond(.error(408, "the request took too long"), linger: true) }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    state = .closed
    table.remove(self)
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (state, unwrapInboundIn(data)) {
    case (.readingHead, .head(let head)): begin(head)
    case (.readingBody(let head, var body), .body(let part)):
      guard body.readableBytes + part.readableBytes <= table.limits.body else { return refuseBody() }
      body.writeImmutableBuffer(part)
      state = .readingBody(head, body)
    case (.readingBody(let head, let body), .end): answer(head, Array(body.readableBytesView))
    case (.readingHead, .body), (.readingHead, .end), (.readingBody, .head): close()
    // A second request, or the rest of a refused one: nobody reads it.
    case (.answering, _), (.writing, _), (.lingering, _), (.closed, _): break
    }
  }

  private func begin(_ head: HTTPRequestHead) {
    if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > table.limits.body {
      return refuseBody()
    }
    state = .readingBody(head, ByteBuffer())
    if head.headers["expect"].contains(where: { $0.lowercased() == "100-continue" }), let context {
      context.writeAndFlush(
        wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }
  }

  private func refuseBody() {
    respond(.error(413, "the request body is limited to \(table.limits.body) bytes"), linger: true)
  }

  private func answer(_ head: HTTPRequestHead, _ body: [UInt8]) {
    guard let context, let credentials else { return close() }
    let request: ControlRequest
    do {
      request = try ControlRequest(method: head.method.rawValue, target: head.uri, body: body, sandbox: table.sandbox)
    } catch {
      return respond(.error(error.httpStatus, error.message), linger: false)
    }
    state = .answering
    setDeadline(table.limits.answer) {
      $0.respond(.error(504, "no answer in time; an order may have been carried out all the same"), linger: false)
    }
    let loop = context.eventLoop
    let me = NIOLoopBound(self, eventLoop: loop)
    let handler = table.handler
    table.names.name(of: credentials.uid, on: loop).whenSuccess { name in
      let peer = Peer(uid: credentials.uid, gid: credentials.gid, pid: credentials.pid, name: name)
      Task {
        let response = await handler(request, peer)
        loop.execute { me.value.answered(response) }
      }
    }
  }

  private func answered(_ response: ControlResponse) {
    guard case .answering = state else { return }
    respond(response, linger: false)
  }

  private func respond(_ response: ControlResponse, linger: Bool) {
    guard let context else { return }
    state = .writing(thenLinger: linger)
    setDeadline(table.limits.write) { $0.close() }
    var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: response.status))
    head.headers.add(name: "content-type", value: "application/json")
    head.headers.add(name: "content-length", value: String(response.body.count))
    head.headers.add(name: "connection", value: "close")
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
    let written = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    let me = NIOLoopBound(self, eventLoop: context.eventLoop)
    written.futureResult.whenComplete { _ in me.value.wrote() }
  }

  private func wrote() {
    guard case .writing(thenLinger: true) = state, let context else { return close() }
    state = .lingering
    setDeadline(.seconds(1)) { $0.close() }
    context.close(mode: .output, promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event {
      switch state {
      // A peer that sent all it had to say and shut its side down is still waiting for the answer.
      case .answering, .writing: break
      case .readingHead, .readingBody, .lingering, .closed: close()
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (state, error) {
    case (.readingHead, let fault as HTTPParserError), (.readingBody, let fault as HTTPParserError):
      if fault == .headerOverflow {
        respond(.error(431, "the request's header is limited to \(table.limits.header) bytes"), linger: true)
      } else {
        respond(.error(400, "this is not an HTTP/1.1 request"), linger: true)
      }
    // Bytes after the request are none of our business while it is answered.
    case (.answering, is HTTPParserError), (.writing, is HTTPParserError), (.lingering, is HTTPParserError): break
    default: close()
    }
  }

  /// Who is still asking is not sent away: a restart refuses nobody.
  func closeIfLingering() {
    if case .lingering = state { close() }
  }

  private func close() { context?.close(promise: nil) }

  private func setDeadline(_ time: Duration, _ action: @escaping @Sendable (Connection) -> Void) {
    deadline?.cancel()
    guard let loop = context?.eventLoop else { return }
    let me = NIOLoopBound(self, eventLoop: loop)
    deadline = loop.scheduleTask(in: TimeAmount(time)) { action(me.value) }
  }
}
