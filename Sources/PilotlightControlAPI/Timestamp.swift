// Wall time as it stands in JSON: ISO-8601, UTC, always milliseconds, always Z, so that texts sort like the moments
// they name.

/// A moment of wall time with a resolution of one millisecond, the years 0001 to 9999.
package struct Timestamp: Hashable, Comparable, Sendable {
  /// Milliseconds since the Unix epoch; negative before 1970.
  package let milliseconds: Int64

  /// Clamped to the years 0001...9999, so that the text always has the same shape.
  package init(milliseconds: Int64) {
    self.milliseconds = min(max(milliseconds, Timestamp.first), Timestamp.last)
  }

  /// From seconds since the Unix epoch, rounded to the nearest millisecond. NaN becomes the epoch.
  package init(unixSeconds: Double) {
    let scaled = (unixSeconds * 1000).rounded()
    if scaled.isNaN {
      self.init(milliseconds: 0)
    } else {
      let bounded = min(max(scaled, Double(Timestamp.first)), Double(Timestamp.last))
      self.init(milliseconds: Int64(bounded))
    }
  }

  /// Seconds since the Unix epoch.
  package var unixSeconds: Double { Double(milliseconds) / 1000 }

  package static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

  /// Seconds from `b` to `a`.
  package static func - (a: Timestamp, b: Timestamp) -> Double { Double(a.milliseconds - b.milliseconds) / 1000 }

  private static let first: Int64 = -62_135_596_800_000
  private static let last: Int64 = 253_402_300_799_999
}

extension Timestamp: CustomStringConvertible {
  /// `2026-03-01T03:12:04.250Z`.
  package var description: String {
    let days = floorDivide(milliseconds, 86_400_000)
    let inDay = milliseconds - days * 86_400_000
    let (year, month, day) = civil(fromDays: days)
    let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    let clock = [inDay / 3_600_000, inDay / 60_000 % 60, inDay / 1000 % 60].map { padded($0, 2) }
    return "\(date)T\(clock.joined(separator: ":")).\(padded(inDay % 1000, 3))Z"
  }

  /// Reads `YYYY-MM-DDTHH:MM:SS[.fraction]Z`; a finer fraction is cut to milliseconds. Nil for anything else, dates
  /// that do not exist included.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
    for (place, mark) in [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")] where bytes[place] != mark.utf8.first {
      return nil
    }
    let spans = [0..<4, 5..<7, 8..<10, 11..<13, 14..<16, 17..<19]
    let numbers = spans.compactMap { digits(bytes[$0]) }
    guard numbers.count == spans.count, let fraction = Timestamp.fraction(bytes[19..<(bytes.count - 1)]) else {
      return nil
    }
    let (year, month, day) = (numbers[0], numbers[1], numbers[2])
    guard year >= 1, numbers[3] < 24, numbers[4] < 60, numbers[5] < 60 else { return nil }
    let days = daysFromCivil(year, month, day)
    guard civil(fromDays: days) == (year, month, day) else { return nil }
    let seconds = days * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
    self.init(milliseconds: seconds * 1000 + fraction)
  }

  /// Milliseconds of `.25` and the like; 0 when there is no fraction at all.
  private static func fraction(_ bytes: ArraySlice<UInt8>) -> Int64? {
    guard let point = bytes.first else { return 0 }
    let figures = bytes.dropFirst()
    guard point == UInt8(ascii: "."), (1...9).contains(figures.count), digits(figures) != nil else { return nil }
    let three = Array(figures.prefix(3)) + Array(repeating: UInt8(ascii: "0"), count: max(0, 3 - figures.count))
    return digits(three[...])
  }
}

extension Timestamp: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let moment = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected a time like 2026-03-01T03:12:04.250Z")
    }
    self = moment
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

// The proleptic Gregorian calendar in whole days, after Howard Hinnant's "chrono-compatible low-level date algorithms":
// eras of 400 years that begin on 1 March, so that the leap day is the last of its year.

private func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
  let shifted = days + 719_468
  let era = floorDivide(shifted, 146_097)
  let dayOfEra = shifted - era * 146_097
  let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  let marchMonth = (5 * dayOfYear + 2) / 153
  let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
  let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}

private func daysFromCivil(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
  let marchYear = month <= 2 ? year - 1 : year
  let era = floorDivide(marchYear, 400)
  let yearOfEra = marchYear - era * 400
  let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
  return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
}

private func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : -((b - 1 - a) / b) }

private func digits(_ bytes: ArraySlice<UInt8>) -> Int64? {
  var value: Int64 = 0
  for byte in bytes {
    guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
    value = value * 10 + Int64(byte - UInt8(ascii: "0"))
  }
  return value
}

private func padded(_ number: Int64, _ width: Int) -> String {
  let text = String(number)
  return String(repeating: "0", count: max(0, width - text.count)) + text
}
