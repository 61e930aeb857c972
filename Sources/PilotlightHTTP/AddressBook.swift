// How long an address is believed. libcurl keeps one cache of addresses for all transfers, and every transfer that ends sweeps it
// for old entries, unless its own time limit is "for ever". With thousands of hosts the sweeps cost more than the transfers. So one
// transfer a second sweeps, and the others do not. An address is believed for little more than a minute; that is the TTL of a load
// balancer's records.

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
