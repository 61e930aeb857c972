// What the process says when it is aborted, and whose stack it shows then. See CLastWords.

import CLastWords
import Synchronization

/// Process-wide, as signal handlers are.
package enum LastWords {
  /// Call once, before other threads exist.
  package static func prepare() { pl_last_words_prepare() }

  /// The calling thread's number in the kernel.
  package static var thisThread: Int32 { pl_this_thread() }

  /// Whose stack is wanted when the service manager aborts us.
  package static func want(stackOf thread: Int32) { pl_last_words_of(thread) }

  /// What is said before the stack.
  package static func say(_ sentence: String) { saying.withLock { _ in pl_last_words_sentence(sentence) } }

  private static let saying = Mutex(())
}
