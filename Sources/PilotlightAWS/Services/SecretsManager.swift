// Secrets Manager, JSON 1.1, target prefix `secretsmanager`. The value of a secret is read here, changed here, and never leaves:
// not in an error, not in a reply.

import FoundationEssentials
import PilotlightCore
import PilotlightCrypto

/// A secret's value while it is in our hands.
struct SecretDocument {
  var text: Secret
  var state: SecretState
}

extension AWSCloud {
  func readSecret(_ ref: SecretRef, _ deadline: Deadline) async throws(CloudFailure) -> SecretDocument {
    struct Answer: Decodable {
      var SecretString: String?
      var VersionId: String
    }
    let body = try await json("GetSecretValue", ref, ["SecretId": ref.id], changes: false, deadline)
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else {
      throw missing("GetSecretValue", "a version", ref.region)
    }
    guard let text = answer.SecretString,
      let object = try? JSONDecoder().decode([String: Loose].self, from: Data(text.utf8))
    else { throw invalid(ref, "it does not hold a JSON object") }
    guard let host = object[ref.hostKey]?.text else { throw invalid(ref, "it has no text under `\(ref.hostKey)`") }
    // A secret without a port means the engine's default; what that is does not matter, since then it is not compared.
    let port = ref.portKey.flatMap { object[$0]?.text }.flatMap { Int($0) } ?? 5432
    return SecretDocument(
      text: Secret(text),
      state: SecretState(address: DatabaseAddress(host: host, port: port), version: answer.VersionId))
  }

  /// Replaces the address in the JSON text and leaves every other byte of it alone.
  func repoint(
    _ ref: SecretRef, _ address: DatabaseAddress, _ token: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    let document = try await readSecret(ref, deadline)
    var changed = document.text.value
    guard let withHost = JSONText.replacing(ref.hostKey, in: changed, with: JSONText.quoted(address.host)) else {
      throw invalid(ref, "it has no text under `\(ref.hostKey)`")
    }
    changed = withHost
    if let key = ref.portKey, let withPort = JSONText.replacingNumber(key, in: changed, with: address.port) {
      changed = withPort
    }
    if changed == document.text.value { return .accepted(receipt: document.state.version) }
    // One token, one version: the same repointing asked twice is one version (F78). The old version is part of it, since a token
    // whose value changed is refused.
    let seed = "\(token) \(document.state.version) \(address.host):\(address.port)"
    let requestToken = hexString(SHA256.digest(Array(seed.utf8)))
    let body = try await json(
      "PutSecretValue", ref,
      ["SecretId": ref.id, "ClientRequestToken": requestToken, "SecretString": changed], changes: true, deadline)
    struct Answer: Decodable { var VersionId: String? }
    return .accepted(receipt: (try? JSONDecoder().decode(Answer.self, from: Data(body)))?.VersionId)
  }

  private func json(
    _ name: String, _ ref: SecretRef, _ fields: [String: String], changes: Bool, _ deadline: Deadline
  ) async throws(CloudFailure) -> [UInt8] {
    let pairs = fields.sorted { $0.key < $1.key }.map { "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))" }
    let operation = Operation(
      .secretsmanager, region: ref.region, name: name,
      headers: [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "secretsmanager.\(name)")],
      body: Array("{\(pairs.joined(separator: ","))}".utf8), changes: changes)
    return try await run(operation, deadline).body
  }

  private func invalid(_ ref: SecretRef, _ why: String) -> CloudFailure {
    CloudFailure(.invalid, code: "UnusableSecret", message: oneLine("secret \(ref.id) in \(ref.region): \(why)"))
  }
}

/// A JSON value of which only text and numbers matter.
private enum Loose: Decodable {
  case text(String)
  case other

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let number = try? container.decode(Int.self) {
      self = .text("\(number)")
    } else {
      self = .other
    }
  }

  var text: String? { if case .text(let text) = self { text } else { nil } }
}
