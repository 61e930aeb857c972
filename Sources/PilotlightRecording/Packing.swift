// Numbers and texts as bytes: LEB128 varints, zigzag for what may be negative, texts by their length. Every read is checked;
// bytes that do not fit are thrown away by whoever asked, never trusted.

import PilotlightCore

/// The bytes are not what was written.
struct Garbled: Error {}

/// Writes front to back.
struct Packer {
  private(set) var bytes: [UInt8] = []

  mutating func byte(_ value: UInt8) { bytes.append(value) }

  mutating func number(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func signed(_ value: Int64) { number(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

  mutating func text(_ text: String) {
    number(UInt64(text.utf8.count))
    bytes += text.utf8
  }

  mutating func optional<Value>(_ value: Value?, _ write: (inout Packer, Value) -> Void) {
    byte(value == nil ? 0 : 1)
    if let value { write(&self, value) }
  }

  mutating func list<Element>(_ elements: [Element], _ write: (inout Packer, Element) -> Void) {
    number(UInt64(elements.count))
    for element in elements { write(&self, element) }
  }
}

/// Reads front to back.
struct Unpacker {
  private let bytes: ArraySlice<UInt8>
  private var at: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    at = bytes.startIndex
  }

  var isAtEnd: Bool { at == bytes.endIndex }

  mutating func byte() throws(Garbled) -> UInt8 {
    guard at < bytes.endIndex else { throw Garbled() }
    defer { at += 1 }
    return bytes[at]
  }

  mutating func number() throws(Garbled) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try byte()
      let part = UInt64(byte & 0x7F)
      if shift == 63, part > 1 { throw Garbled() }
      value |= part << shift
      if byte < 0x80 { return value }
    }
    throw Garbled()
  }

  mutating func signed() throws(Garbled) -> Int64 {
    let value = try number()
    return Int64(bitPattern: (value >> 1) ^ (0 &- (value & 1)))
  }

  /// A count or an index, at most `bound`.
  mutating func count(_ bound: Int) throws(Garbled) -> Int {
    let value = try number()
    guard value <= UInt64(bound) else { throw Garbled() }
    return Int(value)
  }

  mutating func integer() throws(Garbled) -> Int { Int(try signed()) }

  mutating func text() throws(Garbled) -> String {
    let length = try count(bytes.count)
    // What is left is less by the length's own bytes.
    guard length <= bytes.endIndex - at else { throw Garbled() }
    defer { at += length }
    guard let text = String(validating: bytes[at..<(at + length)], as: UTF8.self) else { throw Garbled() }
    return text
  }

  mutating func optional<Value>(_ read: (inout Unpacker) throws(Garbled) -> Value) throws(Garbled) -> Value? {
    switch try byte() {
    case 0: return nil
    case 1: return try read(&self)
    default: throw Garbled()
    }
  }

  mutating func list<Element>(_ read: (inout Unpacker) throws(Garbled) -> Element) throws(Garbled) -> [Element] {
    let count = try count(bytes.endIndex - at)
    var elements: [Element] = []
    for _ in 0..<count { elements.append(try read(&self)) }
    return elements
  }

  mutating func choice<Value: CaseIterable>(_ type: Value.Type) throws(Garbled) -> Value
  where Value.AllCases == [Value] {
    Value.allCases[try count(Value.allCases.count - 1)]
  }

  /// A moment between the epoch and the year 2223: sums of it with any recorded span do not overflow.
  mutating func instant() throws(Garbled) -> Instant { try Unpacker.instant(try signed()) }

  static func instant(_ nanoseconds: Int64) throws(Garbled) -> Instant {
    guard (0...8_000_000_000_000_000_000).contains(nanoseconds) else { throw Garbled() }
    return Instant(nanoseconds: nanoseconds)
  }

  /// A span of at most ten years either way.
  mutating func duration() throws(Garbled) -> Duration {
    let nanoseconds = try signed()
    guard (-Unpacker.longest...Unpacker.longest).contains(nanoseconds) else { throw Garbled() }
    return .nanoseconds(nanoseconds)
  }

  private static let longest: Int64 = 315_576_000_000_000_000
}

extension Packer {
  mutating func instant(_ instant: Instant) { signed(instant.nanoseconds) }
  mutating func duration(_ duration: Duration) { signed(duration.nanoseconds) }
  mutating func integer(_ value: Int) { signed(Int64(value)) }

  mutating func choice<Value: CaseIterable & Equatable>(_ value: Value) where Value.AllCases == [Value] {
    number(UInt64(Value.allCases.firstIndex(of: value) ?? 0))
  }
}

/// CRC-32 of IEEE 802.3: every burst of up to 32 damaged bits is noticed.
enum Checksum {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
  }

  static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ ($0 >> 8) }
  }
}
