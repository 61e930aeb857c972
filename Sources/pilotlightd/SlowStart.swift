// A long ledger is verified from its first record, and engines are restored from it, before we are ready. The service manager gives a
// start so and so long (TimeoutStartSec=); while this one makes progress it is asked for more. Progress is what the kernel counts:
// a start that hangs burns no time, reads and writes nothing, and is ended as it should be. Who is to be called for that is called
// before.

import Dispatch
import PilotlightSystemd

final class SlowStart {
  private let timer: any DispatchSourceTimer

  /// How often progress is looked for. TimeoutStartSec= must be longer.
  private static let interval = 5

  /// Intervals without progress until it is told, and between two times: before the time is over that was asked for last.
  private static let patience = 2

  /// - Parameter stalled: hears for how long there was no progress.
  init(_ manager: ServiceManager, stalled: @escaping @Sendable (Duration) async -> Void) {
    timer = DispatchSource.makeTimerSource(queue: .global())
    guard manager.isListening else {
      timer.activate()
      return
    }
    manager.status("starting: reading and verifying the ledger")
    var last = Effort.soFar()
    var still = 0
    timer.schedule(deadline: .now() + .seconds(SlowStart.interval), repeating: .seconds(SlowStart.interval))
    timer.setEventHandler {
      let now = Effort.soFar()
      defer { last = now }
      guard now.shows(progressSince: last, within: .seconds(SlowStart.interval)) else {
        still += 1
        let lasted = Duration.seconds(still * SlowStart.interval)
        if still.isMultiple(of: SlowStart.patience) { Task { await stalled(lasted) } }
        return
      }
      still = 0
      manager.extendTimeout(.seconds(3 * SlowStart.interval))
    }
    timer.activate()
  }

  func end() { timer.cancel() }
}
