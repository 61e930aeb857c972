// A network that follows a script, a clock that moves only when somebody sleeps, and shorthand for settings.

import PilotlightCore
import PilotlightHTTP
import Synchronization

@testable import PilotlightAWS

typealias HTTPResult = Result<HTTPResponse, HTTPFailure>

/// Answers requests by rule and remembers them.
final class FakeHTTP: HTTPSending {
  private let seen = Mutex<[HTTPRequest]>([])
  private let rule: @Sendable (HTTPRequest, Int) async -> HTTPResult

  /// - Parameter rule: is given each request and how many came before it.
  init(_ rule: @escaping @Sendable (HTTPRequest, Int) async -> HTTPResult) { self.rule = rule }

  /// Answers in this order, the last one for ever.
  convenience init(script: [HTTPResult]) {
    self.init { _, index in script[min(index, script.count - 1)] }
  }

  var requests: [HTTPRequest] { seen.withLock { $0 } }
  var urls: [String] { requests.map(\.url) }

  func send(_ request: HTTPRequest) async -> HTTPResult {
    let index = seen.withLock { list in
      list.append(request)
      return list.count - 1
    }
    return await rule(request, index)
  }
}

/// Unix seconds that advance by sleeping alone.
final class FakeTime: Sendable {
  private let state: Mutex<(now: Double, pauses: [Duration])>

  init(_ now: Double = 1_800_000_000) { state = Mutex((now, [])) }

  var now: Double { state.withLock { $0.now } }
  var pauses: [Duration] { state.withLock { $0.pauses } }
  func advance(_ seconds: Double) { state.withLock { $0.now += seconds } }

  var clock: AWSClock {
    AWSClock(
      wallSeconds: { self.now },
      sleep: { pause in
        self.state.withLock { state in
          state.now += pause.seconds
          state.pauses.append(pause)
        }
      })
  }
}

/// Lines that were said.
final class Notices: Sendable {
  private let notices = Mutex<[AWSNotice]>([])
  var all: [AWSNotice] { notices.withLock { $0 } }
  func add(_ notice: AWSNotice) { notices.withLock { $0.append(notice) } }
}

extension HTTPRequest {
  func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
  var text: String { String(decoding: body, as: UTF8.self) }
}

func answer(_ status: Int, _ body: String = "", date: Double? = nil) -> HTTPResult {
  let headers = date.map { [(name: "Date", value: httpDate($0))] } ?? []
  return .success(HTTPResponse(status: status, headers: headers, body: Array(body.utf8)))
}

func failure(_ kind: HTTPFailure.Kind, at stage: HTTPStage, sent: Bool) -> HTTPResult {
  .failure(HTTPFailure(kind: kind, stage: stage, requestMayHaveBeenSent: sent, detail: "as scripted"))
}

/// The error document of AWS's Query services.
func refusal(_ status: Int, _ code: String, date: Double? = nil) -> HTTPResult {
  let text =
    "<ErrorResponse><Error><Type>Sender</Type><Code>\(code)</Code><Message>scripted</Message></Error>"
    + "<RequestId>r-1</RequestId></ErrorResponse>"
  return answer(status, text, date: date)
}

/// What AssumeRole answers.
func roleAnswer(_ id: String, expires: Double) -> HTTPResult {
  answer(
    200,
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>\(id)</AccessKeyId>"
      + "<SecretAccessKey>secret-\(id)</SecretAccessKey><SessionToken>token-\(id)</SessionToken>"
      + "<Expiration>\(Calendar.iso(Int64(expires)))</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
  )
}

/// What IMDS and the container endpoint answer.
func keysJSON(_ id: String, expires: Double) -> HTTPResult {
  answer(
    200,
    #"{"Code":"Success","AccessKeyId":"\#(id)","SecretAccessKey":"secret-\#(id)","Token":"token-\#(id)","#
      + #""Expiration":"\#(Calendar.iso(Int64(expires)))"}"#)
}

/// `Mon, 23 Nov 2026 17:35:15 GMT`; the name of the day is not read by anyone.
func httpDate(_ seconds: Double) -> String {
  let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  let parts = Calendar.iso(Int64(seconds)).split(whereSeparator: { "-T:Z".contains($0) })
  let month = months[(Int(parts[1]) ?? 1) - 1]
  return "Mon, \(parts[2]) \(month) \(parts[0]) \(parts[3]):\(parts[4]):\(parts[5]) GMT"
}

/// A reader of these files alone.
func files(_ contents: [String: String]) -> FileReader { { contents[$0] } }

let staticEnvironment = [
  "AWS_ACCESS_KEY_ID": "AKIDSTATIC", "AWS_SECRET_ACCESS_KEY": "static-secret", "AWS_EC2_METADATA_DISABLED": "true",
]

/// A client with static keys whose jitter is always the longest.
func client(
  _ http: FakeHTTP, environment: [String: String] = staticEnvironment, role: RoleSettings? = nil,
  regions: [String] = ["us-west-2", "eu-west-1"], caBundle: String? = nil, contents: [String: String] = [:],
  time: FakeTime = FakeTime(), notices: Notices = Notices()
) throws -> AWSClient {
  AWSClient(
    http: http,
    configuration: try AWSConfiguration(
      environment: environment, role: role, stsRegions: regions, caBundle: caBundle, readFile: files(contents)),
    clock: time.clock, random: { 1 }, onNotice: { notices.add($0) })
}
