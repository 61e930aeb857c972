// Why the daemon cannot start, and how people hear of it: a daemon that is started again and again, or not any more, watches nothing.

import Logging
import PilotlightControlServer
import PilotlightCore
import PilotlightEngine
import PilotlightSystemd

/// In one sentence.
struct StartFailure: Error {
  enum Remedy: String, Codable {
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
    guard failure.remedy != .attempts, !(isCalling && failure.remedy == .disk) else { return }
    isCalling = true
    defer { isCalling = false }
    let pages = note.due(message.pages(to: workloads), for: failure.remedy)
    guard !pages.isEmpty, let pager = pager ?? makePager() else { return }
    self.pager = pager
    for page in pages { pager.send(page) { [note] in note.called(page, for: failure.remedy) } }
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
