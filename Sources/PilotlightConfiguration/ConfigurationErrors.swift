// What is wrong with a configuration: every mistake at once, each on one line that names file, line and key, so that an
// editor jumps there and nobody has to mend and retry a dozen times.

/// One thing wrong (or odd) in a configuration file.
package struct ConfigurationError: Equatable, Sendable, CustomStringConvertible {
  package var file: String
  /// 1 for the first line; faults of the whole file are at line 1.
  package var line: Int
  /// The key's path, e.g. `workloads[0].objectives.rto`; empty for faults of the whole file.
  package var path: String
  /// What is wrong and what was expected, one line, control characters escaped.
  package var problem: String

  /// `file:line: path.to.key: what is wrong, what was expected`.
  package var description: String {
    path.isEmpty ? "\(file):\(line): \(problem)" : "\(file):\(line): \(escaped(path, limit: 200)): \(problem)"
  }
}

/// Everything wrong in a configuration file, in the order of its lines; never empty.
package struct ConfigurationErrors: Error, Equatable, Sendable, CustomStringConvertible {
  package var errors: [ConfigurationError]

  /// One error a line, without a final newline.
  package var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// Collects what one pass over a file finds: errors, warnings, and on which line each key stands.
package final class Findings {
  let file: String
  let kind: FileKind
  package private(set) var errors: [ConfigurationError] = []
  private(set) var warnings: [ConfigurationError] = []
  /// Lines of the keys that were written, by path.
  private var lines: [String: Int] = [:]
  private var broken: Set<String> = []

  package init(file: String, kind: FileKind = .configuration) {
    self.file = file
    self.kind = kind
  }

  package func error(_ line: Int, _ path: String, _ problem: String) {
    broken.insert(path)
    errors.append(ConfigurationError(file: file, line: line, path: path, problem: problem))
  }

  /// An error about how keys fit together: none of them becomes unreadable by it.
  package func note(_ line: Int, _ path: String, _ problem: String) {
    errors.append(ConfigurationError(file: file, line: line, path: path, problem: problem))
  }

  func warning(_ path: String, _ problem: String) {
    warnings.append(ConfigurationError(file: file, line: line(of: path), path: path, problem: problem))
  }

  func seen(_ path: String, line: Int) { lines[path] = line }

  /// The line of a key, or of the nearest mapping around it when the key itself was not written.
  package func line(of path: String) -> Int {
    outward(path).lazy.compactMap { self.lines[$0] }.first ?? 1
  }

  package func isWritten(_ path: String) -> Bool { lines[path] != nil }

  /// True when the key, or a mapping around it, already has an error: what was read is a placeholder.
  package func isBroken(_ path: String) -> Bool {
    !broken.isEmpty && outward(path).contains(where: broken.contains)
  }

  /// Everything found, by line; faults of one line stay in the order in which they were found.
  func sorted(_ found: [ConfigurationError]) -> [ConfigurationError] {
    found.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
  }
}

/// The path, then that of each mapping or list around it: `a[0].b`, `a[0]`, `a`.
private func outward(_ path: String) -> [String] {
  let ends = path.indices.filter { path[$0] == "." || path[$0] == "[" }
  return [path] + ends.reversed().map { String(path[..<$0]) }
}

/// Text from a file as it may be shown: quoted, on one line, at most 60 characters.
func quoted(_ text: String) -> String { "`\(escaped(text, limit: 60))`" }

/// The first `limit` characters, each of them visible: a key may hold a tab as well as a value may.
private func escaped(_ text: String, limit: Int) -> String {
  let shown = text.unicodeScalars.prefix(limit).map { scalar -> String in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
      "\\u{\(String(scalar.value, radix: 16))}"
    default: String(scalar)
    }
  }
  return shown.joined() + (text.unicodeScalars.count > limit ? "…" : "")
}
