// Time is an argument. Nothing in this module reads a clock: the shell hands in an `Instant` with every input.

/// A moment on the daemon's own time line, in nanoseconds.
///
/// The line starts at the Unix epoch as the wall clock showed it when the machine booted, and from then on advances with
/// `CLOCK_BOOTTIME` alone: it counts suspend, never jumps when the wall clock is set, and stays comparable across a restart
/// of the daemon. Only at the rim (log lines, JSON) is it turned into wall time.
package struct Instant: Comparable, Hashable, Sendable, Codable {
  /// Nanoseconds since the line's origin, 0 ... 9.2e18 (the year 2262).
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Unix seconds, from a clock or an answer that may be anything: saturating, and the epoch for what is no number.
  package init(unixSeconds: Double) { nanoseconds = Int64(saturating: unixSeconds * 1e9) }

  /// Before everything.
  package static let distantPast = Instant(nanoseconds: .min)
  /// After everything.
  package static let distantFuture = Instant(nanoseconds: .max)

  package init(from decoder: any Decoder) throws {
    nanoseconds = try decoder.singleValueContainer().decode(Int64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(nanoseconds)
  }

  package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
  package static func + (a: Instant, b: Duration) -> Instant {
    Instant(nanoseconds: a.nanoseconds.addingSaturating(b.nanoseconds))
  }
  package static func - (a: Instant, b: Duration) -> Instant {
    Instant(nanoseconds: a.nanoseconds.addingSaturating(-b.nanoseconds))
  }
  /// Saturating.
  package static func - (a: Instant, b: Instant) -> Duration {
    let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
    return .nanoseconds(overflow ? (a < b ? .min : .max) : difference)
  }
}

extension Duration {
  /// Whole nanoseconds, saturating at the ends of `Int64`.
  package var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? -Int64.max : Int64.max }
    return product.addingSaturating(attoseconds / 1_000_000_000)
  }

  /// Seconds as a floating-point number, for people and JSON.
  package var seconds: Double { Double(nanoseconds) / 1e9 }

  package static func minutes(_ minutes: Int) -> Duration { .seconds(minutes * 60) }
  package static func hours(_ hours: Int) -> Duration { .seconds(hours * 3600) }
}

extension Int64 {
  /// The nearest whole number; the ends for what lies beyond them, zero for what is no number.
  package init(saturating value: Double) {
    if value.isNaN {
      self = 0
    } else if value >= 0x1p63 {
      self = .max
    } else {
      self = value <= -0x1p63 ? .min : Int64(value)
    }
  }

  package func addingSaturating(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
