// A fake executor that hands out prepared answers and remembers what was asked. It keeps the contract of the real one: an answer
// below 300 is an `Answer`, anything else becomes what `serviceFailure` makes of it.

import Foundation
import PilotlightCore
import Synchronization

@testable import PilotlightAWS

/// Foundation has one too.
typealias Operation = PilotlightAWS.Operation

final class FakeExecutor: OperationExecuting {
  struct Prepared: Sendable {
    var status = 200
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// No answer, but this.
    var failure: CloudFailure?
  }

  private struct State {
    var prepared: [String: [Prepared]] = [:]
    var rules: [@Sendable (Operation) -> Prepared?] = []
    var asked: [Operation] = []
    var timeouts: [Duration] = []
    var presigned: [Operation] = []
  }
  private let state = Mutex(State())

  var asked: [Operation] { state.withLock { $0.asked } }
  var timeouts: [Duration] { state.withLock { $0.timeouts } }
  var presigned: [Operation] { state.withLock { $0.presigned } }

  /// Answers to one API action, or to `ACTION in REGION`, in turn; the last one again and again.
  func prepare(_ name: String, _ answers: Prepared...) { state.withLock { $0.prepared[name] = answers } }

  /// What answers where it can, before anything prepared by name.
  func prepare(_ rule: @escaping @Sendable (Operation) -> Prepared?) { state.withLock { $0.rules.append(rule) } }

  func prepare(_ name: String, _ text: String, status: Int = 200, headers: [(name: String, value: String)] = []) {
    prepare(name, Prepared(status: status, headers: headers, body: Array(text.utf8)))
  }

  func prepareFixture(_ file: String) throws {
    prepare(String(file.prefix { $0 != "." }), Prepared(headers: [dateNow], body: try fixture(file)))
  }

  func execute(_ operation: Operation, timeout: Duration) async -> Result<Answer, CloudFailure> {
    let prepared = state.withLock { state -> Prepared? in
      state.asked.append(operation)
      state.timeouts.append(timeout)
      for rule in state.rules { if let answer = rule(operation) { return answer } }
      let here = "\(operation.name) in \(operation.region)"
      let name = state.prepared[here] == nil ? operation.name : here
      guard var answers = state.prepared[name], let first = answers.first else { return nil }
      if answers.count > 1 { answers.removeFirst() }
      state.prepared[name] = answers
      return first
    }
    guard let prepared else {
      return .failure(CloudFailure(.invalid, code: "Unprepared", message: "nothing is prepared for \(operation.name)"))
    }
    if let failure = prepared.failure { return .failure(failure) }
    guard prepared.status < 300 else {
      return .failure(
        serviceFailure(operation, status: prepared.status, headers: prepared.headers, body: prepared.body))
    }
    return .success(Answer(status: prepared.status, headers: prepared.headers, body: prepared.body))
  }

  func presign(
    _ operation: Operation, expires: Duration, timeout: Duration
  ) async -> Result<String, CloudFailure> {
    state.withLock { $0.presigned.append(operation) }
    return .success("https://presigned.example/?X-Amz-Signature=1")
  }
}

/// Bytes of a file in Fixtures/Services.
func fixture(_ file: String) throws -> [UInt8] {
  let folder = Bundle.module.resourceURL?.appendingPathComponent("Fixtures/Services")
  return try folder.map { Array(try Data(contentsOf: $0.appendingPathComponent(file))) } ?? []
}

/// AWS's clock stands at 2026-11-23T17:35:15Z; the daemon's own line runs 100 s behind it.
let wallNow = 1_795_455_315.0
let dateNow = (name: "date", value: "Mon, 23 Nov 2026 17:35:15 GMT")

/// - Parameter clockAhead: how far this host's clock is ahead of AWS's, seconds.
func makeCloud(
  _ executor: FakeExecutor, clockAhead: Double = 0, steady: @escaping @Sendable () -> Duration = { .zero }
) -> AWSCloud {
  AWSCloud(
    executor: executor, wallSeconds: { wallNow + clockAhead }, now: { Instant(unixSeconds: wallNow - 100) },
    steady: steady)
}

extension Operation {
  /// The form of a Query call.
  var form: [String: String] {
    var fields: [String: String] = [:]
    for pair in String(decoding: body, as: UTF8.self).split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      fields[parts[0].removingPercentEncoding ?? ""] = parts.last?.removingPercentEncoding
    }
    return fields
  }

  var text: String { String(decoding: body, as: UTF8.self) }
}

extension CloudReply {
  var failure: CloudFailure? { if case .failed(let failure) = self { failure } else { nil } }
}

let group = GroupRef(region: "us-west-2", name: "app-dr")
let database = DatabaseRef(region: "us-west-2", identifier: "app-dr")
let secret = SecretRef(region: "us-west-2", id: "app/db")
let lease = LeaseRef(region: "us-west-2", table: "pilotlight", key: "django-app")
func leased(_ holder: String, _ number: Int, _ renewal: Int) -> LeaseRecord {
  LeaseRecord(holder: holder, life: "9f3c", number: number, renewal: renewal, lasting: .seconds(60))
}
let listener = ListenerRef(region: "us-west-2", arn: "arn:listener")
let record = RecordRef(zone: "Z1", name: "app.example.com", type: "A")
let object = ObjectRef(region: "us-west-2", bucket: "switch", key: "pilotlight/app on")
