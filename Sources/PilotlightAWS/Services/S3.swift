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

  func readObject(_ ref: ObjectRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    switch await attempt(operation(ref, "HeadObject", "HEAD", changes: false), deadline) {
    case .success: return .object(present: true)
    // 404 says the key is absent, or the bucket; without ListBucket permission S3 says 403 for both.
    case .failure(let failure) where failure.kind == .notFound: return .object(present: false)
    case .failure(let failure): throw failure
    }
  }

  func putObject(_ ref: ObjectRef, _ body: String, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    _ = try await run(operation(ref, "PutObject", "PUT", body: Array(body.utf8), changes: true), deadline)
    return .accepted(receipt: nil)
  }

  func removeObject(_ ref: ObjectRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    _ = try await run(operation(ref, "DeleteObject", "DELETE", changes: true), deadline)
    return .accepted(receipt: nil)
  }
}
