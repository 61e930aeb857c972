// The sandbox's switch, and the documents that the program writes about itself.

import ArgumentParser
import PilotlightControlAPI
import PilotlightScenarios

struct Sandbox: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Break and mend the sandbox's primary region; only for a daemon that runs on the sandbox.",
    subcommands: [Break.self, Mend.self, Look.self])

  func run() async throws { throw Ending.usage("sandbox: say break primary, mend primary or status") }

  struct Break: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take the sandbox's primary region down.")
    @Argument(help: "What: primary.") var what: SandboxRequest.Target
    @OptionGroup var socket: SocketOption

    func run() async throws { try await change(.break, what, socket) }
  }

  struct Mend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Bring the sandbox's primary region back.")
    @Argument(help: "What: primary.") var what: SandboxRequest.Target
    @OptionGroup var socket: SocketOption

    func run() async throws { try await change(.mend, what, socket) }
  }

  struct Look: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Say how the sandbox is.")
    @OptionGroup var socket: SocketOption

    func run() async throws {
      let report: SandboxReport = try await socket.client.ask(.sandbox)
      print(printable(report.message, limit: 4000))
    }
  }
}

extension SandboxRequest.Target: ExpressibleByArgument {}

private func change(
  _ action: SandboxRequest.Action, _ target: SandboxRequest.Target, _ socket: SocketOption
) async throws {
  let request = ControlRequest.changeSandbox(SandboxRequest(action: action, target: target))
  let report: SandboxReport = try await socket.client.ask(request)
  print(printable(report.message, limit: 4000))
}

struct Docs: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a reference as Markdown.", shouldDisplay: false, subcommands: [CLI.self, Scenarios.self])

  func run() async throws { throw Ending.usage("docs: say cli or scenarios") }

  struct Scenarios: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Every key of a scenario.")

    func run() { print(scenarioReference(), terminator: "") }
  }

  struct CLI: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "cli", abstract: "The help of every command.")

    func run() {
      print("# pilotlightctl\n")
      section(Pilotlightctl.self, Pilotlightctl.helpMessage(columns: 100))
      for command in Pilotlightctl.configuration.subcommands where command.configuration.shouldDisplay {
        print("\n## \(command._commandName)\n")
        section(command, Pilotlightctl.helpMessage(for: command, columns: 100))
        for nested in command.configuration.subcommands {
          print("\n### \(command._commandName) \(nested._commandName)\n")
          section(nested, Pilotlightctl.helpMessage(for: nested, columns: 100))
        }
      }
    }

    private func section(_ command: any ParsableCommand.Type, _ help: String) {
      let lines = help.split(separator: "\n", omittingEmptySubsequences: false).map {
        String($0.reversed().drop { $0 == " " }.reversed())
      }
      print("```text\n\(lines.joined(separator: "\n").trimmedEnd)\n```")
    }
  }
}

extension String {
  fileprivate var trimmedEnd: String { String(reversed().drop(while: \.isNewline).reversed()) }
}
