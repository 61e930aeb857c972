// Changing one value of a JSON object in place. A decoder and an encoder would reorder keys and rewrite numbers of a secret that is
// not ours; only the bytes of the value may change.

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

  /// The text with the value of a top-level key replaced by `literal`; nil when the key is absent.
  static func replacing(_ key: String, in text: String, with literal: String) -> String? {
    let bytes = Array(text.utf8)
    guard let range = valueRange(of: key, in: bytes) else { return nil }
    return String(
      decoding: bytes[..<range.lowerBound] + Array(literal.utf8) + bytes[range.upperBound...], as: UTF8.self)
  }

  /// The same for a number, which stays a string where it was one.
  static func replacingNumber(_ key: String, in text: String, with number: Int) -> String? {
    let bytes = Array(text.utf8)
    guard let range = valueRange(of: key, in: bytes) else { return nil }
    let isString = bytes[range.lowerBound] == UInt8(ascii: "\"")
    return replacing(key, in: text, with: isString ? "\"\(number)\"" : "\(number)")
  }

  /// Where the value of a top-level key stands. The text was decoded before, so it is known to be JSON.
  private static func valueRange(of key: String, in bytes: [UInt8]) -> Range<Int>? {
    var scanner = Scanner(bytes: bytes)
    var found: Range<Int>?
    guard scanner.skip(UInt8(ascii: "{")) else { return nil }
    while let name = scanner.string() {
      guard scanner.skip(UInt8(ascii: ":")) else { return nil }
      scanner.skipSpace()
      let start = scanner.position
      scanner.value()
      // Of two equal keys the last counts, as in every decoder.
      if name == Array(quoted(key).utf8) { found = start..<scanner.position }
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
    mutating func string() -> [UInt8]? {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
      let start = position
      position += 1
      while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
        position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
      }
      position = min(position + 1, bytes.count)
      return Array(bytes[start..<position])
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
        case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","):
          if depth == 0 { return }
          if bytes[position] != UInt8(ascii: ",") { depth -= 1 }
          position += 1
        default:
          if depth == 0, [32, 9, 10, 13].contains(bytes[position]) { return }
          position += 1
        }
        if depth == 0, position < bytes.count, [44, 125, 93].contains(bytes[position]) { return }
      }
    }
  }
}
