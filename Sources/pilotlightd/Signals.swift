// Signals as a stream. Until Dispatch has armed its source, SIGTERM and SIGINT do what they always do: nothing has begun then, and an
// end is what was asked for. Ignored, they would be lost.

import Dispatch
import Glibc
import Synchronization

struct Signals {
  let stream: AsyncStream<Int32>
  private let sources: [any DispatchSourceSignal]
  private let begun: Begun

  private final class Begun: Sendable {
    let value = Mutex(false)
  }

  /// - Parameter early: hears, on no queue of ours, of a signal that comes before `begin`; the stream has it all the same.
  init(_ numbers: [Int32], early: @escaping @Sendable (Int32) -> Void) {
    let (stream, continuation) = AsyncStream<Int32>.makeStream()
    let begun = Begun()
    self.stream = stream
    self.begun = begun
    sources = numbers.map { number in
      if number == SIGHUP { signal(number, SIG_IGN) }
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInitiated))
      source.setEventHandler {
        if !begun.value.withLock({ $0 }) { early(number) }
        continuation.yield(number)
      }
      source.activate()
      return source
    }
  }

  /// From now on every signal is the stream's.
  func begin() { begun.value.withLock { $0 = true } }
}
