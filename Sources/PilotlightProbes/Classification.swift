// What an answer to a probe means: pure functions from an HTTP result to an outcome. The order matters: a wrong status is not
// looked into, a wrong body is not timed, and only the right answer can be slow.

package import PilotlightCore
package import PilotlightHTTP

/// - Parameter took: how long the probe took on the daemon's time line, which is what `slowAfter` is measured on.
package func classify(
  _ result: Result<HTTPResponse, HTTPFailure>, _ settings: ProbeSettings, took: Duration
) -> ProbeOutcome {
  switch result {
  case .success(let response): classify(response, settings, took: took)
  case .failure(let failure): outcome(of: failure)
  }
}

/// What an answer of a reference means: any status at all shows that our network works.
package func classifyReference(_ result: Result<HTTPResponse, HTTPFailure>) -> ProbeOutcome {
  switch result {
  case .success(let response): .success(status: response.status)
  case .failure(let failure): outcome(of: failure)
  }
}

private func classify(_ response: HTTPResponse, _ settings: ProbeSettings, took: Duration) -> ProbeOutcome {
  let status = response.status
  guard settings.expectedStatus.contains(where: { $0.contains(status) }) else {
    if status >= 500 { return .failure(.serverError, status: status, detail: "") }
    let target = response.headers.first { $0.name.lowercased() == "location" }?.value
    return .failure(.wrongStatus, status: status, detail: target.map { printable("redirects to \($0)") } ?? "")
  }
  if let wanted = settings.bodyContains, !contains(response.body, wanted) {
    let extent = response.bodyTruncated ? "the first \(response.body.count) bytes of the body lack" : "the body lacks"
    return .failure(.wrongContent, status: status, detail: "\(extent) the expected text")
  }
  if let limit = settings.slowAfter, took > limit {
    return .failure(.slow, status: status, detail: "took \(took.text), slow after \(limit.text)")
  }
  return .success(status: status)
}

private func outcome(of failure: HTTPFailure) -> ProbeOutcome {
  .failure(failureClass(failure), status: nil, detail: clipped("\(failure.stage.rawValue): \(failure.detail)"))
}

/// The class of a request that got no complete answer.
package func failureClass(_ failure: HTTPFailure) -> FailureClass {
  switch failure.kind {
  case .dns: .dns
  case .refused: .refused
  case .timeout: timeoutClass(failure.stage)
  case .reset: .reset
  case .tls: .tls
  case .malformed: .wrongContent
  case .cancelled, .local: .local
  }
}

/// A name server that does not answer is the name's fault and not the load balancer's.
private func timeoutClass(_ stage: HTTPStage) -> FailureClass { stage == .dns ? .dns : .timeout }

/// Whether `wanted` occurs in `body`, byte by byte; an empty text is in any body.
private func contains(_ body: [UInt8], _ wanted: String) -> Bool {
  let wanted = Array(wanted.utf8)
  guard let first = wanted.first else { return true }
  var start = body.startIndex
  while let index = body[start...].firstIndex(of: first) {
    if body[index...].starts(with: wanted) { return true }
    start = index + 1
  }
  return false
}
