// Running a program of the operator's: a child in a process group of its own, without our descriptors, our environment or our credentials.

import CGlibc
import Dispatch
import Glibc
package import PilotlightCore
import PilotlightHTTP
import Synchronization

/// How a program ended; the text is what it printed, at most 1000 bytes of it, on one line.
package enum ProgramEnd: Hashable, Sendable {
  case exited(Int32, String)
  case killed(signal: Int32, String)
  case tookTooLong(Duration, String)
  case notStarted(String)

  /// What went wrong, in a few words; nil when nothing did.
  package var fault: String? {
    switch self {
    case .exited(0, _): nil
    case .exited(let code, let text): "exit status \(code)\(text.isEmpty ? "" : ", \(text)")"
    case .killed(let signal, let text): "it was killed by signal \(signal)\(text.isEmpty ? "" : ", \(text)")"
    case .tookTooLong(let timeout, let text): "no answer in \(timeout.text)\(text.isEmpty ? "" : ", \(text)")"
    case .notStarted(let why): why
    }
  }
}

/// One run of a program.
package final class Program: Sendable {
  private let call: CommandCall
  private let timeout: Duration
  /// Nobody waits for it any more.
  private let isUnwanted = Atomic(false)

  /// - Parameter timeout: in real time, where the call's own is in the daemon's.
  package init(_ call: CommandCall, timeout: Duration) {
    self.call = call
    self.timeout = timeout
  }

  /// What it prints beyond this is thrown away, bytes.
  private static let kept = 1000
  /// How often it is looked whether the child has gone, milliseconds: at first, and after five seconds.
  private static let glances: (Int32, Int32) = (20, 200)

  /// Answers exactly once, on some queue, a moment after `timeout` at the latest.
  package func run(completion: @escaping @Sendable (ProgramEnd) -> Void) {
    DispatchQueue.global(qos: .userInitiated).async { [self] in
      var pipe: [Int32] = [-1, -1]
      guard pipe2(&pipe, O_CLOEXEC) == 0 else {
        return completion(.notStarted("no pipe for it: \(Program.errorText(errno))"))
      }
      let started = Program.start(call, output: pipe[1])
      close(pipe[1])
      defer { close(pipe[0]) }
      switch started {
      case .success(let child): completion(watch(child, pipe[0]))
      case .failure(let why):
        completion(.notStarted("\(call.command[0]) cannot be started: \(Program.errorText(why.code))"))
      }
    }
  }

  /// Ends it and everything that it has started, in a moment.
  package func kill() { isUnwanted.store(true, ordering: .relaxed) }

  private struct SpawnFailure: Error { let code: Int32 }

  private static func start(_ call: CommandCall, output: Int32) -> Result<pid_t, SpawnFailure> {
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&files, output, 1)
    posix_spawn_file_actions_adddup2(&files, output, 2)
    posix_spawn_file_actions_addclosefrom_np(&files, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // What the daemon blocks or ignores is no business of the child's.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var environment = call.environment
    environment["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    environment["LANG"] = "C.UTF-8"
    var arguments = call.command.map { strdup($0) } + [nil]
    var variables = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, call.command[0], &files, &attributes, &arguments, &variables)
    return code == 0 ? .success(child) : .failure(SpawnFailure(code: code))
  }

  private func watch(_ child: pid_t, _ output: Int32) -> ProgramEnd {
    var printed: [UInt8] = []
    var isOpen = true
    let begin = Program.now
    while Program.now - begin < timeout.nanoseconds, !isUnwanted.load(ordering: .relaxed) {
      let glance = Program.now - begin < 5_000_000_000 ? Program.glances.0 : Program.glances.1
      if isOpen { isOpen = Program.read(output, &printed, within: glance) } else { usleep(UInt32(glance) * 1000) }
      var status: Int32 = 0
      if waitpid(child, &status, WNOHANG) == child {
        while isOpen, printed.count < Program.kept, Program.read(output, &printed, within: 0) {}
        return Program.end(status, printed)
      }
    }
    // Itself too: it may have left its group.
    for target in [-child, child] { Glibc.kill(target, SIGKILL) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    // What it said last may be why it hung.
    while isOpen, printed.count < Program.kept, Program.read(output, &printed, within: 0) {}
    let text = Program.text(printed)
    return isUnwanted.load(ordering: .relaxed) ? .killed(signal: SIGKILL, text) : .tookTooLong(timeout, text)
  }

  /// - Returns: false when nothing more is to be had now.
  private static func read(_ output: Int32, _ printed: inout [UInt8], within milliseconds: Int32) -> Bool {
    var watched = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
    guard poll(&watched, 1, milliseconds) > 0 else { return milliseconds > 0 }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(output, &bytes, bytes.count)
    guard count > 0 else { return count < 0 && errno == EINTR }
    printed += bytes.prefix(min(count, kept - printed.count))
    return true
  }

  private static func end(_ status: Int32, _ printed: [UInt8]) -> ProgramEnd {
    let signal = status & 0x7f
    return signal == 0 ? .exited((status >> 8) & 0xff, text(printed)) : .killed(signal: signal, text(printed))
  }

  private static func text(_ printed: [UInt8]) -> String {
    let lines = String(decoding: printed, as: UTF8.self).split(whereSeparator: \.isNewline)
    return printable(lines.joined(separator: "; "), limit: kept)
  }

  /// Of the boot, nanoseconds.
  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
  private static func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }
}
