// The operator's programs among the steps: asked like the cloud, run on this host, each once at a time.

import PilotlightCore
import PilotlightProbes

actor Programs {
  private struct Running {
    let call: CommandCall
    let program: Program
    let end: Task<CloudReply, Never>
  }
  private let line: TimeLine
  /// By workload and step.
  private var running: [String: Running] = [:]

  init(_ line: TimeLine) { self.line = line }

  /// Runs a step's program and says how it ended. Asked again while it runs, the answer is that of the one that runs; asked for another
  /// one of the same step, which takes it back, the first is ended.
  func run(_ call: CommandCall) async -> CloudReply {
    let key = [call.environment["PILOTLIGHT_WORKLOAD"], call.environment["PILOTLIGHT_STEP"]].map { $0 ?? "" }
      .joined(separator: " ")
    while let known = running[key] {
      let isSame =
        known.call.command == call.command
        && known.call.environment["PILOTLIGHT_INCIDENT"] == call.environment["PILOTLIGHT_INCIDENT"]
      if isSame { return await known.end.value }
      known.program.kill()
      _ = await known.end.value
      // Whoever began it may not have had his turn yet.
      forget(known.program, key)
    }
    let program = Program(call, timeout: call.timeout / line.speed)
    let end = Task { await Programs.reply(program) }
    running[key] = Running(call: call, program: program, end: end)
    let reply = await end.value
    forget(program, key)
    return reply
  }

  private func forget(_ program: Program, _ key: String) {
    if running[key]?.program === program { running[key] = nil }
  }

  /// Ends what runs for a workload.
  func end(of workload: String) {
    for (key, one) in running where key.hasPrefix("\(workload) ") { one.program.kill() }
  }

  private static func reply(_ program: Program) async -> CloudReply {
    let end = await withCheckedContinuation { continuation in program.run { continuation.resume(returning: $0) } }
    switch end {
    case .exited(0, let text): return .accepted(receipt: text)
    case .exited(let code, let text):
      return .failed(
        CloudFailure(.invalid, code: "exit status \(code)", message: text.isEmpty ? "it printed nothing" : text))
    case .killed, .tookTooLong: return .failed(CloudFailure(.invalid, code: "not finished", message: end.fault ?? ""))
    case .notStarted(let why): return .failed(CloudFailure(.invalid, code: "not started", message: why))
    }
  }
}
