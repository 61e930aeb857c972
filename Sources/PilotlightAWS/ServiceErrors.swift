// What an error answer means. Codes are AWS's own, as the services' API models list them; what they ask of us is decided here,
// once, for all services. The one hard rule: after a write that does not bear repeating, "the service failed" is never taken to
// mean "it did not happen" (F29).

import FoundationEssentials
import PilotlightCore

/// Turns an answer with a status of 300 or more into a typed failure.
func serviceFailure(
  _ operation: Operation, status: Int, headers: [(name: String, value: String)], body: [UInt8]
) -> CloudFailure {
  let found = errorBody(operation, status: status, headers: headers, body: body)
  let kind = kind(found.code, status: status, operation)
  let requestID = found.requestID ?? headers.first { isRequestID($0.name) }?.value
  var message = found.message
  // A validation error may quote the value it complains about, and this one is a password.
  if operation.name == "PutSecretValue", kind == .invalid {
    let isReplica = message.lowercased().contains("replica secret")
    message =
      isReplica
      ? "it is a replica secret, which takes no value: `secret.isReplica: true` detaches it first"
      : "the service refused the new value"
  }
  return CloudFailure(
    kind, code: found.code ?? "HTTP\(status)",
    // Safety rules are named by ARNs.
    message: oneLine("\(operation.name) in \(operation.region): \(message)", limit: 600),
    requestID: requestID.map { String(oneLine($0).prefix(128)) })
}

private struct ErrorBody {
  /// At most 100 characters of printable ASCII; nil when the answer is no error of AWS's.
  var code: String?
  var message: String
  var requestID: String?

  init(code: String?, message: String?, requestID: String? = nil) {
    let clean = code?.unicodeScalars.filter { (33...126).contains($0.value) }.prefix(100)
    self.code = clean.flatMap { $0.isEmpty ? nil : String(String.UnicodeScalarView($0)) }
    self.message = message.flatMap { $0.isEmpty ? nil : $0 } ?? "no reason given"
    self.requestID = requestID
  }
}

private func isRequestID(_ name: String) -> Bool {
  ["x-amzn-requestid", "x-amz-request-id", "x-amz-requestid"].contains(name.lowercased())
}

private func errorBody(
  _ operation: Operation, status: Int, headers: [(name: String, value: String)], body: [UInt8]
) -> ErrorBody {
  if [.secretsmanager, .dynamodb, .routingControl].contains(operation.service) {
    return jsonError(headers, body, status)
  }
  if operation.method == "HEAD" { return headError(headers, status) }
  guard let root = try? XMLDocument.parse(body) else { return unreadable(status) }
  let id = root.first("RequestId")?.text.trimmed ?? root.first("RequestID")?.text.trimmed
  if let error = root.name == "Error" ? root : root.first("Error"), let code = error.value("Code") {
    return ErrorBody(code: code, message: error.value("Message"), requestID: id)
  }
  // Route 53 says what is wrong with a batch in a document of its own.
  if root.name == "InvalidChangeBatch" {
    return ErrorBody(code: root.name, message: root.first("Message")?.text.trimmed, requestID: id)
  }
  return unreadable(status)
}

private func unreadable(_ status: Int) -> ErrorBody {
  ErrorBody(code: nil, message: "HTTP \(status) without a readable error")
}

private func jsonError(_ headers: [(name: String, value: String)], _ body: [UInt8], _ status: Int) -> ErrorBody {
  struct Document: Decodable {
    var __type: String?
    var code: String?
    var message: String?
    var Message: String?
  }
  let document = try? JSONDecoder().decode(Document.self, from: Data(body))
  let type = headers.first { $0.name.lowercased() == "x-amzn-errortype" }?.value ?? document?.__type ?? document?.code
  // `com.amazon.coral.service#AccessDeniedException:http://…`
  let code = type?.split(separator: ":").first?.split(separator: "#").last.map(String.init)
  guard let code else { return unreadable(status) }
  return ErrorBody(code: code, message: document?.message ?? document?.Message)
}

