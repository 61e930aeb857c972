import PilotlightCore
import Testing

@testable import PilotlightAWS

@Suite struct ErrorTests {
  func failure(
    _ code: String, status: Int = 400, service: AWSService = .rds, changes: Bool = false, declarative: Bool = true
  ) -> CloudFailure {
    let operation = Operation(
      service, region: "us-west-2", name: "Some", changes: changes, declarative: declarative)
    return serviceFailure(operation, status: status, headers: [], body: Array(queryError(code, "why").utf8))
  }

  @Test(arguments: [
    ("AccessDenied", CloudFailure.Kind.denied), ("AccessDeniedException", .denied), ("UnauthorizedOperation", .denied),
    ("AuthorizationError", .denied), ("KMSKeyNotAccessibleFault", .denied), ("ExpiredToken", .credentials),
    ("ExpiredTokenException", .credentials), ("InvalidClientTokenId", .credentials),
    ("UnrecognizedClientException", .credentials), ("SignatureDoesNotMatch", .credentials),
    ("RequestTimeTooSkewed", .credentials), ("InvalidSignatureException", .credentials),
    ("DBInstanceNotFound", .notFound), ("RuleNotFound", .notFound), ("NoSuchHostedZone", .notFound),
    ("ResourceNotFoundException", .notFound), ("InvalidDBInstanceState", .wrongState),
    ("InvalidDBInstanceStateFault", .wrongState), ("InvalidGlobalClusterStateFault", .wrongState),
    ("InvalidDBClusterStateFault", .wrongState), ("GlobalClusterNotFoundFault", .notFound),
    ("InvalidDBSnapshotState", .wrongState),
    ("ScalingActivityInProgress", .wrongState), ("ResourceInUse", .wrongState), ("ResourceContention", .wrongState),
    ("DBInstanceAlreadyExists", .exists), ("PriorityInUse", .exists), ("ResourceExistsException", .exists),
    ("Throttling", .throttled), ("ThrottlingException", .throttled), ("RequestLimitExceeded", .throttled),
    ("TooManyRequestsException", .throttled), ("PriorRequestNotComplete", .throttled), ("SlowDown", .throttled),
    ("ValidationError", .invalid), ("InvalidParameterCombination", .invalid), ("SnapshotQuotaExceeded", .invalid),
  ]) func `a code says what it asks of us`(_ code: String, _ kind: CloudFailure.Kind) {
    let failure = failure(code)
    #expect(failure.kind == kind && failure.code == code && failure.requestID == "42d59b56")
    #expect(failure.message == "Some in us-west-2: why")
  }

  @Test(arguments: ["RequestTimeout", "RequestTimeoutException"])
  func `a request that AWS waited too long for is no mistake of ours`(_ code: String) {
    #expect(failure(code).kind == .transient)
    #expect(failure(code, changes: true, declarative: false).kind == .unknownOutcome)
  }

  @Test func `a throttle with status 503 is a throttle, also of a write`() {
    #expect(failure("Throttling", status: 503, changes: true, declarative: false).kind == .throttled)
    #expect(failure("Whatever", status: 429).kind == .throttled)
  }

  @Test(arguments: [500, 502, 503, 504], ["InternalFailure", "ServiceUnavailable"])
  func `F29 a server error is passing for what bears repeating, and an unknown outcome for the rest`(
    _ status: Int, _ code: String
  ) {
    #expect(failure(code, status: status).kind == .transient)
    #expect(failure(code, status: status, changes: true).kind == .transient)
    #expect(failure(code, status: status, changes: true, declarative: false).kind == .unknownOutcome)
  }

  @Test(arguments: [
    "", "<html><body>login</body></html>", "<!DOCTYPE html><p>", "{", "\u{0}\u{1}", "<a><b></a>", "<rss/>",
  ])
  func `F47 an error that is none of AWS's is garbled below 500 and follows the rule above`(_ text: String) {
    for service in AWSService.allCases {
      let read = Operation(service, region: "r", name: "Some")
      let write = Operation(service, region: "r", name: "Some", changes: true, declarative: false)
      #expect(serviceFailure(read, status: 403, headers: [], body: Array(text.utf8)).kind == .garbled)
      #expect(serviceFailure(read, status: 502, headers: [], body: Array(text.utf8)).kind == .transient)
      #expect(serviceFailure(write, status: 502, headers: [], body: Array(text.utf8)).kind == .unknownOutcome)
    }
  }

