// A daemon that starts where its ledger cannot be opened watches nothing, and would go unnoticed: as a service it would be started anew
// for ever. It stays instead, says so, calls for help, and begins when the disk is back.

import Logging
import PilotlightCore
import PilotlightEngine
import PilotlightLedger
import PilotlightSystemd

struct LedgerWait {
  private let path: String
  private let manager: ServiceManager
  private let makeHelp: () throws(StartFailure) -> Help

  /// The process before us may still hold the lock, a volume may be mounted in a moment: nobody is called for that.
  private static let patience: Duration = .seconds(30)
  /// Who was called is called again.
  private static let reminder: Duration = .hours(1)

  /// - Parameter makeHelp: called when there is something to tell.
  init(_ path: String, _ manager: ServiceManager, makeHelp: @escaping () throws(StartFailure) -> Help) {
    self.path = path
    self.manager = manager
    self.makeHelp = makeHelp
  }

  /// - Throws: `StartFailure` when waiting would not help.
  func open() async throws(StartFailure) -> SQLiteLedger {
    var (known, said) = (Help?.none, String?.none)
    var nextCall = ContinuousClock.now + LedgerWait.patience
    while true {
      do throws(LedgerFailure) {
        let ledger = try SQLiteLedger(path: path)
        known?.say(.ledgerMended, "the ledger could be opened")
        return ledger
      } catch {
        let failure = StartFailure(path, error)
        if failure.needsSomebody { throw failure }
        let text = "NOTHING IS WATCHED, and it is tried again until it opens: \(failure.text)"
        let help = if let known { known } else { try makeHelp() }
        known = help
        if said != text {
          help.say(.cannotStart, text)
          manager.status(text)
        }
        said = text
        if nextCall <= .now {
          help.page(text)
          nextCall = .now + LedgerWait.reminder
        }
      }
      manager.extendTimeout(.seconds(30))
      try? await Task.sleep(for: .seconds(1))
    }
  }
}

/// Calls people before there is an engine to do it.
struct Help {
  let workloads: [WorkloadSettings]
  let logger: Logger
  let pager: Pager

  func say(_ kind: MessageKind, _ text: String) { Message(kind, text).log(to: logger) }

  func page(_ text: String) {
    for page in Message(.cannotStart, text).pages(to: workloads) { pager.send(page) }
  }

  /// The last that this process does.
  func call(_ text: String) async {
    say(.cannotStart, text)
    page(text)
    await pager.settle()
  }
}

extension StartFailure {
  init(_ path: String, _ failure: LedgerFailure) {
    let stays =
      switch failure {
      // The disk's, which may be back in a moment.
      case .cannotWrite, .broken: false
      case .tampered, .newer: true
      }
    self.init(text: "\(path): \(failure.text)", needsSomebody: stays)
  }
}
