// Everything that can be asked over the socket, as a closed list. pilotlightctl renders a case into method, path and
// body, the server reads them back into the same case: there is one table of routes, and both ends are tested against
// each other.

import FoundationEssentials

/// One question or order, complete and checked.
package enum ControlRequest: Hashable, Sendable {
  /// `GET /v1/status` -> `StatusReport`.
  case status
  /// `GET /v1/explain?workload=&incident=` -> `ExplainReport`. Workload nil: the only one there is; incident nil: now.
  case explain(workload: String?, incident: String?)
  /// `GET /v1/report?workload=&incident=` -> `IncidentReport`. Workload nil: the only one there is; incident nil: the newest.
  case report(workload: String?, incident: String?)
  /// `GET /v1/plan?workload=&kind=` -> `PlanReport`. Reads the cloud, for some seconds at most.
  case plan(workload: String?, kind: PlanKind)
  /// `GET /v1/history?workload=&incident=&limit=` -> `[HistoryEntry]`, the newest `limit` of them, oldest first.
  case history(workload: String?, incident: String?, limit: Int)
  /// `GET /v1/health` -> `HealthReport`.
  case health
  /// `POST /v1/orders` with an `OrderRequest` -> `OrderAnswer`.
  case order(OrderRequest)
  /// `POST /v1/reload` -> `OrderAnswer`; reads the configuration anew, all or nothing. A line of the message for each error.
  case reload
  /// `GET /v1/sandbox` -> `SandboxReport`; only a daemon on the sandbox has it.
  case sandbox
  /// `POST /v1/sandbox` with a `SandboxRequest` -> `SandboxReport`.
  case changeSandbox(SandboxRequest)

  /// Entries `history` answers with when no limit is given, and the most it can be asked for.
  package static let defaultHistory = 50
  package static let longestHistory = 1000
}

/// Why a request is not one of ours.
package enum RequestFault: Error, Hashable, Sendable {
  case unknownRoute(path: String)
  case wrongMethod(path: String, allowed: [String])
  /// The sentence says what was expected.
  case malformed(String)

  /// The HTTP status of the answer.
  package var httpStatus: Int {
    switch self {
    case .unknownRoute: 404
    case .wrongMethod: 405
    case .malformed: 400
    }
  }

  /// One sentence for `ErrorReport`.
  package var message: String {
    switch self {
    case .unknownRoute(let path): "there is no \(path) here"
    case .wrongMethod(let path, let allowed): "\(path) answers \(allowed.joined(separator: " and "))"
    case .malformed(let message): message
    }
  }
}

// MARK: - Rendering

extension ControlRequest {
  /// `GET` or `POST`.
  package var method: String {
    switch self {
    case .status, .explain, .report, .plan, .history, .health, .sandbox: "GET"
    case .order, .reload, .changeSandbox: "POST"
    }
  }

  /// Path and query, percent-encoded, from the slash on.
  package var target: String {
    switch self {
    case .status: "/v1/status"
    case .explain(let workload, let incident):
      "/v1/explain" + query([("workload", workload), ("incident", incident)])
    case .report(let workload, let incident):
      "/v1/report" + query([("workload", workload), ("incident", incident)])
    case .plan(let workload, let kind): "/v1/plan" + query([("workload", workload), ("kind", kind.rawValue)])
    case .history(let workload, let incident, let limit):
      "/v1/history" + query([("workload", workload), ("incident", incident), ("limit", String(limit))])
    case .health: "/v1/health"
    case .order: "/v1/orders"
    case .reload: "/v1/reload"
    case .sandbox, .changeSandbox: "/v1/sandbox"
    }
  }

  /// JSON; empty for questions.
  package func body() throws -> [UInt8] {
    switch self {
    case .status, .explain, .report, .plan, .history, .health, .reload, .sandbox: []
    case .order(let order): try ControlJSON.encode(order)
    case .changeSandbox(let change): try ControlJSON.encode(change)
    }
  }
}

private func query(_ pairs: [(String, String?)]) -> String {
  let given = pairs.compactMap { name, value in value.map { "\(name)=\(percentEncoded($0))" } }
  return given.isEmpty ? "" : "?" + given.joined(separator: "&")
}

private func percentEncoded(_ text: String) -> String {
  var encoded = ""
  for byte in text.utf8 {
    if isWorkloadName(String(UnicodeScalar(byte))) || byte == UInt8(ascii: ".") {
      encoded.unicodeScalars.append(UnicodeScalar(byte))
    } else {
      let hex = String(byte, radix: 16, uppercase: true)
      encoded += byte < 16 ? "%0" + hex : "%" + hex
    }
  }
  return encoded
}

// MARK: - JSON

/// The one way JSON is written and read here: sorted keys, so that equal values are equal bytes.
package enum ControlJSON {
  package static func encode(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    return Array(try encoder.encode(value))
  }

  package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
    try JSONDecoder().decode(type, from: Data(bytes))
  }

  /// The keys of the JSON object in `bytes` that are not in `known`, sorted; none when it is no object.
  package static func unknownKeys(in bytes: [UInt8], known: [String]) -> [String] {
    guard let keys = try? decode(KeyList.self, from: bytes) else { return [] }
    return keys.names.filter { !known.contains($0) }.sorted()
  }

  /// What a `DecodingError` means to the person who wrote the JSON, in one sentence that repeats no value of it.
  package static func sentence(for error: any Error) -> String {
    guard let error = error as? DecodingError else { return "the body is not JSON" }
    switch error {
    case .keyNotFound(let key, _): return "'\(key.stringValue)' is missing"
    case .typeMismatch(let type, let context): return "'\(place(context))' is not of type \(type)"
    case .valueNotFound(_, let context): return "'\(place(context))' is null"
    case .dataCorrupted(let context) where context.codingPath.isEmpty: return "the body is not JSON"
    case .dataCorrupted(let context): return "'\(place(context))' has a value that is not known here"
    @unknown default: return "the body is not JSON"
    }
  }

  private static func place(_ context: DecodingError.Context) -> String {
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? "body" : path
  }
}

/// Reads nothing of an object but the names of its keys.
private struct KeyList: Decodable {
  struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
  var names: [String]
  init(from decoder: any Decoder) throws {
    names = try decoder.container(keyedBy: Key.self).allKeys.map(\.stringValue)
  }
}
