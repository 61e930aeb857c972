// YAML -> settings, all or nothing. `parse` is pure: the same text gives the same answer at start, in `--check` and at
// every reload, and nothing is looked up on the network.

package import PilotlightCore

#if canImport(Glibc)
  import Glibc
#endif

/// A configuration without a mistake in it.
package struct Configuration: Equatable, Sendable {
  package var daemon: DaemonSettings
  /// At least one; names are unique.
  package var workloads: [WorkloadSettings]
  /// Things that are allowed and probably not meant, by line; to be shown at start and by `--check`.
  package var warnings: [ConfigurationError]

  package init(daemon: DaemonSettings, workloads: [WorkloadSettings], warnings: [ConfigurationError] = []) {
    self.daemon = daemon
    self.workloads = workloads
    self.warnings = warnings
  }

  /// Reads and checks a file of at most 1 MB of UTF-8. Files it names (certificate authorities, programs) that cannot be used are
  /// warnings.
  package static func load(path: String) -> Result<Configuration, ConfigurationErrors> {
    let findings = Findings(file: path)
    guard let text = findings.text(ofFile: path) else { return .failure(findings.failure) }
    return read(text, findings: findings) { access($0, $1 == .read ? R_OK : X_OK) == 0 }
  }

  /// Checks the text of a file. `file` is the name that errors show. Pure.
  package static func parse(_ yaml: String, file: String) -> Result<Configuration, ConfigurationErrors> {
    read(yaml, findings: Findings(file: file)) { _, _ in true }
  }

  private static func read(
    _ text: String, findings: Findings, mayUse: (String, FileUse) -> Bool
  ) -> Result<Configuration, ConfigurationErrors> {
    guard let (daemon, workloads) = findings.read(text, readConfiguration) else { return .failure(findings.failure) }
    checkAcross(workloads, findings: findings)
    guard findings.errors.isEmpty else { return .failure(findings.failure) }
    warn(daemon, workloads, findings: findings, mayUse: mayUse)
    return .success(
      Configuration(daemon: daemon, workloads: workloads, warnings: findings.sorted(findings.warnings)))
  }
}
