// Where keys come from: environment, files, web identity, container, IMDSv2, roles. No request leaves the process.

import PilotlightHTTP
import Testing

@testable import PilotlightAWS

private let start = 1_800_000_000.0

private func chain(
  _ http: FakeHTTP, environment: [String: String] = [:], config: String? = nil, credentials: String? = nil,
  profile: String? = nil, role: RoleSettings? = nil, regions: [String] = ["us-west-2", "eu-west-1"],
  contents: [String: String] = [:], time: FakeTime = FakeTime(start)
) throws -> CredentialChain {
  CredentialChain(
    environment: environment, profileName: profile,
    files: try ProfileFiles(config: config, credentials: credentials), role: role, stsRegions: regions, http: http,
    clock: time.clock, skew: ClockSkew(onNotice: { _ in }),
    caFile: nil, readFile: files(contents))
}

/// The text of the error, or "none".
private func complaint(_ chain: CredentialChain) async -> String {
  do throws(CredentialError) {
    _ = try await chain.obtain()
    return "none"
  } catch {
    return error.text
  }
}

private let silent = FakeHTTP { _, _ in failure(.timeout, at: .connect, sent: false) }
private let roles = FakeHTTP { request, _ in
  let id = request.text.contains("external") ? "WITHID" : "ROLE"
  return roleAnswer(id, expires: start + 3600)
}

@Suite struct `Environment and profiles` {
  @Test func `keys of the environment come first and no request is made`() async throws {
    let http = FakeHTTP { _, _ in answer(500) }
    let found = try await chain(
      http,
      environment: ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"],
      config: "[default]\naws_access_key_id = FILE\naws_secret_access_key = f"
    ).obtain()
    #expect(found.keys == SigningKeys(accessKeyID: "ENV", secretAccessKey: Secret("s"), sessionToken: Secret("t")))
    #expect(found.expires == nil)
    #expect(http.requests.isEmpty)
  }

  @Test func `a profile named in the settings goes before the environment`() async throws {
    let found = try await chain(
      silent, environment: ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"],
      credentials: "[ops]\naws_access_key_id = OPS\naws_secret_access_key = f", profile: "ops"
    ).obtain()
    #expect(found.keys.accessKeyID == "OPS")
    #expect(found.source == "profile ops")
  }

  @Test func `AWS_PROFILE chooses, and a profile that is nowhere is an error of its own`() async throws {
    let text = "[ops]\naws_access_key_id = OPS\naws_secret_access_key = f\naws_session_token = t"
    let found = try await chain(silent, environment: ["AWS_PROFILE": "ops"], credentials: text).obtain()
    #expect(found.keys.sessionToken == Secret("t"))
    let missing = try chain(silent, environment: ["AWS_PROFILE": "other"], credentials: text)
    #expect(await complaint(missing) == "profile other is in neither the config nor the credentials file")
  }

  @Test func `roles are assumed along a chain of source profiles`() async throws {
    let http = FakeHTTP { request, index in roleAnswer("HOP\(index)", expires: start + 900) }
    let config = """
      [profile top]
      role_arn = arn:aws:iam::111122223333:role/top
      source_profile = middle
      external_id = external/7
      duration_seconds = 900
      role_session_name = night-watch
      [profile middle]
      role_arn = arn:aws:iam::111122223333:role/middle
      source_profile = base
      """
    let found = try await chain(
      http, config: config, credentials: "[base]\naws_access_key_id = BASE\naws_secret_access_key = b", profile: "top"
    ).obtain()
    #expect(found.keys.accessKeyID == "HOP1")
    #expect(found.expires == start + 900)
    let requests = http.requests
    try #require(requests.count == 2)
    #expect(requests[0].header("Authorization")?.contains("Credential=BASE/") == true)
    #expect(requests[0].text.contains("role%2Fmiddle") && requests[0].text.contains("DurationSeconds=3600"))
    #expect(!requests[0].text.contains("ExternalId"))
    #expect(requests[1].header("Authorization")?.contains("Credential=HOP0/") == true)
    #expect(requests[1].header("X-Amz-Security-Token") == "token-HOP0")
    #expect(requests[1].text.contains("ExternalId=external%2F7"))
    #expect(requests[1].text.contains("DurationSeconds=900") && requests[1].text.contains("night-watch"))
  }

  @Test func `profiles that refer to each other in a circle are named`() async throws {
    let config = """
      [profile a]
      role_arn = arn:a
      source_profile = b
      [profile b]
      role_arn = arn:b
      source_profile = a
      [profile self]
      role_arn = arn:self
      source_profile = self
      """
    let circle = try chain(silent, config: config, profile: "a")
    #expect(await complaint(circle) == "profiles refer to each other in a circle: a -> b -> a")
    let own = try chain(silent, config: config, profile: "self")
    #expect(await complaint(own) == "profiles refer to each other in a circle: self -> self")
  }

  @Test func `a profile may be its own source when it has keys`() async throws {
    let config =
      "[profile self]\nrole_arn = arn:self\nsource_profile = self\naws_access_key_id = S\naws_secret_access_key = s"
    #expect(try await chain(roles, config: config, profile: "self").obtain().keys.accessKeyID == "ROLE")
  }

