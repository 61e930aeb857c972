// Each start that fails is a process of its own: whom the ones before have called stands in a file. It is in the service's runtime directory,
// which outlives the service and no boot.

import FoundationEssentials
import Glibc
import PilotlightCore
import Synchronization

/// Since when starting fails, and who was called for it. Without a directory nobody is called for a disk: it would be at every start.
final class CallNote: Sendable {
  /// Seconds since boot.
  private struct Content: Codable {
    struct Call: Codable {
      var at: Int
      var remedy: StartFailure.Remedy
    }
    var began: Int
    var last: Int
    /// By topic: one that cannot be told neither silences the others nor has them told again.
    var calls: [String: Call] = [:]
  }
  private let path: String?
  private let isCleared = Mutex(false)
  /// A volume may be mounted in a moment, and the process before us may still hold the lock: nobody is called for that. In seconds.
  private static let patience = 30
  /// Who was called is called again, s.
  private static let reminder = 3600
  /// Starts that fail follow each other within it, s; what failed before that, and was stopped, is another story.
  private static let pause = 60

  init(environment: [String: String]) {
    path = environment["RUNTIME_DIRECTORY"].flatMap { $0.isEmpty ? nil : "\($0)/cannot-start" }
  }

  private var now: Int { Int(TimeLine.boottime() / 1_000_000_000) }

  private func read() -> Content? {
    guard let path, let data = try? Data(contentsOf: URL(filePath: path)) else { return nil }
    return try? JSONDecoder().decode(Content.self, from: data)
  }

  private func write(_ content: Content) {
    // In a directory that takes nothing it is as without one.
    if let path, let data = try? JSONEncoder().encode(content) {
      try? data.write(to: URL(filePath: path), options: .atomic)
    }
  }

  /// Notes one more failure.
  ///
  /// - Returns: the pages that are to be sent.
  func due(_ pages: [CloudAction], for remedy: StartFailure.Remedy) -> [CloudAction] {
    isCleared.withLock { _ in
      let now = now
      var content = read() ?? Content(began: now, last: now)
      if now - content.last > CallNote.pause { content.began = now }
      content.last = now
      write(content)
      return pages.filter { page in
        // Who was told that it goes on by itself must hear that it does not.
        if let call = page.topic.flatMap({ content.calls[$0.arn] }), call.remedy == remedy || remedy == .disk {
          return now - call.at >= CallNote.reminder
        }
        return remedy == .somebody || now - content.began >= CallNote.patience
      }
    }
  }

  /// The page was taken.
  func called(_ page: CloudAction, for remedy: StartFailure.Remedy) {
    isCleared.withLock { isCleared in
      guard !isCleared, let topic = page.topic else { return }
      var content = read() ?? Content(began: now, last: now)
      content.calls[topic.arn] = Content.Call(at: now, remedy: remedy)
      write(content)
    }
  }

  /// It has started.
  func clear() {
    isCleared.withLock { isCleared in
      isCleared = true
      if let path { unlink(path) }
    }
  }
}

extension CloudAction {
  /// Of a page.
  fileprivate var topic: TopicRef? { if case .publish(let topic, _, _) = self { topic } else { nil } }
}
