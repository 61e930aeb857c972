// The files that people write: anything at all comes in, settings or errors with a place come out.

import PilotlightConfiguration
import PilotlightScenarios
import PilotlightSimulation

func readConfiguration(_ bytes: [UInt8]) -> String? {
  switch Configuration.parse(String(decoding: bytes, as: UTF8.self), file: "fuzz.yaml") {
  case .success: nil
  case .failure(let errors): fault(in: errors)
  }
}

func readScenario(_ bytes: [UInt8]) -> String? {
  switch ScenarioFile.parse(String(decoding: bytes, as: UTF8.self), file: "fuzz.yaml") {
  case .success(let file):
    let scenario = file.scenario(for: .reference())
    let isInOrder = zip(scenario.entries, scenario.entries.dropFirst()).allSatisfy { $0.at <= $1.at }
    return isInOrder && scenario.entries.allSatisfy { $0.at < scenario.duration } ? nil : "events out of time"
  case .failure(let errors): return fault(in: errors)
  }
}

private func fault(in errors: ConfigurationErrors) -> String? {
  guard !errors.errors.isEmpty else { return "refused without a reason" }
  for line in errors.errors.map(\.description) {
    if !line.hasPrefix("fuzz.yaml:") { return "an error without its place: \(line)" }
    if line.unicodeScalars.contains(where: { $0.value < 32 }) { return "an error that is not one line: \(line)" }
  }
  return nil
}
