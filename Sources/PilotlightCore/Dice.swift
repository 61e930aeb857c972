// Chance is an argument: the same seed gives the same run.

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, good enough for jitter; not for secrets.
package struct Dice: RandomNumberGenerator, Equatable, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in [0, bound).
  package mutating func duration(upTo bound: Duration) -> Duration {
    .nanoseconds(Int64(unit() * Double(bound.nanoseconds)))
  }
}

/// Full jitter: uniform in [floor, min(cap, base * 2^attempt)], after Brooker, "Exponential Backoff And Jitter" (AWS, 2015).
package enum Backoff {
  /// - Parameter attempt: failures so far, from 1.
  package static func delay(
    attempt: Int, base: Duration = .seconds(1), cap: Duration = .seconds(30), _ dice: inout Dice
  ) -> Duration {
    let doubled = base * (1 << min(max(attempt - 1, 0), 16))
    return .milliseconds(200) + dice.duration(upTo: min(cap, doubled))
  }
}
