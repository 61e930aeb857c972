// Who speaks for a name: the servers that the NS records of the closest enclosing zone name. The zone is found by going up from the name; an
// SOA record beside an answer without NS tells its top at once (RFC 2308, 2).

extension Resolution {
  /// At most so many servers of a zone are asked; Route 53 gives a zone four.
  private static let mostServers = 8
  /// Names of a domain name (RFC 1035, 2.3.4: 255 bytes hold 127 labels).
  private static let mostLabels = 128

  /// Addresses of the servers of the zone that `name` is in, at least one.
  ///
  /// - Parameter port: where they listen.
  func zoneServers(of name: String, port: UInt16) async -> Result<[ServerAddress], DNSFailure> {
    guard let query = DNSQuery(name, .ns, recursion: true) else { return .failure(.notAsked("no domain name")) }
    var candidate = query.name
    for _ in 0..<Resolution.mostLabels {
      let message: DNSMessage
      switch await anybodysAnswer(candidate, .ns) {
      case .success(let answer): message = answer
      case .failure(let failure): return .failure(failure)
      }
      let servers = message.answers.filter { $0.type == .ns && $0.owner == candidate }.compactMap(\.name)
      if !servers.isEmpty { return await addresses(of: Set(servers).sorted(), port) }
      guard let next = Resolution.next(above: candidate, message) else { break }
      candidate = next
    }
    return .failure(.notAsked("no NS records were found"))
  }

  /// The name to ask about next, one with at least a label; nil above the last one.
  private static func next(above candidate: String, _ message: DNSMessage) -> String? {
    // Where the name leads on, the SOA beside it is another zone's.
    let isOwn = !message.answers.contains { $0.type == .cname }
    let top = message.authority.first { $0.type == .soa && candidate.hasSuffix(".\($0.owner)") }
    if isOwn, let top { return top.owner }
    return candidate.parent
  }

  private func addresses(of servers: [String], _ port: UInt16) async -> Result<[ServerAddress], DNSFailure> {
    let found = await servers.prefix(Resolution.mostServers).map(\.self).asked { server in
      async let a = addresses(of: server, .a)
      async let aaaa = addresses(of: server, .aaaa)
      return await (a, aaaa)
    }
    // The first of each before the second of any.
    let four = found.map(\.0).interleaved, six = found.map(\.1).interleaved
    let all = (four + six).compactMap { ServerAddress($0.contains(":") ? "[\($0)]" : $0, port: port) }
    if all.isEmpty {
      return .failure(.notAsked("no address of \(servers.prefix(3).joined(separator: ", ")) was found"))
    }
    // Most hosts have no IPv6, and the servers of a zone have IPv4: what leads nowhere from here says nothing about the zone.
    let reachable = all.filter(\.hasRoute)
    let family = (reachable.first ?? all.first)?.family
    return .success(
      Array((reachable.isEmpty ? all : reachable).filter { $0.family == family }.prefix(Resolution.mostServers)))
  }

  private func addresses(of server: String, _ type: RecordType) async -> [String] {
    guard let query = DNSQuery(server, type, recursion: true),
      case .success(let message) = await anybodysAnswer(server, type),
      case .leads(_, let addresses, _)? = try? FamilyAnswer(message, to: query, asAuthority: false)
    else { return [] }
    return addresses
  }
}

extension DNSRecord {
  fileprivate var name: String? {
    guard case .name(let text) = content else { return nil }
    return text
  }
}

extension String {
  /// Of a domain name; nil of one label. A dot inside of a label is escaped.
  fileprivate var parent: String? {
    var isEscaped = false
    for (index, character) in zip(indices, self) {
      if character == ".", !isEscaped { return String(self[self.index(after: index)...]) }
      isEscaped = character == "\\" && !isEscaped
    }
    return nil
  }
}

extension [[String]] {
  fileprivate var interleaved: [String] {
    (0..<(map(\.count).max() ?? 0)).flatMap { index in compactMap { index < $0.count ? $0[index] : nil } }
  }
}
