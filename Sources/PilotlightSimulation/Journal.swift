// The story of a world: what the daemon said, as journalctl would show it, between what really happened.

import PilotlightCore

/// Lines in the order of time.
struct Journal {
  let isRecording: Bool
  private let began: Instant
  private(set) var lines: [String] = []

  init(isRecording: Bool, began: Instant) {
    self.isRecording = isRecording
    self.began = began
  }

  /// What the daemon said.
  mutating func say(_ at: Instant, _ message: Message) {
    guard isRecording else { return }
    let subject = [message.workload, message.phase?.rawValue].compactMap { $0 }.joined(separator: " ")
    lines.append("\(stamp(at))  \(level(message))\(subject.isEmpty ? "" : "[\(subject)] ")\(message.text)")
  }

  /// What happened in the world, which the daemon does not know.
  mutating func note(_ at: Instant, _ text: @autoclosure () -> String) {
    if isRecording { lines.append("\(stamp(at))  ~~ \(text())") }
  }

  private func level(_ message: Message) -> String {
    switch message.kind.meaning.level {
    case .critical: "CRITICAL "
    case .error: "ERROR "
    case .warning: "WARNING "
    case .notice, .info: ""
    }
  }

  /// Hours, minutes, seconds and milliseconds since the beginning.
  private func stamp(_ at: Instant) -> String {
    let milliseconds = (at - began).nanoseconds / 1_000_000
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let rest = milliseconds % 1000
    let tail = rest < 10 ? "00\(rest)" : rest < 100 ? "0\(rest)" : "\(rest)"
    let seconds = milliseconds / 1000
    return "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(tail)"
  }
}
