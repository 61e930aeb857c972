// AWS's published test suite for Signature Version 4, as facts: request parts in, Authorization out.

import Foundation
import Testing

@testable import PilotlightAWS

private struct Suite: Decodable {
  struct Case: Decodable {
    var name: String
    var method: String
    var host: String
    var path: String
    var query: [[String]]
    var headers: [[String]]
    var body: String
    var token: String?
    var authorization: String
  }
  var accessKeyID: String
  var secretAccessKey: String
  var region: String
  var service: String
  var unixSeconds: Int64
  var cases: [Case]
}

private func suite() throws -> Suite {
  let url = try #require(Bundle.module.url(forResource: "Fixtures/sigv4-vectors", withExtension: "json"))
  return try JSONDecoder().decode(Suite.self, from: Data(contentsOf: url))
}

@Test func `every request of AWS's signature suite gets the signature AWS expects`() throws {
  let suite = try suite()
  #expect(suite.cases.count == 34)
  #expect(suite.cases.count { $0.token != nil } == 2)
  for example in suite.cases {
    let signer = SigV4(
      keys: SigningKeys(
        accessKeyID: suite.accessKeyID, secretAccessKey: Secret(suite.secretAccessKey),
        sessionToken: example.token.map { Secret($0) }),
      region: suite.region, service: suite.service)
    let request = SignableRequest(
      method: example.method, host: example.host, path: example.path,
      query: example.query.map { (name: $0[0], value: $0[1]) },
      headers: example.headers.map { (name: $0[0], value: $0[1]) }, body: Array(example.body.utf8))
    let added = signer.headers(for: request, at: suite.unixSeconds)
    #expect(added.first { $0.name == "Authorization" }?.value == example.authorization, "\(example.name)")
    #expect(added.first { $0.name == "X-Amz-Date" }?.value == "20150830T123600Z")
    #expect(added.first { $0.name == "X-Amz-Security-Token" }?.value == example.token, "\(example.name)")
  }
}

@Test func `a secret is in no description, dump or mirror of what holds it`() {
  let hidden = ["wJalrXUtnFEMI/K7MDENG", "FwoGZXIvYXdzEJr-token"]
  let keys = SigningKeys(
    accessKeyID: "AKIDEXAMPLE", secretAccessKey: Secret(hidden[0]), sessionToken: Secret(hidden[1]))
  let credentials = Credentials(keys: keys, expires: 1, source: "environment")
  let signer = SigV4(keys: keys, region: "us-west-2", service: "rds")
  for value in [keys.secretAccessKey, keys, credentials, signer, Optional(keys) as Any, [credentials]] as [Any] {
    var dumped = ""
    dump(value, to: &dumped)
    let texts = [String(describing: value), String(reflecting: value), "\(value)", dumped, leaves(of: value, depth: 0)]
    for text in texts {
      for secret in hidden { #expect(!text.contains(secret), "\(type(of: value))") }
    }
    #expect(dumped.contains("(redacted)"))
  }
}

/// Everything that reflection can reach, as text.
private func leaves(of value: Any, depth: Int) -> String {
  guard depth < 8 else { return "" }
  return "\(value) " + Mirror(reflecting: value).children.map { leaves(of: $0.value, depth: depth + 1) }.joined()
}
