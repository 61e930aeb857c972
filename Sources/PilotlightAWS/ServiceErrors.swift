// What an error answer means. Codes are AWS's own, as the services' API references list them; what they ask of us is decided here,
// once, for all services.

import FoundationEssentials
import PilotlightCore

/// Turns an answer with a status of 300 or more into a typed failure.
func serviceFailure(
  _ operation: Operation, status: Int, headers: [(name: String, value: String)], body: [UInt8]
) -> CloudFailure {
  let found = errorCode(operation, status: status, headers: headers, body: body)
  let requestID = found.requestID ?? headers.first { isRequestID($0.name) }?.value
  return CloudFailure(
    kind(found.code, status: status, operation), code: found.code ?? "HTTP\(status)",
    message: oneLine("\(operation.name) in \(operation.region): \(found.message)"), requestID: requestID)
}

private struct ErrorBody {
  var code: String?
  var message: String
  var requestID: String?
}

private func isRequestID(_ name: String) -> Bool {
  ["x-amzn-requestid", "x-amz-request-id", "x-amz-requestid"].contains(name.lowercased())
}

private func errorCode(
  _ operation: Operation, status: Int, headers: [(name: String, value: String)], body: [UInt8]
) -> ErrorBody {
  if operation.service == .secretsmanager { return jsonError(headers, body, status) }
  if let root = try? XMLDocument.parse(body) {
    let error = root.name == "Error" ? root : root.first("Error")
    if let error, let code = error["Code"]?.text {
      let id = root.first("RequestId")?.text ?? root.first("RequestID")?.text
      return ErrorBody(code: code.trimmed, message: error["Message"]?.text.trimmed ?? "", requestID: id)
    }
    if let invalid = root.first("Message")?.text {
      return ErrorBody(code: root.name, message: invalid, requestID: root.first("RequestId")?.text)
    }
  }
  return ErrorBody(code: nil, message: "HTTP \(status) without a readable error", requestID: nil)
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
  let code = type?.split(separator: "#").last?.split(separator: ":").first.map(String.init)
  let message = document?.message ?? document?.Message ?? (code == nil ? "HTTP \(status) without a readable error" : "")
  return ErrorBody(code: code, message: message, requestID: nil)
}

private let throttles: Set<String> = [
  "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
  "RequestLimitExceeded", "TooManyRequestsException", "PriorRequestNotComplete", "SlowDown", "BandwidthLimitExceeded",
  "LimitExceededException", "ProvisionedThroughputExceededException", "RequestTimeout", "RequestTimeoutException",
]
private let denials: Set<String> = [
  "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "Forbidden",
  "UnauthorizedAccess", "OptInRequired", "AccountProblem", "AllAccessDisabled",
]
private let credentialFaults: Set<String> = [
  "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
  "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed",
  "InvalidToken", "TokenRefreshRequired", "IncompleteSignature", "MissingAuthenticationToken", "AuthFailure",
]
private let wrongStates: Set<String> = [
  "InvalidDBInstanceState", "InvalidDBInstanceStateFault", "InvalidDBSnapshotState", "ScalingActivityInProgress",
  "ResourceInUse", "ResourceContention", "InvalidState", "OperationAborted", "InvalidRequestException",
  "KMSKeyNotAccessibleFault", "InsufficientDBInstanceCapacity", "ResourceInUseException",
  "ConflictingOperationInProgress",
]

private func kind(_ code: String?, status: Int, _ operation: Operation) -> CloudFailure.Kind {
  if let code {
    if throttles.contains(code) { return .throttled }
    if denials.contains(code) { return .denied }
    if credentialFaults.contains(code) { return .credentials }
    if wrongStates.contains(code) { return .wrongState }
    if code.contains("AlreadyExists") || code == "PriorityInUse" || code == "ResourceExistsException" { return .exists }
    if code.contains("NotFound") || code.hasPrefix("NoSuch") { return .notFound }
  }
  switch status {
  case 429: return .throttled
  case 500...:
    // The service may have done it before it failed: only what changes nothing by repetition is called transient.
    return operation.changes && !operation.declarative ? .unknownOutcome : .transient
  case 404 where operation.service == .s3: return .notFound
  case 403 where code == nil: return .denied
  case _ where code == nil: return .garbled
  default: return .invalid
  }
}
