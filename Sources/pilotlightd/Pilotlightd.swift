// The daemon's program: arguments, assembly, signals, end.

import ArgumentParser
import Foundation
import Logging
import PilotlightAWS
import PilotlightConfiguration
import PilotlightCore
import PilotlightSystemd

struct Pilotlightd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pilotlightd",
    abstract: "Watch applications in one AWS region and fail them over to their pilot light in another.",
    discussion: """
      Exit codes: 0 stopped by a signal, or the check found nothing; 1 it cannot run, or --live found something that a failover lacks; \
      2 wrong usage or configuration; 3 it cannot run before somebody has looked at the ledger, or brought back a workload that is \
      not done with.
      """)

  @Option(help: "The configuration, YAML.")
  var config = "/etc/pilotlight/pilotlight.yaml"

  @Flag(help: "Check the configuration and exit: 0 right, 2 wrong.")
  var check = false

  @Flag(
    help: """
      With --check: also read from AWS, once, what a failover stands on, and change nothing: 0 ready, 1 not ready. What only cannot \
      be proven is said.
      """)
  var live = false

  @Flag(help: "Print the IAM policy that the configuration needs, and exit. Statements named `Read…` change nothing.")
  var policy = false

  @Option(help: "Control socket, in place of the configuration's.")
  var socket: String?

  @Option(help: "Ledger file, in place of the configuration's.")
  var ledger: String?

  @Option(
    help: ArgumentHelp("Log lines: \(LogFormat.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "format")
  )
  var logFormat: LogFormat = .automatic

  @Flag(help: "Run on the sandbox cloud inside this program: no AWS account, nothing real is touched.")
  var sandbox = false

  @Option(help: "With --sandbox: how many seconds pass in one real second, 1...120.")
  var speed: Double = 1

  @Option(help: "With --sandbox: the seed of its chance.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Print a generated document and exit: reference, catalog.", visibility: .hidden))
  var print: Document?

  enum Document: String, ExpressibleByArgument {
    case reference
    case catalog
  }

  func validate() throws {
    guard !policy || !check else { throw ValidationError("--policy or --check, one at a time") }
    guard check || !live else { throw ValidationError("--live needs --check") }
    guard sandbox || speed == 1 else { throw ValidationError("--speed needs --sandbox") }
    guard (1...120).contains(speed) else { throw ValidationError("--speed must be 1...120") }
  }

  func run() async throws {
    if let print {
      switch print {
      case .reference: Swift.print(configurationReference(), terminator: "")
      case .catalog: Swift.print(messageCatalog(), terminator: "")
      }
      return
    }
    let found: Configuration
    switch await load() {
    case .success(let configuration): found = configuration
    case .failure(let errors):
      complain(errors.description)
      StartFailure(text: "\(errors)", remedy: .somebody).turnAskersAway()
      throw ExitCode(2)
    }
    if policy { return Swift.print(try IAMPolicy(found.workloads).json(), terminator: "") }
    for warning in found.warnings { complain("warning: \(warning)") }
    if check {
      Swift.print("\(config): \(found.workloads.count) workload(s), no errors")
      if !live { return }
    }
    do {
      let assembly = Assembly(self, overridden(found))
      if live {
        guard try await assembly.checkLive() else { throw ExitCode(1) }
      } else {
        try await assembly.run()
      }
    } catch let error as StartFailure {
      complain("pilotlightd: \(error.text)")
      throw ExitCode(error.remedy == .somebody ? StartFailure.needsSomebody : 1)
    }
  }

  /// What a file says stays refused until somebody edits it. One that cannot be read may be back in a moment, as when it is replaced:
  /// a service waits for it, and ends only then.
  private func load() async -> Result<Configuration, ConfigurationErrors> {
    let manager = ServiceManager()
    let end = ContinuousClock.now + .seconds(30)
    var isTold = false
    while true {
      let result = Configuration.load(path: config)
      guard manager.isListening, access(config, R_OK) != 0, .now < end else { return result }
      if !isTold {
        let text = "\(config) is not there, or cannot be read: NOTHING IS WATCHED; waiting half a minute for it"
        complain("pilotlightd: \(text)")
        manager.status(text)
        isTold = true
      }
      manager.extendTimeout(.seconds(15))
      try? await Task.sleep(for: .milliseconds(500))
    }
  }

  /// What the command line says goes before the file.
  func overridden(_ configuration: Configuration) -> Configuration {
    var result = configuration
    if let socket { result.daemon.socket = socket }
    if let ledger { result.daemon.ledger = ledger }
    return result
  }
}

extension LogFormat: ExpressibleByArgument {}

/// Ends the process at once. exit(3) lets libraries take themselves apart, OpenSSL for one, while other threads are still using them:
/// now and then a stop would be a crash.
func leave(_ code: Int32) -> Never {
  LogQueue.shared.flush()
  fflush(nil)
  _exit(code)
}

func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

@main
enum Main {
  /// Wrong usage is 2, as everywhere in this product; ArgumentParser's own code for it is 64.
  static func main() async {
    do {
      var command = try Pilotlightd.parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      leave(0)
    } catch {
      let code = Pilotlightd.exitCode(for: error)
      let text = Pilotlightd.fullMessage(for: error)
      if code == .success {
        Swift.print(text)
        leave(0)
      }
      if !text.isEmpty { complain(text) }
      leave(code == .validationFailure ? 2 : code.rawValue)
    }
  }
}
