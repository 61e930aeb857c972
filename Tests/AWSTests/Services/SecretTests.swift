import PilotlightCore
import Testing

@testable import PilotlightAWS

@Suite struct SecretTests {
  let executor = FakeExecutor()

  /// Reads the fixture's answer around another value.
  func hold(_ value: String) {
    executor.prepare("GetSecretValue", "{\"VersionId\":\"v1\",\"SecretString\":\(JSONText.quoted(value))}")
  }

  func repoint(
    _ host: String = "new.example", _ port: Int = 5432, key: String? = "port", token: String = "inc-1"
  ) async throws -> CloudReply {
    try executor.prepareFixture("PutSecretValue.json")
    let ref = SecretRef(region: "us-west-2", id: "app/db", portKey: key)
    return await makeCloud(executor).perform(
      .repointSecret(ref, DatabaseAddress(host: host, port: port), token: token), timeout: .seconds(10))
  }

  /// The value that was written, decoded from the request.
  func written() -> String? {
    guard let put = executor.asked.last(where: { $0.name == "PutSecretValue" }) else { return nil }
    return JSONText.literal("SecretString", in: put.text).flatMap { decoded($0) }
  }

  func decoded(_ literal: String) -> String? {
    var text = literal.dropFirst().dropLast().replacing("\\\"", with: "\"")
    text = text.replacing("\\u000a", with: "\n").replacing("\\\\", with: "\\")
    return String(text)
  }

