// Signs, sends, classifies, repeats. What may have changed something is never repeated blindly: a request whose answer was lost
// comes back as `unknownOutcome`, and the step looks at the world before it asks again.

package import PilotlightCore
package import PilotlightHTTP

/// What the client needs to know.
package struct AWSConfiguration: Sendable {
  let environment: [String: String]
  let profileName: String?
  let files: ProfileFiles
  let role: RoleSettings?
  let stsRegions: [String]
  let caFile: String?
  let readFile: FileReader

  /// - Parameters:
  ///   - stsRegions: regions whose STS may be asked for roles, the nearest first.
  ///   - readFile: nil for a file that does not exist.
  package init(
    environment: [String: String], profile: String? = nil, role: RoleSettings? = nil, stsRegions: [String],
    caBundle: String? = nil, readFile: @escaping FileReader
  ) throws(CredentialError) {
    self.environment = environment
    profileName = profile
    self.role = role
    self.stsRegions = stsRegions
    self.readFile = readFile
    let home = environment["HOME"] ?? ""
    files = try ProfileFiles(
      config: readFile(environment["AWS_CONFIG_FILE"] ?? "\(home)/.aws/config"),
      credentials: readFile(environment["AWS_SHARED_CREDENTIALS_FILE"] ?? "\(home)/.aws/credentials"))
    caFile = caBundle ?? environment["AWS_CA_BUNDLE"]
    // An endpoint that was asked for and cannot be understood must not end at the real AWS.
    for (name, value) in environment.sorted(by: { $0.key < $1.key })
    where name.hasPrefix("AWS_ENDPOINT_URL") && !value.isEmpty && Endpoint(url: value) == nil {
      throw .malformed("\(name) is not an absolute http or https URL")
    }
  }

  var activeProfile: Profile? { files.profile(profileName ?? environment["AWS_PROFILE"] ?? "default") }
}

/// What the client notices beside the answers.
package enum AWSNotice: Hashable, Sendable {
  case remark(String)
  /// Credentials cannot be renewed, and those in use end within minutes. Told once, until they are renewed.
  case credentialsEnding(String)

  package var text: String {
    switch self {
    case .remark(let text), .credentialsEnding(let text): text
    }
  }
}

