// A daemon that cannot start is asked all the same: the service manager holds the socket, and a question starts it. What nobody takes
// from the socket would start it again, and again.

import Glibc

/// Answers everybody who waits at a listening Unix stream socket with HTTP 503 and an error.
///
/// - Parameters:
///   - message: why.
///   - time: so long, and as long as somebody waits.
package func turnAway(_ listener: Int32, _ message: String, for time: Duration) {
  let end = ContinuousClock.now + time
  let response = ControlResponse.error(503, message)
  let head =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: \(response.body.count)\r\n"
    + "Connection: close\r\n\r\n"
  let bytes = Array(head.utf8) + response.body
  // As many as the backlog of pilotlightd.socket holds.
  for _ in 0..<128 {
    var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    let left = max(end - .now, .zero).components
    guard poll(&waiting, 1, Int32(left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)) > 0 else { return }
    let connection = accept(listener, nil, nil)
    guard connection >= 0 else { return }
    defer { close(connection) }
    // Who asks and says nothing for so long has no answer; who sends is read, or the answer may not reach him.
    var asked = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
    guard poll(&asked, 1, 200) > 0 else { continue }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    _ = recv(connection, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
  }
}
