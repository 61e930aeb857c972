// Numbers and times as people read them. The core has no formatter library: these few lines are all it needs.

extension Duration {
  /// `850 ms`, `12 s`, `4 min 30 s`, `1 h 5 min`: two units at most.
  package var text: String {
    let total = nanoseconds
    if total < 0 { return "-" + Duration.nanoseconds(-total).text }
    if total == 0 { return "0 s" }
    if total < 1_000_000_000 { return "\(Swift.max(total / 1_000_000, 1)) ms" }
    let seconds = (total + 500_000_000) / 1_000_000_000
    if seconds < 120 { return "\(seconds) s" }
    if seconds < 7200 { return join(seconds / 60, "min", seconds % 60, "s") }
    if seconds < 172_800 { return join(seconds / 3600, "h", seconds % 3600 / 60, "min") }
    return join(seconds / 86400, "d", seconds % 86400 / 3600, "h")
  }

  private func join(_ large: Int64, _ unit: String, _ small: Int64, _ smallUnit: String) -> String {
    small == 0 ? "\(large) \(unit)" : "\(large) \(unit) \(small) \(smallUnit)"
  }
}

extension Instant {
  /// Year, month, day, hour, minute, second in UTC. Days to civil date after Howard Hinnant's `civil_from_days`.
  package var civil: (year: Int64, month: Int64, day: Int64, hour: Int64, minute: Int64, second: Int64) {
    let seconds = nanoseconds.flooredQuotient(1_000_000_000)
    let days = seconds.flooredQuotient(86400)
    let rest = seconds - days * 86400
    let z = days + 719_468
    let era = z.flooredQuotient(146_097)
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1, rest / 3600, rest % 3600 / 60, rest % 60)
  }

  /// `2026-11-23T17:35:15Z`.
  package var text: String {
    let c = civil
    return "\(c.year)-\(pad(c.month))-\(pad(c.day))T\(pad(c.hour)):\(pad(c.minute)):\(pad(c.second))Z"
  }

  /// `20261123T173515`, for names.
  package var stamp: String {
    let c = civil
    return "\(c.year)\(pad(c.month))\(pad(c.day))T\(pad(c.hour))\(pad(c.minute))\(pad(c.second))"
  }

  private func pad(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

extension Int64 {
  fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}

extension String {
  /// Without the `dualstack.` that the Route 53 console puts before a load balancer's name: both lead to the same one.
  package var ofLoadBalancer: String {
    hasPrefix("dualstack.") ? String(dropFirst("dualstack.".count)) : self
  }
}
