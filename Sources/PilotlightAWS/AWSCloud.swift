// The closed list of cloud actions, each mapped to its requests. Requests and replies of a service live together in Services/.

package import PilotlightCore
import Synchronization

/// AWS, as the engine asks it.
package final class AWSCloud: Sendable {
  let executor: any OperationExecuting
  let wallSeconds: @Sendable () -> Double
  let hostSeconds: @Sendable () -> Double
  let now: @Sendable () -> Instant
  let steady: @Sendable () -> Duration
  /// Of the clusters of routing controls the host that answered last, by the ARN of a control.
  let answering = Mutex<[String: String]>([:])

  /// - Parameters:
  ///   - wallSeconds: Unix seconds, for time windows in requests.
  ///   - hostSeconds: Unix seconds of this host's clock, uncorrected, to be compared with AWS's; nil: `wallSeconds` are.
  ///   - now: the daemon's own time line, on which what AWS dates is placed.
  ///   - steady: time since any fixed moment, from a clock that nobody sets (F54): what is left of a timeout is counted on it.
  package init(
    executor: any OperationExecuting, wallSeconds: @escaping @Sendable () -> Double,
    hostSeconds: (@Sendable () -> Double)? = nil,
    now: @escaping @Sendable () -> Instant, steady: @escaping @Sendable () -> Duration = bootTime
  ) {
    self.executor = executor
    self.wallSeconds = wallSeconds
    self.hostSeconds = hostSeconds ?? wallSeconds
    self.now = now
    self.steady = steady
  }

  /// Always answers; what goes wrong comes back as `.failed`. Several requests of one action share the one timeout.
  package func perform(_ action: CloudAction, timeout: Duration) async -> CloudReply {
    do throws(CloudFailure) {
      return try await reply(to: action, Deadline(after: timeout, steady: steady))
    } catch {
      return .failed(error)
    }
  }

  private func reply(to action: CloudAction, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    switch action {
    case .callerIdentity(let region): return try await callerIdentity(region, deadline)
    case .describeGroup(let ref): return try await describeGroup(ref, deadline)
    case .readLaunchSource(let ref): return try await readLaunchSource(ref, deadline)
    case .readSwitch(let ref): return try await readSwitch(ref, deadline)
    case .simulate(let changes, let region): return try await simulate(changes, region, deadline)
    case .readLease(let ref): return try await readLease(ref, deadline)
    case .claimLease(let ref, let record, let known): return try await claimLease(ref, record, over: known, deadline)
    case .readClock(let region): return try await readClock(region, deadline)
    case .resizeGroup(let ref, let size): return try await resizeGroup(ref, size, deadline)
    case .describeDatabase(let ref): return .database(try await describeDatabase(ref, deadline))
    case .promoteReplica(let ref, let backups): return try await promote(ref, backups, deadline)
    case .failOverCluster(let ref, let arn): return try await failOver(ref, arn, deadline)
    case .switchOverCluster(let ref, let arn, let old): return try await switchOver(ref, arn, from: old, deadline)
    case .renameDatabase(let ref, let name): return try await rename(ref, name, deadline)
    case .modifyInstance(let ref, let change): return try await modify(ref, change, deadline)
    case .rebootInstance(let ref): return try await instance("RebootDBInstance", ref, deadline)
    case .stopDatabase(let ref): return try await instance("StopDBInstance", ref, deadline)
    case .startDatabase(let ref): return try await instance("StartDBInstance", ref, deadline)
    case .describeSnapshot(let ref, let name): return try await describeSnapshot(ref, name, deadline)
    case .snapshotDatabase(let ref, let name): return try await snapshot(ref, name, deadline)
    case .createReplica(let spec): return try await createReplica(spec, deadline)
    case .replicaLag(let ref): return try await replicaLag(ref, deadline)
    case .targetHealth(let ref): return try await targetHealth(ref, deadline)
    case .readWriteHold(let ref): return try await readWriteHold(ref, deadline)
    case .holdWrites(let ref): return try await holdWrites(ref, deadline)
    case .releaseWrites(let ref): return try await releaseWrites(ref, deadline)
    case .readSecret(let ref): return .secret(try await readSecret(ref, deadline).state)
    case .readTopic(let ref): return try await readTopic(ref, deadline)
    case .readSecretSource(let ref): return try await readSecretSource(ref, deadline)
    case .detachSecret(let ref): return try await detachSecret(ref, deadline)
    case .repointSecret(let ref, let address, let token): return try await repoint(ref, address, token, deadline)
    case .readRecords(let ref): return .records(try await readRecords(ref, deadline))
    case .pointRecords(let ref, let to, let from, let sets):
      return try await point(ref, to: to, from: from, sets, deadline)
    case .readChange(let id, let region): return try await readChange(id, region, deadline)
    case .readHealthCheck(let ref): return try await readHealthCheck(ref, deadline)
    case .readCheckSwitch(let ref): return try await readCheckSwitch(ref, deadline)
    case .switchCheck(let ref, let unhealthy): return try await switchCheck(ref, unhealthy, deadline)
    case .readControls(let ref): return try await readControls(ref, deadline)
    case .turnControls(let ref, let site): return try await turnControls(ref, to: site, deadline)
    case .readObject(let ref): return try await readObject(ref, deadline)
    case .putObject(let ref, let body): return try await putObject(ref, body, deadline)
    case .removeObject(let ref): return try await removeObject(ref, deadline)
    case .runCommand, .askNames: throw CloudFailure(.invalid, code: "NotAWS", message: "this host does it itself")
    case .publish(let ref, let subject, let message): return try await publish(ref, subject, message, deadline)
    }
  }

  // MARK: Protocols

  func run(_ operation: Operation, _ deadline: Deadline) async throws(CloudFailure) -> Answer {
    try await attempt(operation, deadline).get()
  }

  /// Nothing is sent once the time is used up, so a write that failed so has certainly not happened.
  func attempt(_ operation: Operation, _ deadline: Deadline) async -> Result<Answer, CloudFailure> {
    let left = deadline.left
    guard left > .zero else {
      return .failure(
        CloudFailure(
          .transient, code: "timeout",
          message: oneLine("\(operation.name) in \(operation.region): no time left to ask")))
    }
    return await executor.execute(operation, timeout: left)
  }

  /// A Query-protocol call: form in, XML out.
  func query(
    _ service: AWSService, _ region: String, _ name: String, version: String, _ parameters: [(String, String)],
    changes: Bool = false, declarative: Bool = true, _ deadline: Deadline
  ) async throws(CloudFailure) -> XMLElement {
    try await datedQuery(
      service, region, name, version: version, parameters, changes: changes, declarative: declarative, deadline
    ).result
  }

  /// As `query`, with the Unix seconds of the answer's Date header, which every service of AWS sends.
  func datedQuery(
    _ service: AWSService, _ region: String, _ name: String, version: String, _ parameters: [(String, String)],
    changes: Bool = false, declarative: Bool = true, _ deadline: Deadline
  ) async throws(CloudFailure) -> (result: XMLElement, date: Int64?) {
    let form = [("Action", name), ("Version", version)] + parameters
    let operation = Operation(
      service, region: region, name: name,
      headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
      body: Array(SigV4.canonicalQuery(form.map { (name: $0.0, value: $0.1) }).utf8), changes: changes,
      declarative: declarative)
    let answer = try await run(operation, deadline)
    let root = try xml(answer.body, operation)
    if let result = root["\(name)Result"] { return (result, answer.date) }
    // Calls without a result answer with the metadata alone.
    if root.name == "\(name)Response" { return (root, answer.date) }
    throw garbled(operation, "no \(name)Result in the answer")
  }

  func xml(_ body: [UInt8], _ operation: Operation) throws(CloudFailure) -> XMLElement {
    do throws(XMLProblem) {
      return try XMLDocument.parse(body)
    } catch {
      throw garbled(operation, error.text)
    }
  }

  /// An answer to a write that cannot be read leaves its outcome unknown.
  func garbled(_ operation: Operation, _ why: String) -> CloudFailure {
    CloudFailure(
      operation.changes ? .unknownOutcome : .garbled, code: "UnreadableAnswer",
      message: oneLine("\(operation.name) in \(operation.region): \(why)"))
  }

  /// A read whose answer is well-formed and yet lacks what was asked for.
  func missing(_ name: String, _ what: String, _ region: String) -> CloudFailure {
    CloudFailure(.garbled, code: "UnreadableAnswer", message: oneLine("\(name) in \(region): the answer lacks \(what)"))
  }
}

/// What is left of the time for an action.
struct Deadline: Sendable {
  private let end: Duration
  private let steady: @Sendable () -> Duration

  init(after timeout: Duration, steady: @escaping @Sendable () -> Duration) {
    end = steady() + timeout
    self.steady = steady
  }

  var left: Duration { end - steady() }
}

private let started = ContinuousClock.now

/// Time since the module was first used; on Linux `CLOCK_BOOTTIME`, which counts suspend.
package func bootTime() -> Duration { started.duration(to: .now) }
