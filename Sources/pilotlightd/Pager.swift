// Sends pages, one after the other, until each is taken: at least once, and in the order of the news.

import Logging
import PilotlightCore
import PilotlightEngine

actor Pager {
  private let cloud: any Cloud
  private let logger: Logger
  private var waiting: [CloudAction] = []
  private var isSending = false
  /// More than so many waiting pages tell nobody anything; the oldest go.
  private static let most = 100
  /// A page that nobody takes for this long is given up: it is in the journal.
  private static let patience: Duration = .hours(6)

  init(_ cloud: any Cloud, _ logger: Logger) {
    self.cloud = cloud
    self.logger = logger
  }

  func send(_ page: CloudAction) async {
    if waiting.count == Pager.most { waiting.removeFirst() }
    waiting.append(page)
    guard !isSending else { return }
    isSending = true
    while let next = waiting.first {
      await deliver(next)
      if waiting.first == next { waiting.removeFirst() }
    }
    isSending = false
  }

  private func deliver(_ page: CloudAction) async {
    var tried = 0
    var spent = Duration.zero
    while spent < Pager.patience {
      guard case .failed(let failure) = await cloud.perform(page, timeout: page.timeout) else { return }
      tried += 1
      if tried == 1 { say("a page could not be sent: \(failure.text); it is tried again") }
      let pause = min(Duration.seconds(1 << min(tried, 6)), .minutes(1))
      spent += pause + page.timeout
      try? await Task.sleep(for: pause)
    }
    say("a page was given up after \(Pager.patience.text)")
  }

  private func say(_ text: String) { Message(.cloudNotice, text).log(to: logger) }
}
