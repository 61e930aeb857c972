// The commands that only ask.

import ArgumentParser
import PilotlightControlAPI

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show what the daemon thinks, and what to do next.")
  @Flag(help: "Print JSON: a stable shape for scripts.") var json = false
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var socket: SocketOption

  func run() async throws {
    let client = socket.client
    if json { return try await printJSON(client) }
    var report = try await client.status()
    if let name = target.workload {
      report.workloads = report.workloads.filter { $0.name == name }
      if report.workloads.isEmpty { throw unknownWorkload(name) }
    }
    print(statusPage(report, style: .detected), terminator: "")
  }

  /// Keys that this program does not know yet are passed on.
  private func printJSON(_ client: ControlClient) async throws {
    var report = try await client.ask(.status, as: JSONValue.self)
    if let name = target.workload, case .object(var members) = report, case .array(let all) = members["workloads"] {
      let chosen = all.filter { $0["name"] == .string(name) }
      if chosen.isEmpty { throw unknownWorkload(name) }
      members["workloads"] = .array(chosen)
      report = .object(members)
    }
    try printPretty(report)
  }
}

struct Explain: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say in sentences why the daemon does, or does not, fail over: now, or in a past incident.")
  @OptionGroup var target: WorkloadArgument
  @Option(help: "A past incident, by the id that history shows.") var incident: String?
  @OptionGroup var socket: SocketOption

  func run() async throws {
    let client = socket.client
    let request = ControlRequest.explain(workload: try await target.resolve(client), incident: incident)
    let report: ExplainReport = try await client.ask(request)
    for sentence in report.sentences { print(printable(sentence, limit: 4000)) }
  }
}

struct Report: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The report of an incident: what was reached, decided and done, whose time it took, what is left to do.",
    discussion: "Markdown, from the ledger alone, at any time afterwards.")
  @OptionGroup var target: WorkloadArgument
  @Option(help: "Which incident, by the id that history shows; default: the newest.") var incident: String?
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var socket: SocketOption

  func validate() throws {
    if let incident, !isToken(incident) { throw ValidationError("--incident: expected the id of an incident") }
  }

  func run() async throws {
    let client = socket.client
    let request = ControlRequest.report(workload: try await target.resolve(client), incident: incident)
    if json { return try printPretty(try await client.ask(request, as: JSONValue.self)) }
    let report: IncidentReport = try await client.ask(request)
    let status = try await client.status()
    let workload = status.workloads.first { $0.name == report.workload }
    let isHalted = status.daemon.state == .halted
    let isAtHome = !report.isPresent && workload?.phase == .healthy
    let next = isAtHome ? [] : workload.map { advice($0, isHalted: isHalted) } ?? []
    print(incidentPage(report, next: next), terminator: "")
  }
}

struct Plan: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the steps of a failover, failback or preparation, and what each would find now; nothing is changed."
  )
  @Argument(help: "failover, switchover, failback or preparation.") var kind: PlanKind
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var socket: SocketOption

  func run() async throws {
    let client = socket.client
    let request = ControlRequest.plan(workload: try await target.resolve(client), kind: kind)
    print(planPage(try await client.ask(request), style: .detected), terminator: "")
  }
}

struct History: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show the record: what happened, who ordered it, and why.")
  @OptionGroup var target: WorkloadArgument
  @Option(help: "Only this incident.") var incident: String?
  @Option(help: "The newest N entries, 1 to 1000.") var limit = ControlRequest.defaultHistory
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var socket: SocketOption

  func validate() throws {
    guard (1...ControlRequest.longestHistory).contains(limit) else {
      throw ValidationError("--limit: expected 1 to \(ControlRequest.longestHistory)")
    }
    if let incident, !isToken(incident) { throw ValidationError("--incident: expected the id of an incident") }
  }

  func run() async throws {
    // Without a workload the record of all of them is shown, the daemon's own included.
    let request = ControlRequest.history(workload: target.workload, incident: incident, limit: limit)
    if json { return try printPretty(try await socket.client.ask(request, as: JSONValue.self)) }
    let entries: [HistoryEntry] = try await socket.client.ask(request)
    print(historyPage(entries, style: .detected), terminator: "")
  }
}

/// `status` filters by itself, so it must say itself what the daemon would have said.
private func unknownWorkload(_ name: String) -> Ending {
  .usage("there is no workload '\(name)' (see 'pilotlightctl status')")
}

private func printPretty(_ value: JSONValue) throws {
  print(terminalSafe(String(decoding: try ControlJSON.encode(value, pretty: true), as: UTF8.self)))
}

/// JSON lets DEL and the C1 controls through, which some terminals obey. They can only stand inside strings.
func terminalSafe(_ text: String) -> String {
  var safe = ""
  for scalar in text.unicodeScalars {
    if scalar.isUnprintable, scalar != "\n" {
      let hex = String(scalar.value, radix: 16)
      safe += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    } else {
      safe.unicodeScalars.append(scalar)
    }
  }
  return safe
}
