// Durations as operators write them: `500ms`, `5s`, `30m`, `1h`, `7d`, `1h30m`. A bare number is refused, since nobody
// can tell at 3 a.m. whether `rto: 30` meant seconds or minutes.

import PilotlightCore

private let units: [(name: String, nanoseconds: Int64)] = [
  ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
]

extension Duration {
  /// As it is written in a configuration: `1h30m`, `500ms`, `0s`; parts below a millisecond are dropped.
  package var written: String {
    var rest = abs(nanoseconds)
    var text = ""
    for unit in units where rest >= unit.nanoseconds {
      text += "\(rest / unit.nanoseconds)\(unit.name)"
      rest %= unit.nanoseconds
    }
    return text.isEmpty ? "0s" : (nanoseconds < 0 ? "-" : "") + text
  }
}

extension Kind where Value == Duration {
  /// A duration with its unit. `because` says why the range ends where it does.
  package static func duration(_ range: ClosedRange<Duration>, because: String? = nil) -> Kind {
    let shown = "\(range.lowerBound.written) to \(range.upperBound.written)"
    return .scalar(
      "duration", range: shown, expected: "a duration of \(shown)", placeholder: range.lowerBound,
      show: { $0.written }
    ) { (text, _) throws(Mistake) in
      let duration = try parseDuration(text)
      guard range.contains(duration) else {
        throw Mistake("\(quoted(text)) is out of range, expected \(shown)\(because.map { " (\($0))" } ?? "")")
      }
      return duration
    }
  }
}

/// Reads `1h30m` and its like: whole numbers, each with a unit, largest unit first.
func parseDuration(_ text: String) throws(Mistake) -> Duration {
  let form = "expected a whole number with a unit, such as 500ms, 5s, 30m, 1h, 7d or 1h30m"
  if text.hasPrefix("-") { throw Mistake("\(quoted(text)) is negative, \(form)") }
  var rest = Substring(text)
  var total: Int64 = 0
  var smallest = Int64.max
  repeat {
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    rest = rest.dropFirst(digits.count)
    let name = rest.prefix { !($0.isASCII && $0.isNumber) }
    rest = rest.dropFirst(name.count)
    if digits.isEmpty { throw Mistake("\(quoted(text)) is not a duration, \(form)") }
    if name.isEmpty { throw Mistake("\(quoted(text)) has no unit, \(form)") }
    if name.hasPrefix(".") { throw Mistake("\(quoted(text)) has a fraction, \(form)") }
    guard let unit = units.first(where: { $0.name == name }) else {
      throw Mistake("\(quoted(text)) has the unknown unit \(quoted(String(name))), \(form)")
    }
    if unit.nanoseconds >= smallest { throw Mistake("\(quoted(text)) has its units out of order, \(form)") }
    smallest = unit.nanoseconds
    guard let number = Int64(digits) else { throw Mistake("\(quoted(text)) is too long a time, \(form)") }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit.nanoseconds)
    let (sum, carry) = total.addingReportingOverflow(product)
    if overflow || carry { throw Mistake("\(quoted(text)) is too long a time, \(form)") }
    total = sum
  } while !rest.isEmpty
  return .nanoseconds(total)
}
