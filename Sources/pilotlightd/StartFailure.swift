// Why the daemon cannot start, and how people hear of it: a daemon that is started again and again, or not any more, watches nothing.

import FoundationEssentials
import Glibc
import Logging
import PilotlightControlServer
import PilotlightCore
import PilotlightEngine
import PilotlightSystemd
import Synchronization

/// In one sentence.
struct StartFailure: Error {
  enum Remedy: String {
    /// The disk of the ledger may take part again at the next start: there is one, every few seconds.
    case disk
    /// It is so at the next start, too: there is none before somebody has come.
    case somebody
    /// The service manager gives up after some starts.
    case attempts
  }
  let text: String
  var remedy: Remedy = .attempts
  /// The exit status that the unit does not start again after.
  static let needsSomebody: Int32 = 3

  /// No start follows before somebody has come, but one for each question at the service manager's socket: five in ten seconds, and that
  /// is closed.
  ///
  /// - Parameter time: who asks within it is told.
  func turnAskersAway(for time: Duration = .seconds(3)) {
    if let listener = Activation.inherited.control {
      turnAway(listener, "pilotlightd cannot start: \(text)", for: time)
    }
  }
}

extension StartFailure {
  init(_ path: String, _ failure: LedgerFailure) {
    let remedy: Remedy =
      switch failure {
      case .cannotWrite, .broken: .disk
      case .damaged, .tampered, .newer: .somebody
      }
    self.init(text: "\(path): \(failure.text)", remedy: remedy)
  }
}

/// Calls people when there is no engine to do it.
actor Help {
  private let workloads: [WorkloadSettings]
  private let logger: Logger
  private let manager: ServiceManager
  private let note: CallNote
  private let makePager: @Sendable () -> Pager?
  private var pager: Pager?
  private var isOver = false
  private var isCalling = false

  /// - Parameter makePager: called when somebody is to be called; nil where the cloud's settings are wrong.
  init(
    _ workloads: [WorkloadSettings], _ logger: Logger, _ manager: ServiceManager, _ note: CallNote,
    makePager: @escaping @Sendable () -> Pager?
  ) {
    self.workloads = workloads
    self.logger = logger
    self.manager = manager
    self.note = note
    self.makePager = makePager
  }

  /// Says it, and calls everybody when that is due; returns when they are called, or cannot be for now.
  ///
  /// - Parameter meanwhile: called every few seconds.
  func call(for failure: StartFailure, meanwhile: @Sendable () async -> Void = {}) async {
    guard !isOver else { return }
    let message = Message(.cannotStart, "this daemon watches nothing, it cannot start: \(failure.text)")
    message.log(to: logger)
    manager.status(message.text)
    // Pages on their way say enough of a disk.
    guard failure.remedy != .attempts, !(isCalling && failure.remedy == .disk), note.isDue(failure.remedy) else {
      return
    }
    isCalling = true
    defer { isCalling = false }
    let pages = message.pages(to: workloads)
    guard !pages.isEmpty, let pager = pager ?? makePager() else { return }
    self.pager = pager
    // A topic that cannot be told does not have the others told at every start.
    for page in pages { pager.send(page) { [note] in note.called(failure.remedy) } }
    // At boot the network may come after us. A disk is tried again, and so are people.
    for _ in 0..<(failure.remedy == .somebody ? 12 : 1) {
      manager.extendTimeout(.seconds(20))
      await meanwhile()
      if await pager.settle(within: .seconds(10)) { return }
    }
  }

  /// It has started: nobody is called any more for what was.
  func end() {
    isOver = true
    pager?.stop()
    note.clear()
  }
}

/// Since when starting fails, and when people were called for it last: in a file, because each start is a process of its own. It is in the
/// service's runtime directory, which outlives the service and no boot. Without one nobody is called for a disk: it would be at every
/// start.
final class CallNote: Sendable {
  private struct Entry {
    var began: Int
    var called: Int?
    var remedy: StartFailure.Remedy?
  }
  private let path: String?
  private let isCleared = Mutex(false)
  /// A volume may be mounted in a moment, and the process before us may still hold the lock: nobody is called for that. In seconds.
  private static let patience = 30
  /// Who was called is called again, s.
  private static let reminder = 3600

  init(environment: [String: String]) {
    path = environment["RUNTIME_DIRECTORY"].flatMap { $0.isEmpty ? nil : "\($0)/cannot-start" }
  }

  private var now: Int { Int(TimeLine.boottime() / 1_000_000_000) }

  /// `BEGAN [CALLED REMEDY]`, seconds since boot.
  private func read() -> Entry? {
    let parts = (path.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) } ?? "").split(separator: " ")
    guard let began = parts.first.flatMap({ Int($0) }) else { return nil }
    guard parts.count == 3 else { return Entry(began: began) }
    return Entry(began: began, called: Int(parts[1]), remedy: StartFailure.Remedy(rawValue: String(parts[2])))
  }

  private func write(_ text: String) {
    if let path { try? Data(text.utf8).write(to: URL(filePath: path), options: .atomic) }
  }

  /// Notes the first failure, too.
  func isDue(_ remedy: StartFailure.Remedy) -> Bool {
    let known = read()
    if known == nil { write("\(now)") }
    // Who was told that it goes on by itself must hear that it does not.
    if let known, let called = known.called, known.remedy == remedy || remedy == .disk {
      return now - called >= CallNote.reminder
    }
    return remedy == .somebody || known.map { now - $0.began >= CallNote.patience } ?? false
  }

  func called(_ remedy: StartFailure.Remedy) {
    isCleared.withLock { isCleared in
      if !isCleared { write("\(read()?.began ?? now) \(now) \(remedy.rawValue)") }
    }
  }

  func clear() {
    isCleared.withLock { isCleared in
      isCleared = true
      if let path { unlink(path) }
    }
  }
}
