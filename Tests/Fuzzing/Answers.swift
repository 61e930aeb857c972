// AWS's answers, through the real client, signer and readers; only the socket is missing.

import PilotlightAWS
import PilotlightCore
import PilotlightHTTP
import PilotlightSimulation
import Synchronization

/// Each request gets the next answer, and the last one all that come behind it.
private final class Answers: HTTPSending {
  private let responses: Mutex<ArraySlice<HTTPResponse>>

  /// - Parameter bodies: parted by NUL, which neither XML nor JSON has.
  init(_ bodies: [UInt8], status: Int, type: String? = nil) {
    let headers = type.map { [(name: "Content-Type", value: $0)] } ?? []
    let parts = bodies.split(separator: 0, omittingEmptySubsequences: false)
    responses = Mutex(parts.map { HTTPResponse(status: status, headers: headers, body: Array($0)) }[...])
  }

  init(_ response: HTTPResponse) { responses = Mutex([response]) }

  func send(_ request: HTTPRequest) async -> Result<HTTPResponse, HTTPFailure> {
    responses.withLock { $0.count > 1 ? .success($0.removeFirst()) : .success($0[$0.startIndex]) }
  }
}

/// Unix seconds that pass by sleeping alone, so that retries take no time.
private final class Seconds: Sendable {
  private let value = Mutex<Double>(1_764_000_000)
  var now: Double { value.withLock { $0 } }
  func pass(_ duration: Duration) { value.withLock { $0 += duration.seconds } }
}

/// A client whose requests get these answers.
private func client(
  _ answers: Answers, environment: [String: String], files: [String: String] = [:]
) throws(CredentialError) -> (AWSClient, Seconds) {
  let seconds = Seconds()
  let configuration = try AWSConfiguration(
    environment: environment.merging(["HOME": "/h"]) { $1 }, stsRegions: ["us-west-2"], readFile: { files[$0] })
  let client = AWSClient(
    http: answers, configuration: configuration,
    clock: AWSClock(wallSeconds: { seconds.now }, sleep: { seconds.pass($0) }), random: { 0.5 }, onNotice: { _ in })
  return (client, seconds)
}

private func cloud(_ client: AWSClient, _ seconds: Seconds) -> AWSCloud {
  AWSCloud(
    executor: client, wallSeconds: { seconds.now }, now: { Instant(unixSeconds: seconds.now) },
    steady: { .seconds(seconds.now) })
}

private let secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
private let keys = ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": secretKey]

private let group = GroupRef(region: "us-west-2", name: "app-dr")
private let database = DatabaseRef(region: "us-west-2", identifier: "app-dr")
private let cluster = DatabaseRef(
  region: "us-west-2", identifier: "app-dr", global: GlobalDatabase(identifier: "app", peer: "eu-west-1"))
private let listener = ListenerRef(
  region: "us-west-2", arn: "arn:aws:elasticloadbalancing:us-west-2:1:listener/app/x/1/2")
private let record = RecordRef(zone: "Z1", name: "app.example.com", type: "CNAME")
private let lease = LeaseRef(region: "us-west-2", table: "pilotlight", key: "app")
private let leased = LeaseRecord(holder: "a", life: "1", number: 1, renewal: 0, lasting: .seconds(60))
private let object = ObjectRef(region: "us-west-2", bucket: "switch", key: "dr")
private let controls = RoutingControls(
  primary: "arn:control:a", dr: "arn:control:b",
  endpoints: ["us-east-1", "us-west-2", "eu-west-1"].map { ClusterEndpoint(region: $0, host: "\($0).test") })
