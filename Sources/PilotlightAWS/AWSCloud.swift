// The closed list of cloud actions, each mapped to its requests. Requests and replies of a service live together in Services/.

package import PilotlightCore

/// AWS, as the engine asks it.
package final class AWSCloud: Sendable {
  let executor: any OperationExecuting
  let wallSeconds: @Sendable () -> Double
  let instantOfWall: @Sendable (Double) -> Instant

  /// - Parameters:
  ///   - wallSeconds: Unix seconds, for time windows in requests.
  ///   - instantOfWall: where a Unix time of AWS's lies on the daemon's own time line.
  package init(
    executor: any OperationExecuting, wallSeconds: @escaping @Sendable () -> Double,
    instantOfWall: @escaping @Sendable (Double) -> Instant
  ) {
    self.executor = executor
    self.wallSeconds = wallSeconds
    self.instantOfWall = instantOfWall
  }

  /// Always answers; what goes wrong comes back as `.failed`.
  package func perform(_ action: CloudAction, timeout: Duration) async -> CloudReply {
    do throws(CloudFailure) {
      return try await reply(to: action, timeout)
    } catch {
      return .failed(error)
    }
  }

  private func reply(to action: CloudAction, _ timeout: Duration) async throws(CloudFailure) -> CloudReply {
    switch action {
    case .callerIdentity(let region): return try await callerIdentity(region, timeout)
    case .describeGroup(let ref): return try await describeGroup(ref, timeout)
    case .resizeGroup(let ref, let size): return try await resizeGroup(ref, size, timeout)
    case .describeDatabase(let ref): return .database(try await describeDatabase(ref, timeout))
    case .promoteReplica(let ref): return try await promote(ref, timeout)
    case .renameDatabase(let ref, let name): return try await rename(ref, name, timeout)
    case .describeSnapshot(let ref, let name): return try await describeSnapshot(ref, name, timeout)
    case .snapshotDatabase(let ref, let name): return try await snapshot(ref, name, timeout)
    case .createReplica(let spec): return try await createReplica(spec, timeout)
    case .replicaLag(let ref): return try await replicaLag(ref, timeout)
    case .targetHealth(let ref): return try await targetHealth(ref, timeout)
    case .readWriteHold(let ref): return .writeHold(present: try await writeHold(ref, timeout) != nil)
    case .holdWrites(let ref): return try await holdWrites(ref, timeout)
    case .releaseWrites(let ref): return try await releaseWrites(ref, timeout)
    case .readSecret(let ref): return .secret(try await readSecret(ref, timeout).state)
    case .repointSecret(let ref, let address, let token): return try await repoint(ref, address, token, timeout)
    case .readRecords(let ref): return .records(try await readRecords(ref, timeout))
    case .pointRecords(let ref, let to, let from): return try await point(ref, to: to, from: from, timeout)
    case .readChange(let id, let region): return try await readChange(id, region, timeout)
    case .readObject(let ref): return try await readObject(ref, timeout)
    case .putObject(let ref, let body): return try await putObject(ref, body, timeout)
    case .removeObject(let ref): return try await removeObject(ref, timeout)
    case .publish(let ref, let subject, let message): return try await publish(ref, subject, message, timeout)
    }
  }

  // MARK: Protocols

  func run(_ operation: Operation, _ timeout: Duration) async throws(CloudFailure) -> Answer {
    try await executor.execute(operation, timeout: timeout).get()
  }

  /// A Query-protocol call: form in, XML out.
  func query(
    _ service: AWSService, _ region: String, _ name: String, version: String, _ parameters: [(String, String)],
    changes: Bool = false, declarative: Bool = true, _ timeout: Duration
  ) async throws(CloudFailure) -> XMLElement {
    let form = [("Action", name), ("Version", version)] + parameters
    let operation = Operation(
      service, region: region, name: name,
      headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
      body: Array(SigV4.canonicalQuery(form.map { (name: $0.0, value: $0.1) }).utf8), changes: changes,
      declarative: declarative)
    let root = try xml(try await run(operation, timeout).body, operation)
    guard let result = root["\(name)Result"] else {
      // Calls without a result answer with the metadata alone.
      if root.name == "\(name)Response" { return root }
      throw garbled(operation, "no \(name)Result in the answer")
    }
    return result
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

  func missing(_ name: String, _ what: String, _ region: String) -> CloudFailure {
    CloudFailure(.garbled, code: "UnreadableAnswer", message: oneLine("\(name) in \(region): the answer lacks \(what)"))
  }
}
