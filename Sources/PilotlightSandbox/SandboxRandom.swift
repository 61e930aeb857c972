// Chance from a seed. The world's dice are a few words inside the world itself, so a copy of a world rolls as the
// original would have, and the same seed gives the same bytes on every machine.

internal import PilotlightCore

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
struct SandboxRandom: Sendable, Equatable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  /// Nanoseconds, evenly spread over `low ... high`.
  mutating func between(_ low: Int64, _ high: Int64) -> Int64 {
    guard high > low else { return low }
    let span = UInt64(high - low) + 1
    return low + Int64(next().multipliedFullWidth(by: span).high)
  }

  /// True in `share` of the cases, 0...1.
  mutating func chance(_ share: Double) -> Bool {
    Double(next() >> 11) * 0x1p-53 < share
  }

  /// A number in 0 ..< `span` that depends on its arguments alone: noise that reading does not disturb.
  static func noise(_ seed: UInt64, _ index: Int64, below span: Int64) -> Int64 {
    let mixed = mix(seed &+ UInt64(bitPattern: index) &* 0x9E37_79B9_7F4A_7C15)
    return Int64(mixed.multipliedFullWidth(by: UInt64(span)).high)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension Instant {
  /// Some nanoseconds later; quicker than by way of `Duration`, whose 128 bits show in a million simulated lives.
  func adding(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: self.nanoseconds + nanoseconds) }
}

/// One second in nanoseconds: the world counts in whole nanoseconds and leaves `Duration` to its edges.
let second: Int64 = 1_000_000_000
/// One minute in nanoseconds.
let minute: Int64 = 60 * second

extension Int64 {
  /// A number of seconds in nanoseconds.
  static func seconds(_ count: Int64) -> Int64 { count * second }
  /// A number of minutes in nanoseconds.
  static func minutes(_ count: Int64) -> Int64 { count * minute }
}
