// The three time formats AWS speaks, from and to Unix seconds. Days to civil date after Howard Hinnant's algorithms.

import PilotlightCore

enum Calendar {
  /// `20261123T173515Z`.
  static func basic(_ seconds: Int64) -> String { instant(seconds).stamp + "Z" }

  /// `2026-11-23T17:35:15Z`.
  static func iso(_ seconds: Int64) -> String { instant(seconds).text }

  /// What an instant can hold: 1970 to 2262.
  private static func instant(_ seconds: Int64) -> Instant {
    Instant(nanoseconds: min(max(seconds, 0), Int64.max / 1_000_000_000) * 1_000_000_000)
  }

  /// Unix seconds of `2026-11-23T17:35:15Z` or `…15.123Z`; nil for anything else.
  static func seconds(iso text: String) -> Double? {
    let parts = text.split(whereSeparator: { "-T:Z+".contains($0) })
    guard parts.count >= 6, let year = Int64(parts[0]), let month = Int64(parts[1]), let day = Int64(parts[2]),
      let hour = Int64(parts[3]), let minute = Int64(parts[4]), let second = Double(parts[5]),
      (1...12).contains(month), (1...31).contains(day), (0...24).contains(hour), (0...60).contains(minute),
      (1970...9999).contains(year), second >= 0, second <= 61
    else { return nil }
    return Double(days(year, month, day) * 86400 + hour * 3600 + minute * 60) + second
  }

  /// Unix seconds of an HTTP date, `Mon, 23 Nov 2026 17:35:15 GMT`; nil for anything else.
  static func seconds(httpDate text: String) -> Int64? {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let parts = text.split(whereSeparator: { $0 == " " || $0 == ":" || $0 == "," })
    guard parts.count == 8, let day = Int64(parts[1]), let month = months.firstIndex(of: String(parts[2])),
      let year = Int64(parts[3]), let hour = Int64(parts[4]), let minute = Int64(parts[5]),
      let second = Int64(parts[6]),
      (1...31).contains(day), (1970...9999).contains(year), (0...24).contains(hour), (0...60).contains(minute),
      (0...61).contains(second)
    else { return nil }
    return days(year, Int64(month) + 1, day) * 86400 + hour * 3600 + minute * 60 + second
  }

  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = y / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
