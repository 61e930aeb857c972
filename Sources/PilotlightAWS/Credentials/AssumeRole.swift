// Roles: STS AssumeRole with keys we have, or AssumeRoleWithWebIdentity with a token from a file.

import PilotlightHTTP

/// Refusals that concern one region (STS API reference, "Common errors" and AssumeRole).
private let regional: Set<String> = [
  "Throttling", "ThrottlingException", "RequestLimitExceeded", "RegionDisabledException", "RegionDisabled",
]

extension CredentialChain {
  func assume(
    _ role: RoleSettings, with credentials: Credentials, seconds: Int
  ) async throws(CredentialError) -> Credentials {
    var form = [
      (name: "Action", value: "AssumeRole"), (name: "Version", value: "2011-06-15"), (name: "RoleArn", value: role.arn),
      (name: "RoleSessionName", value: role.sessionName), (name: "DurationSeconds", value: "\(seconds)"),
    ]
    if let id = role.externalID { form.append((name: "ExternalId", value: id)) }
    return try await ask(form, keys: credentials.keys, role: role)
  }

  func assumeWithToken(_ file: String, _ role: RoleSettings) async throws(CredentialError) -> Credentials {
    guard let token = readFile(file)?.trimmed, !token.isEmpty else { throw .unavailable("\(file) cannot be read") }
    let form = [
      (name: "Action", value: "AssumeRoleWithWebIdentity"), (name: "Version", value: "2011-06-15"),
      (name: "RoleArn", value: role.arn), (name: "RoleSessionName", value: role.sessionName),
      (name: "WebIdentityToken", value: token),
    ]
    return try await ask(form, keys: nil, role: role)
  }

  /// One region after the other: an STS that cannot be reached is not the end (F52).
  private func ask(
    _ form: [(name: String, value: String)], keys: SigningKeys?, role: RoleSettings
  ) async throws(CredentialError) -> Credentials {
    let profile = files.profile(profileName ?? environment["AWS_PROFILE"] ?? "default")
    let resolver = EndpointResolver(environment: environment, profile: profile)
    var problem = "no STS region is configured"
    for region in stsRegions {
      var result = await http.send(request(form, keys, region, resolver))
      // A refusal because of this host's clock is mended here: no service can be asked before there are keys.
      if case .success(let answer) = result, answer.status >= 400, keys != nil, let date = answer.date,
        skew.learn(server: date, local: clock.wallSeconds())
      {
        result = await http.send(request(form, keys, region, resolver))
      }
      switch result {
      case .success(let answer) where answer.status == 200:
        if let found = read(answer.body, role) { return found }
        problem = "STS in \(region) sent something that is not a credentials document"
      case .success(let answer):
        let code = (try? XMLDocument.parse(answer.body))?.first("Code")?.text
        problem = "STS in \(region) refuses \(shown(role.arn)): \(oneLine(code ?? "HTTP \(answer.status)"))"
        // What STS refuses it refuses everywhere; a service that fails, is busy or is not switched on here, and what is no answer of
        // STS's, may do better elsewhere.
        if let code, answer.status < 500, !regional.contains(code) { throw .unavailable(problem) }
      case .failure(let failure): problem = "STS in \(region) does not answer: \(failure.kind.rawValue)"
      }
    }
    throw .unavailable(problem)
  }

  private func request(
    _ form: [(name: String, value: String)], _ keys: SigningKeys?, _ region: String, _ resolver: EndpointResolver
  ) -> HTTPRequest {
    let endpoint = resolver.resolve(.sts, region: region)
    let body = Array(SigV4.canonicalQuery(form).utf8)
    var headers = [(name: "Content-Type", value: "application/x-www-form-urlencoded; charset=utf-8")]
    if let keys {
      let signable = SignableRequest(
        method: "POST", host: endpoint.host, path: endpoint.basePath + "/", query: [], headers: headers, body: body)
      headers += SigV4(keys: keys, region: region, service: "sts").headers(
        for: signable, at: skew.correct(clock.wallSeconds()))
    }
    return HTTPRequest(
      method: "POST", url: "\(endpoint.scheme)://\(endpoint.host)\(endpoint.basePath)/", headers: headers, body: body,
      timeout: .seconds(5), connectTimeout: .seconds(3), bodyLimit: 65_536, caFile: caFile)
  }

  private func read(_ body: [UInt8], _ role: RoleSettings) -> Credentials? {
    guard let document = try? XMLDocument.parse(body), let found = document.first("Credentials"),
      let id = found["AccessKeyId"]?.text, let secret = found["SecretAccessKey"]?.text,
      let token = found["SessionToken"]?.text
    else { return nil }
    return Credentials(
      keys: SigningKeys(accessKeyID: id, secretAccessKey: Secret(secret), sessionToken: Secret(token)),
      expires: found["Expiration"].flatMap { Calendar.seconds(iso: $0.text) }, source: "role \(shown(role.arn))")
  }
}
