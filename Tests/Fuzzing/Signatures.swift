// SigV4: whatever is asked for, the signed text has one line for each part, and equal requests have equal signatures.

import PilotlightAWS

/// Method, path, host, then names and values of the query and of headers, NUL between all of them.
func readSignature(_ bytes: [UInt8]) -> String? {
  var bytes = Bytes(bytes)
  let service = bytes.pick(["s3", "rds", "route53"])
  let path = bytes.text()
  var query: [(name: String, value: String)] = []
  var headers: [(name: String, value: String)] = []
  for _ in 0..<(bytes.byte() % 4) { query.append((bytes.text(), bytes.text())) }
  for _ in 0..<(bytes.byte() % 4) { headers.append((bytes.text(), bytes.text())) }
  let signer = SigV4(
    keys: SigningKeys(accessKeyID: "AKIDEXAMPLE", secretAccessKey: Secret("secret"), sessionToken: nil),
    region: "us-west-2", service: service)
  var request = SignableRequest(
    method: "GET", host: "h.example.com", path: path, query: query, headers: headers, body: bytes.remaining())
  let canonical = SigV4.canonicalQuery(query)
  if canonical.utf8.contains(where: { !isUnreserved($0) }) { return "a query that is not encoded: \(canonical)" }
  let signed = signer.headers(for: request, at: 1_764_000_000)
  request.query.reverse()
  if SigV4.canonicalQuery(request.query) != canonical { return "the order of the query shows: \(canonical)" }
  let again = signer.headers(for: request, at: 1_764_000_000)
  guard let first = signed.last, let second = again.last, first.name == "Authorization" else { return "not signed" }
  if first.value != second.value { return "two signatures of one request" }
  let url = signer.presignedQuery(for: request, at: 1_764_000_000, expires: 900)
  if url.utf8.contains(where: { !isUnreserved($0) }) { return "a URL that is not encoded: \(url)" }
  return nil
}

/// RFC 3986's unreserved characters, and what joins a query.
private func isUnreserved(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"):
    true
  default: "-._~%=&".utf8.contains(byte)
  }
}
