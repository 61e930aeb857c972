// The door to the loop: everything that comes in from other threads crosses over to the transport's queue here.

import CCurl
import Dispatch
import Glibc

/// Carries HTTP requests over libcurl. Safe to use from any thread; one per daemon is enough.
///
/// What it never does: follow a redirect, decompress, use a proxy, read `.netrc`, keep cookies, speak anything but HTTP/1.1, or
/// send a request twice that is not safe to repeat.
package final class CurlTransport: HTTPSending {
  private let queue = DispatchQueue(label: "pilotlight.http")
  private let loop: CurlLoop

  /// - Parameters:
  ///   - caFile: PEM file of certificate authorities for requests that name none. It is read again at most once a day.
  ///   - userAgent: sent with every request.
  package init(caFile: String = "/etc/ssl/certs/ca-certificates.crt", userAgent: String = "pilotlight") {
    guard CurlTransport.processIsPrepared else { fatalError("libcurl cannot be initialised") }
    loop = CurlLoop(queue: queue, defaults: TransferDefaults(caFile: caFile, userAgent: userAgent))
  }

  /// What is still under way ends as cancelled: no completion is ever lost.
  deinit {
    queue.async { [loop] in loop.close() }
  }

  /// curl_global_init(3) is not thread-safe and wanted once; a peer that closes early must not raise SIGPIPE.
  private static let processIsPrepared: Bool = {
    signal(SIGPIPE, SIG_IGN)
    return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
  }()

  /// Sends a request; `completion` is called exactly once, on the transport's queue, and must not block it.
  package func start(
    _ request: HTTPRequest, completion: @escaping @Sendable (Result<HTTPResponse, HTTPFailure>) -> Void
  ) {
    queue.async { [loop] in _ = loop.begin(request, completion) }
  }

  /// Sends a request. A cancelled task gets `.cancelled`, and its connection is closed.
  package func send(_ request: HTTPRequest) async -> Result<HTTPResponse, HTTPFailure> {
    let ticket = Ticket()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        queue.async { [loop] in
          ticket.id = loop.begin(request) { continuation.resume(returning: $0) }
          if ticket.isCancelled { loop.cancel(ticket.id) }
        }
      }
    } onCancel: {
      queue.async { [loop] in
        ticket.isCancelled = true
        loop.cancel(ticket.id)
      }
    }
  }

  /// Links a waiting task to its transfer.
  // Unchecked: touched on the transport's queue alone.
  private final class Ticket: @unchecked Sendable {
    var id = 0
    var isCancelled = false
  }

  /// Runs a turn of the loop and calls `done` in it: proof of life for the watchdog.
  package func pulse(_ done: @escaping @Sendable () -> Void) { queue.async(execute: done) }

  /// Ends everything that is under way as cancelled and closes all connections; later requests are refused as `.local`.
  package func shutdown() { queue.async { [loop] in loop.close() } }
}

extension HTTPFailure {
  static func local(_ detail: String) -> HTTPFailure {
    HTTPFailure(kind: .local, stage: .dns, requestMayHaveBeenSent: false, detail: printable(detail))
  }
}
