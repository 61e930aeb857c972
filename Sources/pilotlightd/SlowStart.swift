// A long ledger is verified from its first record, and engines are restored from it, before we are ready. The service manager gives a
// start so and so long (TimeoutStartSec=); while this one makes progress it is asked for more. Progress is what the kernel counts:
// a start that hangs burns no time, reads and writes nothing, and is ended as it should be.

import Dispatch
import PilotlightSystemd

final class SlowStart {
  private let timer: any DispatchSourceTimer

  /// How often progress is looked for. TimeoutStartSec= must be longer.
  private static let interval = 5

  init(_ manager: ServiceManager) {
    timer = DispatchSource.makeTimerSource(queue: .global())
    guard manager.isListening else {
      timer.activate()
      return
    }
    manager.status("starting: reading and verifying the ledger")
    var last = Effort.soFar()
    timer.schedule(deadline: .now() + .seconds(SlowStart.interval), repeating: .seconds(SlowStart.interval))
    timer.setEventHandler {
      let now = Effort.soFar()
      defer { last = now }
      guard now.shows(progressSince: last, within: .seconds(SlowStart.interval)) else { return }
      manager.extendTimeout(.seconds(3 * SlowStart.interval))
    }
    timer.activate()
  }

  func end() { timer.cancel() }
}
