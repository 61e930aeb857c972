// The standard chain, in the order of AWS's SDKs: environment, web identity, profile files, container endpoint, IMDSv2. The first
// source that is configured decides; if it fails, that is the error, and no later source is tried in its stead.

import FoundationEssentials
import PilotlightHTTP

/// Obtains credentials. Holds no state: caching and refresh are `CredentialCache`'s.
struct CredentialChain: Sendable {
  let environment: [String: String]
  let profileName: String?
  let files: ProfileFiles
  let role: RoleSettings?
  /// Regions whose STS is asked, in this order: one that is down must not stop us (F52).
  let stsRegions: [String]
  let http: any HTTPSending
  let clock: AWSClock
  /// Shared with the client: what one learns of this host's clock, the other signs with.
  let skew: ClockSkew
  /// PEM file of authorities for STS; the local endpoints speak plain http.
  let caFile: String?
  let readFile: FileReader

  func obtain() async throws(CredentialError) -> Credentials {
    var found = try await base()
    if let role { found = try await assume(role, with: found, seconds: 3600) }
    return found
  }

  private func base() async throws(CredentialError) -> Credentials {
    if profileName == nil, let keys = environmentKeys { return keys }
    if profileName == nil, let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"], let arn = environment["AWS_ROLE_ARN"]
    {
      let session = environment["AWS_ROLE_SESSION_NAME"] ?? "pilotlight"
      return try await assumeWithToken(file, RoleSettings(arn: arn, sessionName: session))
    }
    let name = profileName ?? environment["AWS_PROFILE"] ?? "default"
    if let profile = files.profile(name) {
      if let found = try await fromProfile(profile, seen: []) { return found }
    } else if profileName != nil || environment["AWS_PROFILE"] != nil {
      throw .unavailable("profile \(shown(name)) is in neither the config nor the credentials file")
    }
    if let found = try await fromContainer() { return found }
    if environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" { return try await fromIMDS() }
    throw .none(
      "no credentials: no keys in the environment, no usable profile \(shown(name)), no container endpoint, and IMDS is disabled"
    )
  }

  private var environmentKeys: Credentials? {
    guard let id = environment["AWS_ACCESS_KEY_ID"], let secret = environment["AWS_SECRET_ACCESS_KEY"], !id.isEmpty,
      !secret.isEmpty
    else { return nil }
    let token = environment["AWS_SESSION_TOKEN"].flatMap { $0.isEmpty ? nil : Secret($0) }
    return Credentials(
      keys: SigningKeys(accessKeyID: id, secretAccessKey: Secret(secret), sessionToken: token), expires: nil,
      source: "environment")
  }

  // MARK: Profiles

  private func fromProfile(_ profile: Profile, seen: [String]) async throws(CredentialError) -> Credentials? {
    guard !seen.contains(profile.name) else {
      throw .malformed(
        "profiles refer to each other in a circle: \((seen + [profile.name]).map(shown).joined(separator: " -> "))")
    }
    if let arn = profile["role_arn"] { return try await assumed(arn, profile, seen: seen + [profile.name]) }
    if let keys = staticKeys(profile) { return keys }
    for key in ["credential_process", "sso_session", "sso_start_url"] where profile[key] != nil {
      throw .unsupported("profile \(shown(profile.name)) uses \(key), which an unattended daemon does not support")
    }
    return nil
  }

  private func staticKeys(_ profile: Profile) -> Credentials? {
    guard let id = profile["aws_access_key_id"], let secret = profile["aws_secret_access_key"] else { return nil }
    return Credentials(
      keys: SigningKeys(
        accessKeyID: id, secretAccessKey: Secret(secret), sessionToken: profile["aws_session_token"].map { Secret($0) }),
      expires: nil, source: "profile \(shown(profile.name))")
  }

  private func assumed(_ arn: String, _ profile: Profile, seen: [String]) async throws(CredentialError) -> Credentials {
    let role = RoleSettings(
      arn: arn, externalID: profile["external_id"], sessionName: profile["role_session_name"] ?? "pilotlight")
    if let file = profile["web_identity_token_file"] { return try await assumeWithToken(file, role) }
    guard let seconds = Int(profile["duration_seconds"] ?? "3600"), (900...43200).contains(seconds) else {
      throw .malformed("profile \(shown(profile.name)): duration_seconds must be 900...43200")
    }
    return try await assume(role, with: try await source(of: profile, seen: seen), seconds: seconds)
  }

  private func source(of profile: Profile, seen: [String]) async throws(CredentialError) -> Credentials {
    if let name = profile["source_profile"] {
      // A profile may be its own source: then it is its static keys that are meant.
      if name == profile.name, let keys = staticKeys(profile) { return keys }
      guard let source = files.profile(name) else {
        throw .malformed("profile \(shown(profile.name)): source_profile \(shown(name)) does not exist")
      }
      guard let found = try await fromProfile(source, seen: seen) else {
        throw .unavailable("profile \(shown(name)) has no credentials")
      }
      return found
    }
    switch profile["credential_source"] {
    case "Environment":
      guard let keys = environmentKeys else {
        throw .unavailable("credential_source is Environment, which has no keys")
      }
      return keys
    case "EcsContainer":
      guard let found = try await fromContainer() else {
        throw .unavailable("credential_source is EcsContainer, which is not set")
      }
      return found
    case "Ec2InstanceMetadata": return try await fromIMDS()
    case let other?: throw .malformed("profile \(shown(profile.name)): credential_source \(shown(other)) is not known")
    case nil: throw .malformed("profile \(shown(profile.name)): role_arn needs source_profile or credential_source")
    }
  }

  // MARK: The container endpoint

