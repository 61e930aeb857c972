// Sends pages until each is taken: at least once, those of a topic one after the other.

import Logging
import PilotlightCore
import PilotlightEngine

actor Pager {
  private struct Waiting {
    let number: Int
    let page: CloudAction
    let taken: @Sendable () -> Void
  }
  private let cloud: any Cloud
  private let logger: Logger
  /// By topic: one that cannot be reached holds no other up.
  private var waiting: [String: [Waiting]] = [:]
  private var isSending: Set<String> = []
  private var last = 0
  private var whenSettled: CheckedContinuation<Void, Never>?
  /// More than so many waiting pages tell nobody anything; the oldest go.
  private static let most = 100
  /// A page that nobody takes for this long is given up: it is in the journal.
  static let patience: Duration = .hours(6)

  init(_ cloud: any Cloud, _ logger: Logger) {
    self.cloud = cloud
    self.logger = logger
  }

  /// - Parameter taken: called when it is.
  func send(_ page: CloudAction, taken: @escaping @Sendable () -> Void) async {
    guard case .publish(let topic, _, _) = page else { return }
    if waiting[topic.arn, default: []].count == Pager.most { waiting[topic.arn]?.removeFirst() }
    last += 1
    waiting[topic.arn, default: []].append(Waiting(number: last, page: page, taken: taken))
    guard isSending.insert(topic.arn).inserted else { return }
    while let next = waiting[topic.arn]?.first {
      if await isTaken(next.page) { next.taken() }
      if waiting[topic.arn]?.first?.number == next.number { waiting[topic.arn]?.removeFirst() }
    }
    isSending.remove(topic.arn)
    if isSending.isEmpty { settled() }
  }

  /// Waits until every page is taken, `patience` at most.
  func settle(within patience: Duration) async {
    guard !isSending.isEmpty else { return }
    let alarm = Task {
      try? await Task.sleep(for: patience)
      self.settled()
    }
    await withCheckedContinuation { whenSettled = $0 }
    alarm.cancel()
  }

  private func settled() {
    whenSettled?.resume()
    whenSettled = nil
  }

  private func isTaken(_ page: CloudAction) async -> Bool {
    var tried = 0
    var spent = Duration.zero
    while spent < Pager.patience {
      guard case .failed(let failure) = await cloud.perform(page, timeout: page.timeout) else { return true }
      tried += 1
      if tried == 1 { say("a page could not be sent: \(failure.text); it is tried again") }
      let pause = min(Duration.seconds(1 << min(tried, 6)), .minutes(1))
      spent += pause
      try? await Task.sleep(for: pause)
    }
    say("a page was given up after \(Pager.patience.text)")
    return false
  }

  private func say(_ text: String) { Message(.cloudNotice, text).log(to: logger) }
}
