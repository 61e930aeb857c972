// YAML -> a scenario, all or nothing, with the errors of the configuration. A scenario speaks of roles, the primary and the DR region, and
// of nothing that has a name: it becomes events of a simulated world only together with a workload of somebody's configuration.

package import PilotlightConfiguration
package import PilotlightCore
package import PilotlightSandbox
package import PilotlightSimulation

/// A scenario without a mistake in it.
package struct ScenarioFile: Sendable {
  /// Shown above the timeline.
  package var name: String
  /// How long the world is watched.
  package var duration: Duration
  /// What the databases run.
  package var engine: SandboxEngine
  /// An operator who follows the daemon's advice comes this long after a warning; nil: nobody does.
  package var operatorAfter: Duration?
  var events: [Event]

  /// One thing that happens.
  struct Event: Sendable {
    /// Since the beginning.
    var at: Duration
    /// nil: to the end.
    var lasting: Duration?
    /// What it is for a workload; nil stands for what could not be read, and never leaves this module.
    var what: (@Sendable (WorkloadSettings) -> Occurrence)?
  }

  /// The scenario as it befalls `workload`. What it does to a region befalls everything there.
  package func scenario(for workload: WorkloadSettings) -> Scenario {
    let entries = events.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
    return Scenario(
      name: name,
      entries: entries.compactMap { _, event in
        event.what.map { Scenario.Entry(at: event.at, $0(workload), lasting: event.lasting) }
      }, duration: duration)
  }

  /// Reads and checks a file of at most 1 MB of UTF-8.
  package static func load(path: String) -> Result<ScenarioFile, ConfigurationErrors> {
    let findings = Findings(file: path, kind: kind)
    guard let text = findings.text(ofFile: path) else { return .failure(findings.failure) }
    return read(text, findings: findings)
  }

  /// Checks the text of a file. `file` is the name that errors show. Pure.
  package static func parse(_ yaml: String, file: String) -> Result<ScenarioFile, ConfigurationErrors> {
    read(yaml, findings: Findings(file: file, kind: kind))
  }

  private static func read(_ text: String, findings: Findings) -> Result<ScenarioFile, ConfigurationErrors> {
    guard let file = findings.read(text, readScenario), findings.errors.isEmpty else {
      return .failure(findings.failure)
    }
    return .success(file)
  }

  static let kind = FileKind(noun: "scenario", mainKey: "events") { _ = readScenario($0) }
}

/// The reference as Markdown; `config/SCENARIOS.md` is this text.
package func scenarioReference() -> String {
  """
  # Scenario reference

  Generated from the declarations in `Sources/PilotlightScenarios`, where each key is declared once; do not edit it by
  hand. `config/scenarios` holds scenarios to begin with; `pilotlightctl simulate SCENARIO --config FILE` plays one on a
  configuration of yours.

  A scenario is YAML in the manner of the configuration: UTF-8, at most 1 MB, unknown keys are errors, durations have a
  unit (`90s`, `5m`, `1h30m`), and every mistake is told as `file:line: …`. It speaks of the roles `primary` and `dr`
  alone, so it applies to any configuration. What befalls a region befalls every workload in it; everything else befalls
  the workload that `--workload` names. Each event has exactly one key beside `at` and `lasting`.

  What is not in a scenario goes as AWS lets it go, drawn from the seed: an instance is in service after 30 to 70 s and
  its application ready 2 to 5 min later, a promotion takes 5 to 10 min, a cross-region replica 20 to 45 min, the switch
  object is followed within 30 to 90 s, users follow DNS within its TTL. The world's first moment is a healthy one.

  """ + ScenarioFile.kind.tables
}
