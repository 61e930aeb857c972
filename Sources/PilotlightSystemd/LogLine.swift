// What a log call becomes, whatever it is written to. Text may come from the network: control characters are escaped before
// they reach a terminal or a line-based file.

import Logging

/// One entry, ready to be written.
struct LogLine: Sendable {
  var level: Logger.Level
  var text: String
  /// Metadata by journal field name, sorted.
  var fields: [(name: String, value: String)]
  /// Whence it was said.
  var code: (file: String, line: UInt, function: String)

  init(_ event: LogEvent, handler: Logger.Metadata) {
    level = event.level
    code = (event.file, event.line, event.function)
    text = LogLine.clip(LogLine.escape(event.message.description))
    let all = handler.merging(event.metadata ?? [:]) { $1 }
    fields = all.sorted { $0.key < $1.key }.map {
      (LogLine.fieldName($0.key), LogLine.clip(LogLine.escape($0.value.description)))
    }
  }

  private init(level: Logger.Level, text: String) {
    self.level = level
    self.text = text
    fields = []
    code = (#fileID, #line, #function)
  }

  /// That lines before the next one are missing.
  static func lost(_ count: Int) -> LogLine {
    LogLine(level: .error, text: "\(count) line(s) of the log are lost: nobody took them in time")
  }

  subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

  /// Upper-case names are journal fields already; others get the product's prefix.
  static func fieldName(_ key: String) -> String {
    let isField = key.utf8.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == 95 }
    if isField, let first = key.utf8.first, (65...90).contains(first) { return String(key.prefix(64)) }
    let letters = key.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
    return String(("PILOTLIGHT_" + String(letters)).prefix(64))
  }

  /// C0, C1, line separators and marks that turn the reading direction become visible; everything else stays.
  static func escape(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var safe = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": safe += "\\n"
      case "\t": safe += " "
      case _ where isControl(scalar): safe += "\\u{\(String(scalar.value, radix: 16))}"
      default: safe.unicodeScalars.append(scalar)
      }
    }
    return safe
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 32 || (127...159).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
      || (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
      || scalar.value == 0x200E || scalar.value == 0x200F || scalar.value == 0x061C
  }

  /// Texts of this program are short; a huge one is somebody else's. Cut by bytes, since one character can be of any size.
  static func clip(_ text: String) -> String {
    text.utf8.count <= 16_384 ? text : String(decoding: text.utf8.prefix(4096), as: UTF8.self) + "… (cut)"
  }

  /// Syslog priority: the metadata's own, or the level's.
  var priority: Int {
    if let own = self["PRIORITY"], let number = Int(own) { return min(max(number, 0), 7) }
    switch level {
    case .trace, .debug: return 7
    case .info: return 6
    case .notice: return 5
    case .warning: return 4
    case .error: return 3
    case .critical: return 2
    }
  }
}
