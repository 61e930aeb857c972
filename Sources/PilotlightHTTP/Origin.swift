// Where a request leads: the origin in its URL, or an address that stands in for it.

import CCurl
import Glibc

/// An IPv4 or IPv6 address in digits.
package struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
  /// Without brackets.
  package let description: String

  /// - Parameter text: with or without brackets around IPv6.
  /// - Returns: nil for anything else, an address with a scope (`%eth0`) included.
  package init?(_ text: some StringProtocol) {
    let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
    let address = isBracketed ? String(text.dropFirst().dropLast()) : String(text)
    var storage = in6_addr()
    let family = isBracketed || address.contains(":") ? AF_INET6 : AF_INET
    guard inet_pton(family, address, &storage) == 1 else { return nil }
    description = address
  }

  /// As a URL has it.
  var bracketed: String { description.contains(":") ? "[\(description)]" : description }
}

extension [NetworkAddress] {
  /// IPv4 alone when there is any: a load balancer always has it unless told otherwise, and a host whose IPv6 leads nowhere must not
  /// take half of the addresses for dead.
  package var ofOneFamily: [NetworkAddress] {
    let old = filter { !$0.description.contains(":") }
    return old.isEmpty ? self : old
  }
}

/// Host and port of a URL, as libcurl reads it: a second reader with rules of its own could look up a host that is never asked.
package struct Origin: Hashable, Sendable {
  /// As in the URL; an IPv6 address has its brackets.
  package let host: String
  package let port: Int

  /// - Returns: nil for what is no absolute URL with a host and a port that is known.
  package init?(url: String) {
    guard let handle = curl_url() else { return nil }
    defer { curl_url_cleanup(handle) }
    guard curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK,
      let host = Origin.part(CURLUPART_HOST, of: handle),
      let port = Origin.part(CURLUPART_PORT, of: handle).flatMap({ Int($0) })
    else { return nil }
    self.host = host
    self.port = port
  }

  private static func part(_ part: CURLUPart, of handle: OpaquePointer) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(handle, part, &text, UInt32(CURLU_DEFAULT_PORT)) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }
}
