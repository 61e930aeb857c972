// Messages of the DNS as a server of our own writes them: without compression, and as wrong as a test wants.

/// A question as it arrived.
struct Asked: Sendable {
  let id: UInt16
  let name: String
  let type: UInt16
  let recursion: Bool
  let isStream: Bool
  let question: [UInt8]

  init?(_ bytes: [UInt8], isStream: Bool) {
    guard bytes.count > 16, bytes[4] == 0, bytes[5] == 1 else { return nil }
    var labels: [String] = []
    var index = 12
    while bytes[index] != 0 {
      let end = index + 1 + Int(bytes[index])
      guard end < bytes.count else { return nil }
      labels.append(String(decoding: bytes[index + 1..<end], as: UTF8.self))
      index = end
    }
    guard bytes.count == index + 5 else { return nil }
    id = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    name = labels.joined(separator: ".")
    type = UInt16(bytes[index + 1]) << 8 | UInt16(bytes[index + 2])
    recursion = bytes[2] & 1 != 0
    self.isStream = isStream
    question = Array(bytes[12...])
  }
}

/// A record as a zone file has it.
struct Entry: Sendable {
  let owner: String
  let type: UInt16
  let ttl: UInt32
  let data: [UInt8]

  static func a(_ owner: String, _ bytes: UInt8..., ttl: UInt32 = 60) -> Entry {
    Entry(owner: owner, type: 1, ttl: ttl, data: bytes)
  }
  /// 2001:db8::`last`.
  static func aaaa(_ owner: String, last: UInt8, ttl: UInt32 = 60) -> Entry {
    Entry(
      owner: owner, type: 28, ttl: ttl, data: [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [last])
  }
  static func cname(_ owner: String, _ target: String, ttl: UInt32 = 60) -> Entry {
    Entry(owner: owner, type: 5, ttl: ttl, data: wire(target))
  }
  static func ns(_ owner: String, _ target: String) -> Entry {
    Entry(owner: owner, type: 2, ttl: 172_800, data: wire(target))
  }
  static func soa(_ owner: String, ttl: UInt32 = 900, minimum: UInt32 = 300) -> Entry {
    let numbers: [UInt32] = [1, 7200, 900, 1_209_600, minimum]
    return Entry(
      owner: owner, type: 6, ttl: ttl, data: wire("ns1.\(owner)") + wire("admin.\(owner)") + numbers.flatMap(big))
  }

  var bytes: [UInt8] { wire(owner) + big(type) + big(UInt16(1)) + big(ttl) + big(UInt16(data.count)) + data }
}

/// A name, label by label; `.` is the root.
func wire(_ name: String) -> [UInt8] {
  name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
}

func big(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

/// An answer, right unless told otherwise.
struct Reply: Sendable {
  var answers: [Entry] = []
  var authority: [Entry] = []
  var isAuthoritative = false
  var offersRecursion = true
  var isTruncated = false
  var code: UInt8 = 0
  var id: UInt16?
  var question: [UInt8]?
  /// Of answers, where the header lies.
  var count: UInt16?

  func bytes(to asked: Asked) -> [UInt8] {
    let flags: [UInt8] = [
      0x80 | (isAuthoritative ? 4 : 0) | (isTruncated ? 2 : 0) | (asked.recursion ? 1 : 0),
      (offersRecursion ? 0x80 : 0) | code,
    ]
    let counts = [1, count ?? UInt16(answers.count), UInt16(authority.count), 0].flatMap { big($0) }
    return big(id ?? asked.id) + flags + counts + (question ?? asked.question) + (answers + authority).flatMap(\.bytes)
  }
}

/// A zone, or all that a resolver knows: CNAMEs are followed as far as the entries go.
struct Zone: Sendable {
  var entries: [Entry]
  /// Answers as a server of the zone, not as a resolver.
  var isAuthoritative = false

  func reply(to asked: Asked) -> Reply {
    var reply = Reply(isAuthoritative: isAuthoritative, offersRecursion: !isAuthoritative)
    var name = asked.name.lowercased()
    for _ in 0..<8 {
      let own = entries.filter { $0.owner.lowercased() == name }
      reply.answers += own.filter { $0.type == asked.type }
      guard let cname = own.first(where: { $0.type == 5 }), asked.type != 5 else { break }
      reply.answers.append(cname)
      name = text(cname.data).lowercased()
    }
    if reply.answers.isEmpty {
      let known = entries.contains { $0.owner.lowercased() == name || $0.owner.lowercased().hasSuffix(".\(name)") }
      reply.code = known ? 0 : 3
      reply.authority = entries.filter { $0.type == 6 && "." + name != "." && ".\(name)".hasSuffix(".\($0.owner)") }
    }
    return reply
  }

  private func text(_ wire: [UInt8]) -> String {
    var (labels, rest) = ([String](), wire[...])
    while let length = rest.popFirst(), length > 0 {
      labels.append(String(decoding: rest.prefix(Int(length)), as: UTF8.self))
      rest = rest.dropFirst(Int(length))
    }
    return labels.joined(separator: ".")
  }
}
