// What a handler answers. There is no way to answer anything but JSON.

package import PilotlightControlAPI

/// Carries out one request; runs outside the server's event loop, so it may wait. It is given up on after
/// `ControlLimits.answer`, with the sentence that its outcome is unknown.
package typealias ControlHandler = @Sendable (ControlRequest, Peer) async -> ControlResponse

/// An HTTP status and a JSON body.
package struct ControlResponse: Hashable, Sendable {
  /// 200...599.
  package let status: Int
  /// JSON, UTF-8.
  package let body: [UInt8]

  private init(status: Int, body: [UInt8]) {
    self.status = status
    self.body = body
  }

  /// Any value of the control API.
  package static func json(_ value: some Encodable, status: Int = 200) -> ControlResponse {
    guard let body = try? ControlJSON.encode(value) else {
      // Only a number that is not finite brings us here; the sentence is spelt out, so it cannot fail in turn.
      return ControlResponse(status: 500, body: Array(#"{"error":"the answer holds a number JSON cannot say"}"#.utf8))
    }
    return ControlResponse(status: status, body: body)
  }

  /// `{"error": message}`.
  package static func error(_ status: Int, _ message: String) -> ControlResponse {
    json(ErrorReport(error: message), status: status)
  }

  /// The answer to an order, with the HTTP status of its outcome.
  package static func answer(_ outcome: OrderAnswer.Outcome, _ message: String) -> ControlResponse {
    json(OrderAnswer(outcome: outcome, message: message), status: outcome.httpStatus)
  }
}

/// Bounds of the server. The defaults suit a control socket; tests shorten the times.
package struct ControlLimits: Hashable, Sendable {
  /// From accept to the last byte of the request. One deadline, not one per read: a byte now and then buys no time.
  package var request: Duration
  /// What the handler may take.
  package var answer: Duration
  /// What the peer may take to read the answer.
  package var write: Duration
  /// Connections served at once; as many again are told that the daemon is busy, the rest are closed.
  package var connections: Int
  /// Bytes of request body.
  package var body: Int
  /// Bytes of all header fields together.
  package var header: Int

  package init(
    request: Duration = .seconds(10), answer: Duration = .seconds(30), write: Duration = .seconds(10),
    connections: Int = 64, body: Int = 64 << 10, header: Int = 16 << 10
  ) {
    self.request = request
    self.answer = answer
    self.write = write
    self.connections = connections
    self.body = body
    self.header = header
  }
}
