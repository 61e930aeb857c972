// Between whoever logs and whoever takes the lines. A journald that hangs, or a pipe that nobody reads, blocks its writer for as long as it
// likes: that costs lines, and never a decision.

import Dispatch
import Synchronization

/// Lines on their way out, in their order, on a queue of its own.
package final class LogQueue: Sendable {
  /// The process has one.
  package static let shared = LogQueue()

  private struct Waiting {
    var lines = 0
    var lost = 0
    var settle: (@Sendable (_ patience: Duration) -> Void)?
  }
  /// As many lines as a bad night has; more wait for nobody.
  private let most: Int
  private let queue = DispatchQueue(label: "pilotlight.log")
  private let waiting = Mutex(Waiting())

  /// - Parameter most: lines that wait at a time; further ones are lost, and counted.
  package init(most: Int = 4096) { self.most = most }

  /// Never blocks.
  ///
  /// - Parameter write: may take as long as it likes; it is told how many lines were lost just before this one.
  package func add(_ write: @escaping @Sendable (_ lost: Int) -> Void) {
    let lost: Int? = waiting.withLock { waiting in
      guard waiting.lines < most else {
        waiting.lost += 1
        return nil
      }
      waiting.lines += 1
      defer { waiting.lost = 0 }
      return waiting.lost
    }
    guard let lost else { return }
    queue.async {
      write(lost)
      self.waiting.withLock { $0.lines -= 1 }
    }
  }

  /// - Parameter wait: what a flush waits for at last: whoever takes the lines has read them.
  package func settle(_ wait: @escaping @Sendable (_ patience: Duration) -> Void) {
    waiting.withLock { $0.settle = wait }
  }

  /// Waits until what was added is out and read, `patience` at most.
  ///
  /// - Returns: whether it is.
  @discardableResult
  package func flush(within patience: Duration = .seconds(1)) -> Bool {
    let isOut = DispatchSemaphore(value: 0)
    let settle = waiting.withLock { $0.settle }
    queue.async {
      settle?(patience)
      isOut.signal()
    }
    let (seconds, attoseconds) = patience.components
    let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    return isOut.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success
  }
}
