// The sandbox's load balancers as real sockets: one loopback port per site, answering as the world says, so that the
// daemon's probes meet what they will meet in earnest: a status, a connection that stands and stays silent, a refusal.

internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import PilotlightCore
package import PilotlightSandbox
internal import Synchronization

/// Why a load balancer of the sandbox could not be opened.
package enum SandboxALBFailure: Error, Equatable, Sendable {
  /// No loopback port could be had; the sentence says what the system said.
  case cannotListen(String)
}

/// HTTP listeners on 127.0.0.1, one per workload and site, on one event-loop thread.
package final class SandboxALBServer: Sendable {
  private let cloud: SandboxCloud
  private let threads: MultiThreadedEventLoopGroup
  private let doors: Mutex<[Door]>

  /// One listener. Its port is its own for as long as the server lives, also while connections are refused.
  private struct Door {
    let workload: String
    let site: SandboxSite
    let port: Int
    var channel: (any Channel)?
  }

  /// Opens the listeners of all `workloads`, both sites each.
  package static func start(
    cloud: SandboxCloud, workloads: [String]
  ) async throws(SandboxALBFailure) -> SandboxALBServer {
    let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var doors: [Door] = []
    for workload in workloads {
      for site in SandboxSite.allCases {
        do {
          let channel = try await bind(cloud, threads, workload, site, port: 0).get()
          doors.append(Door(workload: workload, site: site, port: channel.localAddress?.port ?? 0, channel: channel))
        } catch {
          try? await threads.shutdownGracefully()
          throw .cannotListen("\(error)")
        }
      }
    }
    let server = SandboxALBServer(cloud: cloud, threads: threads, doors: doors)
    cloud.onFaults { [weak server] in server?.openOrRefuse() }
    server.openOrRefuse()
    return server
  }

  private init(cloud: SandboxCloud, threads: MultiThreadedEventLoopGroup, doors: [Door]) {
    self.cloud = cloud
    self.threads = threads
    self.doors = Mutex(doors)
  }

  /// Absolute URL of a site's load balancer, `http://127.0.0.1:PORT/`; nil for a workload or site it does not have.
  package func url(workload: String, site: SandboxSite) -> String? {
    doors.withLock { doors in
      doors.first { $0.workload == workload && $0.site == site }.map { "http://127.0.0.1:\($0.port)/" }
    }
  }

  /// Closes all listeners and connections and ends the thread.
  package func stop() async {
    try? await threads.shutdownGracefully()
  }

  /// Connections are refused by closing the listener, and taken again on the same port.
  private func openOrRefuse() {
    doors.withLock { doors in
      for index in doors.indices {
        let door = doors[index]
        let refused = cloud.alb(workload: door.workload, site: door.site) == .refused
        if refused, let channel = door.channel {
          try? channel.close().wait()
          doors[index].channel = nil
        } else if !refused, door.channel == nil {
          doors[index].channel = try? Self.bind(cloud, threads, door.workload, door.site, port: door.port).wait()
        }
      }
    }
  }

  private static func bind(
    _ cloud: SandboxCloud, _ threads: MultiThreadedEventLoopGroup, _ workload: String, _ site: SandboxSite, port: Int
  ) -> EventLoopFuture<any Channel> {
    ServerBootstrap(group: threads)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
          try channel.pipeline.syncOperations.addHandler(ALBHandler(cloud: cloud, workload: workload, site: site))
        }
      }
      .bind(host: "127.0.0.1", port: port)
  }
}

/// One connection to a load balancer.
private final class ALBHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let cloud: SandboxCloud
  private let workload: String
  private let site: SandboxSite
  private var head: HTTPRequestHead?

  init(cloud: SandboxCloud, workload: String, site: SandboxSite) {
    self.cloud = cloud
    self.workload = workload
    self.site = site
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    case .body: break
    case .end: answer(context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func answer(_ context: ChannelHandlerContext) {
    guard let head else { return }
    switch cloud.alb(workload: workload, site: site) {
    case .refused: context.close(promise: nil)
    case .timeout: break  // The connection stands; its client gives up.
    case .answer(let status, let body, let delay):
      let wait = TimeAmount.nanoseconds(cloud.real(delay).nanoseconds)
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      context.eventLoop.scheduleTask(in: wait) {
        let (handler, context) = bound.value
        handler.send(context, head, status, body)
      }
    }
  }

  private func send(_ context: ChannelHandlerContext, _ request: HTTPRequestHead, _ status: Int, _ body: String) {
    guard context.channel.isActive else { return }
    let headers: HTTPHeaders = [
      "Server": "awselb/2.0", "Content-Type": "text/plain; charset=utf-8", "Content-Length": "\(body.utf8.count)",
    ]
    let head = HTTPResponseHead(
      version: request.version, status: HTTPResponseStatus(statusCode: status), headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
    }
    let channel = context.channel
    let done: EventLoopFuture<Void> = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    if !request.isKeepAlive { done.whenComplete { _ in channel.close(promise: nil) } }
  }
}
