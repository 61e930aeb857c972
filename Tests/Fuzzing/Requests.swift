// The control socket: a request that is understood says the same when it is written again.

import PilotlightControlAPI

/// Method and target, each up to a NUL, then the body.
func readRequest(_ bytes: [UInt8]) -> String? {
  var bytes = Bytes(bytes)
  let method = bytes.text()
  let target = bytes.text()
  let body = bytes.remaining()
  do throws(RequestFault) {
    let request = try ControlRequest(method: method, target: target, body: body, sandbox: true)
    guard let written = try? request.body() else { return "a request without a body of its own: \(request)" }
    let again = try ControlRequest(method: request.method, target: request.target, body: written, sandbox: true)
    return again == request ? nil : "read as \(request), then as \(again)"
  } catch {
    let text = error.message
    if text.unicodeScalars.contains(where: { $0.value < 32 }) { return "a fault that is not one line: \(text)" }
    return text.count > 2000 ? "a fault of \(text.count) characters" : nil
  }
}
