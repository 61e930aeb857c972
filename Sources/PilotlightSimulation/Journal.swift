// The story of a world: what the daemon said, as journalctl would show it, between what really happened.

package import PilotlightCore

/// One line of the story.
package struct JournalLine: Sendable {
  /// Who speaks.
  package enum Voice: Sendable {
    /// The daemon, as in its journal.
    case daemon(Message)
    /// The world, which the daemon does not know.
    case world(String)
    /// A request that changes something leaves the daemon.
    case request(String)
    /// An operator comes, goes, or orders something.
    case order(String)
    /// The daemon's answer to an order.
    case answer(String)
    /// What the users of a workload see.
    case users(String)
  }
  package var at: Instant
  package var voice: Voice
}

/// Lines in the order in which they came.
struct Journal {
  let isRecording: Bool
  private let began: Instant
  private(set) var entries: [JournalLine] = []

  init(isRecording: Bool, began: Instant) {
    self.isRecording = isRecording
    self.began = began
  }

  /// What the daemon said.
  mutating func say(_ at: Instant, _ message: Message) {
    if isRecording { entries.append(JournalLine(at: at, voice: .daemon(message))) }
  }

  /// What happened around the daemon.
  mutating func note(_ at: Instant, _ voice: @autoclosure () -> JournalLine.Voice) {
    if isRecording { entries.append(JournalLine(at: at, voice: voice())) }
  }

  /// The story as the simulator prints it.
  var lines: [String] {
    entries.map { entry in
      switch entry.voice {
      case .daemon(let message):
        let subject = [message.workload, message.phase?.rawValue].compactMap { $0 }.joined(separator: " ")
        return "\(stamp(entry.at))  \(level(message))\(subject.isEmpty ? "" : "[\(subject)] ")\(message.text)"
      case .world(let text), .request(let text), .order(let text), .answer(let text), .users(let text):
        return "\(stamp(entry.at))  ~~ \(text)"
      }
    }
  }

  private func level(_ message: Message) -> String {
    switch message.kind.meaning.level {
    case .critical: "CRITICAL "
    case .error: "ERROR "
    case .warning: "WARNING "
    case .notice, .info, .debug: ""
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