  @Test func `only the address leaves the adapter`() async throws {
    try executor.prepareFixture("GetSecretValue.json")
    let reply = await makeCloud(executor).perform(.readSecret(secret), timeout: .seconds(10))
    #expect(
      reply
        == .secret(
          SecretState(
            address: DatabaseAddress(host: "app.old.example", port: 5432),
            version: "EXAMPLE1-90ab-cdef-fedc-ba987SECRET1")))
    #expect(!"\(reply)".contains("CANARY"))
  }

  @Test func `every byte but the address stays, and the port keeps its type`() async throws {
    try executor.prepareFixture("GetSecretValue.json")
    #expect(try await repoint("new.example", 5433) == .accepted(receipt: "EXAMPLE2-90ab-cdef-fedc-ba987EXAMPLE"))
    #expect(written() == "{\"password\":\"CANARY-9Zq\",\"host\":\"new.example\",\"port\":\"5433\",\"ratio\":1.50}")
    hold("{ \"port\" : 5432 ,\n\"host\":\"a\", \"deep\":{\"host\":\"stays\",\"l\":[1,{\"port\":2}]} }")
    _ = try await repoint("b", 5433)
    #expect(written() == "{ \"port\" : 5433 ,\n\"host\":\"b\", \"deep\":{\"host\":\"stays\",\"l\":[1,{\"port\":2}]} }")
  }

  @Test func `a secret that is right already is not written`() async throws {
    hold("{\"host\":\"new.example\",\"port\":\"5432\"}")
    #expect(try await repoint() == .accepted(receipt: "v1"))
    hold("{\"host\":\"new.ex\\u0061mple\"}")
    #expect(try await repoint() == .accepted(receipt: "v1"))
    hold("{\"host\":\"new.example\",\"port\":1}")
    #expect(try await repoint(key: nil) == .accepted(receipt: "v1"))
    #expect(written() == nil)
  }

  @Test func `a missing port is the default, and any other is added`() async throws {
    hold("{\"host\":\"a\"}")
    _ = try await repoint()
    #expect(written() == "{\"host\":\"new.example\"}")
    _ = try await repoint("m", 3306)
    #expect(written() == "{\"host\":\"m\",\"port\":3306}")
  }

  @Test func `a port that cannot be read never counts as right, and is mended`() async throws {
    hold("{\"host\":\"new.example\",\"port\":null}")
    _ = try await repoint()
    #expect(written() == "{\"host\":\"new.example\",\"port\":5432}")
  }

  @Test func `a key spelled with escapes or standing twice is replaced wherever it stands`() async throws {
    hold("{\"h\\u006fst\":\"a\",\"x\":1,\"host\":\"b\"}")
    _ = try await repoint()
    #expect(written() == "{\"h\\u006fst\":\"new.example\",\"x\":1,\"host\":\"new.example\"}")
  }

  @Test func `F78 the same repointing has the same token, another has another`() async throws {
    for (host, token) in [("h", "inc-1"), ("h", "inc-1"), ("i", "inc-1"), ("h", "inc-2")] {
      hold("{\"host\":\"old\"}")
      _ = try await repoint(host, token: token)
    }
    let tokens = executor.asked.filter { $0.name == "PutSecretValue" }
      .compactMap { JSONText.literal("ClientRequestToken", in: $0.text) }
    #expect(tokens.count == 4 && tokens[0] == tokens[1] && Set(tokens).count == 3)
    #expect(tokens.allSatisfy { (34...66).contains($0.count) })
  }

  @Test(arguments: [
    "CANARY-plain", "[\"CANARY\"]", "\"CANARY\"", "{\"host\":", "{\"host\":{\"CANARY\":1}}",
    "{\"password\":\"CANARY\"}",
    "{\"host\":7,\"p\":\"CANARY\"}", "", "{\"host\":\"a\"}CANARY",
  ]) func `F96 a value that is no object with a host is refused without being shown`(_ value: String) async throws {
    hold(value)
    let reply = try await repoint()
    #expect(reply.failure?.kind == .invalid && written() == nil)
    #expect(!"\(reply)".contains("CANARY"))
  }

  @Test func `F96 an error that quotes the value is told without it`() async throws {
    try executor.prepareFixture("GetSecretValue.json")
    _ = try await repoint("new.example")
    executor.prepare(
      "PutSecretValue",
      "{\"__type\":\"ValidationException\",\"message\":\"Value '{\\\"password\\\":\\\"CANARY-9Zq\\\"}' is too long\"}",
      status: 400)
    let reply = await makeCloud(executor).perform(
      .repointSecret(secret, DatabaseAddress(host: "x", port: 1), token: "t"), timeout: .seconds(10))
    #expect(reply.failure?.kind == .invalid && reply.failure?.code == "ValidationException")
    #expect(!"\(reply)".contains("CANARY"))
  }

  @Test func `a secret of bytes holds no address`() async {
    executor.prepare("GetSecretValue", "{\"VersionId\":\"v1\",\"SecretBinary\":\"Q0FOQVJZ\"}")
    let reply = await makeCloud(executor).perform(.readSecret(secret), timeout: .seconds(10))
    #expect(reply.failure?.kind == .invalid)
  }

  @Test(arguments: [
    ("\"PrimaryRegion\":\"eu-west-1\"", "eu-west-1"), ("\"PrimaryRegion\":\"us-west-2\"", nil),
    ("\"PrimaryRegion\":\"\"", nil),
    ("\"Name\":\"app/db\"", nil),
  ])
  func `a replica names the region of its primary, a primary its own, a secret that stands alone none`(
    _ field: String, _ source: String?
  ) async {
    executor.prepare("DescribeSecret", "{\"ARN\":\"arn:aws:secretsmanager:us-west-2:1:secret:app/db-x\",\(field)}")
    let reply = await makeCloud(executor).perform(.readSecretSource(secret), timeout: .seconds(10))
    #expect(reply == .secretSource(region: source))
  }

  @Test func `a replica is detached in its own region`() async {
    executor.prepare("StopReplicationToReplica", "{\"ARN\":\"arn:aws:secretsmanager:us-west-2:1:secret:app/db-x\"}")
    let reply = await makeCloud(executor).perform(.detachSecret(secret), timeout: .seconds(10))
    #expect(reply == .accepted(receipt: nil))
    #expect(executor.asked.map(\.name) == ["StopReplicationToReplica"] && executor.asked[0].region == secret.region)
  }
}
