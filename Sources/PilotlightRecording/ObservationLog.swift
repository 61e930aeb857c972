// The daemon's side of the recording. Whoever decides puts a value into a list and goes on; a thread of its own turns the list
// into bytes and waits for the disk. Nothing here can hold up a decision: when the disk is slow the list fills up and the rest
// is not kept, when it refuses it is asked again after a pause, and either is said once.

import Dispatch
package import PilotlightCore
import Synchronization

/// Takes in what is recorded, from any thread.
package final class ObservationLog: Sendable {
  /// News for the journal.
  package enum News: Equatable, Sendable {
    /// Nothing is kept for now.
    case stopped(why: String)
    /// It is kept again; so many sightings were not.
    case resumed(missed: Int)
  }

  private struct Backlog {
    var waiting: [Recorded] = []
    var missed = 0
    var isClosed = false
  }

  private let backlog = Mutex(Backlog())
  private let writer: Writer
  private let queue = DispatchQueue(label: "pilotlight.observations", qos: .utility)
  /// About a minute of a thousand workloads.
  private let mostWaiting: Int

  /// - Parameters:
  ///   - now: the daemon's time line, and how far the wall clock is ahead of it.
  ///   - every: how often the disk is written to, real time.
  package init(
    _ store: sending SegmentStore, now: @escaping @Sendable () -> (line: Instant, wallAhead: Duration),
    mostWaiting: Int = 50_000, every: Duration = .seconds(1), tell: @escaping @Sendable (News) -> Void
  ) {
    self.mostWaiting = mostWaiting
    writer = Writer(store, now: now, tell: tell, timer: DispatchSource.makeTimerSource(queue: queue))
    let pause = DispatchTimeInterval.nanoseconds(Int(every.nanoseconds))
    writer.timer.schedule(deadline: .now(), repeating: pause, leeway: .milliseconds(100))
    writer.timer.setEventHandler { [weak self] in self?.drain() }
    writer.timer.activate()
  }

  deinit { writer.timer.cancel() }

  /// Never waits for anything but another caller.
  package func note(_ recorded: Recorded) {
    backlog.withLock { backlog in
      if backlog.isClosed { return }
      if backlog.waiting.count < mostWaiting {
        backlog.waiting.append(recorded)
      } else {
        backlog.missed += 1
      }
    }
  }

  /// Writes what is left, if the disk takes it in time.
  package func close(within patience: Duration = .seconds(2)) {
    writer.timer.cancel()
    backlog.withLock { $0.isClosed = true }
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.drain(everything: true)
      done.signal()
    }
    _ = done.wait(timeout: .now() + .nanoseconds(Int(patience.nanoseconds)))
  }

  private func drain(everything: Bool = false) {
    let (waiting, missed) = backlog.withLock { backlog in
      defer { (backlog.waiting, backlog.missed) = ([], 0) }
      return (backlog.waiting, backlog.missed)
    }
    writer.write(waiting, missed: missed, everything: everything)
  }
}

/// Confined to the log's queue; the timer may be cancelled from anywhere.
private final class Writer: @unchecked Sendable {
  // Only `ObservationLog.drain` calls it, on one serial queue.
  let timer: any DispatchSourceTimer
  private let store: SegmentStore
  private let now: @Sendable () -> (line: Instant, wallAhead: Duration)
  private let tell: @Sendable (ObservationLog.News) -> Void
  private var recorder = Recorder()
  private var missed = 0
  private var isTroubled = false
  private var retryAt = Instant.distantPast

  /// A disk that refused is left alone for so long.
  private static let pause: Duration = .seconds(30)

  init(
    _ store: SegmentStore, now: @escaping @Sendable () -> (line: Instant, wallAhead: Duration),
    tell: @escaping @Sendable (ObservationLog.News) -> Void, timer: any DispatchSourceTimer
  ) {
    self.timer = timer
    self.store = store
    self.now = now
    self.tell = tell
  }

  func write(_ waiting: [Recorded], missed late: Int, everything: Bool) {
    let (line, wallAhead) = now()
    for recorded in waiting { recorder.take(recorded) }
    if late > 0 { trouble("the disk is slower than what is to be kept", losing: late) }
    let cuts = recorder.frames(at: line, everything: everything)
    guard !cuts.isEmpty else { return }
    let sightings = cuts.reduce(0) { $0 + $1.sightings }
    if isTroubled, line < retryAt {
      missed += sightings
      return
    }
    var bytes = cuts.flatMap(\.bytes)
    if missed > 0 { bytes = Recorder.frame(.missed(count: missed, at: line)) + bytes }
    do throws(DiskTrouble) {
      try store.append(bytes, at: line) { recorder.preamble(at: line, wallAhead: wallAhead) }
      if isTroubled { tell(.resumed(missed: missed)) }
      (isTroubled, missed) = (false, 0)
    } catch {
      store.abandon()
      retryAt = line + Writer.pause
      trouble(error.text, losing: sightings)
    }
  }

  private func trouble(_ why: String, losing count: Int) {
    missed += count
    if !isTroubled { tell(.stopped(why: why)) }
    isTroubled = true
  }
}