private let secret = SecretRef(region: "us-west-2", id: "app")
private let topic = TopicRef(region: "us-west-2", arn: "arn:topic")
private let check = HealthCheckRef(id: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
private let change = {
  var change = InstanceChange()
  change.multiAZ = true
  change.tags = ["owner": "sre"]
  return change
}()
/// New ones come last: a byte of the corpus names one by its place.
private let actions: [CloudAction] = [
  .callerIdentity(region: "us-west-2"), .describeGroup(group), .describeDatabase(database), .replicaLag(database),
  .targetHealth(TargetGroupRef(region: "us-west-2", arn: "arn:tg")),
  .readSecret(secret), .readRecords(record),
  .readChange(id: "/change/C1", region: "us-east-1"), .readObject(object), .readWriteHold(listener),
  .readHealthCheck(check),
  .describeSnapshot(database, snapshot: "s"), .resizeGroup(group, GroupSize(min: 1, desired: 2, max: 3)),
  .repointSecret(secret, DatabaseAddress(host: "h", port: 5432), token: "t"),
  .promoteReplica(database), .pointRecords(record, to: RecordTarget(host: "a"), from: RecordTarget(host: "b")),
  .pointRecords(record, to: RecordTarget(host: "a"), from: RecordTarget(host: "b"), sets: [RecordState(host: "a")]),
  .holdWrites(listener), .releaseWrites(listener),
  .publish(topic, subject: "s", message: "m"),
  .readLaunchSource(group), .readSwitch(object), .simulate([.promoteReplica(database)], region: "us-west-2"),
  .readClock(region: "us-west-2"), .readLease(lease), .claimLease(lease, leased, over: nil),
  .describeDatabase(cluster), .replicaLag(cluster), .failOverCluster(cluster, arn: "arn:c"),
  .simulate([.failOverCluster(cluster, arn: "arn:c")], region: "us-west-2"),
  .readControls(controls), .turnControls(controls, to: .dr), .readSecretSource(secret), .detachSecret(secret),
  .readTopic(topic), .readCheckSwitch(check), .switchCheck(check, unhealthy: true), .modifyInstance(database, change),
  .rebootInstance(database), .stopDatabase(database), .startDatabase(database),
  .renameDatabase(database, to: "app-kept"), .snapshotDatabase(database, snapshot: "s"),
  .createReplica(ReplicaSpec(settings: DatabaseSettings(ref: database, instanceClass: "db.t3.micro"), source: cluster)),
  .switchOverCluster(cluster, arn: "arn:c", from: cluster), .putObject(object, body: "b"), .removeObject(object),
]
private let statuses = [200, 400, 403, 404, 409, 429, 500, 503, 204, 302]

/// A byte for the action, one for the status, a type of content, and the bodies.
func readAnswer(_ bytes: [UInt8]) async -> String? {
  var bytes = Bytes(bytes)
  let action = bytes.pick(actions)
  let status = bytes.pick(statuses)
  let type = bytes.pick([
    "text/xml", "application/x-amz-json-1.1", "application/x-amz-json-1.0", "application/json", "text/html",
  ])
  let answers = Answers(bytes.remaining(), status: status, type: type)
  guard let (client, seconds) = try? client(answers, environment: keys) else { return "no client" }
  let cloud = cloud(client, seconds)
  let reply = await cloud.perform(action, timeout: .seconds(20))
  return promise(reply, status) ?? live(reply)
}

/// A guard that is told so on every watch.
private func live(_ reply: CloudReply) -> String? {
  let now = Instant(nanoseconds: 1_764_000_000_000_000_000)
  let settings = WorkloadSettings.reference { $0.lease = LeaseSettings(ref: lease, holder: "a") }
  let guarded = WorkloadGuard(settings, at: now, seed: 1)
  let watches: [Watch] = [
    .replicaLag, .drAPI, .primaryAPI, .primaryTargets, .drDatabase, .primaryDatabase, .drGroup,
    .readiness(.launch), .readiness(.targets), .readiness(.secret), .readiness(.traffic), .readiness(.permissions),
    .readiness(.clock), .readiness(.secretSource), .readiness(.page), .lease,
  ]
  for watch in watches { guarded.take(.reply(reply), of: watch, startedAt: now, at: now) }
  _ = guarded.react(to: .assessed, at: now, brake: nil)
  let situation = guarded.look(at: now + .seconds(10))
  let sentence =
    "\(situation.loss.text) \(situation.lag.sentence(at: now)) \(situation.lease?.whyNotBegin(at: now) ?? "")"
  return sentence.contains("\n") ? "more than one line: \(sentence)" : nil
}

private func promise(_ reply: CloudReply, _ status: Int) -> String? {
  if "\(reply)".contains(secretKey) { return "a key in a reply" }
  guard case .failed(let failure) = reply else {
    // HEAD and DELETE know 404 as an answer; nothing else is read from a refusal.
    if status >= 300, status != 404, status != 400, status != 403 {
      return "an answer read from HTTP \(status): \(reply)"
    }
    return nil
  }
  if failure.message.unicodeScalars.contains(where: { $0.value < 32 }) { return "a message that is not one line" }
  if failure.message.count > 400 { return "a message of \(failure.message.count) characters" }
  return nil
}

/// Where credentials come from.
private enum Source: CaseIterable {
  /// Two files, then what STS answers where they name a role.
  case files
  case container
  /// A token, a role's name, a document.
  case imds
  /// A token's file, then what STS answers.
  case webIdentity
  /// What STS answers to a profile that names a role.
  case role
}

/// A byte for where they come from, one for the status of all answers where it is not 200; then files, and answers.
func readCredentials(_ bytes: [UInt8]) async -> String? {
  var bytes = Bytes(bytes)
  var environment: [String: String] = [:]
  var files: [String: String] = [:]
  let source = bytes.pick(Source.allCases)
  var status = 200
  switch source {
  case .files:
    environment = ["AWS_PROFILE": "p"]
    files = ["/h/.aws/config": bytes.text(), "/h/.aws/credentials": bytes.text()]
  case .container: environment = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/c"]
  case .imds: status = bytes.pick(statuses)
  case .webIdentity:
    status = bytes.pick(statuses)
    environment = ["AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"]
    files = ["/token": bytes.text()]
  case .role:
    status = bytes.pick(statuses)
    environment = ["AWS_PROFILE": "p"]
    files["/h/.aws/config"] = """
      [profile p]
      role_arn = arn:aws:iam::1:role/r
      source_profile = p
      aws_access_key_id = AKIDEXAMPLE
      aws_secret_access_key = \(secretKey)
      """
  }
  do throws(CredentialError) {
    let (client, seconds) = try client(
      Answers(bytes.remaining(), status: status), environment: environment, files: files)
    let cloud = cloud(client, seconds)
    let reply = await cloud.perform(.callerIdentity(region: "us-west-2"), timeout: .seconds(20))
    return promise(reply, status)
  } catch {
    let text = "\(error)"
    if text.contains(secretKey) { return "a key in an error" }
    return text.unicodeScalars.contains { $0.value < 32 } ? "an error that is not one line: \(text)" : nil
  }
}

/// A Date header beside a refusal that blames the clock.
func readDate(_ bytes: [UInt8]) async -> String? {
  let header = String(decoding: bytes, as: UTF8.self)
  let body = "<ErrorResponse><Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error></ErrorResponse>"
  let response = HTTPResponse(status: 403, headers: [("Date", header)], body: Array(body.utf8))
  guard let (client, seconds) = try? client(Answers(response), environment: keys) else { return "no client" }
  let cloud = cloud(client, seconds)
  let reply = await cloud.perform(.describeGroup(group), timeout: .seconds(20))
  guard case .failed(let failure) = reply, failure.kind == .credentials else { return "not a refusal: \(reply)" }
  let again = await cloud.perform(.describeGroup(group), timeout: .seconds(20))
  return again == reply ? nil : "first \(reply), then \(again)"
}
