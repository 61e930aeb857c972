// A long ledger is verified from its first record, and engines are restored from it, before we are ready. The service manager gives a
// start so and so long (TimeoutStartSec=); while this one makes progress it is asked for more. Progress is what the kernel counts:
// a start that hangs burns no time and reads nothing, and is ended as it should be.

import Dispatch
import Glibc
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
    var last = SlowStart.work()
    timer.schedule(deadline: .now() + .seconds(SlowStart.interval), repeating: .seconds(SlowStart.interval))
    timer.setEventHandler {
      let now = SlowStart.work()
      defer { last = now }
      // A twentieth of the time, or anything read from the disk.
      guard now.milliseconds - last.milliseconds > SlowStart.interval * 50 || now.blocks > last.blocks else { return }
      manager.extendTimeout(.seconds(3 * SlowStart.interval))
    }
    timer.activate()
  }

  func end() { timer.cancel() }

  /// CPU time of this process, and blocks it has read: getrusage(2).
  private static func work() -> (milliseconds: Int, blocks: Int) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let time = usage.ru_utime.tv_sec * 1000 + Int(usage.ru_utime.tv_usec) / 1000
    let system = usage.ru_stime.tv_sec * 1000 + Int(usage.ru_stime.tv_usec) / 1000
    return (time + system, usage.ru_inblock)
  }
}
