// The commands that change something. Each needs a reason; those that move a workload show first where it stands.

import ArgumentParser
import PilotlightControlAPI

struct Pause: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Stop acting on a workload; watching goes on.")
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @Option(help: ArgumentHelp("End by itself after this long: 45m, 2h, 1h30m; at most 30d.", valueName: "span"))
  var expires: Span?
  @OptionGroup var socket: SocketOption

  func run() async throws {
    let expires = expires?.seconds
    try await give(.pause, target, why, socket) { $0.expiresSeconds = expires }
  }
}

struct Resume: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "End a pause. A fresh confirmation window starts: nothing happens at once.")
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @OptionGroup var socket: SocketOption

  func run() async throws { try await give(.resume, target, why, socket) }
}

struct Failover: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fail over to the DR region now, without waiting for what would confirm the outage.",
    discussion:
      "Promotes the replica, which cannot be undone. Refused while the primary serves, or while our own view is broken."
  )
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @Option(help: ArgumentHelp("The workload's name again.", valueName: "workload")) var confirm: String?
  @Flag(help: "Go on even if more than the RPO, or an unknown amount, would be lost.") var acceptDataLoss = false
  @OptionGroup var socket: SocketOption

  func run() async throws {
    let flag = acceptDataLoss
    try await giveConfirmed(.failover, target, why, confirm, socket, flags: flag ? " --accept-data-loss" : "") {
      if flag { $0.acceptDataLoss = true }
    }
  }
}

struct Failback: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring the workload home to the primary region.",
    discussion: "It takes hours where the replica must be created anew; nothing is deleted.")
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @Option(help: ArgumentHelp("The workload's name again.", valueName: "workload")) var confirm: String?
  @OptionGroup var socket: SocketOption

  func run() async throws { try await giveConfirmed(.failback, target, why, confirm, socket) }
}

struct Switchover: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Move to the DR region while the primary serves, without losing a write.",
    discussion:
      "Writes are held from the cut-over until the DR region serves. `abort` takes it back until the promotion; `failback` is the way home."
  )
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @Option(help: ArgumentHelp("The workload's name again.", valueName: "workload")) var confirm: String?
  @OptionGroup var socket: SocketOption

  func run() async throws { try await giveConfirmed(.switchover, target, why, confirm, socket) }
}

struct Approve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Let a run that waits at its gate go on.")
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @Flag(help: "Accept, for this incident, a loss beyond the RPO or an unknown one.") var acceptDataLoss = false
  @OptionGroup var socket: SocketOption

  func run() async throws {
    let flag = acceptDataLoss
    try await give(.approve, target, why, socket) { if flag { $0.acceptDataLoss = true } }
  }
}

struct Retry: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Try the stuck step again.")
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @Option(help: "Which step; default: the stuck one.") var step: String?
  @OptionGroup var socket: SocketOption

  func run() async throws {
    let step = step
    try await give(.retry, target, why, socket) { $0.step = step }
  }
}

struct Skip: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Take the stuck step as done: you did it by hand. With --step of a fence debt: leave the old primary as it is.")
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @Option(help: "Which step; default: the stuck one.") var step: String?
  @Flag(help: "Of the drain: leave behind what the replica has not replayed.") var acceptDataLoss = false
  @OptionGroup var socket: SocketOption

  func run() async throws {
    let (step, flag) = (step, acceptDataLoss)
    try await give(.skip, target, why, socket) {
      $0.step = step
      if flag { $0.acceptDataLoss = true }
    }
  }
}

struct Abort: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Roll a run back; refused once a one-way step has begun.")
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @OptionGroup var socket: SocketOption

  func run() async throws { try await give(.abort, target, why, socket) }
}

struct Ack: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Acknowledge a failover: ends the hold-down, or says that its loss was reviewed.",
    discussion:
      "`status` and `explain` say what its promotion may have lost, from when to when, and where that was written.")
  @OptionGroup var target: WorkloadArgument
  @OptionGroup var why: ReasonOption
  @Flag(help: "Somebody has looked for what the promotion lost: a failback may begin, and the hold-down stays.")
  var lossReviewed = false
  @OptionGroup var socket: SocketOption

  func run() async throws {
    let flag = lossReviewed
    try await give(.ack, target, why, socket) { if flag { $0.lossReviewed = true } }
  }
}

private func give(
  _ name: OrderName, _ target: WorkloadArgument, _ why: ReasonOption, _ socket: SocketOption,
  _ fill: (inout OrderRequest) -> Void = { _ in }
) async throws {
  let client = socket.client
  var order = OrderRequest(workload: try await target.resolve(client), order: name, reason: why.reason)
  fill(&order)
  print(printable(try await client.order(order), limit: 4000))
}

/// Role and health come first, then either the order or what to type.
private func giveConfirmed(
  _ name: OrderName, _ target: WorkloadArgument, _ why: ReasonOption, _ confirm: String?, _ socket: SocketOption,
  flags: String = "", _ fill: (inout OrderRequest) -> Void = { _ in }
) async throws {
  let client = socket.client
  let report = try await client.status()
  let chosen = try await target.resolve(client)
  guard let workload = report.workloads.first(where: { $0.name == chosen }) else {
    throw Ending.usage("there is no workload '\(chosen)' (see 'pilotlightctl status')")
  }
  print(rolePage(workload, at: report.daemon.at, style: .detected), terminator: "")
  guard confirm == chosen else {
    let typed = "pilotlightctl \(name.rawValue) \(chosen) --reason \(shellQuoted(why.reason))\(flags)"
    let fault = confirm == nil ? "not confirmed" : "--confirm names another workload"
    throw Ending.usage("\(fault), nothing is done; to go on, type: \(typed) --confirm \(chosen)")
  }
  var order = OrderRequest(workload: chosen, order: name, reason: why.reason, confirm: chosen)
  fill(&order)
  print(printable(try await client.order(order), limit: 4000))
}

/// Fit to be pasted into a shell.
func shellQuoted(_ text: String) -> String {
  "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
}
