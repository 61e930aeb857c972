// S3, REST: one small object that is there or not.

import PilotlightCore

extension AWSCloud {
  private func operation(_ ref: ObjectRef, _ name: String, _ method: String, body: [UInt8] = [], changes: Bool)
    -> Operation
  {
    Operation(
      .s3, region: ref.region, name: name, method: method, path: "/" + ref.key.percentEncoded(keeping: "/"),
      bucket: ref.bucket, headers: body.isEmpty ? [] : [("Content-Type", "text/plain")], body: body, changes: changes)
  }

  /// S3 answers a HEAD and a PUT with the object's ETag. Something else that says 200 (a captive portal, a proxy's page)
  /// proves nothing (F47).
  private func mustBeS3(_ answer: Answer, _ operation: Operation) throws(CloudFailure) {
    guard answer.headers.contains(where: { $0.name.lowercased() == "etag" }) else {
      throw garbled(operation, "an answer without ETag")
    }
  }

  func readObject(_ ref: ObjectRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let operation = operation(ref, "HeadObject", "HEAD", changes: false)
    switch await attempt(operation, deadline) {
    case .success(let answer):
      try mustBeS3(answer, operation)
      return .object(present: true)
    // 404 says the key is absent, or the bucket; without ListBucket permission S3 says 403 for both.
    case .failure(let failure) where failure.kind == .notFound: return .object(present: false)
    case .failure(let failure): throw failure
    }
  }

  /// As `readObject`, for the sake of the error's code: an answer to HEAD has no body that would tell an absent key from an absent
  /// bucket.
  func readSwitch(_ ref: ObjectRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let operation = operation(ref, "GetObject", "GET", changes: false)
    switch await attempt(operation, deadline) {
    case .success(let answer):
      try mustBeS3(answer, operation)
      return .object(present: true)
    case .failure(let failure) where failure.code == "NoSuchKey": return .object(present: false)
    case .failure(let failure): throw failure
    }
  }

  func putObject(_ ref: ObjectRef, _ body: String, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let operation = operation(ref, "PutObject", "PUT", body: Array(body.utf8), changes: true)
    try mustBeS3(try await run(operation, deadline), operation)
    return .accepted(receipt: nil)
  }

  func removeObject(_ ref: ObjectRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let operation = operation(ref, "DeleteObject", "DELETE", changes: true)
    let answer = try await run(operation, deadline)
    guard answer.status == 204 else { throw garbled(operation, "status \(answer.status) instead of 204") }
    return .accepted(receipt: nil)
  }
}
