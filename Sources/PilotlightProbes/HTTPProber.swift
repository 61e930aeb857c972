// Probes look over HTTP and reduce what they saw to an observation. What an answer means is decided in Classification.swift.

package import PilotlightCore
package import PilotlightHTTP

/// Looks at load balancers and reference URLs.
package struct HTTPProber: Sendable {
  /// Bytes of body that are read; a health endpoint may be hostile.
  static let bodyLimit = 65_536

  private let transport: CurlTransport
  private let now: @Sendable () -> Instant
  private let speed: Double

  /// - Parameters:
  ///   - now: the daemon's time line.
  ///   - speed: how much faster that line runs than real time (1 outside the sandbox), above 0.
  package init(transport: CurlTransport, now: @escaping @Sendable () -> Instant, speed: Double = 1) {
    self.transport = transport
    self.now = now
    self.speed = speed
  }

  /// One probe of a load balancer, on a connection of its own: a kept-alive one would hide a dead listener.
  ///
  /// - Parameter completion: called exactly once, on the transport's queue.
  package func probe(_ settings: ProbeSettings, completion: @escaping @Sendable (Observation) -> Void) {
    let request = HTTPRequest(
      method: settings.method, url: settings.url, headers: settings.headers.compactMap(header),
      timeout: real(settings.timeout),
      bodyLimit: HTTPProber.bodyLimit, freshConnection: true, resolve: settings.resolve, caFile: settings.caFile)
    send(request, completion: completion) { result, took in classify(result, settings, took: took) }
  }

  /// One look at a reference: any HTTP answer shows that our network works.
  ///
  /// - Parameter completion: called exactly once, on the transport's queue.
  package func reach(url: String, timeout: Duration, completion: @escaping @Sendable (Observation) -> Void) {
    let request = HTTPRequest(
      url: url, timeout: real(timeout), bodyLimit: HTTPProber.bodyLimit, freshConnection: true)
    send(request, completion: completion) { result, _ in classifyReference(result) }
  }

  private func real(_ duration: Duration) -> Duration { speed == 1 ? duration : duration / speed }

  private func send(
    _ request: HTTPRequest, completion: @escaping @Sendable (Observation) -> Void,
    judge: @escaping @Sendable (Result<HTTPResponse, HTTPFailure>, Duration) -> ProbeOutcome
  ) {
    let start = now()
    transport.start(request) { [now] result in
      let took = now() - start
      completion(Observation(at: start, took: took, outcome: judge(result, took)))
    }
  }
}

/// `Name: value` as a pair; nil for a line without a name.
private func header(_ line: String) -> (name: String, value: String)? {
  let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
  guard let name = parts.first, !name.isEmpty else { return nil }
  return (String(name), parts.count > 1 ? String(parts[1].drop { $0 == " " || $0 == "\t" }) : "")
}
