// The demonstration: the real daemon on the sandbox cloud, and an operator beside it. What is printed are the daemon's own lines;
// the figures at the end are the sandbox's facts, not the daemon's beliefs.

import ArgumentParser
import Foundation
import PilotlightControlAPI

struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Play a whole disaster on the sandbox: outage, failover, failback. No AWS account, nothing real is touched.")

  @Option(help: "The daemon's program; without it, pilotlightd beside this program.") var daemon: String?
  @Option(help: "Configuration of the sandbox.") var config = "config/demo.yaml"
  @Option(help: "Sandbox seconds in one real second, 1...120.") var speed: Double = 60
  @Option(help: "Seed of the sandbox's chance.") var seed: UInt64 = 1

  /// `pilotlightd` beside this program.
  private static var sibling: String {
    URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "pilotlightd").path
  }

  func run() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "pilotlight-demo-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let stage = Stage(socket: folder.appending(path: "control.sock").path)
    let process = Process()
    let program = daemon ?? Demo.sibling
    process.executableURL = URL(filePath: program)
    process.arguments = [
      "--config", config, "--sandbox", "--speed", "\(speed)", "--seed", "\(seed)", "--socket", stage.client.socket,
      "--ledger", folder.appending(path: "ledger.db").path,
    ]
    do {
      try process.run()
    } catch {
      throw Ending.failed("\(program) cannot be started: \(error.localizedDescription)")
    }
    defer {
      process.terminate()
      process.waitUntilExit()
    }
    try await play(stage, process)
  }

  private func play(_ stage: Stage, _ process: Process) async throws {
    say("\(Int(speed)) seconds pass in one. The daemon watches eu-west-1; us-west-2 burns a pilot light.")
    try await stage.wait("armed", process, seconds: 60) { $0.armed.ok }
    say("The primary region dies now. Nobody touches anything.")
    _ = try await stage.client.ask(
      .changeSandbox(SandboxRequest(action: .break, target: .primary)), as: SandboxReport.self)
    let failedOver = try await stage.wait("dr-active", process, seconds: 120) { $0.phase == .drActive }
    // Users follow DNS within seconds of the switch: the facts are read when they are served.
    let facts = try await stage.served(process)
    say(
      "The primary region returns. The operator looks for what was lost, and orders the failback once the old primary is fenced."
    )
    _ = try await stage.client.ask(
      .changeSandbox(SandboxRequest(action: .mend, target: .primary)), as: SandboxReport.self)
    try await stage.wait("fenced", process, seconds: 60) { $0.debts.isEmpty }
    try await stage.order(.ack, "demo: what is missing was looked for", lossReviewed: true)
    try await stage.order(.failback, "demo: the primary region is fit again")
    try await stage.wait("healthy", process, seconds: 240) { $0.phase == .healthy }
    try await timeline(stage, failedOver, facts)
  }

  private func timeline(_ stage: Stage, _ failedOver: WorkloadStatus, _ facts: SandboxFactsReport) async throws {
    let history: [HistoryEntry] = try await stage.client.ask(.history(workload: nil, incident: nil, limit: 1000))
    say("The timeline, in the sandbox's time:")
    let told: Set = [
      "degraded", "recovered", "runBegun", "gatePassed", "stepDone", "stepOwed", "debtPaid", "ordered", "runFinished",
    ]
    for entry in history where told.contains(entry.kind) {
      print("  \(entry.at.description.dropFirst(11).prefix(8))  \(printable(entry.sentence, limit: 150))")
    }
    let after: SandboxReport = try await stage.client.ask(.sandbox)
    let doubled = after.facts.first?.doubleWriterSeconds ?? 0
    say("Measured, as facts of the sandbox:")
    print(
      "  recovery time     \(duration(facts.recoverySeconds ?? 0)) (objective \(duration(failedOver.objectives?.rto ?? 0)))"
    )
    print(
      "  data loss         \(facts.lostWrites) of \(facts.writesAccepted) writes; loss window as the daemon saw it "
        + "\(duration(failedOver.loss?.seconds ?? stage.lossAtGate)) (objective \(duration(failedOver.objectives?.rpo ?? 0)))"
    )
    print("  promotions        \(facts.promotions) by the failover, \(after.facts.first?.promotions ?? 0) in all")
    print("  two writers       \(duration(doubled))")
    print("  phase             healthy")
  }

  /// Flushed at once: the daemon's own lines come through another descriptor, and the order tells the story.
  private func say(_ text: String) {
    print("\n== \(text)\n")
    fflush(nil)
  }

  private func duration(_ seconds: Double) -> String {
    seconds < 120 ? "\((seconds * 10).rounded() / 10) s" : "\(Int(seconds) / 60) min \(Int(seconds) % 60) s"
  }
}

/// The daemon as the demo sees it.
private final class Stage {
  let client: ControlClient
  private(set) var lossAtGate = 0.0

  init(socket: String) { client = ControlClient(socket: socket) }

  /// Asks until `holds`, four times a second.
  @discardableResult
  func wait(
    _ what: String, _ process: Process, seconds: Double, until holds: (WorkloadStatus) -> Bool
  ) async throws -> WorkloadStatus {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      guard process.isRunning else { throw Ending.failed("the daemon ended with \(process.terminationStatus)") }
      if let workload = try? await client.status().workloads.first {
        if let loss = workload.loss?.seconds, workload.incident != nil { lossAtGate = loss }
        if holds(workload) { return workload }
      }
      try await Task.sleep(for: .milliseconds(250))
    }
    throw Ending.failed("not \(what) within \(Int(seconds)) s")
  }

  func served(_ process: Process) async throws -> SandboxFactsReport {
    for _ in 0..<80 {
      let report: SandboxReport = try await client.ask(.sandbox)
      if let facts = report.facts.first, facts.serving, facts.recoverySeconds != nil { return facts }
      try await Task.sleep(for: .milliseconds(250))
    }
    throw Ending.failed("the users are not served after the failover")
  }

  func order(_ order: OrderName, _ reason: String, lossReviewed: Bool? = nil) async throws {
    guard let name = try await client.status().workloads.first?.name else { throw Ending.failed("no workload") }
    print(
      "   operator: "
        + (try await client.order(
          OrderRequest(
            workload: name, order: order, reason: reason, confirm: order.needsConfirmation ? name : nil,
            lossReviewed: lossReviewed))))
  }
}
