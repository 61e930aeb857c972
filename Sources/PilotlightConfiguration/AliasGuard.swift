// Yams hashes every key of a mapping. A key made of aliases of aliases ("billion laughs") takes exponential time to
// hash, so a file with such a key must not reach Yams. No key of ours is anything but plain text; aliases as values are
// harmless here, since they share their nodes, and are bounded when they are followed.

/// Looks at the text alone, a line at a time (such keys cannot span lines), and errs on the side of refusing: it takes
/// neither quotes nor comments into account, since telling them apart for sure would take a whole scanner.
struct AliasGuard {
  private enum Before {
    case nothing
    /// An alias's name, or spaces behind it: a colon now would make it a key.
    case alias
    /// A list or mapping that began and ended on this line, and spaces behind it.
    case collection
  }

  private var hasAlias = false
  /// Line of the first key that is not plain text.
  private var keyLine: Int?

  /// The line of a key that is an alias, a list or a mapping, if there are aliases in the text at all.
  static func lineOfBadKey(_ text: String) -> Int? {
    guard text.utf8.contains(UInt8(ascii: "*")), text.utf8.contains(UInt8(ascii: "&")) else { return nil }
    var aliases = AliasGuard()
    var number = 1
    for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      aliases.scan(line, number: number)
      number += 1
    }
    return aliases.hasAlias ? aliases.keyLine : nil
  }

  private mutating func scan(_ line: Substring.UTF8View, number: Int) {
    var before = Before.nothing
    var open: [UInt8] = []
    var previous = UInt8(ascii: " ")
    for byte in line {
      // Bytes beyond ASCII may be line breaks.
      let isStart = previous <= 32 || previous > 127 || Self.openers.contains(previous)
      switch byte {
      case UInt8(ascii: "*") where isStart:
        hasAlias = true
        before = .alias
      case UInt8(ascii: "?") where isStart: keyLine = keyLine ?? number
      case UInt8(ascii: "[") where isStart, UInt8(ascii: "{") where isStart:
        if open.count < Self.maximumOpen { open.append(byte) } else { keyLine = keyLine ?? number }
        before = .nothing
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        // `[` and `]`, `{` and `}` are two apart in ASCII.
        if let start = open.lastIndex(of: byte - 2) {
          open.removeSubrange(start...)
          before = .collection
        }
      case UInt8(ascii: ":"):
        if before != .nothing { keyLine = keyLine ?? number }
        before = .nothing
      case 32, 9: break
      default:
        let isName = isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        if !(before == .alias && isName) { before = .nothing }
      }
      previous = byte
    }
  }

  /// Lists and mappings open on one line; more is no configuration and is refused.
  private static let maximumOpen = 64

  /// What a token may follow without a space.
  private static let openers: [UInt8] = Array("[{,-:?".utf8)
}
