// The two local endpoints that hand out keys: the container's and the instance's.

import PilotlightHTTP
import Testing

@testable import PilotlightAWS

private let start = 1_800_000_000.0

private func chain(
  _ http: FakeHTTP, _ environment: [String: String] = [:], contents: [String: String] = [:]
) throws -> CredentialChain {
  CredentialChain(
    environment: environment, profileName: nil, files: try ProfileFiles(config: nil, credentials: nil), role: nil,
    stsRegions: [], http: http, clock: FakeTime(start).clock, skew: ClockSkew(onNotice: { _ in }),
    caFile: nil, readFile: files(contents))
}

private func complaint(_ chain: CredentialChain) async -> String {
  do throws(CredentialError) {
    _ = try await chain.obtain()
    return "none"
  } catch {
    return error.text
  }
}

@Suite struct `The container's endpoint` {
  @Test(arguments: [
    ("http://127.0.0.1/keys", true), ("http://127.9.8.7:51679/keys", true), ("http://localhost:8080", true),
    ("http://[::1]:8080/keys", true), ("http://169.254.170.2/v2", true), ("http://169.254.170.23/v1", true),
    ("http://[fd00:ec2::23]/v1", true), ("https://keys.example.com/v1", true),
    ("http://keys.example.com/v1", false), ("http://127.0.0.1.example.com/", false), ("http://127.1/", false),
    ("http://10.0.0.1/", false), ("http://169.254.169.254/", false), ("http://[::2]/", false),
    ("http://localhost.example.com/", false), ("http://user@127.0.0.1/", false),
    ("http://127.0.0.1@example.com/", false),
    ("ftp://127.0.0.1/", false), ("127.0.0.1/keys", false), ("", false), ("http://", false), ("http:///keys", false),
  ])
  func `plain http is trusted on this machine alone`(url: String, isTrusted: Bool) async throws {
    #expect(CredentialChain.isTrusted(url) == isTrusted)
    let http = FakeHTTP { _, _ in keysJSON("BOX", expires: start + 3600) }
    let text = await complaint(try chain(http, ["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]))
    #expect(http.requests.count == (isTrusted ? 1 : 0))
    #expect((text == "none") == isTrusted)
  }

  @Test func `the relative form asks the container agent, with the token of the environment`() async throws {
    let http = FakeHTTP { _, _ in keysJSON("BOX", expires: start + 3600) }
    let found = try await chain(
      http, ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/abc", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "tok"]
    ).obtain()
    #expect(found.keys.accessKeyID == "BOX" && found.keys.sessionToken == Secret("token-BOX"))
    #expect(found.expires == start + 3600)
    #expect(http.urls == ["http://169.254.170.2/v2/abc"])
    #expect(http.requests.first?.header("Authorization") == "tok")
  }

  @Test func `a relative form cannot point at another host`() async throws {
    let http = FakeHTTP { _, _ in keysJSON("BOX", expires: start + 3600) }
    let text = await complaint(try chain(http, ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "@example.com/keys"]))
    #expect(text == "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with /")
    #expect(http.requests.isEmpty)
  }

  @Test func `the token file is read anew and wins over the variable`() async throws {
    let http = FakeHTTP { _, _ in keysJSON("BOX", expires: start + 3600) }
    let environment = [
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "old",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/run/eks",
    ]
    _ = try await chain(http, environment, contents: ["/run/eks": "fresh\n"]).obtain()
    #expect(http.requests.first?.header("Authorization") == "fresh")
    #expect(await complaint(try chain(http, environment)) == "/run/eks cannot be read")
    let split = try chain(http, environment, contents: ["/run/eks": "a\nHost: evil"])
    #expect(await complaint(split) == "the container's authorization token holds a line break")
  }

  @Test(arguments: ["", "{}", "<html/>", #"{"AccessKeyId":"","SecretAccessKey":"s"}"#, #"{"AccessKeyId":"A"}"#])
  func `an answer without keys is refused`(body: String) async throws {
    let http = FakeHTTP(script: [answer(200, body)])
    let text = await complaint(try chain(http, ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"]))
    #expect(text == "container sent something that is not a credentials document")
  }

  @Test func `a container endpoint that fails does not lead to the instance's keys`() async throws {
    let http = FakeHTTP(script: [answer(500)])
    let text = await complaint(try chain(http, ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"]))
    #expect(text == "the container's credential endpoint answers HTTP 500")
    #expect(http.requests.count == 1)
  }
}

@Suite struct `IMDSv2` {
  @Test func `a token is fetched first and sent with every request`() async throws {
    let http = FakeHTTP { request, _ in
      if request.method == "PUT" { return answer(200, "v2-token") }
      guard request.header("X-aws-ec2-metadata-token") == "v2-token" else { return answer(401) }
      return request.url.hasSuffix("/") ? answer(200, "web role\n") : keysJSON("EC2", expires: start + 21_600)
    }
    let found = try await chain(http).obtain()
    #expect(found.keys.accessKeyID == "EC2" && found.source == "IMDS")
    let base = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"
    #expect(http.urls == ["http://169.254.169.254/latest/api/token", base, base + "web%20role"])
    #expect(http.requests[0].header("X-aws-ec2-metadata-token-ttl-seconds") == "21600")
  }

  @Test(arguments: [400, 403, 404, 500])
  func `F50 a refused token ends it: version 1 is never used`(status: Int) async throws {
    let http = FakeHTTP { request, _ in request.method == "PUT" ? answer(status) : keysJSON("V1", expires: start + 3600)
    }
    let text = await complaint(try chain(http))
    #expect(text == "IMDS gives no v2 token (HTTP \(status)); enable IMDSv2. Version 1 is never used")
    #expect(http.requests.map(\.method) == ["PUT"])
  }

  @Test(arguments: [HTTPFailure.Kind.timeout, .refused, .reset])
  func `F50 an endpoint that does not answer names the hop limit`(kind: HTTPFailure.Kind) async throws {
    let http = FakeHTTP { request, _ in
      request.method == "PUT"
        ? failure(kind, at: .firstByte, sent: true) : keysJSON("V1", expires: start + 3600)
    }
    let text = await complaint(try chain(http))
    #expect(text.contains("IMDSv2 does not answer (\(kind.rawValue))") && text.contains("hop limit must be 2 or more"))
    #expect(http.requests.map(\.method) == ["PUT"])
  }

  @Test(arguments: ["", " \n", "<html>\n<body>", "tok\u{e9}n"])
  func `a token that cannot be a header is refused`(token: String) async throws {
    let http = FakeHTTP { _, _ in answer(200, token) }
    #expect(await complaint(try chain(http)) == "IMDS sent no usable token")
    #expect(http.requests.count == 1)
  }

  @Test func `an instance without a role says so`() async throws {
    let http = FakeHTTP { request, _ in request.method == "PUT" ? answer(200, "t") : answer(404) }
    #expect(await complaint(try chain(http)) == "IMDS answers HTTP 404")
    let empty = FakeHTTP { request, _ in request.method == "PUT" ? answer(200, "t") : answer(200) }
    #expect(await complaint(try chain(empty)) == "the instance has no IAM role")
  }

  @Test func `disabled IMDS is not asked, and the error lists what was tried`() async throws {
    let http = FakeHTTP { _, _ in answer(200, "t") }
    let text = await complaint(try chain(http, ["AWS_EC2_METADATA_DISABLED": "TRUE"]))
    #expect(text.hasPrefix("no credentials: no keys in the environment") && text.hasSuffix("IMDS is disabled"))
    #expect(http.requests.isEmpty)
  }
}
