// The operator's tool: asks the daemon over its control socket, prints what a person needs at 3 a.m., and says with its
// exit code what became of it.

import ArgumentParser
import Glibc
import PilotlightControlAPI

/// All commands.
struct Pilotlightctl: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pilotlightctl",
    abstract: "Ask the Pilotlight daemon what it thinks, and tell it what to do.",
    discussion: """
      Exit codes: 0 done, 1 failed or no daemon, 2 wrong usage, 3 refused by the workload's state.
      """,
    version: Release.version,
    subcommands: [
      Status.self, Explain.self, Report.self, Plan.self, History.self, Logs.self,
      Pause.self, Resume.self, Failover.self, Failback.self, Switchover.self, Approve.self, Retry.self, Skip.self,
      Abort.self, Ack.self, Reload.self,
      Graph.self, Ledger.self, Replay.self, Simulate.self, Demo.self, Sandbox.self, Docs.self,
    ])

  func run() async throws {
    throw Ending.usage("no command given: try 'pilotlightctl status', or 'pilotlightctl --help' for all commands")
  }
}

@main
enum Main {
  static func main() async {
    do {
      var command = try Pilotlightctl.parseAsRoot()
      if var waiting = command as? any AsyncParsableCommand {
        try await waiting.run()
      } else {
        try command.run()
      }
    } catch {
      end(error)
    }
  }

  /// One line on standard error, and the exit code. ArgumentParser's own code for wrong usage is 64; ours is 2.
  private static func end(_ error: any Error) -> Never {
    if let ending = error as? Ending {
      if let message = ending.message { complain(message) }
      for line in ending.lines { say(line + "\n") }
      exit(ending.code)
    }
    if Pilotlightctl.exitCode(for: error) == .success {
      print(Pilotlightctl.fullMessage(for: error))
      exit(0)
    }
    complain(Pilotlightctl.message(for: error))
    exit(2)
  }

  private static func complain(_ message: String) {
    let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    say("pilotlightctl: \(printable(line, limit: 2000))\n")
  }

  private static func say(_ text: String) {
    let bytes = Array(text.utf8)
    // A standard error that cannot be written to leaves nothing to tell it to.
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }
}

/// How a command ends when it does not end well.
struct Ending: Error {
  var code: Int32
  /// Nil when everything has been said already.
  var message: String?
  /// Lines for an editor to jump to, printed as they are.
  var lines: [String] = []

  init(code: Int32, message: String? = nil, lines: [String] = []) {
    self.code = code
    self.message = message
    self.lines = lines
  }

  static func failed(_ message: String) -> Ending { Ending(code: 1, message: message) }
  static func usage(_ message: String) -> Ending { Ending(code: 2, message: message) }
  static func refused(_ message: String) -> Ending { Ending(code: 3, message: message) }
}
