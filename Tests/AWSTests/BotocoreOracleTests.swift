// botocore as the judge: a thousand requests from a seed, odd in every part that is signed, must get the signature that AWS's own
// Python SDK gives them.

import Foundation
import Testing

@testable import PilotlightAWS

private struct OracleCase: Encodable {
  var service: String
  var region: String
  var access: String
  var secret: String
  var token: String?
  var seconds: Int64
  var method: String
  var scheme = "https"
  var host: String
  var path: String
  var query: [[String]]
  var headers: [[String]]
  var body: String
  var expires: Int?

  var request: SignableRequest {
    SignableRequest(
      method: method, host: host, path: path, query: query.map { (name: $0[0], value: $0[1]) },
      headers: headers.map { (name: $0[0], value: $0[1]) }, body: Array(Data(base64Encoded: body) ?? Data()))
  }

  var signer: SigV4 {
    SigV4(
      keys: SigningKeys(
        accessKeyID: access, secretAccessKey: Secret(secret), sessionToken: token.map { Secret($0) }),
      region: region, service: service)
  }
}

private struct OracleAnswer: Decodable {
  var authorization: String?
  var sha256: String?
  var date: String?
  var token: String?
  var query: [[String]]?
}

/// SplitMix64: the same cases on every machine.
private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Makes requests that are legal and unpleasant.
private struct Maker {
  var dice: Seeded

  mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: 0..<choices.count, using: &dice)] }
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &dice) < percent }

  mutating func text(_ atoms: [String], _ lengths: ClosedRange<Int>) -> String {
    (0..<Int.random(in: lengths, using: &dice)).map { _ in pick(atoms) }.joined()
  }

  mutating func make() -> OracleCase {
    let service = pick(AWSService.allCases)
    let words = [
      "a", "Z", "0", "-", "_", ".", "~", " ", "+", "/", "%", "%41", "&", "=", "?", "#", "é", "e\u{301}", "ሴ", "🔥", "$",
      "*",
      "'", "(", ")", "!", ":", ";", ",", "@", "\"", "<", "\\", "|", "\t", "\n",
    ]
    let pathAtoms = [
      "a", "b.c", "/", "//", "/./", "/../", "%20", "%2F", "%E1%88%B4", "$", "~", "-", "@", ":", "+", "=", ".",
    ]
    var query: [[String]] = []
    for _ in 0..<Int.random(in: 0...6, using: &dice) {
      let name = query.isEmpty || !chance(30) ? text(words, 1...5) : pick(query)[0]
      query.append([name, chance(20) ? "" : text(words, 1...8)])
    }
    var headers: [[String]] = []
    let names = [
      "Content-Type", "X-Amz-Target", "x-custom", "X-Custom", "X-Amz-Meta-Name", "Range", "X-a", "X-A-B", "x-ab",
    ]
    for _ in 0..<Int.random(in: 0...5, using: &dice) {
      headers.append([pick(names), text(["a", "B", " ", "   ", "\t", ";", ",", "=", "/", "é", "\"q  q\""], 0...8)])
    }
    let body = Data((0..<pick([0, 0, 1, 17, 300])).map { _ in UInt8.random(in: 0...255, using: &dice) })
    return OracleCase(
      service: service.rawValue, region: pick(["eu-west-1", "us-west-2", "us-east-1", "cn-north-1", "us-gov-west-1"]),
      access: "AKIA" + text(["A", "Q", "7"], 16...16), secret: text(["k", "/", "+", "9", "="], 40...40),
      token: chance(50) ? text(["t", "/", "+", "=", "%", "A"], 1...400) : nil,
      seconds: Int64.random(in: 0...4_102_444_800, using: &dice),
      method: pick(["GET", "POST", "PUT", "HEAD", "DELETE"]), host: host(service),
      path: "/" + text(pathAtoms, 0...8), query: query, headers: headers, body: body.base64EncodedString())
  }

  private mutating func host(_ service: AWSService) -> String {
    pick(["\(service.rawValue).eu-west-1.amazonaws.com", "127.0.0.1:5000", "endpoint.internal:8443"])
  }
}

/// Runs the Python side. A machine without botocore fails the test: an oracle that is silent proves nothing.
private func ask(_ cases: [OracleCase]) throws -> [OracleAnswer] {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("oracle-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let asked = folder.appendingPathComponent("asked.json")
  let answered = folder.appendingPathComponent("answered.json")
  try JSONEncoder().encode(cases).write(to: asked)
  try Data().write(to: answered)
  let script = try #require(Bundle.module.path(forResource: "Fixtures/botocore_oracle", ofType: "py"))
  let python = Process()
  python.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  python.arguments = [ProcessInfo.processInfo.environment["PILOTLIGHT_PYTHON"] ?? "python3", script]
  python.standardInput = try FileHandle(forReadingFrom: asked)
  python.standardOutput = try FileHandle(forWritingTo: answered)
  try python.run()
  python.waitUntilExit()
  try #require(python.terminationStatus == 0, "python3 with botocore is needed: see Tests/EndToEnd/requirements.txt")
  return try JSONDecoder().decode([OracleAnswer].self, from: Data(contentsOf: answered))
}

@Test func `a thousand odd requests are signed exactly as botocore signs them`() throws {
  var maker = Maker(dice: Seeded(state: 20_261_123))
  let cases = (0..<1000).map { _ in maker.make() }
  let answers = try ask(cases)
  try #require(answers.count == 1000)
  #expect(Set(cases.map(\.service)).count == AWSService.allCases.count)
  var wrong = 0
  for (example, answer) in zip(cases, answers) {
    let ours = example.signer.headers(for: example.request, at: example.seconds)
    func value(_ name: String) -> String? { ours.first { $0.name == name }?.value }
    let isSame =
      answer.authorization != nil && value("Authorization") == answer.authorization
      && value("X-Amz-Date") == answer.date && value("X-Amz-Security-Token") == answer.token
      && value("X-Amz-Content-Sha256") == answer.sha256
    if isSame { continue }
    wrong += 1
    // The first few tell what is wrong; a thousand would hide it.
    if wrong <= 3 { Issue.record("\(example) ours \(value("Authorization") ?? "-") theirs \(answer)") }
  }
  #expect(wrong == 0)
}

@Test func `presigned queries of RDS carry the signature botocore gives them`() throws {
  var maker = Maker(dice: Seeded(state: 7))
  let cases = (0..<200).map { _ in
    var example = maker.make()
    example.service = "rds"
    example.method = "GET"
    example.headers = []
    example.body = ""
    example.path = "/"
    example.expires = Int.random(in: 1...604_800, using: &maker.dice)
    // A name that stands twice cannot be told apart in botocore's dictionary of parameters.
    var seen: Set<[UInt8]> = []
    example.query = example.query.filter { !$0[1].isEmpty && seen.insert(Array($0[0].utf8)).inserted }
    return example
  }
  let answers = try ask(cases)
  try #require(answers.count == cases.count)
  for (example, answer) in zip(cases, answers) {
    let ours = example.signer.presignedQuery(for: example.request, at: example.seconds, expires: example.expires ?? 0)
    let theirs = try #require(answer.query).map { "\($0[0].percentEncoded())=\($0[1].percentEncoded())" }
    let isSame = ours.split(separator: "&").map(String.init).sorted() == theirs.sorted()
    #expect(isSame, "\(example.query)")
    if !isSame { break }
  }
}
