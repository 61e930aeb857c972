// What a request must look like before libcurl sees it. libcurl writes header lines and the method as they are, so a line break
// in one of them would begin a header, or a request, of somebody else's choosing.

extension HTTPRequest {
  /// Why this request cannot be sent, or nil. The text names the part and never shows a header's value.
  var problem: String? {
    if method.isEmpty || !method.utf8.allSatisfy(isTokenByte) { return "the method is not a token" }
    if method == "HEAD", !body.isEmpty { return "a HEAD request carries no body" }
    if url.isEmpty { return "the URL is empty" }
    if !url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) { return "the URL holds a space or control character" }
    for header in headers {
      if header.name.isEmpty || !header.name.utf8.allSatisfy(isTokenByte) {
        return "the header name \(printable(header.name, limit: 60)) is not a token"
      }
      if header.value.utf8.contains(where: { $0 == 0 || $0 == 0x0A || $0 == 0x0D }) {
        return "the header \(header.name) holds a line break"
      }
    }
    if let unixSocket, unixSocket.utf8.count > 107 { return "the socket path is longer than 107 bytes" }
    let paths = [unixSocket, caFile].compactMap(\.self)
    return paths.contains { $0.utf8.contains(0) } ? "a path holds a zero byte" : nil
  }

  /// GET and HEAD may be sent again without harm (RFC 9110, 9.2.1).
  var isSafeToRepeat: Bool { method == "GET" || method == "HEAD" }

  var carriesBody: Bool { !body.isEmpty || method == "POST" || method == "PUT" || method == "PATCH" }

  var isTLS: Bool { url.prefix(6).lowercased() == "https:" }

  var isHTTP: Bool { isTLS || url.prefix(5).lowercased() == "http:" }
}

/// RFC 9110, 5.6.2.
private func isTokenByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"):
    true
  default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }
}
