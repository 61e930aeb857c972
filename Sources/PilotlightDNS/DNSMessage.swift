// Messages of the DNS (RFC 1035, 4), read by glibc's own parser: it knows the tricks that are played with compressed names and counts.

import CResolv
import Glibc

/// Types of records that are asked for or read (RFC 1035, 3.2.2; RFC 3596).
package enum RecordType: UInt16, Hashable, Sendable, CaseIterable {
  case a = 1
  case ns = 2
  case cname = 5
  case soa = 6
  case aaaa = 28
}

/// One question to one server.
package struct DNSQuery: Hashable, Sendable {
  /// Lower case, without the trailing dot.
  package let name: String
  package let type: RecordType
  /// RD: of a resolver it is desired, of a server of the zone it is not.
  package let recursion: Bool
  private let wireName: [UInt8]

  /// - Returns: nil for what is no domain name (RFC 1035, 2.3.4: labels up to 63 bytes, all of it up to 255).
  package init?(_ name: String, _ type: RecordType, recursion: Bool) {
    var wire = [UInt8](repeating: 0, count: Int(NS_MAXCDNAME))
    guard !name.isEmpty, !name.utf8.contains(0), ns_name_pton(name, &wire, wire.count) >= 0 else { return nil }
    var end = 0
    while wire[end] != 0 { end += Int(wire[end]) + 1 }
    wireName = Array(wire[...end])
    var text = [CChar](repeating: 0, count: Int(NS_MAXDNAME))
    // As the parser writes the names of an answer, so that they can be compared.
    guard ns_name_ntop(wireName, &text, text.count) >= 0 else { return nil }
    self.name = printed(text)
    self.type = type
    self.recursion = recursion
  }

  /// The message (RFC 1035, 4.1): a header that asks one question, and the question.
  package func message(id: UInt16) -> [UInt8] {
    let counts: [UInt8] = [0, 1, 0, 0, 0, 0, 0, 0]
    return [UInt8(id >> 8), UInt8(id & 0xff), recursion ? 1 : 0, 0] + counts + wireName
      + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xff), 0, UInt8(ns_c_in.rawValue)]
  }
}

/// A record of one of the types we know.
package struct DNSRecord: Hashable, Sendable {
  package enum Content: Hashable, Sendable {
    /// In digits, as inet_ntop writes it.
    case address(String)
    /// Of a CNAME or an NS.
    case name(String)
    /// MINIMUM of an SOA, seconds.
    case minimum(Int)
  }
  /// Names are lower case, escaped and printable, without the trailing dot; "." is the root.
  package let owner: String
  package let type: RecordType
  /// Seconds, 0 ... 2^31 - 1.
  package let ttl: Int
  package let content: Content
}

/// An answer, taken apart.
package struct DNSMessage: Hashable, Sendable {
  package struct Question: Hashable, Sendable {
    package let name: String
    package let type: UInt16
  }
  package let id: UInt16
  package let isResponse: Bool
  package let isAuthoritative: Bool
  package let isTruncated: Bool
  package let offersRecursion: Bool
  /// OPCODE and RCODE, 0 ... 15.
  package let opcode: Int
  package let code: Int
  /// Those of class IN, which is all we ask for.
  package let questions: [Question]
  package let answers: [DNSRecord]
  package let authority: [DNSRecord]

  /// Bytes of a header.
  private static let header = 12

  /// Reads a message of at most 65,535 bytes, whatever it is.
  package init(_ bytes: [UInt8]) throws(DNSFailure) {
    guard bytes.count >= DNSMessage.header else { throw .garbled("\(bytes.count) bytes are no message") }
    id = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    isResponse = bytes[2] & 0x80 != 0
    opcode = Int(bytes[2] >> 3 & 0xf)
    isAuthoritative = bytes[2] & 4 != 0
    isTruncated = bytes[2] & 2 != 0
    offersRecursion = bytes[3] & 0x80 != 0
    code = Int(bytes[3] & 0xf)
    let sections = try Sections(bytes)
    questions = sections.questions
    answers = sections.answers
    authority = sections.authority
  }

  /// Whether this is what the asked server says to the question, and not somebody's guess (RFC 5452, 9.1).
  package func answers(_ query: DNSQuery, id: UInt16) -> Bool {
    isResponse && self.id == id && opcode == 0
      && questions == [Question(name: query.name, type: query.type.rawValue)]
  }
}
