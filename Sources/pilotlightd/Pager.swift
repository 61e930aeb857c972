// Sends pages until each is taken: at least once, those of a topic one after the other.

import Logging
import PilotlightCore
import PilotlightEngine
import Synchronization

final class Pager: Sendable {
  private struct Waiting {
    let number: Int
    let page: CloudAction
    let taken: @Sendable () -> Void
  }
  private struct State {
    /// By topic: one that cannot be reached holds no other up.
    var waiting: [String: [Waiting]] = [:]
    var isSending: Set<String> = []
    var last = 0
    var whenSettled: [Int: CheckedContinuation<Void, Never>] = [:]
    var isStopped = false
  }
  private let cloud: any Cloud
  private let logger: Logger
  private let longestPause: Duration
  private let state = Mutex(State())
  /// More than so many waiting pages tell nobody anything; the oldest go.
  private static let most = 100
  /// A page that nobody takes for this long is given up: it is in the journal.
  static let patience: Duration = .hours(6)
  /// Pages that are on their way when the process leaves have so long: who is called then may be called by nobody else.
  static let lastPages: Duration = .seconds(5)

  /// - Parameter longestPause: between two tries of a page that nobody takes.
  init(_ cloud: any Cloud, _ logger: Logger, longestPause: Duration = .minutes(1)) {
    self.cloud = cloud
    self.logger = logger
    self.longestPause = longestPause
  }

  /// Tries no longer: what is not taken is not news any more.
  func stop() {
    state.withLock { state in
      state.isStopped = true
      state.waiting = [:]
    }
  }

  /// On its way when this returns.
  ///
  /// - Parameter taken: called when it is.
  func send(_ page: CloudAction, taken: @escaping @Sendable () -> Void = {}) {
    guard case .publish(let topic, _, _) = page else { return }
    let begins = state.withLock { state in
      if state.waiting[topic.arn, default: []].count == Pager.most { state.waiting[topic.arn]?.removeFirst() }
      state.last += 1
      state.waiting[topic.arn, default: []].append(Waiting(number: state.last, page: page, taken: taken))
      return state.isSending.insert(topic.arn).inserted
    }
    if begins { Task { await empty(topic.arn) } }
  }

  private func empty(_ topic: String) async {
    while let next = first(topic) {
      if await isTaken(next.page) { next.taken() }
      state.withLock { state in
        if state.waiting[topic]?.first?.number == next.number { state.waiting[topic]?.removeFirst() }
      }
    }
  }

  /// nil: there is none, and who sends the next begins anew.
  private func first(_ topic: String) -> Waiting? {
    let (next, settled) = state.withLock { state in
      if let next = state.waiting[topic]?.first { return (Waiting?.some(next), [CheckedContinuation<Void, Never>]()) }
      state.isSending.remove(topic)
      guard state.isSending.isEmpty else { return (nil, []) }
      defer { state.whenSettled = [:] }
      return (nil, Array(state.whenSettled.values))
    }
    for waiter in settled { waiter.resume() }
    return next
  }

  /// Waits until every page is taken, `patience` at most.
  ///
  /// - Returns: whether they are.
  @discardableResult
  func settle(within patience: Duration = Pager.lastPages) async -> Bool {
    await withCheckedContinuation { waiter in
      let number: Int? = state.withLock { state in
        guard !state.isSending.isEmpty else { return nil }
        state.last += 1
        state.whenSettled[state.last] = waiter
        return state.last
      }
      guard let number else { return waiter.resume() }
      Task {
        try? await Task.sleep(for: patience)
        state.withLock { $0.whenSettled.removeValue(forKey: number) }?.resume()
      }
    }
    return state.withLock { $0.isSending.isEmpty }
  }

  private func isTaken(_ page: CloudAction) async -> Bool {
    var tried = 0
    var spent = Duration.zero
    while spent < Pager.patience {
      if state.withLock({ $0.isStopped }) { return false }
      guard case .failed(let failure) = await cloud.perform(page, timeout: page.timeout) else { return true }
      tried += 1
      if tried == 1 { say("a page could not be sent: \(failure.text); it is tried again") }
      let pause = min(Duration.seconds(1 << min(tried, 6)), longestPause)
      spent += pause
      try? await Task.sleep(for: pause)
    }
    say("a page was given up after \(Pager.patience.text)")
    return false
  }

  private func say(_ text: String) { Message(.cloudNotice, text).log(to: logger) }
}