  @Test func `Route 53 and S3 errors are read in their own shapes`() {
    let route53 = Operation(.route53, region: "us-east-1", name: "ChangeResourceRecordSets", changes: true)
    let batch =
      "<InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages><Message>RRSet of type CNAME"
      + " conflicts</Message></Messages><RequestId>b25f48e8</RequestId></InvalidChangeBatch>"
    let invalid = serviceFailure(route53, status: 400, headers: [], body: Array(batch.utf8))
    #expect(invalid.kind == .invalid && invalid.code == "InvalidChangeBatch" && invalid.requestID == "b25f48e8")
    #expect(invalid.message.hasSuffix("RRSet of type CNAME conflicts"))
    let s3 = Operation(.s3, region: "us-west-2", name: "PutObject", method: "PUT", changes: true)
    let denied = serviceFailure(
      s3, status: 403, headers: [("x-amz-request-id", "4442587FB7D0A2F9")],
      body: Array("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>".utf8))
    #expect(denied.kind == .denied && denied.requestID == "4442587FB7D0A2F9")
  }

  @Test func `a HEAD has only its status to speak with`() {
    let head = Operation(.s3, region: "us-west-2", name: "HeadObject", method: "HEAD")
    let statuses = [301, 400, 403, 404, 500, 503]
    let id = (name: "x-amz-request-id", value: "R1")
    let kinds = statuses.map { serviceFailure(head, status: $0, headers: [id], body: []).kind }
    #expect(kinds == [.invalid, .credentials, .denied, .notFound, .transient, .transient])
    let moved = serviceFailure(head, status: 301, headers: [id, ("x-amz-bucket-region", "eu-west-1")], body: [])
    #expect(moved.message.contains("the bucket is in eu-west-1"))
    // F47: who gives a request no id is not S3.
    let others = statuses.map { serviceFailure(head, status: $0, headers: [("Server", "proxy")], body: []).kind }
    #expect(others == [.garbled, .garbled, .garbled, .garbled, .transient, .transient])
  }

  @Test(arguments: [
    ("{\"__type\":\"ResourceNotFoundException\",\"Message\":\"none\"}", "", CloudFailure.Kind.notFound),
    ("{\"__type\":\"com.amazonaws.secretsmanager#InvalidRequestException\",\"message\":\"m\"}", "", .wrongState),
    (
      "{\"message\":\"m\"}", "AccessDeniedException:http://internal.amazon.com/coral/com.amazon.coral.service/", .denied
    ),
    ("{\"__type\":7}", "", .garbled), ("[]", "", .garbled),
  ]) func `a JSON service names its error in the body or in a header`(
    _ body: String, _ header: String, _ kind: CloudFailure.Kind
  ) {
    let operation = Operation(.secretsmanager, region: "r", name: "GetSecretValue")
    let headers = header.isEmpty ? [] : [(name: "x-amzn-ErrorType", value: header), ("x-amzn-RequestId", "id-1")]
    let failure = serviceFailure(operation, status: 400, headers: headers, body: Array(body.utf8))
    #expect(failure.kind == kind && failure.requestID == (header.isEmpty ? nil : "id-1"))
    #expect(!failure.code.contains("#") && !failure.code.contains(":"))
  }

  @Test func `what a hostile server writes stays on one bounded line`() {
    let code = String(repeating: "A\u{1B}[31m\n", count: 5000)
    let text = queryError(
      "<![CDATA[x\(code.replacing("\u{1B}", with: ""))]]>",
      "a\nPILOTLIGHT_PHASE=healthy\r\u{85}" + code.replacing("\u{1B}", with: ""))
    let operation = Operation(.rds, region: "r", name: "Some")
    let failure = serviceFailure(
      operation, status: 400, headers: [], body: Array(text.utf8))
    #expect(failure.code.count <= 100 && failure.message.count <= 600)
    let all = failure.code + failure.message + (failure.requestID ?? "")
    #expect(all.unicodeScalars.allSatisfy { $0.value >= 32 && !(127...159).contains($0.value) })
  }
}
