// Three ways out for a log line: the journal's native protocol, a terminal, JSON. All swift-log; the code that logs knows none.

import FoundationEssentials
import Glibc
package import Logging

/// Where log lines go and how they look there.
package enum LogFormat: String, Sendable, CaseIterable {
  /// The journal when stderr is connected to it, a terminal's lines otherwise.
  case automatic
  case journal
  case terminal
  case json

  /// systemd names the journal's socket in JOURNAL_STREAM as `device:inode`; only when stderr is that very file is it the
  /// journal we write to (systemd.exec(5)).
  package func resolved(environment: [String: String]) -> LogFormat {
    guard self == .automatic else { return self }
    var status = stat()
    guard let stream = environment["JOURNAL_STREAM"], fstat(STDERR_FILENO, &status) == 0 else { return .terminal }
    return stream == "\(status.st_dev):\(status.st_ino)" ? .journal : .terminal
  }
}

/// A swift-log handler that turns events into lines and hands them to one of the writers below.
package struct LineHandler: LogHandler {
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  private let write: @Sendable (LogLine) -> Void

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) { write(LogLine(event, handler: metadata)) }

  /// - Parameters:
  ///   - format: `automatic` must have been resolved before.
  ///   - wallSeconds: Unix seconds shown to people; a compressed clock shows its own time.
  ///   - descriptor: where terminal and JSON lines go.
  package init(
    _ format: LogFormat, level: Logger.Level, wallSeconds: @escaping @Sendable () -> Double,
    descriptor: Int32 = 2, environment: [String: String] = ProcessInfo.processInfo.environment,
    queue: LogQueue = .shared
  ) {
    logLevel = level
    let take: @Sendable (LogLine, Double) -> Void
    switch format {
    case .journal:
      take = { line, _ in Journal.write(line) }
      queue.settle(Journal.waitUntilRead)
    case .json: take = { writeLine($0.json(at: $1), to: descriptor) }
    case .terminal, .automatic:
      let isColoured = isatty(descriptor) == 1 && environment["NO_COLOR"] == nil && environment["TERM"] != "dumb"
      take = { writeLine($0.terminal(at: $1, isColoured: isColoured), to: descriptor) }
    }
    write = { line in
      let now = wallSeconds()
      queue.add { lost in
        if lost > 0 { take(LogLine.lost(lost), now) }
        take(line, now)
      }
    }
  }
}

/// One write(2) a line, so that lines of several threads never mix. A log that cannot be written must not stop a watchdog.
private func writeLine(_ line: String, to descriptor: Int32) {
  let bytes = Array((line + "\n").utf8)
  var done = 0
  while done < bytes.count {
    let wrote = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    if wrote < 0, errno == EINTR { continue }
    if wrote <= 0 { return }
    done += wrote
  }
}

extension LogLine {
  /// `21:04:05.123 WARNING django-app failing-over  promote-replica: done: …`
  func terminal(at seconds: Double, isColoured: Bool) -> String {
    let milliseconds = Int64((seconds * 1000).rounded(.down))
    let day = ((milliseconds % 86_400_000) + 86_400_000) % 86_400_000
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let thousandths = String(day % 1000)
    let clock =
      "\(two(day / 3_600_000)):\(two(day / 60_000 % 60)):\(two(day / 1000 % 60))."
      + String(repeating: "0", count: 3 - thousandths.count) + thousandths
    let word = name + String(repeating: " ", count: max(0, 8 - name.count))
    let place = [self["PILOTLIGHT_WORKLOAD"], self["PILOTLIGHT_PHASE"]].compactMap { $0 }.joined(separator: " ")
    let shown = isColoured ? "\u{1B}[\(colour)m\(word)\u{1B}[0m" : word
    return "\(clock) \(shown) \(place.isEmpty ? "" : "\(place)  ")\(text)"
  }

  /// One object, keys sorted: `{"level":"warning","message":"…","time":1764000000.123,"PILOTLIGHT_WORKLOAD":"…"}`.
  func json(at seconds: Double) -> String {
    var object = Dictionary(fields.map { ($0.name, $0.value) }) { $1 }
    object["level"] = name.lowercased()
    object["message"] = text
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(JSONLine(fields: object, time: seconds)) else {
      return "{\"level\":\"error\",\"message\":\"unwritable\"}"
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// The word for how loud the line is: the priority decides, since metadata may raise it above swift-log's level.
  private var name: String {
    switch priority {
    case ...2: "CRITICAL"
    case 3: "ERROR"
    case 4: "WARNING"
    case 5: "NOTICE"
    case 6: "INFO"
    default: "DEBUG"
    }
  }

  private var colour: String {
    switch priority {
    case ...2: "1;31"
    case 3: "31"
    case 4: "33"
    case 5: "36"
    default: "2"
    }
  }
}

/// The fields as strings and the time as a number, side by side in one object.
private struct JSONLine: Encodable {
  let fields: [String: String]
  /// Unix seconds.
  let time: Double

  func encode(to encoder: any Encoder) throws {
    try fields.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(time, forKey: .time)
  }

  private enum Key: String, CodingKey { case time }
}
