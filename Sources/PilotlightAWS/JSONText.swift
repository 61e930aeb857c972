// Changing one value of a JSON object in place. A decoder and an encoder would reorder keys and rewrite numbers of a secret that is
// not ours; only the bytes of the value may change.

import FoundationEssentials

enum JSONText {
  /// A JSON string literal.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 32:
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// The literal of a top-level key, e.g. `"db.example"` or `5432`; nil when the key is absent. Of equal keys the last one: so do
  /// most decoders (RFC 8259, section 4).
  static func literal(_ key: String, in text: String) -> String? {
    let bytes = Array(text.utf8)
    return values(of: key, in: bytes).last.map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  /// The text with the value of a top-level key replaced by `literal`, at each place where the key stands twice, since decoders
  /// differ in which they take; nil when it is absent.
  static func replacing(_ key: String, in text: String, with literal: String) -> String? {
    var bytes = Array(text.utf8)
    let ranges = values(of: key, in: bytes)
    guard !ranges.isEmpty else { return nil }
    for range in ranges.reversed() { bytes.replaceSubrange(range, with: literal.utf8) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The same for a number, which stays a string where it was one.
  static func replacingNumber(_ key: String, in text: String, with number: Int) -> String? {
    guard let old = literal(key, in: text) else { return nil }
    return replacing(key, in: text, with: old.hasPrefix("\"") ? "\"\(number)\"" : "\(number)")
  }

  /// The text with a key added at the end of an object that has other keys.
  static func adding(_ key: String, _ literal: String, to text: String) -> String? {
    guard let end = text.lastIndex(of: "}") else { return nil }
    return text[..<end] + ",\(quoted(key)):\(literal)" + text[end...]
  }

  /// Where the values of a top-level key stand. The text was decoded before, so it is known to be JSON.
  private static func values(of key: String, in bytes: [UInt8]) -> [Range<Int>] {
    var scanner = Scanner(bytes: bytes)
    var found: [Range<Int>] = []
    guard scanner.skip(UInt8(ascii: "{")) else { return [] }
    while let name = scanner.string() {
      guard scanner.skip(UInt8(ascii: ":")) else { return [] }
      scanner.skipSpace()
      let start = scanner.position
      scanner.value()
      // A key may be spelled with escapes, so it is decoded and not compared byte by byte.
      if (try? JSONDecoder().decode(String.self, from: Data(name))) == key { found.append(start..<scanner.position) }
      guard scanner.skip(UInt8(ascii: ",")) else { break }
    }
    return found
  }

  private struct Scanner {
    let bytes: [UInt8]
    var position = 0

    mutating func skipSpace() {
      while position < bytes.count, [32, 9, 10, 13].contains(bytes[position]) { position += 1 }
    }

    mutating func skip(_ byte: UInt8) -> Bool {
      skipSpace()
      guard position < bytes.count, bytes[position] == byte else { return false }
      position += 1
      return true
    }

    /// A string literal with its quotes.
    mutating func string() -> ArraySlice<UInt8>? {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
      let start = position
      position += 1
      while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
        position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
      }
      position = min(position + 1, bytes.count)
      return bytes[start..<position]
    }

    /// Any value; objects and arrays by counting brackets.
    mutating func value() {
      var depth = 0
      while position < bytes.count {
        switch bytes[position] {
        case UInt8(ascii: "\""): _ = string()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
          depth += 1
          position += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          if depth == 0 { return }
          depth -= 1
          position += 1
        case UInt8(ascii: ","), 32, 9, 10, 13:
          if depth == 0 { return }
          position += 1
        default: position += 1
        }
        if depth == 0, position < bytes.count, [44, 125, 93].contains(bytes[position]) { return }
      }
    }
  }
}
