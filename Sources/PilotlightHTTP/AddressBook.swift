// How long an address is believed, and who may believe a pinned one. libcurl keeps one cache of addresses for all transfers, with
// two traps that are closed here:
//
// - Every transfer that ends sweeps the whole cache for old entries, unless its own time limit is "for ever". With thousands of
//   hosts the sweeps cost more than the transfers. So one transfer a second sweeps, and the others do not. An address
//   is believed for little more than a minute; that is the TTL of a load balancer's records.
// - CURLOPT_RESOLVE pins an address for every transfer to that host and port, not only for the one that asked. So a pin is
//   made with CURLOPT_CONNECT_TO, which concerns one transfer (and the connections it keeps) alone. That option takes one
//   name or address; for several addresses it is given a name that only this pin can have, and that name is resolved to them.

import Glibc

/// Decides when old addresses are swept out. Confined to the transport's queue.
struct AddressBook {
  /// Seconds; the TTL of an ALB's DNS records.
  private static let lifetime = 60
  private var lastSweep: ContinuousClock.Instant?

  /// Seconds for CURLOPT_DNS_CACHE_TIMEOUT: a lifetime for the transfer that sweeps, -1 (for ever, no sweep) for the others.
  mutating func cacheTimeout(now: ContinuousClock.Instant = .now) -> Int {
    if let lastSweep, now - lastSweep < .seconds(1) { return -1 }
    lastSweep = now
    return AddressBook.lifetime
  }
}

/// One entry of `HTTPRequest.resolve` in libcurl's words.
struct Pin: Equatable {
  /// For CURLOPT_CONNECT_TO: `HOST:PORT:WHERE:PORT`.
  let connectTo: String
  /// For CURLOPT_RESOLVE, when there are several addresses: `+NAME:PORT:ADDRESS,ADDRESS`; the plus lets it grow old.
  let resolve: String?

  /// - Parameter entry: `HOST:PORT:ADDRESS[,ADDRESS]`, IPv6 addresses in brackets or bare.
  /// - Returns: nil for anything else.
  init?(_ entry: String) {
    let parts = entry.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, let port = UInt16(parts[1]), port > 0 else { return nil }
    let pieces = parts[2].split(separator: ",", omittingEmptySubsequences: false)
    let addresses = pieces.compactMap(Pin.bare)
    guard let first = addresses.first, addresses.count == pieces.count else { return nil }
    if addresses.count == 1 {
      connectTo = "\(parts[0]):\(port):\(first.contains(":") ? "[\(first)]" : first):\(port)"
      resolve = nil
    } else {
      // Two pins with the same addresses share the name, and may.
      let name = "pinned-" + addresses.joined(separator: "-").replacing(":", with: ".")
      // libcurl cuts names at 255 bytes.
      guard name.utf8.count < 255 else { return nil }
      connectTo = "\(parts[0]):\(port):\(name):\(port)"
      resolve = "+\(name):\(port):" + addresses.map { $0.contains(":") ? "[\($0)]" : $0 }.joined(separator: ",")
    }
  }

  /// An address without its brackets, nil when it is none.
  private static func bare(_ text: Substring) -> String? {
    let address = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : String(text)
    var storage = in6_addr()
    let family = address.contains(":") ? AF_INET6 : AF_INET
    return inet_pton(family, address, &storage) == 1 ? address : nil
  }
}
