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

  /// Reads and checks a file of at most 1 MB of UTF-8. Files it names (certificate authorities) that do not exist are
  /// warnings.
  package static func load(path: String) -> Result<Configuration, ConfigurationErrors> {
    let findings = Findings(file: path)
    guard let text = readText(path, findings: findings) else { return .failure(findings.failure) }
    return read(text, findings: findings) { access($0, R_OK) == 0 }
  }

  /// Checks the text of a file. `file` is the name that errors show. Pure.
  package static func parse(_ yaml: String, file: String) -> Result<Configuration, ConfigurationErrors> {
    read(yaml, findings: Findings(file: file)) { _ in true }
  }

  private static func read(
    _ text: String, findings: Findings, isReadable: (String) -> Bool
  ) -> Result<Configuration, ConfigurationErrors> {
    guard let tree = Document.read(text, findings: findings) else { return .failure(findings.failure) }
    guard case .mapping(let entries) = tree.value else {
      let problem = tree.isEmpty ? "the file is empty" : "the file \(tree.sayingKind)"
      findings.error(tree.line, "", "\(problem), expected a mapping with `workloads`")
      return .failure(findings.failure)
    }
    let root = Section(path: "", line: tree.line, entries: entries, findings: findings)
    let (daemon, workloads) = readConfiguration(root)
    root.finish()
    checkAcross(workloads, findings: findings)
    guard findings.errors.isEmpty else { return .failure(findings.failure) }
    warn(daemon, workloads, findings: findings, isReadable: isReadable)
    return .success(
      Configuration(daemon: daemon, workloads: workloads, warnings: findings.sorted(findings.warnings)))
  }
}

extension Findings {
  /// What was found, as the failure that is returned.
  var failure: ConfigurationErrors { ConfigurationErrors(errors: sorted(errors)) }
}

/// The file as text; nil when the findings say why not. Never waits on a pipe and never reads more than the limit.
private func readText(_ path: String, findings: Findings) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else {
    findings.error(1, "", "the file cannot be opened: \(String(cString: strerror(errno)))")
    return nil
  }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
    findings.error(1, "", "is not a regular file")
    return nil
  }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  while bytes.count <= Document.maximumBytes {
    let count = Glibc.read(descriptor, &chunk, chunk.count)
    if count < 0, errno == EINTR { continue }
    if count < 0 {
      findings.error(1, "", "the file cannot be read: \(String(cString: strerror(errno)))")
      return nil
    }
    if count == 0 { return decode(bytes, findings: findings) }
    bytes += chunk.prefix(count)
  }
  findings.error(1, "", "the file is larger than \(Document.maximumBytes) bytes")
  return nil
}

private func decode(_ bytes: [UInt8], findings: Findings) -> String? {
  if let text = String(validating: bytes, as: UTF8.self) { return text }
  if bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE]) {
    findings.error(1, "", "the file is UTF-16, expected UTF-8")
    return nil
  }
  let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
  let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
  findings.error(bad + 1, "", "bytes that are not UTF-8")
  return nil
}