package final class AWSClient: OperationExecuting {
  /// Attempts in all, as in AWS's standard retry mode.
  private static let attempts = 3
  /// One attempt never eats the whole budget: a black hole must leave room for another try.
  private static let attemptTimeout: Duration = .seconds(10)
  private static let answerLimit = 4 << 20

  private let http: any HTTPSending
  private let configuration: AWSConfiguration
  private let resolver: EndpointResolver
  private let cache: CredentialCache
  private let clock: AWSClock
  private let random: @Sendable () -> Double
  private let skew: ClockSkew
  private let budget = RetryBudget()

  package init(
    http: any HTTPSending, configuration: AWSConfiguration, clock: AWSClock, random: @escaping @Sendable () -> Double,
    onNotice: @escaping @Sendable (AWSNotice) -> Void
  ) {
    self.http = http
    self.configuration = configuration
    self.clock = clock
    self.random = random
    resolver = EndpointResolver(environment: configuration.environment, profile: configuration.activeProfile)
    skew = ClockSkew(onNotice: onNotice)
    let chain = CredentialChain(
      environment: configuration.environment, profileName: configuration.profileName, files: configuration.files,
      role: configuration.role, stsRegions: configuration.stsRegions, http: http, clock: clock,
      skew: skew, caFile: configuration.caFile, readFile: configuration.readFile)
    cache = CredentialCache(chain: chain, clock: clock, random: random, onNotice: onNotice)
  }

  /// How far AWS's clock is ahead of ours, as learned from a refusal; seconds.
  package var clockOffset: Double { skew.seconds }

  package func execute(_ operation: Operation, timeout: Duration) async -> Result<Answer, CloudFailure> {
    let deadline = Deadline(after: timeout, steady: clock.steady)
    var (attempt, paid) = (0, 0)
    var wasResigned = false
    while true {
      attempt += 1
      let outcome = await attemptOnce(operation, deadline)
      guard case .failure(let failure) = outcome.result else {
        budget.answered(operation, paid: paid)
        return outcome.result
      }
      // Keys that ended, and a clock that is wrong, are mended once and the request signed anew.
      if failure.kind == .credentials, outcome.wasSigned, !wasResigned, await mend(outcome) {
        wasResigned = true
        continue
      }
      guard attempt < AWSClient.attempts, mayRepeat(failure, operation) else { return .failure(failure) }
      let pause = delay(attempt)
      guard pause < deadline.left else { return .failure(failure) }
      if !operation.changes {
        guard let cost = budget.pay(for: operation, afterTimeout: failure.code == HTTPFailure.Kind.timeout.rawValue)
        else { return .failure(failure) }
        paid = cost
      }
      await clock.sleep(pause)
    }
  }

  package func presign(
    _ operation: Operation, expires: Duration, timeout: Duration
  ) async -> Result<String, CloudFailure> {
    switch await keys(within: timeout) {
    case .failure(let failure): return .failure(failure)
    case .success(let keys):
      let target = target(of: operation)
      let signable = SignableRequest(
        method: "GET", host: target.endpoint.host, path: target.path, query: operation.query, headers: [], body: [])
      let query = signer(keys, operation).presignedQuery(
        for: signable, at: skew.correct(clock.wallSeconds()), expires: Int(expires.components.seconds))
      return .success("\(target.endpoint.scheme)://\(target.endpoint.host)\(target.path)?\(query)")
    }
  }

  // MARK: One attempt

  private struct Outcome {
    var result: Result<Answer, CloudFailure>
    var keys: SigningKeys?
    var serverDate: Int64?
    var wasSigned: Bool { keys != nil }
  }

  private func attemptOnce(_ operation: Operation, _ deadline: Deadline) async -> Outcome {
    let keys: SigningKeys
    switch await self.keys(within: deadline.left) {
    case .failure(let failure): return Outcome(result: .failure(failure))
    case .success(let found): keys = found
    }
    // Fetching keys may have taken all of it. That says nothing of the service that was to be asked.
    let timeout = min(deadline.left, AWSClient.attemptTimeout)
    guard timeout > .zero else {
      return Outcome(
        result: .failure(CloudFailure(.credentials, code: "timeout", message: "no time left for \(operation.name)")))
    }
    let target = target(of: operation)
    let signable = SignableRequest(
      method: operation.method, host: target.endpoint.host, path: target.path, query: operation.query,
      headers: operation.headers, body: operation.body)
    let added = signer(keys, operation).headers(for: signable, at: skew.correct(clock.wallSeconds()))
    let query = SigV4.canonicalQuery(operation.query)
    let request = HTTPRequest(
      method: operation.method,
      url: "\(target.endpoint.scheme)://\(target.endpoint.host)\(target.path)\(query.isEmpty ? "" : "?\(query)")",
      headers: operation.headers + added, body: operation.body, timeout: timeout,
      connectTimeout: min(timeout, .seconds(5)), bodyLimit: AWSClient.answerLimit,
      // libcurl sends a request again by itself when a kept connection turns out dead. A write may then happen twice: it gets a
      // connection of its own, where libcurl cannot do so.
      freshConnection: operation.changes, caFile: configuration.caFile)
    switch await http.send(request) {
    case .failure(let failure): return Outcome(result: .failure(CloudFailure(failure, operation)), keys: keys)
    case .success(let response):
      return Outcome(result: read(response, operation), keys: keys, serverDate: response.date)
    }
  }

  private func read(_ response: HTTPResponse, _ operation: Operation) -> Result<Answer, CloudFailure> {
    guard response.status < 300 else {
      // HEAD answers have no body: 404 is all there is.
      return .failure(
        serviceFailure(operation, status: response.status, headers: response.headers, body: response.body))
    }
    guard !response.bodyTruncated else {
      return .failure(
        CloudFailure(.garbled, code: "TooLarge", message: "an answer of more than 4 MB to \(operation.name)"))
    }
    return .success(Answer(status: response.status, headers: response.headers, body: response.body))
  }

  private func keys(within patience: Duration) async -> Result<SigningKeys, CloudFailure> {
    do throws(CredentialError) {
      return .success(try await cache.keys(within: patience))
    } catch {
      return .failure(CloudFailure(.credentials, code: "NoCredentials", message: oneLine(error.text)))
    }
  }

  private func signer(_ keys: SigningKeys, _ operation: Operation) -> SigV4 {
    SigV4(
      keys: keys, region: EndpointResolver.signingRegion(operation.service, region: operation.region),
      service: operation.service.rawValue)
  }

  /// S3 puts the bucket into the host, or into the path for custom endpoints and names with dots (whose TLS names do not match).
  private func target(of operation: Operation) -> (endpoint: Endpoint, path: String) {
    var endpoint = resolver.resolve(operation.service, region: operation.region)
    if let host = operation.host, !endpoint.isCustom { endpoint.host = host }
    guard let bucket = operation.bucket else { return (endpoint, endpoint.basePath + operation.path) }
    if endpoint.isCustom || bucket.contains(".") {
      return (endpoint, "\(endpoint.basePath)/\(bucket)\(operation.path)")
    }
    endpoint.host = "\(bucket).\(endpoint.host)"
    return (endpoint, operation.path)
  }

  // MARK: Repeating

  private func mayRepeat(_ failure: CloudFailure, _ operation: Operation) -> Bool {
    // Whoever has others to ask asks them.
    if operation.host != nil { return false }
    return switch failure.kind {
    case .throttled, .unreachable: true
    case .transient: !operation.changes || operation.declarative
    case .notFound, .unknownOutcome, .denied, .credentials, .wrongState, .exists, .invalid, .garbled: false
    }
  }

  /// Full jitter over 0.1 s doubling: the step above has its own, slower backoff.
  private func delay(_ attempt: Int) -> Duration {
    .seconds(random() * min(0.1 * Double(1 << attempt), 2))
  }

  /// - Returns: whether signing again may help.
  private func mend(_ outcome: Outcome) async -> Bool {
    if let date = outcome.serverDate, skew.learn(server: date, local: clock.wallSeconds()) { return true }
    guard let keys = outcome.keys else { return false }
    await cache.reject(keys)
    return true
  }
}

extension CloudFailure {
  /// What a transport fault says about the operation.
  init(_ failure: HTTPFailure, _ operation: Operation) {
    let message = oneLine("\(operation.name) in \(operation.region): \(failure.detail)")
    let kind: Kind =
      if failure.requestMayHaveBeenSent {
        operation.changes ? .unknownOutcome : (failure.kind == .timeout ? .unreachable : .transient)
      } else {
        failure.kind == .local || failure.kind == .cancelled ? .transient : .unreachable
      }
    self.init(kind, code: failure.kind.rawValue, message: message)
  }
}

/// One printable line of at most so many characters.
func oneLine(_ text: String, limit: Int = 300) -> String {
  let safe = text.unicodeScalars.map { $0.value < 32 || (127...159).contains($0.value) ? " " : Character($0) }
  return String(String(safe).prefix(limit))
}
