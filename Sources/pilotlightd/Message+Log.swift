// A message on its way into the log.

import Logging
import PilotlightCore

extension Message {
  /// One line with the fields that journald keeps; CODE_FILE= and CODE_LINE= are whence it is said.
  func log(to logger: Logger, file: String = #fileID, function: String = #function, line: UInt = #line) {
    let meaning = kind.meaning
    var fields: Logger.Metadata = [
      "MESSAGE_ID": "\(meaning.id)", "PILOTLIGHT_EVENT": "\(kind.rawValue)",
      "PRIORITY": "\(meaning.level.rawValue)",
    ]
    fields["PILOTLIGHT_WORKLOAD"] = workload.map { "\($0)" }
    fields["PILOTLIGHT_PHASE"] = phase.map { "\($0.rawValue)" }
    fields["PILOTLIGHT_INCIDENT"] = incident.map { "\($0)" }
    fields["PILOTLIGHT_STEP"] = step.map { "\($0)" }
    logger.log(
      level: meaning.level.loggerLevel, "\(text)", metadata: fields, file: file, function: function, line: line)
  }
}

extension MessageLevel {
  var loggerLevel: Logger.Level {
    switch self {
    case .critical: .critical
    case .error: .error
    case .warning: .warning
    case .notice: .notice
    case .info: .info
    case .debug: .debug
    }
  }
}
