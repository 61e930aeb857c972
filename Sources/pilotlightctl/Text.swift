// How things are said: ink, spans of time, moments, tables. Everything that came over the socket passes `shown` before
// it reaches a terminal.

import Glibc
import PilotlightControlAPI

/// Colour or none.
struct Style {
  var colour: Bool

  static let plain = Style(colour: false)

  /// Colour on a terminal that can, unless NO_COLOR (no-color.org) is set to anything but nothing.
  static var detected: Style {
    let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
    return Style(colour: isatty(STDOUT_FILENO) == 1 && !refused && !dumb)
  }

  enum Ink: String {
    case bold = "1"
    case dim = "2"
    case red = "1;31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
    case plain = ""
  }

  func paint(_ text: String, _ ink: Ink) -> String {
    colour && ink != .plain && !text.isEmpty ? "\u{1b}[\(ink.rawValue)m\(text)\u{1b}[0m" : text
  }
}

/// Foreign text, made harmless; long enough for any honest sentence.
func shown(_ text: String) -> String { printable(text, limit: 1000) }

/// `0.4 s`, `12 s`, `4 min 12 s`, `2 h 5 min`, `3 d 4 h`.
func spoken(_ seconds: Double) -> String {
  guard seconds.isFinite else { return "?" }
  let sign = seconds < 0 ? "-" : ""
  let size = min(abs(seconds), 1e12)
  if size < 9.95 {
    let tenths = Int((size * 10).rounded())
    return tenths % 10 == 0 ? "\(sign)\(tenths / 10) s" : "\(sign)\(tenths / 10).\(tenths % 10) s"
  }
  let whole = Int(size.rounded())
  let parts: [(Int, String)] =
    switch whole {
    case ..<60: [(whole, "s")]
    case ..<3600: [(whole / 60, "min"), (whole % 60, "s")]
    case ..<86_400: [(whole / 3600, "h"), (whole % 3600 / 60, "min")]
    default: [(whole / 86_400, "d"), (whole % 86_400 / 3600, "h")]
    }
  return sign + parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: " ")
}

/// `03:12:04Z` within a day of the report, else with the date.
func clock(_ moment: Timestamp, seenAt now: Timestamp) -> String {
  let text = moment.description
  let time = "\(text.dropFirst(11).prefix(8))Z"
  return abs(now - moment) < 86_400 ? time : "\(text.prefix(10)) \(time)"
}

/// `since 03:12:04Z, 4 min 12 s`.
func since(_ moment: Timestamp, seenAt now: Timestamp) -> String {
  "since \(clock(moment, seenAt: now)), \(spoken(max(0, now - moment)))"
}

/// Lines that are built up: headings, labelled fields, bullets.
struct Page {
  var style: Style
  private(set) var text = ""
  private static let labelWidth = 20

  init(style: Style) { self.style = style }

  mutating func line(_ line: String = "") {
    text += line + "\n"
  }

  mutating func field(_ label: String, _ value: String, _ ink: Style.Ink = .plain) {
    let padding = String(repeating: " ", count: max(1, Page.labelWidth - label.count))
    line("  " + style.paint(label, .dim) + padding + style.paint(value, ink))
  }

  mutating func bullets(_ items: [String]) {
    for item in items { line(String(repeating: " ", count: Page.labelWidth + 2) + "- " + shown(item)) }
  }

  /// Columns as wide as their widest cell; the last one is left ragged.
  mutating func table(_ rows: [[Cell]]) {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.compactMap { column < $0.count ? $0[column].text.unicodeScalars.count : nil }.max() ?? 0
    }
    for row in rows {
      var cells = row
      while cells.last?.text.isEmpty == true { cells.removeLast() }
      let padded = cells.enumerated().map { column, cell in
        let gap = column == cells.count - 1 ? 0 : widths[column] - cell.text.unicodeScalars.count + 2
        return style.paint(cell.text, cell.ink) + String(repeating: " ", count: gap)
      }
      line("    " + padded.joined())
    }
  }
}

/// One cell of a table.
struct Cell {
  var text: String
  var ink: Style.Ink
  init(_ text: String, _ ink: Style.Ink = .plain) {
    self.text = text
    self.ink = ink
  }
}
