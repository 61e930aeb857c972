// Signature Version 4, as in "AWS Signature Version 4 for API requests" (IAM user guide). Our own code: libcurl's built-in signer
// does not canonicalise query strings.

import PilotlightCrypto

/// Keys that sign. Their description never shows them.
package struct SigningKeys: Sendable, Equatable {
  package var accessKeyID: String
  package var secretAccessKey: Secret
  package var sessionToken: Secret?

  package init(accessKeyID: String, secretAccessKey: Secret, sessionToken: Secret? = nil) {
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
    self.sessionToken = sessionToken
  }
}

/// A value that must not appear in logs, errors or dumps.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package let value: String
  package init(_ value: String) { self.value = value }
  package var description: String { "(redacted)" }
  package var debugDescription: String { "(redacted)" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A request as it is signed.
package struct SignableRequest: Sendable {
  package var method: String
  /// Value of the Host header.
  package var host: String
  /// Path as it goes on the wire, percent-encoded once; `/` when empty.
  package var path: String
  /// Unencoded names and values, in any order.
  package var query: [(name: String, value: String)]
  /// Headers to sign besides Host and X-Amz-Date.
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]

  package init(
    method: String, host: String, path: String, query: [(name: String, value: String)],
    headers: [(name: String, value: String)], body: [UInt8]
  ) {
    self.method = method
    self.host = host
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
  }
}

package struct SigV4: Sendable {
  package let keys: SigningKeys
  package let region: String
  /// Signing name of the service, e.g. `elasticloadbalancing`.
  package let service: String

  package init(keys: SigningKeys, region: String, service: String) {
    self.keys = keys
    self.region = region
    self.service = service
  }

  /// Headers to add: X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256 (S3) and Authorization.
  ///
  /// - Parameter seconds: Unix time, already corrected for a skewed clock.
  package func headers(for request: SignableRequest, at seconds: Int64) -> [(name: String, value: String)] {
    let date = SigV4.timestamp(seconds)
    let payload = hexString(SHA256.digest(request.body))
    var added: [(name: String, value: String)] = [("X-Amz-Date", date)]
    if let token = keys.sessionToken { added.append(("X-Amz-Security-Token", token.value)) }
    if service == "s3" { added.append(("X-Amz-Content-Sha256", payload)) }
    let signed = canonicalHeaders(request.headers + added + [("Host", request.host)])
    let canonical = canonicalRequest(request, query: request.query, headers: signed, payload: payload)
    let signature = sign(canonical, date: date)
    added.append(
      (
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=\(keys.accessKeyID)/\(scope(date)), SignedHeaders=\(signed.names), Signature=\(signature)"
      ))
    return added
  }

  /// The query of a presigned URL, encoded and ready to be appended after `?`.
  ///
  /// - Parameter expires: 1...604,800 seconds.
  package func presignedQuery(for request: SignableRequest, at seconds: Int64, expires: Int) -> String {
    let date = SigV4.timestamp(seconds)
    var query = request.query
    query.append(("X-Amz-Algorithm", "AWS4-HMAC-SHA256"))
    query.append(("X-Amz-Credential", "\(keys.accessKeyID)/\(scope(date))"))
    query.append(("X-Amz-Date", date))
    query.append(("X-Amz-Expires", "\(expires)"))
    if let token = keys.sessionToken { query.append(("X-Amz-Security-Token", token.value)) }
    let signed = canonicalHeaders(request.headers + [("Host", request.host)])
    query.append(("X-Amz-SignedHeaders", signed.names))
    let payload = service == "s3" ? "UNSIGNED-PAYLOAD" : hexString(SHA256.digest(request.body))
    let canonical = canonicalRequest(request, query: query, headers: signed, payload: payload)
    return SigV4.canonicalQuery(query) + "&X-Amz-Signature=\(sign(canonical, date: date))"
  }

  // MARK: Canonical form

  private func canonicalRequest(
    _ request: SignableRequest, query: [(name: String, value: String)], headers: (lines: String, names: String),
    payload: String
  ) -> String {
    let path = service == "s3" ? request.path : SigV4.normalized(request.path).percentEncoded(keeping: "/")
    return [
      request.method, path.isEmpty ? "/" : path, SigV4.canonicalQuery(query), headers.lines, headers.names, payload,
    ].joined(separator: "\n")
  }

  /// `.`, `..` and doubled slashes are resolved for every service but S3 (RFC 3986, 5.2.4).
  static func normalized(_ path: String) -> String {
    var segments: [Substring] = []
    for segment in path.split(separator: "/", omittingEmptySubsequences: true) where segment != "." {
      if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
    }
    let isOpen = path.hasSuffix("/") && !segments.isEmpty
    return "/" + segments.joined(separator: "/") + (isOpen ? "/" : "")
  }

  /// Sorted by encoded name, then encoded value.
  package static func canonicalQuery(_ query: [(name: String, value: String)]) -> String {
    query.map { (name: $0.name.percentEncoded(), value: $0.value.percentEncoded()) }
      .sorted {
        Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8))
          || ($0.name == $1.name && Array($0.value.utf8).lexicographicallyPrecedes(Array($1.value.utf8)))
      }
      .map { "\($0.name)=\($0.value)" }.joined(separator: "&")
  }

  /// Lower-case names, runs of spaces folded, several values of one name joined by commas.
  private func canonicalHeaders(_ headers: [(name: String, value: String)]) -> (lines: String, names: String) {
    var values: [String: [String]] = [:]
    for header in headers { values[header.name.lowercased(), default: []].append(header.value.folded) }
    let names = values.keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    let lines = names.map { "\($0):\((values[$0] ?? []).joined(separator: ","))\n" }.joined()
    return (lines, names.joined(separator: ";"))
  }

  // MARK: Signature

  private func scope(_ date: String) -> String { "\(date.prefix(8))/\(region)/\(service)/aws4_request" }

  private func sign(_ canonical: String, date: String) -> String {
    let text = ["AWS4-HMAC-SHA256", date, scope(date), hexString(SHA256.digest(Array(canonical.utf8)))]
      .joined(separator: "\n")
    var key = Array("AWS4\(keys.secretAccessKey.value)".utf8)
    for part in [String(date.prefix(8)), region, service, "aws4_request"] {
      key = hmacSHA256(key: key, message: Array(part.utf8))
    }
    return hexString(hmacSHA256(key: key, message: Array(text.utf8)))
  }

  /// `20261123T173515Z`.
  package static func timestamp(_ seconds: Int64) -> String {
    Calendar.basic(seconds)
  }
}

extension String {
  /// RFC 3986: everything but unreserved characters becomes %XX, in upper case.
  package func percentEncoded(keeping kept: String = "") -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    let extra = Set(kept.utf8)
    var result: [UInt8] = []
    for byte in utf8 {
      switch byte {
      case 65...90, 97...122, 48...57, 45, 46, 95, 126: result.append(byte)
      case _ where extra.contains(byte): result.append(byte)
      default: result += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Ends trimmed, inner runs of white space become one space.
  fileprivate var folded: String {
    split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r" }).joined(separator: " ")
  }
}
