// What this process has done so far, as the kernel counts it: getrusage(2).

import Glibc

/// CPU time and blocks of the disk.
package struct Effort: Equatable, Sendable {
  package var milliseconds: Int
  package var blocksRead: Int
  package var blocksWritten: Int

  package init(milliseconds: Int, blocksRead: Int, blocksWritten: Int) {
    self.milliseconds = milliseconds
    self.blocksRead = blocksRead
    self.blocksWritten = blocksWritten
  }

  package static func soFar() -> Effort {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let user = usage.ru_utime.tv_sec * 1000 + Int(usage.ru_utime.tv_usec) / 1000
    let system = usage.ru_stime.tv_sec * 1000 + Int(usage.ru_stime.tv_usec) / 1000
    return Effort(milliseconds: user + system, blocksRead: usage.ru_inblock, blocksWritten: usage.ru_oublock)
  }

  /// A twentieth of the time, or anything read from the disk or written to it.
  package func shows(progressSince before: Effort, within interval: Duration) -> Bool {
    milliseconds - before.milliseconds > Int(interval / .milliseconds(20)) || blocksRead > before.blocksRead
      || blocksWritten > before.blocksWritten
  }
}
