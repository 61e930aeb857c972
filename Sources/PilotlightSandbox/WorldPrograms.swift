// The programs of operators: what they did is remembered by their arguments, and one that ends in `undo` takes back what the others did.

import PilotlightCore

extension SandboxWorld {
  /// Runs for a second or so, on the daemon's own host: no fault of the cloud concerns it.
  mutating func runProgram(_ call: CommandCall) -> (reply: CloudReply, latency: Duration) {
    let took = Duration.nanoseconds(random.between(100_000_000, 2 * second))
    let workload = call.environment["PILOTLIGHT_WORKLOAD"] ?? ""
    if faultSet.contains(.commandsFail(workload: workload)) {
      return (failed(.invalid, "exit status 1", "the program is not in the mood"), took)
    }
    let (what, isUndo) = (call.command.dropLast().joined(separator: " "), call.command.last == "undo")
    if isUndo { programs.remove("\(workload) \(what)") } else { programs.insert("\(workload) \(what)") }
    return (.accepted(receipt: isUndo ? "taken back" : "done"), took)
  }

  /// What programs of this workload did and did not take back, each as its arguments but for the last.
  package func programs(of workload: String) -> [String] {
    programs.filter { $0.hasPrefix(workload + " ") }.map { String($0.dropFirst(workload.count + 1)) }.sorted()
  }
}
