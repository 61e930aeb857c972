import NIOCore
import Synchronization

/// A promise that two may keep, an answer and an alarm; the first one does.
final class Once<Value: Sendable>: Sendable {
  private let promise: Mutex<EventLoopPromise<Value>?>

  init(_ promise: EventLoopPromise<Value>) { self.promise = Mutex(promise) }

  func succeed(_ value: Value) {
    let mine = promise.withLock { promise in
      defer { promise = nil }
      return promise
    }
    mine?.succeed(value)
  }
}
