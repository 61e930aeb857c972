// What name servers are asked after the traffic has moved, and what they said. A record set that Route 53 has taken is only half of it:
// users follow what their resolvers still remember.

/// Whom DNS is asked.
package struct NameServers: Hashable, Sendable, Codable {
  /// Recursive resolvers: `IP`, `IP:port` or `[IPv6]:port`, port 53 unless told otherwise; empty: this host's own (`/etc/resolv.conf`).
  package var resolvers: [String]
  /// Servers of the zone, in the same form; empty: those its NS records name, found through the resolvers.
  package var authoritative: [String]
  /// The name is in a private hosted zone, whose servers answer nobody: resolvers alone are asked.
  package var isPrivate: Bool

  package init(resolvers: [String] = [], authoritative: [String] = [], isPrivate: Bool = false) {
    self.resolvers = resolvers
    self.authoritative = authoritative
    self.isPrivate = isPrivate
  }
}

/// Where does a name lead?
package struct NameQuestion: Hashable, Sendable, Codable {
  /// Of the record users ask for; the trailing dot and case do not matter, here and below.
  package var name: String
  /// Host name of the load balancer that it should lead to.
  package var target: String
  /// Host name of the load balancer that it must not lead to any more.
  package var other: String
  package var servers: NameServers

  package init(name: String, target: String, other: String, servers: NameServers = NameServers()) {
    self.name = name
    self.target = target
    self.other = other
    self.servers = servers
  }
}

/// What a server said of a name, A and AAAA taken together.
package enum NameOutcome: Hashable, Sendable, Codable {
  /// - chain: the names that CNAME records lead to, in order, lower case without the trailing dot; empty where there are none, as of a
  ///   Route 53 alias.
  /// - addresses: in digits, as inet_ntop writes them; empty when the end of the chain has none, or when an authoritative server leaves
  ///   the rest to others and they did not know either.
  case leads(chain: [String], addresses: [String])
  /// No such name, or neither A, AAAA nor CNAME of it (RFC 2308: NXDOMAIN and NODATA).
  case absent
  /// No answer, or none that can be believed, and why: one printable line of at most 200 characters.
  case failed(String)
}

/// One server and what it said.
package struct NameAnswer: Hashable, Sendable, Codable {
  /// As it was asked, port 53 left out; or in words which servers could not be found.
  package var server: String
  /// Of the zone, not a cache.
  package var isAuthoritative: Bool
  package var outcome: NameOutcome
  /// Seconds for which this answer may still be given from caches, 0 ... 2^31 - 1: of the name's own records, or of their absence
  /// (RFC 2308, 5). nil when nothing says so.
  package var ttl: Int?
  package init(server: String, isAuthoritative: Bool, outcome: NameOutcome, ttl: Int? = nil) {
    self.server = server
    self.isAuthoritative = isAuthoritative
    self.outcome = outcome
    self.ttl = ttl
  }
}

/// What all servers said, and the addresses that tell the two load balancers apart where no name does.
package struct NameReport: Hashable, Sendable, Codable {
  package var answers: [NameAnswer]
  /// Addresses of the question's `target`, from all resolvers that knew any; a load balancer gives at most 8 of its own at a time.
  package var target: [String]
  /// Addresses of the question's `other`; empty when it has none any more.
  package var other: [String]
  package init(answers: [NameAnswer], target: [String] = [], other: [String] = []) {
    self.answers = answers
    self.target = target
    self.other = other
  }
}

/// Where an answer leads its users.
package enum NameLead: Hashable, Sendable {
  case target
  /// To the other load balancer, if only for some.
  case other
  /// To what is neither's, or to what is said to be both's.
  case elsewhere
  /// The name does not exist, or ends at one without an address.
  case nowhere
  /// The server gave no answer.
  case unknown
}
