// A clock that is wrong and keys that ended are mended in the middle of a request, once.

import PilotlightCore
import PilotlightHTTP
import Testing

@testable import PilotlightAWS

private let read = Operation(.rds, region: "eu-west-1", name: "DescribeDBInstances")
private let promote = Operation(
  .rds, region: "eu-west-1", name: "PromoteReadReplica", changes: true, declarative: false)
private let role = RoleSettings(arn: "arn:aws:iam::111122223333:role/dr")

extension HTTPRequest {
  fileprivate var signer: String? {
    header("Authorization")?.split(separator: "=").dropFirst().first?.prefix { $0 != "/" }.description
  }
  fileprivate var isSTS: Bool { url.contains("//sts.") }
}

/// Accepts signatures of `now` give or take five minutes, as AWS does.
private func service(now: Double) -> FakeHTTP {
  FakeHTTP { request, _ in
    let stamp = request.header("X-Amz-Date") ?? ""
    let near = (-300...300).contains { SigV4.timestamp(Int64(now) + $0) == stamp }
    guard near else { return refusal(403, "SignatureDoesNotMatch", date: now) }
    return request.isSTS ? roleAnswer("ROLE", expires: now + 3600) : answer(200, "done")
  }
}

@Suite struct `A wrong clock` {
  @Test(arguments: [-3600.0, 3600, 86_400])
  func `the offset is learned from the refusal, the request signed anew once, and it is said once`(
    offset: Double
  ) async throws {
    let time = FakeTime()
    let notices = Notices()
    let http = service(now: time.now - offset)
    let client = try client(http, time: time, notices: notices)
    for _ in 0..<3 {
      guard case .success = await client.execute(promote, timeout: .seconds(30)) else {
        Issue.record("the request fails although the clock can be corrected")
        return
      }
    }
    #expect(http.requests.count == 4)
    let side = offset > 0 ? "ahead of" : "behind"
    #expect(
      notices.all == [
        .remark("this host's clock is \(Int(abs(offset))) s \(side) AWS; signatures are corrected for it")
      ])
  }

  @Test func `a presigned URL has the corrected time too`() async throws {
    let time = FakeTime()
    let http = service(now: time.now - 7200)
    let client = try client(http, time: time)
    _ = await client.execute(read, timeout: .seconds(30))
    let url = try await client.presign(read, expires: .seconds(600), timeout: .seconds(30)).get()
    #expect(url.contains("X-Amz-Date=\(SigV4.timestamp(Int64(time.now) - 7200))&"))
    #expect(url.contains("X-Amz-Expires=600&"))
  }

  @Test func `STS too is asked again with the right time: without it there would be no keys at all`() async throws {
    let time = FakeTime()
    let http = service(now: time.now - 3600)
    let result = await (try client(http, role: role, time: time)).execute(read, timeout: .seconds(30))
    guard case .success = result else {
      Issue.record("\(result)")
      return
    }
    #expect(http.requests.map(\.isSTS) == [true, true, false])
  }

  @Test func `a signature that is wrong for another reason is not repeated for ever`() async throws {
    let time = FakeTime()
    let http = FakeHTTP { _, _ in refusal(403, "SignatureDoesNotMatch", date: time.now) }
    let result = await (try client(http, time: time)).execute(read, timeout: .seconds(30))
    #expect(throws: CloudFailure.self) { try result.get() }
    #expect(http.requests.count == 2)
  }
}

@Suite struct `Keys that ended` {
  @Test func `F49 a write refused for an ended token is signed once more with new keys`() async throws {
    let time = FakeTime()
    let http = FakeHTTP { request, index in
      if request.isSTS { return roleAnswer("ROLE\(index)", expires: time.now + 3600) }
      return request.signer == "ROLE0" ? refusal(403, "ExpiredToken", date: time.now) : answer(200, "done")
    }
    let client = try client(http, role: role, time: time)
    let result = await client.execute(promote, timeout: .seconds(30))
    #expect((try? result.get())?.status == 200)
    #expect(http.requests.map(\.signer) == ["AKIDSTATIC", "ROLE0", "AKIDSTATIC", "ROLE2"])
    _ = await client.execute(promote, timeout: .seconds(30))
    #expect(http.requests.last?.signer == "ROLE2")
    #expect(http.requests.count == 5)
  }

  @Test func `tokens that end at once are reported as credentials, after one new signature`() async throws {
    let time = FakeTime()
    let http = FakeHTTP { request, index in
      request.isSTS
        ? roleAnswer("ROLE\(index)", expires: time.now + 3600) : refusal(403, "ExpiredToken", date: time.now)
    }
    let result = await (try client(http, role: role, time: time)).execute(read, timeout: .seconds(30))
    guard case .failure(let failure) = result else {
      Issue.record("an ended token is taken for success")
      return
    }
    #expect(failure.kind == .credentials && failure.code == "ExpiredToken")
    #expect(http.requests.count { !$0.isSTS } == 2)
  }

  @Test func `without keys nothing is sent, and the reason is told in one line`() async throws {
    let http = FakeHTTP { _, _ in answer(200) }
    let client = try client(http, environment: ["AWS_EC2_METADATA_DISABLED": "true"])
    guard case .failure(let failure) = await client.execute(read, timeout: .seconds(30)) else {
      Issue.record("success without keys")
      return
    }
    #expect(failure.kind == .credentials && failure.code == "NoCredentials")
    #expect(failure.message.contains("IMDS is disabled"))
    #expect(http.requests.isEmpty)
  }

  @Test func `the operator's authorities are used for STS as for every service`() async throws {
    let http = service(now: FakeTime().now)
    _ = await (try client(http, role: role, caBundle: "/etc/ca.pem")).execute(read, timeout: .seconds(30))
    #expect(http.requests.map(\.caFile) == ["/etc/ca.pem", "/etc/ca.pem"])
    let byVariable = service(now: FakeTime().now)
    let environment = staticEnvironment.merging(["AWS_CA_BUNDLE": "/etc/other.pem"]) { $1 }
    _ = await (try client(byVariable, environment: environment, role: role)).execute(read, timeout: .seconds(30))
    #expect(byVariable.requests.map(\.caFile) == ["/etc/other.pem", "/etc/other.pem"])
  }
}
