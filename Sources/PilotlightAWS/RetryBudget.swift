// While a service throttles, everything that asks it repeats, and the repetitions keep the throttle up: polls of a hundred workloads ask
// three times where once would do. What they may repeat is a store, of each service in each region, that only answers fill again.

import Synchronization

/// The retry quota of AWS's own SDKs in their standard mode (AWS SDKs and Tools Reference Guide, "Retry behavior"; its numbers as in
/// their sources). It is for reads: an act belongs to a failover, and is repeated for as long as its step allows.
final class RetryBudget: Sendable {
  private static let full = 500
  private static let cost = 5
  /// After an attempt that timed out.
  private static let timeoutCost = 10
  /// An answer at the first attempt gives so much back.
  private static let reward = 1

  private struct Place: Hashable {
    let service: AWSService
    let region: String

    init(_ operation: Operation) {
      service = operation.service
      region = operation.region
    }
  }
  private let left = Mutex<[Place: Int]>([:])

  /// - Returns: what the repetition costs; nil where there is not so much left.
  func pay(for operation: Operation, afterTimeout: Bool) -> Int? {
    let cost = afterTimeout ? RetryBudget.timeoutCost : RetryBudget.cost
    return left.withLock { left in
      let found = left[Place(operation), default: RetryBudget.full]
      guard found >= cost else { return nil }
      left[Place(operation)] = found - cost
      return cost
    }
  }

  /// - Parameter paid: for the attempt that was answered; 0 for the first.
  func answered(_ operation: Operation, paid: Int) {
    left.withLock { left in
      guard let found = left[Place(operation)] else { return }
      left[Place(operation)] = min(found + max(paid, RetryBudget.reward), RetryBudget.full)
    }
  }
}
