import Foundation
import PilotlightConfiguration
import PilotlightCore
import PilotlightEngine
import PilotlightScenarios
import PilotlightSimulation
import Testing

/// Files of the repository the tests read.
enum Files {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let shipped = root.appending(path: "config/scenarios")

  static func text(_ url: URL) throws -> String { try String(contentsOf: url, encoding: .utf8) }
}

/// What is printed for a broken file; empty for a good one.
func printed(_ result: Result<ScenarioFile, ConfigurationErrors>) -> String {
  switch result {
  case .success: ""
  case .failure(let errors): errors.description
  }
}

/// A scenario that is shipped.
func shipped(_ name: String) throws -> ScenarioFile {
  try ScenarioFile.load(path: Files.shipped.appending(path: "\(name).yaml").path()).get()
}

/// The configuration that is shipped, in mode automatic.
func exampleWorkloads() throws -> [WorkloadSettings] {
  let path = Files.root.appending(path: "config/pilotlight.yaml").path()
  return try Configuration.load(path: path).get().workloads.map { settings in
    var settings = settings
    settings.mode = .automatic
    return settings
  }
}

/// A scenario on workloads, which it happens to the first of.
func play(
  _ file: ScenarioFile, on workloads: [WorkloadSettings], seed: UInt64 = 1, recording: Bool = false
) throws -> Exercise {
  Exercise.run(
    file.scenario(for: try #require(workloads.first)), workloads: workloads,
    brakes: Brakes(maximum: 1, window: .hours(1)), engine: file.engine, operatorAfter: file.operatorAfter, seed: seed,
    recording: recording)
}
