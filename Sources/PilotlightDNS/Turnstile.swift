// A bound on what goes on at the same time.

import Dispatch
import PilotlightCore
import Synchronization

/// Lets a number of callers in; the others wait in a queue, as long as they like.
final class Turnstile: Sendable {
  private struct State {
    var free: Int
    var tickets = 0
    var waiting: [(ticket: Int, caller: CheckedContinuation<Bool, Never>)] = []
  }

  private let state: Mutex<State>
  private let queue: DispatchQueue

  init(_ most: Int, queue: DispatchQueue) {
    state = Mutex(State(free: most))
    self.queue = queue
  }

  /// - Returns: false when it was not the caller's turn in time; if true, `leave` is owed.
  func enter(until deadline: ContinuousClock.Instant) async -> Bool {
    await withCheckedContinuation { caller in
      let ticket = state.withLock { state -> Int? in
        if state.free > 0 {
          state.free -= 1
          return nil
        }
        state.tickets += 1
        state.waiting.append((state.tickets, caller))
        return state.tickets
      }
      guard let ticket else { return caller.resume(returning: true) }
      let rest = max(ContinuousClock.now.duration(to: deadline), .zero)
      queue.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: rest.nanoseconds))) { self.giveUp(ticket) }
    }
  }

  func leave() {
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      if state.waiting.isEmpty {
        state.free += 1
        return nil
      }
      return state.waiting.removeFirst().caller
    }
    next?.resume(returning: true)
  }

  private func giveUp(_ ticket: Int) {
    let caller = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else { return nil }
      return state.waiting.remove(at: index).caller
    }
    caller?.resume(returning: false)
  }
}
