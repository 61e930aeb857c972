// What an answer says of a name: where its CNAMEs lead, and which addresses stand at their end.

/// What one server said to one question for A or AAAA.
package enum FamilyAnswer: Hashable, Sendable {
  case leads(chain: [String], addresses: [String], ttl: Int?)
  /// The name is there and has neither an address of this family nor a CNAME.
  case noData(ttl: Int?)
  /// NXDOMAIN: it has no record of any type.
  case noName(ttl: Int?)

  /// CNAMEs that are followed; resolvers give up after 8 (unbound) to 16 (BIND) themselves.
  package static let longestChain = 16
  /// Addresses that are kept, of which a load balancer shows 8 of a family.
  package static let mostAddresses = 64

  /// Reads the answer to `query` as a resolver would.
  ///
  /// - Parameter asAuthority: the server was asked for what it knows itself.
  package init(_ message: DNSMessage, to query: DNSQuery, asAuthority: Bool) throws(DNSFailure) {
    guard message.code == 0 || message.code == 3 else { throw .refused(code: message.code) }
    if asAuthority, !message.isAuthoritative { throw .notAuthoritative }
    if !asAuthority, !message.offersRecursion { throw .noRecursion }
    let chain = try FamilyAnswer.chain(from: query.name, message.answers)
    let end = chain.last ?? query.name
    let addresses = message.answers.filter { $0.type == query.type && $0.owner == end }.compactMap(\.address)
    guard chain.isEmpty, addresses.isEmpty else {
      // How long the rest of the chain is remembered changes nothing about where the name leads.
      let own = message.answers.filter { $0.owner == query.name && ($0.type == .cname || $0.type == query.type) }
      self = .leads(
        chain: chain, addresses: Array(addresses.prefix(FamilyAnswer.mostAddresses)), ttl: own.map(\.ttl).max())
      return
    }
    let ttl = message.authority.compactMap(\.negativeTTL).max()
    self = message.code == 3 ? .noName(ttl: ttl) : .noData(ttl: ttl)
  }

  /// The order of the records is no matter; a name has one CNAME at most (RFC 1034, 3.6.2).
  private static func chain(from name: String, _ records: [DNSRecord]) throws(DNSFailure) -> [String] {
    var next: [String: String] = [:]
    for record in records where record.type == .cname {
      guard case .name(let target) = record.content else { continue }
      if let known = next[record.owner], known != target { throw .garbled("two CNAMEs of \(record.owner)") }
      next[record.owner] = target
    }
    var chain: [String] = []
    var current = name
    while let following = next[current] {
      if following == name || chain.contains(following) { throw .garbled("a circle of CNAMEs") }
      if chain.count == longestChain { throw .garbled("more than \(longestChain) CNAMEs") }
      chain.append(following)
      current = following
    }
    return chain
  }
}

extension DNSRecord {
  fileprivate var address: String? {
    guard case .address(let text) = content else { return nil }
    return text
  }

  /// RFC 2308, 5.
  fileprivate var negativeTTL: Int? {
    guard case .minimum(let minimum) = content else { return nil }
    return min(ttl, minimum)
  }
}

extension FamilyAnswer {
  /// Seconds.
  package var ttl: Int? {
    switch self {
    case .leads(_, _, let ttl), .noData(let ttl), .noName(let ttl): ttl
    }
  }
}
