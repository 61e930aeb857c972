// The service manager's side of the conversation: sd_notify(3) and sd_watchdog_enabled(3). Outside systemd everything here is a
// no-op, so the daemon needs no special case.

import CSystemd
import FoundationEssentials
import Glibc
import Synchronization

/// What is told to systemd. Failures are ignored on purpose: a lost notification must not stop a watchdog.
package final class ServiceManager: Sendable {
  /// True when a service manager listens.
  package let isListening: Bool
  /// The service manager expects a sign of life within this time; nil when it watches nothing.
  package let watchdogTimeout: Duration?
  /// STOPPING=1 was the last word: who still turns does not overwrite what it says. No lock: one caller that hangs in sd_notify(3) must
  /// not hold up the one that tells of it.
  private let isStopping = Atomic(false)

  package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    isListening = environment["NOTIFY_SOCKET"] != nil
    var microseconds: UInt64 = 0
    watchdogTimeout = sd_watchdog_enabled(0, &microseconds) > 0 ? .microseconds(Int64(microseconds)) : nil
  }

  /// `READY=1`: everything is set up and signals are handled.
  package func ready(status: String) { sendUnlessStopping(["READY=1", "STATUS=\(oneLine(status))"]) }

  /// Before leaving because of a disk that may come back: systemd gives a service up that starts five times within ten seconds
  /// (StartLimitBurst= in the unit), and an unattended watchdog that was given up is an outage nobody sees.
  package func spareTheLimit() async {
    if isListening { try? await Task.sleep(for: .seconds(3)) }
  }

  /// One true sentence for `systemctl status`.
  package func status(_ text: String) { sendUnlessStopping(["STATUS=\(oneLine(text))"]) }

  /// `WATCHDOG=1`. Only for a caller that has proof that every loop turned.
  package func alive() { send(["WATCHDOG=1"]) }

  /// `WATCHDOG=trigger`: we are to be ended like a process whose signs of life have stopped, now.
  package func trigger(status: String) { send(["STATUS=\(oneLine(status))", "WATCHDOG=trigger"]) }

  /// `STOPPING=1`: nothing is ready, reloaded or told any more.
  package func stopping(status: String) {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    send(["STOPPING=1", "STATUS=\(oneLine(status))"])
  }

  /// `RELOADING=1` with the monotonic time systemd wants since version 253; `ready` ends it.
  package func reloading() {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    sendUnlessStopping(["RELOADING=1", "MONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)"])
  }

  /// Asks for more time to start or stop.
  package func extendTimeout(_ more: Duration) {
    let (seconds, attoseconds) = more.components
    send(["EXTEND_TIMEOUT_USEC=\(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)"])
  }

  private func sendUnlessStopping(_ lines: [String]) {
    if !isStopping.load(ordering: .sequentiallyConsistent) { send(lines) }
  }

  private func send(_ lines: [String]) {
    if isListening { sd_notify(0, lines.joined(separator: "\n")) }
  }

  /// A newline would begin another assignment.
  private func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline || $0 == "\0" ? " " : $0 })
  }
}
