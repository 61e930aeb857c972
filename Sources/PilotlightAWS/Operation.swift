// One API request before it is signed, and what comes back. Services build operations and read answers; the client signs,
// sends, and repeats.

package import PilotlightCore

/// The services we speak to; the raw value is the name in the signature's scope.
package enum AWSService: String, Sendable, CaseIterable {
  case sts
  case iam
  case ec2
  case autoscaling
  case rds
  case elasticloadbalancing
  case monitoring
  case route53
  case secretsmanager
  case s3
  case sns
  case dynamodb
  case routingControl = "route53-recovery-cluster"
}

package struct Operation: Sendable {
  package var service: AWSService
  package var region: String
  /// API action, for errors.
  package var name: String
  package var method: String
  /// Path percent-encoded once; for S3 the key alone.
  package var path: String
  package var bucket: String?
  /// One of several that know the same; nil: the service's own of the region.
  package var host: String?
  /// Unencoded.
  package var query: [(name: String, value: String)]
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  /// A write.
  package var changes: Bool
  /// Repeating it changes nothing more.
  package var declarative: Bool

  package init(
    _ service: AWSService, region: String, name: String, method: String = "POST", path: String = "/",
    bucket: String? = nil, host: String? = nil, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)] = [], body: [UInt8] = [], changes: Bool = false, declarative: Bool = true
  ) {
    self.service = service
    self.region = region
    self.name = name
    self.method = method
    self.path = path
    self.bucket = bucket
    self.host = host
    self.query = query
    self.headers = headers
    self.body = body
    self.changes = changes
    self.declarative = declarative
  }
}

/// An answer with a status below 300.
package struct Answer: Sendable {
  package var status: Int
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
}

/// Carries operations out: the client, or a fake in tests.
package protocol OperationExecuting: Sendable {
  func execute(_ operation: Operation, timeout: Duration) async -> Result<Answer, CloudFailure>
  /// The URL of the operation as a signed GET, valid for `expires`.
  func presign(
    _ operation: Operation, expires: Duration, timeout: Duration
  ) async -> Result<String, CloudFailure>
}
