// Probes: look over HTTP, reduce to an observation. What an answer means is decided by pure functions below.

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
  ///   - speed: how much faster that line runs than real time (1 outside the sandbox).
  package init(transport: CurlTransport, now: @escaping @Sendable () -> Instant, speed: Double = 1) {
    self.transport = transport
    self.now = now
    self.speed = speed
  }

  /// One probe of a load balancer, on a connection of its own: a kept-alive one would hide a dead listener.
  package func probe(_ settings: ProbeSettings, completion: @escaping @Sendable (Observation) -> Void) {
    let headers = settings.headers.compactMap(header)
    let request = HTTPRequest(
      method: settings.method, url: settings.url, headers: headers, timeout: real(settings.timeout),
      bodyLimit: HTTPProber.bodyLimit, freshConnection: true, resolve: settings.resolve, caFile: settings.caFile)
    send(request, completion: completion) { result, took in classify(result, settings, took: took) }
  }

  /// One look at a reference: any HTTP answer shows that our network works.
  package func reach(url: String, timeout: Duration, completion: @escaping @Sendable (Observation) -> Void) {
    let request = HTTPRequest(
      url: url, timeout: real(timeout), bodyLimit: HTTPProber.bodyLimit, freshConnection: true)
    send(request, completion: completion) { result, _ in
      switch result {
      case .success(let response): .success(status: response.status)
      case .failure(let failure): .failure(failureClass(failure), status: nil, detail: clean(failure.detail))
      }
    }
  }

  /// `Name: value`; nil for a line without a name.
  private func header(_ line: String) -> (name: String, value: String)? {
    let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = parts.first, !name.isEmpty else { return nil }
    return (String(name), parts.count > 1 ? String(parts[1].drop { $0 == " " }) : "")
  }

  private func real(_ duration: Duration) -> Duration { speed == 1 ? duration : duration / speed }

  private func send(
    _ request: HTTPRequest, completion: @escaping @Sendable (Observation) -> Void,
    judge: @escaping @Sendable (Result<HTTPResponse, HTTPFailure>, Duration) -> ProbeOutcome
  ) {
    let start = now()
    let clock = now
    transport.start(request) { result in
      let took = clock() - start
      completion(Observation(at: start, took: took, outcome: judge(result, took)))
    }
  }
}

/// What an answer to a probe means.
package func classify(
  _ result: Result<HTTPResponse, HTTPFailure>, _ settings: ProbeSettings, took: Duration
) -> ProbeOutcome {
  let response: HTTPResponse
  switch result {
  case .success(let answer): response = answer
  case .failure(let failure): return .failure(failureClass(failure), status: nil, detail: clean(failure.detail))
  }
  let status = response.status
  guard settings.expectedStatus.contains(where: { $0.contains(status) }) else {
    if status >= 500 { return .failure(.serverError, status: status, detail: "") }
    let target = response.headers.first { $0.name.lowercased() == "location" }?.value
    return .failure(.wrongStatus, status: status, detail: target.map { "redirects to \(clean($0))" } ?? "")
  }
  if let wanted = settings.bodyContains, !contains(response.body, Array(wanted.utf8)) {
    return .failure(.wrongContent, status: status, detail: "the body lacks the expected text")
  }
  if let slow = settings.slowAfter, took > slow {
    return .failure(.slow, status: status, detail: "took \(took.text), slow after \(slow.text)")
  }
  return .success(status: status)
}

/// The class of a request that got no complete answer.
package func failureClass(_ failure: HTTPFailure) -> FailureClass {
  switch failure.kind {
  case .dns: .dns
  case .refused: .refused
  case .timeout: .timeout
  case .reset: .reset
  case .tls: .tls
  case .malformed: .wrongContent
  // A fault of ours must not look like one of the primary: TLS and local faults only alert.
  case .cancelled, .local: .tls
  }
}

private func contains(_ body: [UInt8], _ wanted: [UInt8]) -> Bool {
  guard let first = wanted.first else { return true }
  var start = body.startIndex
  while let index = body[start...].firstIndex(of: first) {
    if body[index...].starts(with: wanted) { return true }
    start = index + 1
  }
  return false
}

/// Text from the network as it may stand in a log: printable, one line, 200 characters at most.
func clean(_ text: String) -> String {
  let printable = text.unicodeScalars.map { $0.value < 32 || (127...159).contains($0.value) ? " " : Character($0) }
  return String(String(printable).prefix(200))
}
