// The operator's programs among the steps: asked like the cloud, run on this host.

import PilotlightCore
import PilotlightProbes

/// Runs a step's program and says how it ended.
func runProgram(_ call: CommandCall, on line: TimeLine) async -> CloudReply {
  let end = await withCheckedContinuation { continuation in
    Program.run(call, timeout: call.timeout / line.speed) { continuation.resume(returning: $0) }
  }
  switch end {
  case .exited(0, let text): return .accepted(receipt: text)
  case .exited(let code, let text):
    return .failed(
      CloudFailure(.invalid, code: "exit status \(code)", message: text.isEmpty ? "it printed nothing" : text))
  case .killed, .tookTooLong, .notStarted:
    return .failed(CloudFailure(.invalid, code: "no answer", message: end.fault ?? ""))
  }
}
