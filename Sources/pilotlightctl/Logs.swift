// The journal, asked by its owner's words: what an incident's lines are and which unit writes them need not be remembered at 3 a.m.

import ArgumentParser
import Glibc
import PilotlightControlAPI

struct Logs: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the daemon's journal, or an incident's timeline.",
    discussion: """
      Runs journalctl(1) in its place. Reading the journal needs its permission: root, or a member of adm or systemd-journal. \
      --explain adds to each line what it means and the next command.
      """)

  @Argument(help: "Only the lines of this incident, as 'status' and 'history' name it.")
  var incident: String?

  @Option(help: "Only the lines of this workload.")
  var workload: String?

  @Option(help: ArgumentHelp("From when on, in journalctl's words: '1h ago', '2026-11-26 03:00'.", valueName: "time"))
  var since: String?

  @Option(help: ArgumentHelp("The newest lines only.", valueName: "number"))
  var lines: Int?

  @Flag(help: "Go on as lines come.")
  var follow = false

  @Flag(help: "What each line means, and what to do next.")
  var explain = false

  @Flag(help: "Every field of every line, one JSON object each.")
  var json = false

  func validate() throws {
    if let lines, lines < 1 { throw ValidationError("--lines must be 1 or more") }
    if let incident, !isToken(incident) {
      throw ValidationError("an incident's id has 1 to 128 printable characters and no space")
    }
    if let workload, !isWorkloadName(workload) {
      throw ValidationError("a workload's name has 1 to 64 letters, digits, '-' or '_'")
    }
  }

  /// As they are typed after `journalctl`.
  var words: [String] {
    var words = ["--unit=pilotlightd.service"]
    if let since { words.append("--since=\(since)") }
    if let lines { words.append("--lines=\(lines)") }
    if follow { words.append("--follow") }
    if explain { words.append("--catalog") }
    if json { words.append("--output=json") }
    // Matches of different fields must all hold.
    if let workload { words.append("PILOTLIGHT_WORKLOAD=\(workload)") }
    if let incident { words.append("PILOTLIGHT_INCIDENT=\(incident)") }
    return words
  }

  func run() async throws {
    let program = "journalctl"
    let all = [program] + words
    var pointers: [UnsafeMutablePointer<CChar>?] = all.map { strdup($0) }
    pointers.append(nil)
    execvp(program, &pointers)
    throw Ending.failed("journalctl cannot be run: \(String(cString: strerror(errno)))")
  }
}

struct Reload: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Have the daemon read its configuration anew, all or nothing.",
    discussion: """
      Ends when it is in force, or with 1 and every error when it is refused. `systemctl reload pilotlightd` does this.
      """)

  @OptionGroup var socket: SocketOption

  func run() async throws { print(printable(try await socket.client.reload(), limit: 4000)) }
}
