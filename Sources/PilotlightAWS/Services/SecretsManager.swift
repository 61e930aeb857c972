// Secrets Manager, JSON 1.1, target prefix `secretsmanager`. The value of a secret is read here, changed here, and never leaves:
// not in an error, not in a reply.

import FoundationEssentials
import PilotlightCore
import PilotlightCrypto

/// A secret's value while it is in our hands.
struct SecretDocument {
  var text: Secret
  var state: SecretState
  var arn: String?
}

extension AWSCloud {
  /// PostgreSQL's, for secrets that name no port.
  private static let defaultPort = 5432

  func readSecret(_ ref: SecretRef, _ deadline: Deadline) async throws(CloudFailure) -> SecretDocument {
    struct Answer: Decodable {
      var ARN: String?
      var SecretString: String?
      var VersionId: String
    }
    let body = try await json("GetSecretValue", ref, ["SecretId": ref.id], changes: false, deadline)
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else {
      throw missing("GetSecretValue", "a version", ref.region)
    }
    guard let text = answer.SecretString,
      (try? JSONDecoder().decode([String: Anything].self, from: Data(text.utf8))) != nil
    else { throw invalid(ref, "it does not hold a JSON object") }
    guard let host = string(of: ref.hostKey, in: text) else {
      throw invalid(ref, "it has no text under `\(ref.hostKey)`")
    }
    let port = port(ref, in: text)
    return SecretDocument(
      text: Secret(text),
      state: SecretState(address: DatabaseAddress(host: host, port: port), version: answer.VersionId), arn: answer.ARN)
  }

  func readSecretSource(_ ref: SecretRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    struct Answer: Decodable {
      var ARN: String
      var PrimaryRegion: String?
    }
    let body = try await json("DescribeSecret", ref, ["SecretId": ref.id], changes: false, deadline)
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else {
      throw missing("DescribeSecret", "an ARN", ref.region)
    }
    // The primary of a replicated secret names its own region.
    return .secretSource(region: answer.PrimaryRegion.flatMap { $0.isEmpty || $0 == ref.region ? nil : oneLine($0) })
  }

  func detachSecret(_ ref: SecretRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    // Asked again it is refused: what was done unheard is looked at, and not repeated.
    _ = try await json(
      "StopReplicationToReplica", ref, ["SecretId": ref.id], changes: true, declarative: false, deadline)
    return .accepted(receipt: nil)
  }

  /// Replaces the address in the JSON text and leaves every other byte of it alone.
  func repoint(
    _ ref: SecretRef, _ address: DatabaseAddress, _ token: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    let document = try await readSecret(ref, deadline)
    // Compared as values, not as text: another spelling of the right address needs no new version.
    if document.state.address.host == address.host, ref.portKey == nil || document.state.address.port == address.port {
      return .accepted(receipt: document.state.version)
    }
    let changed = try self.changed(document.text.value, ref, address)
    // One token, one version: the same repointing asked twice is one version (F78). The old version is part of it, since a token
    // whose value changed is refused.
    let seed = "\(token) \(document.state.version) \(address.host):\(address.port)"
    let requestToken = hexString(SHA256.digest(Array(seed.utf8)))
    let body = try await json(
      "PutSecretValue", ref,
      ["SecretId": ref.id, "ClientRequestToken": requestToken, "SecretString": changed], changes: true, deadline)
    struct Answer: Decodable { var VersionId: String }
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) else {
      throw CloudFailure(
        .unknownOutcome, code: "UnreadableAnswer",
        message: oneLine("PutSecretValue in \(ref.region): the answer lacks a version"))
    }
    return .accepted(receipt: answer.VersionId)
  }

  private func changed(
    _ text: String, _ ref: SecretRef, _ address: DatabaseAddress
  ) throws(CloudFailure) -> String {
    guard let withHost = JSONText.replacing(ref.hostKey, in: text, with: JSONText.quoted(address.host)) else {
      throw invalid(ref, "it has no text under `\(ref.hostKey)`")
    }
    guard let key = ref.portKey else { return withHost }
    if let withPort = JSONText.replacingNumber(key, in: withHost, with: address.port) { return withPort }
    // A missing port reads as the default; any other must be written, or the secret would never become right.
    if address.port == AWSCloud.defaultPort { return withHost }
    guard let withPort = JSONText.adding(key, "\(address.port)", to: withHost) else {
      throw invalid(ref, "it does not hold a JSON object")
    }
    return withPort
  }

  private func string(of key: String, in text: String) -> String? {
    JSONText.literal(key, in: text).flatMap { try? JSONDecoder().decode(String.self, from: Data($0.utf8)) }
  }

  /// A port stands there as a number or as a string of one.
  private func port(_ ref: SecretRef, in text: String) -> Int {
    guard let key = ref.portKey, let literal = JSONText.literal(key, in: text) else { return AWSCloud.defaultPort }
    // Unreadable is not the default: 0 is no port, so it never counts as the right one, and repointing mends it.
    return Int(literal) ?? string(of: key, in: text).flatMap { Int($0.trimmed) } ?? 0
  }

  private func json(
    _ name: String, _ ref: SecretRef, _ fields: [String: String], changes: Bool, declarative: Bool = true,
    _ deadline: Deadline
  ) async throws(CloudFailure) -> [UInt8] {
    let pairs = fields.sorted { $0.key < $1.key }.map { "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))" }
    let operation = Operation(
      .secretsmanager, region: ref.region, name: name,
      headers: [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "secretsmanager.\(name)")],
      body: Array("{\(pairs.joined(separator: ","))}".utf8), changes: changes,
      declarative: declarative)
    return try await run(operation, deadline).body
  }

  private func invalid(_ ref: SecretRef, _ why: String) -> CloudFailure {
    CloudFailure(.invalid, code: "UnusableSecret", message: oneLine("secret \(ref.id) in \(ref.region): \(why)"))
  }
}

/// Any JSON value: decoding it proves that the text around it is JSON.
private struct Anything: Decodable {
  init(from decoder: any Decoder) throws {}
}
