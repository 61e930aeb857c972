// Why the daemon cannot start, and how people hear of it: a daemon that is started again and again, or not any more, watches nothing.

import FoundationEssentials
import Glibc
import Logging
import PilotlightCore
import PilotlightEngine
import PilotlightSystemd

/// In one sentence.
struct StartFailure: Error {
  enum Remedy {
    /// The disk of the ledger may take part again at the next start: there is one, every few seconds.
    case disk
    /// It is so at the next start, too: there is none before somebody has come.
    case somebody
    /// The service manager gives up after some starts.
    case attempts
  }
  let text: String
  var remedy: Remedy = .attempts
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
struct Help {
  let workloads: [WorkloadSettings]
  let logger: Logger
  let manager: ServiceManager
  let pager: Pager
  let note: CallNote?

  /// Says it, and calls everybody when that is due; returns when they are called, or cannot be for now.
  func call(for failure: StartFailure) async {
    let message = Message(.cannotStart, "this daemon watches nothing, it cannot start: \(failure.text)")
    message.log(to: logger)
    manager.status(message.text)
    guard failure.remedy != .attempts, note?.isDue(failure.remedy) ?? (failure.remedy == .somebody) else { return }
    let pages = message.pages(to: workloads)
    for page in pages { pager.send(page) }
    // At boot the network may come after us. A disk is tried again, and so are people.
    var left = failure.remedy == .somebody ? 12 : 1
    while left > 0 {
      manager.extendTimeout(.seconds(20))
      if await pager.settle(within: .seconds(10)) {
        if !pages.isEmpty { note?.called() }
        return
      }
      left -= 1
    }
  }
}

/// Since when starting fails, and when people were called for it last: in a file, because each start is a process of its own. It is in the
/// service's runtime directory, which a restart keeps and a boot does not.
struct CallNote {
  private let path: String
  /// A volume may be mounted in a moment, and the process before us may still hold the lock: nobody is called for that.
  private static let patience = 30
  /// Who was called is called again, s.
  private static let reminder = 3600

  /// nil: there is no such directory.
  init?(environment: [String: String]) {
    guard let directory = environment["RUNTIME_DIRECTORY"], !directory.isEmpty else { return nil }
    path = "\(directory)/cannot-start"
  }

  private var now: Int { Int(TimeLine.boottime() / 1_000_000_000) }

  private func read() -> (began: Int, called: Int?)? {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    let numbers = text.split(separator: " ").map { Int($0) }
    guard let began = numbers.first ?? nil else { return nil }
    return (began, numbers.count > 1 ? numbers[1] : nil)
  }

  private func write(_ began: Int, _ called: Int?) {
    let text = called.map { "\(began) \($0)" } ?? "\(began)"
    try? Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
  }

  /// Notes the first failure, too.
  func isDue(_ remedy: StartFailure.Remedy) -> Bool {
    let known = read()
    if known == nil { write(now, nil) }
    if let called = known?.called { return now - called >= CallNote.reminder }
    return remedy == .somebody || known.map { now - $0.began >= CallNote.patience } ?? false
  }

  func called() { write(read()?.began ?? now, now) }

  /// It has started.
  func clear() { unlink(path) }
}