  private func fromContainer() async throws(CredentialError) -> Credentials? {
    let url: String
    if let relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
      guard relative.hasPrefix("/") else {
        throw .malformed("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with /")
      }
      url = "http://169.254.170.2" + relative
    } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
      guard CredentialChain.isTrusted(full) else {
        throw .malformed("AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, loopback or 169.254.170.2/.23")
      }
      url = full
    } else {
      return nil
    }
    var headers: [(name: String, value: String)] = []
    if let file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
      guard let token = readFile(file) else { throw .unavailable("\(file) cannot be read") }
      headers.append(("Authorization", token.trimmed))
    } else if let token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
      headers.append(("Authorization", token))
    }
    guard headers.allSatisfy({ !$0.value.contains(where: \.isNewline) }) else {
      throw .malformed("the container's authorization token holds a line break")
    }
    let request = HTTPRequest(url: url, headers: headers, timeout: .seconds(2), bodyLimit: 65_536)
    let body = try await fetch(request, "the container's credential endpoint")
    return try CredentialChain.document(body, source: "container")
  }

  /// The rule of AWS's SDKs: a plain http endpoint must be on this machine.
  static func isTrusted(_ url: String) -> Bool {
    guard let endpoint = Endpoint(url: url) else { return false }
    if endpoint.scheme == "https" { return true }
    if endpoint.host.hasPrefix("[") {
      let address = endpoint.host.dropFirst().prefix { $0 != "]" }
      return address == "::1" || address == "fd00:ec2::23"
    }
    let host = endpoint.host.split(separator: ":").first.map(String.init) ?? ""
    let octets = host.split(separator: ".")
    let isLoopback = octets.count == 4 && octets[0] == "127" && octets.allSatisfy { UInt8($0) != nil }
    return isLoopback || host == "localhost" || ["169.254.170.2", "169.254.170.23"].contains(host)
  }

  // MARK: IMDSv2

  private func fromIMDS() async throws(CredentialError) -> Credentials {
    var base = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
    while base.hasSuffix("/") { base.removeLast() }
    let tokenRequest = HTTPRequest(
      method: "PUT", url: base + "/latest/api/token", headers: [("X-aws-ec2-metadata-token-ttl-seconds", "21600")],
      timeout: .seconds(2), connectTimeout: .seconds(1), bodyLimit: 4096)
    let token: String
    switch await http.send(tokenRequest) {
    case .success(let answer) where answer.status == 200: token = String(decoding: answer.body, as: UTF8.self).trimmed
    case .success(let answer):
      throw .unavailable(
        "IMDS gives no v2 token (HTTP \(answer.status)); enable IMDSv2. Version 1 is never used")
    case .failure(let failure):
      throw .unavailable(
        "no credentials in the environment, profile or container, and IMDSv2 does not answer (\(failure.kind.rawValue)); "
          + "in a container the instance's metadata hop limit must be 2 or more")
    }
    guard token.utf8.allSatisfy({ $0 > 32 && $0 < 127 }), !token.isEmpty else {
      throw .malformed("IMDS sent no usable token")
    }
    let header = [(name: "X-aws-ec2-metadata-token", value: token)]
    let path = base + "/latest/meta-data/iam/security-credentials/"
    let roles = try await fetch(HTTPRequest(url: path, headers: header, timeout: .seconds(2), bodyLimit: 4096), "IMDS")
    guard let role = String(decoding: roles, as: UTF8.self).split(whereSeparator: \.isNewline).first else {
      throw .unavailable("the instance has no IAM role")
    }
    let url = path + String(role).trimmed.percentEncoded()
    let body = try await fetch(HTTPRequest(url: url, headers: header, timeout: .seconds(2), bodyLimit: 65_536), "IMDS")
    return try CredentialChain.document(body, source: "IMDS")
  }

  private func fetch(_ request: HTTPRequest, _ what: String) async throws(CredentialError) -> [UInt8] {
    switch await http.send(request) {
    case .success(let answer) where answer.status == 200: return answer.body
    case .success(let answer): throw .unavailable("\(what) answers HTTP \(answer.status)")
    case .failure(let failure): throw .unavailable("\(what) does not answer: \(failure.kind.rawValue)")
    }
  }

  /// The JSON of the container endpoint and of IMDS.
  static func document(_ body: [UInt8], source: String) throws(CredentialError) -> Credentials {
    struct Document: Decodable {
      var AccessKeyId: String
      var SecretAccessKey: String
      var Token: String?
      var Expiration: String?
    }
    guard let document = try? JSONDecoder().decode(Document.self, from: Data(body)), !document.AccessKeyId.isEmpty
    else {
      throw .malformed("\(source) sent something that is not a credentials document")
    }
    return Credentials(
      keys: SigningKeys(
        accessKeyID: document.AccessKeyId, secretAccessKey: Secret(document.SecretAccessKey),
        sessionToken: document.Token.map { Secret($0) }),
      expires: document.Expiration.flatMap { Calendar.seconds(iso: $0) }, source: source)
  }
}

/// What stands where a name should, for a message. A line break that was lost may have joined it to a secret: what is no name, or has as
/// many characters in a row as a secret key (40), is not shown.
func shown(_ name: String) -> String {
  var run = 0
  for character in name.unicodeScalars {
    let isOfKeys = character.properties.isAlphabetic && character.isASCII || ("0"..."9").contains(character)
    run = isOfKeys || character == "/" || character == "+" ? run + 1 : 0
    if run >= 40 || !(character.isASCII && (isOfKeys || "/+-_.@:,".unicodeScalars.contains(character))) {
      return "(not shown: it is no name)"
    }
  }
  return name
}
