// What the cloud's client notices it notices at every call: with an outage of the credentials, several times a second. Said once, and
// again from time to time, it does not bury everything else.

import Logging
import PilotlightAWS
import PilotlightCore
import Synchronization

final class Notices: Sendable {
  private let logger: Logger
  private let now: @Sendable () -> Instant
  private let said = Mutex<[String: Instant]>([:])
  /// Who calls people; nobody before there is one.
  private let caller = Mutex<(@Sendable (Message) -> Void)?>(nil)

  /// The same words are not said again for so long.
  private static let pause: Duration = .seconds(300)
  /// Different words that are remembered; what comes beyond is news again.
  private static let most = 100

  init(_ logger: Logger, now: @escaping @Sendable () -> Instant) {
    self.logger = logger
    self.now = now
  }

  func call(by caller: @escaping @Sendable (Message) -> Void) { self.caller.withLock { $0 = caller } }

  func say(_ notice: AWSNotice) {
    switch notice {
    case .remark(let text): remark(text)
    case .credentialsEnding(let text):
      let message = Message(.credentialsEnding, text)
      message.log(to: logger)
      caller.withLock { $0 }?(message)
    }
  }

  private func remark(_ text: String) {
    let now = now()
    let isNews = said.withLock { said in
      if let before = said[text], now - before < Notices.pause { return false }
      if said.count >= Notices.most { said = [:] }
      said[text] = now
      return true
    }
    if isNews { Message(.cloudNotice, text).log(to: logger) }
  }
}
