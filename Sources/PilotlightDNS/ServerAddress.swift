// Addresses of name servers: from text, from resolv.conf, and as the kernel wants them.

import CResolv
import Glibc

/// Where a name server listens.
package struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
  /// A sockaddr_in or a sockaddr_in6, byte for byte.
  private let bytes: [UInt8]
  /// The IP, and the port unless it is 53.
  package let description: String

  /// - Parameters:
  ///   - text: `IP`, `IP:port` or `[IPv6]:port`; an IPv6 address may have a scope (`fe80::1%eth0`).
  ///   - port: where the text has none.
  /// - Returns: nil for anything else.
  package init?(_ text: String, port: UInt16 = 53) {
    var (host, digits) = (text, "\(port)")
    if text.hasPrefix("["), let end = text.lastIndex(of: "]") {
      host = String(text[text.index(after: text.startIndex)..<end])
      let rest = text[text.index(after: end)...]
      if !rest.isEmpty {
        guard rest.hasPrefix(":") else { return nil }
        digits = String(rest.dropFirst())
      }
      guard host.contains(":") else { return nil }
    } else if let colon = text.firstIndex(of: ":"), !text[text.index(after: colon)...].contains(":") {
      (host, digits) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }
    guard digits.allSatisfy({ ("0"..."9").contains($0) }), let port = UInt16(digits), port > 0 else { return nil }
    self.init(host: host, port: port)
  }

  private init?(host: String, port: UInt16) {
    if host.contains(":") {
      let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      guard inet_pton(AF_INET6, parts[0], &address.sin6_addr) == 1 else { return nil }
      if parts.count > 1 {
        address.sin6_scope_id = UInt32(parts[1]) ?? if_nametoindex(parts[1])
        if address.sin6_scope_id == 0 { return nil }
      }
      self.init(address)
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return nil }
      self.init(address)
    }
  }

  private init(_ address: sockaddr_in) {
    bytes = withUnsafeBytes(of: address) { Array($0) }
    let host = withUnsafePointer(to: address.sin_addr) { ServerAddress.text(AF_INET, $0) }
    description = ServerAddress.joined(host, UInt16(bigEndian: address.sin_port))
  }

  private init(_ address: sockaddr_in6) {
    bytes = withUnsafeBytes(of: address) { Array($0) }
    let host = withUnsafePointer(to: address.sin6_addr) { ServerAddress.text(AF_INET6, $0) }
    let scope = address.sin6_scope_id == 0 ? "" : "%\(address.sin6_scope_id)"
    description = ServerAddress.joined(host + scope, UInt16(bigEndian: address.sin6_port))
  }

  private static func text(_ family: Int32, _ address: UnsafeRawPointer) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    return inet_ntop(family, address, &text, socklen_t(text.count)) == nil ? "?" : printed(text)
  }

  private static func joined(_ host: String, _ port: UInt16) -> String {
    if port == 53 { return host }
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// AF_INET or AF_INET6.
  var family: Int32 { bytes.count == MemoryLayout<sockaddr_in>.size ? AF_INET : AF_INET6 }

  /// What connect(2) says; the socket is one of `family`.
  func connect(_ socket: Int32) -> Int32 {
    bytes.withUnsafeBytes { raw in
      raw.withMemoryRebound(to: sockaddr.self) { Glibc.connect(socket, $0.baseAddress, socklen_t(raw.count)) }
    }
  }

  /// Whether the kernel knows a way; nothing is sent.
  var hasRoute: Bool {
    let descriptor = socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return connect(descriptor) == 0
  }

  /// The name servers of this host's resolv.conf(5), the local host where it names none; empty when it cannot be read. Reads files.
  package static func ofThisHost() -> [ServerAddress] {
    var found = [sockaddr_in6](repeating: sockaddr_in6(), count: Int(PL_RESOLVERS))
    let count = Int(pl_resolvers(&found))
    return found.prefix(max(count, 0)).map { address in
      guard Int32(address.sin6_family) == AF_INET else { return ServerAddress(address) }
      return ServerAddress(withUnsafeBytes(of: address) { $0.loadUnaligned(as: sockaddr_in.self) })
    }
  }
}