  @Test(arguments: [
    ("source_profile = nobody", "profile p: source_profile nobody does not exist"),
    (
      "source_profile = base aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      "profile p: source_profile (not shown: it is no name) does not exist"
    ),
    (
      "source_profile = base-wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      "profile p: source_profile (not shown: it is no name) does not exist"
    ),
    ("credential_source = Moon", "profile p: credential_source Moon is not known"),
    ("region = x", "profile p: role_arn needs source_profile or credential_source"),
    ("credential_source = Environment", "credential_source is Environment, which has no keys"),
    ("credential_source = EcsContainer", "credential_source is EcsContainer, which is not set"),
    ("duration_seconds = 899", "profile p: duration_seconds must be 900...43200"),
    ("duration_seconds = 43201", "profile p: duration_seconds must be 900...43200"),
    ("duration_seconds = soon", "profile p: duration_seconds must be 900...43200"),
  ])
  func `a role without a usable source says what is wrong`(line: String, text: String) async throws {
    let config = "[profile p]\nrole_arn = arn:p\n\(line)"
    #expect(await complaint(try chain(silent, config: config, profile: "p")) == text)
  }

  @Test(arguments: ["credential_process = /bin/keys", "sso_session = corp", "sso_start_url = https://x"])
  func `sources that need a person or a program are refused by name`(line: String) async throws {
    let text = await complaint(try chain(silent, config: "[profile p]\n\(line)", profile: "p"))
    #expect(text.contains("profile p uses \(line.prefix { $0 != " " })"))
  }

  @Test func `credential_source takes the keys of the environment`() async throws {
    let found = try await chain(
      roles, environment: ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"],
      config: "[profile p]\nrole_arn = arn:p\ncredential_source = Environment", profile: "p"
    ).obtain()
    #expect(found.keys.accessKeyID == "ROLE")
  }
}

@Suite struct `Roles and STS` {
  private let web = [
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/token", "AWS_ROLE_ARN": "arn:web", "AWS_ROLE_SESSION_NAME": "pod",
  ]

  @Test func `a web identity token is exchanged without a signature`() async throws {
    let http = FakeHTTP(script: [roleAnswer("WEB", expires: start + 3600)])
    let found = try await chain(http, environment: web, contents: ["/run/token": "eyJ.token\n"]).obtain()
    #expect(found.keys.accessKeyID == "WEB")
    let request = try #require(http.requests.first)
    #expect(request.url == "https://sts.us-west-2.amazonaws.com/")
    #expect(request.header("Authorization") == nil)
    #expect(request.text.hasSuffix("&WebIdentityToken=eyJ.token"))
    #expect(request.text.contains("RoleSessionName=pod"))
  }

  @Test func `a web identity token that cannot be read is an error, not a reason to look elsewhere`() async throws {
    let http = FakeHTTP { _, _ in answer(200) }
    #expect(await complaint(try chain(http, environment: web)) == "/run/token cannot be read")
    #expect(
      await complaint(try chain(http, environment: web, contents: ["/run/token": " \n"])) == "/run/token cannot be read"
    )
    #expect(http.requests.isEmpty)
  }

  @Test func `the daemon's own role is assumed on top, with its external id`() async throws {
    let http = FakeHTTP(script: [roleAnswer("TOP", expires: start + 3600)])
    let role = RoleSettings(arn: "arn:aws:iam::111122223333:role/dr", externalID: "a b&c", sessionName: "pilotlight")
    let found = try await chain(http, environment: staticEnvironment, role: role).obtain()
    #expect(found.keys.accessKeyID == "TOP")
    #expect(found.source == "role arn:aws:iam::111122223333:role/dr")
    let request = try #require(http.requests.first)
    #expect(request.text.contains("ExternalId=a%20b%26c"))
    #expect(request.header("Authorization")?.contains("Credential=AKIDSTATIC/") == true)
    #expect(request.header("Authorization")?.contains("/us-west-2/sts/aws4_request") == true)
  }

  @Test(arguments: [
    failure(.timeout, at: .connect, sent: false), failure(.dns, at: .dns, sent: false),
    failure(.reset, at: .firstByte, sent: true), answer(503, "busy"), refusal(400, "Throttling"),
    refusal(403, "RegionDisabledException"), answer(200, "<html>login</html>"), answer(403, "<html>no</html>"),
  ])
  func `F52 the second region's STS is asked when the first does not serve`(first: HTTPResult) async throws {
    let http = FakeHTTP { request, _ in
      request.url.contains("us-west-2") ? first : roleAnswer("SECOND", expires: start + 3600)
    }
    let found = try await chain(http, environment: staticEnvironment, role: RoleSettings(arn: "arn:r")).obtain()
    #expect(found.keys.accessKeyID == "SECOND")
    #expect(http.urls == ["https://sts.us-west-2.amazonaws.com/", "https://sts.eu-west-1.amazonaws.com/"])
    #expect(http.requests.last?.header("Authorization")?.contains("/eu-west-1/sts/") == true)
  }

  @Test func `a refusal is final: no other region is asked`() async throws {
    let http = FakeHTTP(script: [refusal(403, "AccessDenied")])
    let text = await complaint(try chain(http, environment: staticEnvironment, role: RoleSettings(arn: "arn:r")))
    #expect(text == "STS in us-west-2 refuses arn:r: AccessDenied")
    #expect(http.requests.count == 1)
  }

  @Test(arguments: ["", "<html>login</html>", "<AssumeRoleResponse><Credentials/></AssumeRoleResponse>", "{"])
  func `an answer of STS that holds no keys is refused`(body: String) async throws {
    let http = FakeHTTP { _, _ in answer(200, body) }
    let text = await complaint(try chain(http, environment: staticEnvironment, role: RoleSettings(arn: "arn:r")))
    #expect(text == "STS in eu-west-1 sent something that is not a credentials document")
  }
}
