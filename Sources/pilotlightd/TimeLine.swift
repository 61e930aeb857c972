// The daemon's time line: wall time at some moment of this boot, and from there on CLOCK_BOOTTIME, which counts suspend and is not
// set by NTP. Its origin is kept in the ledger with the boot id, so that instants stay comparable across a restart of the daemon.

import FoundationEssentials
import Glibc
import PilotlightCore

struct TimeLine: Sendable {
  /// Time of the line at boot, nanoseconds since the epoch.
  let origin: Int64
  /// Seconds of the line per real second; 1 but in the sandbox.
  let speed: Double
  private let startedAt: Int64

  /// - Parameter known: `BOOT-ID ORIGIN` as `text` gave it, from the ledger.
  init(known: String?, speed: Double) {
    self.speed = speed
    startedAt = TimeLine.boottime()
    let parts = (known ?? "").split(separator: " ")
    if speed == 1, parts.count == 2, TimeLine.bare(String(parts[0])) == TimeLine.bootID, let origin = Int64(parts[1]) {
      self.origin = origin
    } else {
      origin = TimeLine.walltime() - startedAt
    }
  }

  /// To be kept in the ledger.
  var text: String { "\(TimeLine.bootID) \(origin)" }

  var now: Instant {
    let boot = TimeLine.boottime()
    if speed == 1 { return Instant(nanoseconds: origin + boot) }
    return Instant(nanoseconds: origin + startedAt + Int64(Double(boot - startedAt) * speed))
  }

  /// Wall time of a moment of the line, Unix seconds: what people and JSON see. In the sandbox the line is its own wall clock.
  func wallSeconds(of instant: Instant) -> Double {
    if speed != 1 { return Double(instant.nanoseconds) / 1e9 }
    return Double(instant.nanoseconds - now.nanoseconds + TimeLine.walltime()) / 1e9
  }

  /// How long to sleep, in real time, until a moment of the line.
  func real(until instant: Instant) -> Duration { (instant - now) / speed }

  static func boottime() -> Int64 { read(CLOCK_BOOTTIME) }
  static func walltime() -> Int64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Changes with every boot; without it every start takes a new origin. Under systemd it comes with the unit (`%b`), which needs no
  /// /proc/sys; its digits are the same without the dashes.
  static let bootID: String = {
    if let given = getenv("PILOTLIGHT_BOOT_ID").map({ String(cString: $0) }), !given.isEmpty { return bare(given) }
    guard let data = try? Data(contentsOf: URL(filePath: "/proc/sys/kernel/random/boot_id")) else { return "unknown" }
    return bare(String(decoding: data, as: UTF8.self))
  }()

  private static func bare(_ id: String) -> String { id.filter(\.isHexDigit) }
}
