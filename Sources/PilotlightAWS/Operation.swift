// The seam of the module. A service file says what is asked (`Operation`) and understands what came back (`Answer`); how a
// request is signed, sent, retried and timed is the executor's. So services are plain functions that a test can call with
// bytes, and nothing of HTTP or of credentials is repeated nine times.

import PilotlightCore

/// The AWS services spoken to. The raw value is the signing name, which is also the endpoint prefix.
enum AWSService: String, Sendable, CaseIterable {
  case sts
  case autoscaling
  case rds
  case elasticloadbalancing
  case monitoring
  case route53
  case secretsmanager
  case s3
  case sns
}

/// One API request, unsigned.
struct Operation: Sendable {
  var service: AWSService
  /// The region whose endpoint is asked and for which the request is signed.
  var region: String
  /// The API action as AWS names it, for logs and errors.
  var name: String
  var method: String
  /// Path segments percent-encoded once. For S3 `/key`: the bucket is apart.
  var path: String
  var bucket: String?
  /// Unencoded.
  var query: [(name: String, value: String)]
  var headers: [(name: String, value: String)]
  var body: [UInt8]
  /// True for a write.
  var changes: Bool
  /// True when repeating it changes nothing more, so that a lost answer may simply be asked for again.
  var declarative: Bool

  init(
    _ service: AWSService, region: String, name: String, method: String = "POST", path: String = "/",
    bucket: String? = nil, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)] = [], body: [UInt8] = [], changes: Bool = false,
    declarative: Bool = true
  ) {
    self.service = service
    self.region = region
    self.name = name
    self.method = method
    self.path = path
    self.bucket = bucket
    self.query = query
    self.headers = headers
    self.body = body
    self.changes = changes
    self.declarative = declarative
  }
}

/// A proper answer: its status is below 300.
struct Answer: Sendable {
  var status: Int
  var headers: [(name: String, value: String)]
  var body: [UInt8]
}

/// Whatever signs, sends and retries operations.
protocol OperationExecuting: Sendable {
  /// Sends one operation, all attempts within `timeout`. Succeeds only for a status below 300; anything else is a failure
  /// whose kind was decided by `serviceFailure`, by the transport, or by the credentials.
  func execute(_ operation: Operation, timeout: Duration) async -> Result<Answer, CloudFailure>

  /// The URL of `operation` (a GET) signed in its query, valid for `expires`.
  func presign(_ operation: Operation, expires: Duration) async -> Result<String, CloudFailure>
}
