// From method, target and body back to a `ControlRequest`. Strict: an unknown parameter is an error, because a misspelt
// `workload=` must not silently ask about another one.

extension ControlRequest {
  /// Reads a request as it came off the wire.
  ///
  /// `target` is the request line's target, path and query; `sandbox` tells whether this daemon has the sandbox's
  /// routes.
  package init(method: String, target: String, body: [UInt8], sandbox: Bool) throws(RequestFault) {
    let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let path = halves.first ?? ""
    let allowed = try ControlRequest.methods(of: path, sandbox: sandbox)
    guard allowed.contains(method) else { throw .wrongMethod(path: path, allowed: allowed) }
    var query = try Query(halves.count > 1 ? halves[1] : "")
    let request: ControlRequest
    switch (method, path) {
    case ("GET", "/v1/status"): request = .status
    case ("GET", "/v1/health"): request = .health
    case ("GET", "/v1/explain"):
      request = .explain(workload: try query.takeWorkload(), incident: try query.takeIncident())
    case ("GET", "/v1/report"):
      request = .report(workload: try query.takeWorkload(), incident: try query.takeIncident())
    case ("GET", "/v1/plan"): request = .plan(workload: try query.takeWorkload(), kind: try query.takeKind())
    case ("GET", "/v1/history"):
      request = .history(
        workload: try query.takeWorkload(), incident: try query.takeIncident(), limit: try query.takeLimit())
    case ("POST", "/v1/orders"): request = .order(try ControlRequest.order(from: body))
    case ("POST", "/v1/reload"): request = .reload
    case ("GET", "/v1/sandbox"): request = .sandbox
    default: request = .changeSandbox(try ControlRequest.sandboxChange(from: body))
    }
    try query.finish()
    self = request
  }

  private static func methods(of path: String, sandbox: Bool) throws(RequestFault) -> [String] {
    switch path {
    case "/v1/status", "/v1/explain", "/v1/report", "/v1/plan", "/v1/history", "/v1/health": return ["GET"]
    case "/v1/orders", "/v1/reload": return ["POST"]
    case "/v1/sandbox" where sandbox: return ["GET", "POST"]
    default: throw .unknownRoute(path: printable(path))
    }
  }

  private static func order(from body: [UInt8]) throws(RequestFault) -> OrderRequest {
    let orders = OrderName.allCases.map(\.rawValue).joined(separator: "|")
    let order = try decoded(
      OrderRequest.self, from: body, keys: OrderRequest.CodingKeys.allCases.map(\.rawValue),
      expected: "{\"workload\": NAME, \"order\": \"\(orders)\", \"reason\": TEXT, \"confirm\"?: NAME, "
        + "\"acceptDataLoss\"?: BOOL, \"expiresSeconds\"?: NUMBER, \"step\"?: NAME, \"lossReviewed\"?: BOOL}")
    if let fault = order.fault { throw .malformed(fault) }
    return order
  }

  private static func sandboxChange(from body: [UInt8]) throws(RequestFault) -> SandboxRequest {
    try decoded(
      SandboxRequest.self, from: body, keys: SandboxRequest.CodingKeys.allCases.map(\.rawValue),
      expected: "{\"action\": \"break|mend\", \"target\": \"primary\"}")
  }

  /// Strict where `Codable` is not: a misspelt `expiresSeconds` must not become a pause without an end.
  private static func decoded<Value: Decodable>(
    _ type: Value.Type, from body: [UInt8], keys: [String], expected: String
  ) throws(RequestFault) -> Value {
    if let stranger = ControlJSON.unknownKeys(in: body, known: keys).first {
      throw .malformed("'\(printable(stranger))' is not a key; expected \(expected)")
    }
    do {
      return try ControlJSON.decode(type, from: body)
    } catch {
      throw .malformed("\(ControlJSON.sentence(for: error)); expected \(expected)")
    }
  }
}

/// The parameters of a query, taken one by one; what is left over is an error.
private struct Query {
  private var values: [String: String] = [:]

  init(_ text: String) throws(RequestFault) {
    for pair in text.split(separator: "&") {
      let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = halves.first.flatMap(percentDecoded), let value = percentDecoded(halves.last ?? "") else {
        throw .malformed("the query is not percent-encoded UTF-8")
      }
      guard halves.count == 2 else { throw .malformed("expected \(printable(name))=VALUE in the query") }
      guard values.updateValue(value, forKey: name) == nil else {
        throw .malformed("\(printable(name)) is given twice")
      }
    }
  }

  mutating func takeWorkload() throws(RequestFault) -> String? {
    guard let name = values.removeValue(forKey: "workload") else { return nil }
    guard isWorkloadName(name) else { throw .malformed("workload: expected 1 to 64 letters, digits, '-' or '_'") }
    return name
  }

  mutating func takeKind() throws(RequestFault) -> PlanKind {
    guard let kind = values.removeValue(forKey: "kind").flatMap(PlanKind.init(rawValue:)) else {
      throw .malformed("kind: expected failover, failback or preparation")
    }
    return kind
  }

  mutating func takeIncident() throws(RequestFault) -> String? {
    guard let id = values.removeValue(forKey: "incident") else { return nil }
    guard isToken(id) else { throw .malformed("incident: expected the id of an incident") }
    return id
  }

  mutating func takeLimit() throws(RequestFault) -> Int {
    guard let text = values.removeValue(forKey: "limit") else { return ControlRequest.defaultHistory }
    guard let limit = Int(text), (1...ControlRequest.longestHistory).contains(limit) else {
      throw .malformed("limit: expected 1 to \(ControlRequest.longestHistory)")
    }
    return limit
  }

  func finish() throws(RequestFault) {
    guard let name = values.keys.min() else { return }
    throw .malformed("\(printable(name)) is not a parameter of this route")
  }
}

private func percentDecoded(_ text: Substring) -> String? {
  var bytes: [UInt8] = []
  var rest = Array(text.utf8)[...]
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "%") else {
      bytes.append(byte)
      continue
    }
    guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else { return nil }
    bytes.append(high << 4 | low)
  }
  return String(validating: bytes, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}

/// Text of a stranger, fit to be shown: unprintable scalars as `\u{1b}`, cut after 200 of them.
package func printable(_ text: String, limit: Int = 200) -> String {
  var shown = ""
  for (index, scalar) in text.unicodeScalars.enumerated() {
    if index == limit { return shown + "..." }
    if scalar.isUnprintable {
      shown += "\\u{\(String(scalar.value, radix: 16))}"
    } else {
      shown.unicodeScalars.append(scalar)
    }
  }
  return shown
}
