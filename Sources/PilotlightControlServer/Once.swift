import Synchronization

/// A question that two may answer, somebody who knows and an alarm; the first one does.
final class Once<Value: Sendable>: Sendable {
  private let answer: Mutex<(@Sendable (Value) -> Void)?>

  init(_ answer: @escaping @Sendable (Value) -> Void) { self.answer = Mutex(answer) }

  func succeed(_ value: Value) {
    let mine = answer.withLock { answer in
      defer { answer = nil }
      return answer
    }
    mine?(value)
  }
}
