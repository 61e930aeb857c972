// The AWS files, as AWS's SDKs read them.

import Testing

@testable import PilotlightAWS

private func problem(_ config: String?, _ credentials: String? = nil) -> String? {
  do throws(CredentialError) {
    _ = try ProfileFiles(config: config, credentials: credentials)
    return nil
  } catch {
    return error.text
  }
}

@Test func `the credentials file overlays the config file, comments and spaces are ignored`() throws {
  let found = try ProfileFiles(
    config: """
      # a comment
      ; another
      [default]
      region = eu-west-1   # where we are
      aws_access_key_id=FROM_CONFIG
      [profile   ops team]
        role_arn = arn:aws:iam::111122223333:role/ops;x
      [preview]
      region = ignored
      """,
    credentials: "\r\n[default]\r\naws_access_key_id = FROM_CREDENTIALS\r\nAWS_SECRET_ACCESS_KEY = a=b#c\r\n")
  let profile = try #require(found.profile("default"))
  #expect(profile["region"] == "eu-west-1")
  #expect(profile["aws_access_key_id"] == "FROM_CREDENTIALS")
  // A # without white space before it belongs to the value: secrets hold such characters.
  #expect(profile["aws_secret_access_key"] == "a=b#c")
  #expect(found.profile("ops team")?["role_arn"] == "arn:aws:iam::111122223333:role/ops;x")
  #expect(found.profile("preview") == nil)
}

@Test func `a services section gives each service its endpoint`() throws {
  let found = try ProfileFiles(
    config: """
      [default]
      services = local
      s3 =
        addressing_style = path
      region = us-west-2
      [services local]
      rds =
        endpoint_url = http://127.0.0.1:5000
      auto_scaling =
      \tendpoint_url = http://127.0.0.1:5001/base

      """, credentials: nil)
  let profile = try #require(found.profile("default"))
  #expect(profile.serviceEndpoints == ["rds": "http://127.0.0.1:5000", "auto_scaling": "http://127.0.0.1:5001/base"])
  #expect(profile["region"] == "us-west-2")
  #expect(profile["addressing_style"] == nil)
}

@Test func `a broken line is named by file and number, and never repeated`() {
  #expect(problem("[default]\n\nhunter2-secret") == "config:3: expected `[section]` or `key = value`")
  #expect(problem(nil, "[default\n") == "credentials:1: a section without its ]")
  #expect(
    problem(nil, "# one\naws_secret_access_key = hunter2") == "credentials:2: expected `[section]` or `key = value`")
  #expect(problem("[default]\r\n\r\nhunter2") == "config:3: expected `[section]` or `key = value`")
  #expect(problem("") == nil)
  #expect(problem(nil) == nil)
}
