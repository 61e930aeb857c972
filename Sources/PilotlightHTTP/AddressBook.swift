// How long an address is believed, and who may believe a pinned one. libcurl keeps one cache of addresses for all transfers, with
// two traps that are closed here:
//
// - Every transfer that ends sweeps the whole cache for old entries, unless its own time limit is "for ever". With thousands of
//   hosts the sweeps cost more than the transfers. So one transfer a second sweeps, and the others do not. An address
//   is believed for a minute and a second at most; that is the TTL of a load balancer's records.
// - CURLOPT_RESOLVE pins an address for every later transfer to that host and port, not only for the one that asked. So a
//   transfer that does not pin begins by striking out a pin that concerns it.

import CCurl

/// Decides both for each transfer. Confined to the transport's queue.
struct AddressBook {
  /// Seconds; the TTL of an ALB's DNS records.
  private static let lifetime = 60
  private var lastSweep: ContinuousClock.Instant?
  /// `host:port`, lower case. As many as the configuration pins; never shrinks, since a transfer may still be about to pin.
  private var pinned: Set<String> = []

  /// Seconds for CURLOPT_DNS_CACHE_TIMEOUT: a lifetime for the transfer that sweeps, -1 (for ever, no sweep) for the others.
  mutating func cacheTimeout(now: ContinuousClock.Instant = .now) -> Int {
    if let lastSweep, now - lastSweep < .seconds(1) { return -1 }
    lastSweep = now
    return AddressBook.lifetime
  }

  /// Entries for CURLOPT_RESOLVE.
  mutating func entries(for request: HTTPRequest) -> [String] {
    if !request.resolve.isEmpty {
      for entry in request.resolve {
        let parts = entry.drop { $0 == "+" }.split(separator: ":", maxSplits: 2)
        if parts.count == 3 { pinned.insert("\(parts[0]):\(parts[1])".lowercased()) }
      }
      return request.resolve
    }
    if pinned.isEmpty { return [] }
    guard let target = AddressBook.target(of: request.url), pinned.contains(target) else { return [] }
    return ["-" + target]
  }

  /// `host:port` of a URL as libcurl reads it, lower case.
  private static func target(of url: String) -> String? {
    guard let parsed = curl_url() else { return nil }
    defer { curl_url_cleanup(parsed) }
    guard curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK else { return nil }
    guard let host = part(CURLUPART_HOST, of: parsed), let port = part(CURLUPART_PORT, of: parsed) else { return nil }
    return "\(host):\(port)".lowercased()
  }

  private static func part(_ part: CURLUPart, of url: OpaquePointer) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(url, part, &text, UInt32(CURLU_DEFAULT_PORT)) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }
}