/// HEAD answers have no body, so the status is made to speak (S3 API reference, HeadObject; error responses of S3). Only that of S3,
/// which gives each request an id: a proxy's 404 tells nothing of an object (F47).
private func headError(_ headers: [(name: String, value: String)], _ status: Int) -> ErrorBody {
  guard headers.contains(where: { isRequestID($0.name) }) else { return unreadable(status) }
  switch status {
  case 301, 307:
    let region = headers.first { $0.name.lowercased() == "x-amz-bucket-region" }?.value ?? "another region"
    return ErrorBody(code: "PermanentRedirect", message: "the bucket is in \(region)")
  case 400: return ErrorBody(code: "BadRequest", message: "HTTP 400: expired or foreign credentials, or a wrong region")
  case 403:
    return ErrorBody(
      code: "AccessDenied", message: "HTTP 403: not allowed, or the object is absent and may not be listed")
  case 404: return ErrorBody(code: "NoSuchKey", message: "HTTP 404: no such object or bucket")
  default: return ErrorBody(code: nil, message: "HTTP \(status)")
  }
}

// MARK: What a code asks of us

/// Retryable as botocore's standard mode has them (botocore/retries/standard.py), less those that may come too late.
private let throttles: Set<String> = [
  "RequestLimitExceeded", "TooManyRequests", "PriorRequestNotComplete", "SlowDown", "BandwidthLimitExceeded",
  "ProvisionedThroughputExceeded",
]
private let denials: Set<String> = [
  "UnauthorizedOperation", "AuthorizationError", "Forbidden", "UnauthorizedAccess", "OptInRequired", "AccountProblem",
  "AllAccessDisabled", "KMSKeyNotAccessible",
]
private let credentialFaults: Set<String> = [
  "RequestExpired", "InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed",
  "InvalidToken", "TokenRefreshRequired", "IncompleteSignature", "MissingAuthenticationToken", "AuthFailure",
]
private let wrongStates: Set<String> = [
  "ScalingActivityInProgress", "InstanceRefreshInProgress", "ResourceInUse", "ResourceContention", "InvalidState",
  "OperationAborted", "InsufficientDBInstanceCapacity", "ConflictingOperationInProgress",
  // Secrets Manager: the secret is marked for deletion, or is a replica that takes no writes.
  "InvalidRequest",
  // DynamoDB: somebody else was first.
  "ConditionalCheckFailed",
  // Routing controls: a safety rule does not allow it now.
  "Conflict",
]

private func kind(_ code: String?, status: Int, _ operation: Operation) -> CloudFailure.Kind {
  if let code, let kind = kind(ofCode: stem(code), operation) { return kind }
  switch status {
  case 429: return .throttled
  case 500...: return lost(operation)
  default: return code == nil ? .garbled : .invalid
  }
}

/// It may have happened or not.
private func lost(_ operation: Operation) -> CloudFailure.Kind {
  operation.changes && !operation.declarative ? .unknownOutcome : .transient
}

/// Services disagree about suffixes, and some about their own: `InvalidDBInstanceState` is `…StateFault` in the model.
private func stem(_ code: String) -> String {
  for suffix in ["Exception", "Fault"] where code.hasSuffix(suffix) && code.count > suffix.count {
    return String(code.dropLast(suffix.count))
  }
  return code
}

private func kind(ofCode code: String, _ operation: Operation) -> CloudFailure.Kind? {
  if throttles.contains(code) || code.contains("Throttl") { return .throttled }
  // Routing controls: this endpoint did nothing, another one will.
  if code == "EndpointTemporarilyUnavailable" { return .transient }
  // With status 400, as of S3, whose connection was idle while it waited for the body.
  if code == "RequestTimeout" { return lost(operation) }
  if code.contains("AccessDenied") || denials.contains(code) { return .denied }
  if credentialFaults.contains(code) { return .credentials }
  if ["ExpiredToken", "UnrecognizedClient", "InvalidSignature"].contains(where: code.hasPrefix) { return .credentials }
  if operation.method == "HEAD", code == "BadRequest" { return .credentials }
  if wrongStates.contains(code) { return .wrongState }
  if code.hasPrefix("InvalidDB"), code.hasSuffix("State") { return .wrongState }
  // InvalidGlobalClusterState: another operation runs, or a cluster is not well now.
  if code.hasPrefix("Invalid"), code.hasSuffix("ClusterState") { return .wrongState }
  if code.contains("AlreadyExists") || code == "PriorityInUse" || code == "ResourceExists" { return .exists }
  if code.contains("NotFound") || code.hasPrefix("NoSuch") { return .notFound }
  return nil
}
