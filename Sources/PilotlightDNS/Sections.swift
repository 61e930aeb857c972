// The sections of a message through libresolv: ns_initparse finds their ends and checks the counts, ns_parserr reads a record.

import CResolv
import Glibc

/// What is read of the sections; additional records are believed by nobody here, and left alone.
struct Sections {
  var questions: [DNSMessage.Question] = []
  var answers: [DNSRecord] = []
  var authority: [DNSRecord] = []

  init(_ bytes: [UInt8]) throws(DNSFailure) {
    // The parser's pointers lead into the bytes, and are good in here alone.
    let read = bytes.withUnsafeBufferPointer { buffer -> Result<Sections, DNSFailure> in
      do throws(DNSFailure) { return .success(try Sections(parsing: buffer)) } catch { return .failure(error) }
    }
    self = try read.get()
  }

  private init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(DNSFailure) {
    var message = ns_msg()
    guard let start = bytes.baseAddress, ns_initparse(start, Int32(clamping: bytes.count), &message) == 0 else {
      throw .garbled("its sections do not fit its \(bytes.count) bytes")
    }
    let range = (start: start, end: start + bytes.count)
    try Sections.each(ns_s_qd, of: &message) { record throws(DNSFailure) in
      guard record.rr_class == UInt16(ns_c_in.rawValue) else { return }
      questions.append(.init(name: Sections.owner(record), type: record.type))
    }
    try Sections.each(ns_s_an, of: &message) { record throws(DNSFailure) in
      if let known = try Sections.known(record, in: range) { answers.append(known) }
    }
    try Sections.each(ns_s_ns, of: &message) { record throws(DNSFailure) in
      if let known = try Sections.known(record, in: range) { authority.append(known) }
    }
  }

  private static func each(
    _ section: ns_sect, of message: inout ns_msg, _ read: (inout ns_rr) throws(DNSFailure) -> Void
  ) throws(DNSFailure) {
    var record = ns_rr()
    // In order: the parser would begin each search at the first one otherwise.
    for index in 0..<count(of: section, message) {
      guard ns_parserr(&message, section, Int32(index), &record) == 0 else {
        throw .garbled("record \(index) of a section cannot be read")
      }
      try read(&record)
    }
  }

  private static func count(of section: ns_sect, _ message: ns_msg) -> UInt16 {
    switch section {
    case ns_s_qd: message._counts.0
    case ns_s_an: message._counts.1
    default: message._counts.2
    }
  }

  /// nil for what is of no type or class that we know.
  private static func known(
    _ record: ns_rr, in message: (start: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>)
  ) throws(DNSFailure) -> DNSRecord? {
    guard let type = RecordType(rawValue: record.type), record.rr_class == UInt16(ns_c_in.rawValue) else { return nil }
    guard let data = record.rdata else { throw .garbled("a record without data") }
    let length = Int(record.rdlength)
    let content: DNSRecord.Content
    switch type {
    case .a, .aaaa: content = .address(try address(type, data, length))
    case .cname, .ns:
      let (name, end) = try name(at: data, in: message)
      guard end == length else { throw .garbled("a name that does not fill its record") }
      content = .name(name)
    case .soa: content = .minimum(try minimum(data, length, in: message))
    }
    // RFC 2181, 8: one with the highest bit set is to be taken for zero.
    let ttl = record.ttl > UInt32(Int32.max) ? 0 : Int(record.ttl)
    return DNSRecord(owner: owner(record), type: type, ttl: ttl, content: content)
  }

  private static func owner(_ record: ns_rr) -> String {
    withUnsafePointer(to: record) { String(cString: pl_record_name($0)).lowercased() }
  }

  private static func address(
    _ type: RecordType, _ data: UnsafePointer<UInt8>, _ length: Int
  ) throws(DNSFailure) -> String {
    guard length == (type == .a ? 4 : 16) else { throw .garbled("an address of \(length) bytes") }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(type == .a ? AF_INET : AF_INET6, data, &text, socklen_t(text.count)) != nil else {
      throw .garbled("an address that is none")
    }
    return printed(text)
  }

  /// The name, and how many bytes it takes where it stands.
  private static func name(
    at data: UnsafePointer<UInt8>, in message: (start: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>)
  ) throws(DNSFailure) -> (String, Int) {
    var text = [CChar](repeating: 0, count: Int(NS_MAXDNAME))
    let taken = ns_name_uncompress(message.start, message.end, data, &text, text.count)
    guard taken >= 0 else { throw .garbled("a name that leads out of the message or in a circle") }
    return (printed(text), Int(taken))
  }

  /// Of an SOA: two names, then five numbers of which it is the last (RFC 1035, 3.3.13).
  private static func minimum(
    _ data: UnsafePointer<UInt8>, _ length: Int, in message: (start: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>)
  ) throws(DNSFailure) -> Int {
    let server = try name(at: data, in: message).1
    let mailbox = try name(at: data + server, in: message).1
    guard server + mailbox + 20 == length else { throw .garbled("an SOA that does not fill its record") }
    let value = (length - 4..<length).reduce(UInt32(0)) { $0 << 8 | UInt32(data[$1]) }
    return value > UInt32(Int32.max) ? 0 : Int(value)
  }
}

/// As our records have names and addresses: lower case; the parser leaves no trailing dot but the root's.
func printed(_ text: [CChar]) -> String {
  String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).lowercased()
}
