// One request to the daemon, and the meaning of its answer. Everything that can go wrong ends in one sentence and one
// of the four exit codes.

import Glibc
import PilotlightControlAPI
import PilotlightHTTP

/// The daemon behind a Unix socket.
struct ControlClient {
  let socket: String
  private let transport: any HTTPSending

  init(socket: String, transport: any HTTPSending = CurlTransport()) {
    self.socket = socket
    self.transport = transport
  }

  func status() async throws -> StatusReport { try await ask(.status) }

  /// Asks, and reads the answer as `Answer`.
  func ask<Answer: Decodable>(_ request: ControlRequest, as type: Answer.Type = Answer.self) async throws -> Answer {
    let body = try await raw(request)
    do {
      return try ControlJSON.decode(type, from: body)
    } catch {
      throw Ending.failed("the daemon's answer is not understood (\(ControlJSON.sentence(for: error))); same version?")
    }
  }

  /// Asks, and gives the answer's JSON as it came.
  func raw(_ request: ControlRequest) async throws -> [UInt8] {
    let response = try await send(request)
    if response.status == 200 { return response.body }
    throw ending(response)
  }

  /// Gives an order and says what became of it.
  func order(_ order: OrderRequest) async throws -> String {
    if let fault = order.fault { throw Ending.usage(fault) }
    let response = try await send(.order(order))
    guard let answer = try? ControlJSON.decode(OrderAnswer.self, from: response.body) else { throw ending(response) }
    switch answer.outcome {
    case .accepted: return answer.message
    case .refused: throw Ending.refused(answer.message)
    case .failed: throw Ending.failed(answer.message)
    case .usage: throw Ending.usage(answer.message)
    }
  }

  /// Has the configuration read anew; the errors are a line each.
  func reload() async throws -> String {
    let response = try await send(.reload)
    guard let answer = try? ControlJSON.decode(OrderAnswer.self, from: response.body) else { throw ending(response) }
    guard answer.outcome == .accepted else {
      var refusal = Ending.failed("the configuration is refused; the one before stays in force")
      refusal.lines = answer.message.split(separator: "\n").map { printable(String($0), limit: 2000) }
      throw refusal
    }
    return answer.message
  }

  private func send(_ request: ControlRequest) async throws -> HTTPResponse {
    let body = try request.body()
    let message = HTTPRequest(
      method: request.method, url: "http://localhost\(request.target)",
      headers: body.isEmpty ? [] : [(name: "content-type", value: "application/json")], body: body,
      // The daemon gives up on an answer after 30 s and says so; that sentence is worth waiting for.
      timeout: .seconds(35), connectTimeout: .seconds(5), bodyLimit: 16 << 20, freshConnection: true,
      unixSocket: socket)
    switch await transport.send(message) {
    case .success(let response) where response.bodyTruncated: throw Ending.failed("the daemon's answer is too long")
    case .success(let response): return response
    case .failure(let failure): throw unreachable(failure, request)
    }
  }

  private func ending(_ response: HTTPResponse) -> Ending {
    let report = try? ControlJSON.decode(ErrorReport.self, from: response.body)
    let message = report?.error ?? "the daemon answered HTTP \(response.status)"
    switch response.status {
    case 400, 404, 413, 422: return .usage(message)
    case 409: return .refused(message)
    default: return .failed(message)
    }
  }

  private func unreachable(_ failure: HTTPFailure, _ request: ControlRequest) -> Ending {
    if case .order = request, failure.requestMayHaveBeenSent, failure.stage != .connect {
      return .failed("no answer (\(failure.detail)): the order may have been taken, look at 'pilotlightctl history'")
    }
    var status = stat()
    if lstat(socket, &status) != 0 {
      let reason = errno == ENOENT ? "there is no such socket" : String(cString: strerror(errno))
      return .failed("cannot reach the daemon at \(socket): \(reason); is pilotlightd running?")
    }
    if status.st_mode & S_IFMT != S_IFSOCK { return .failed("\(socket) is not a socket") }
    if access(socket, W_OK) != 0 {
      return .failed("no permission for \(socket): only its owner and its group may talk to the daemon")
    }
    if failure.kind == .refused {
      return .failed("nobody listens on \(socket): pilotlightd is not running")
    }
    return .failed("no answer from the daemon at \(socket): \(failure.detail)")
  }
}
