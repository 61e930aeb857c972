// The idea: reading a mapping *is* its declaration. A function takes a `Section` and asks it for each key once, naming
// kind, default and meaning; over a real mapping that reads and checks, over a describing one it writes the reference
// down. So parser, unknown-key check and reference cannot disagree, and a new key is one line:
//
//     rto: section.required("rto", .duration(.minutes(1)...(.hours(24))), "Outage start to service restored.")
//
// A mistake is noted and a placeholder returned, so that one pass finds every mistake; findings are looked at in the
// end.

/// One mapping of the file that is being read, or described.
package final class Section {
  package let path: String
  package let findings: Findings
  private let line: Int
  private let entries: [Tree.Entry]
  private let catalogue: Catalogue?
  /// Missing keys say nothing: the whole section is missing and has been reported, or is only described.
  private let isMuted: Bool
  private var known: [String] = []

  init(
    path: String, line: Int, entries: [Tree.Entry], findings: Findings, isMuted: Bool = false,
    catalogue: Catalogue? = nil
  ) {
    self.path = path
    self.line = line
    self.entries = entries
    self.findings = findings
    self.isMuted = isMuted
    self.catalogue = catalogue
  }

  /// True when the schema is only run to be written down.
  package var isDescribing: Bool { catalogue != nil }

  package func path(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  // MARK: Values

  package func required<Value>(_ key: String, _ kind: Kind<Value>, _ meaning: String) -> Value {
    note(key, kind, .required, meaning)
    guard let entry = entry(key) else {
      missing(key, expected: kind.expected)
      return kind.placeholder
    }
    return read(entry, kind) ?? kind.placeholder
  }

  package func optional<Value>(_ key: String, _ kind: Kind<Value>, default fallback: Value, _ meaning: String) -> Value
  {
    note(key, kind, .fallback(kind.show(fallback)), meaning)
    return entry(key).map { read($0, kind) ?? fallback } ?? fallback
  }

  /// `absent` says what happens, or which value is taken, when the key is not written.
  package func optional<Value>(_ key: String, _ kind: Kind<Value>, absent: String, _ meaning: String) -> Value? {
    note(key, kind, .absent(absent), meaning)
    return entry(key).flatMap { read($0, kind) }
  }

  // MARK: Mappings and lists

  /// A mapping that must be written.
  package func section<Value>(
    _ key: String, sameAs twin: String? = nil, _ meaning: String, _ body: (Section) -> Value
  ) -> Value {
    declare(key, "mapping", .required, meaning, twin: twin)
    guard let entry = entry(key) else {
      missing(key, expected: "a mapping")
      return child(key, body)
    }
    return descend(entry, body)
  }

  /// A mapping whose keys all have defaults.
  package func defaulted<Value>(
    _ key: String, sameAs twin: String? = nil, _ meaning: String, _ body: (Section) -> Value
  ) -> Value {
    declare(key, "mapping", .absent("every key at its default"), meaning, twin: twin)
    guard let entry = entry(key) else { return child(key, body) }
    return descend(entry, body)
  }

  /// A mapping that may be left out altogether.
  package func optional<Value>(
    _ key: String, absent: String, _ meaning: String, _ body: (Section) -> Value
  ) -> Value? {
    declare(key, "mapping", .absent(absent), meaning)
    if catalogue != nil { return child(key, body) }
    return entry(key).map { descend($0, body) }
  }

  /// A list of mappings.
  package func list<Value>(
    _ key: String, _ need: Need, _ count: ClosedRange<Int>, _ meaning: String, _ body: (Section) -> Value
  ) -> [Value] {
    declare(key, "list of mappings", need, meaning, range: "\(count.lowerBound) to \(count.upperBound) items")
    if catalogue != nil { return [child(key + "[]", body)] }
    guard let entry = entry(key) else {
      if case .required = need { missing(key, expected: "a list") }
      return []
    }
    guard case .list(let items) = entry.tree.value else {
      findings.error(entry.line, path(key), "\(entry.tree.sayingKind), expected a list (`- key: …`)")
      return []
    }
    if !count.contains(items.count) {
      let found = items.isEmpty ? "is empty" : "has \(items.count) items"
      findings.error(entry.line, path(key), "\(found), expected \(count.lowerBound) to \(count.upperBound) items")
    }
    return items.enumerated().map { index, item in
      descend(Tree.Entry(key: "\(key)[\(index)]", line: item.line, tree: item), body)
    }
  }

  /// Reports that none of these keys is written, or more than one of them. `lack` says what it means to write none.
  package func refuseChoice(among keys: [String], lack: String) {
    if isMuted { return }
    let written = keys.compactMap(entry).sorted { $0.line < $1.line }
    let choice = "expected exactly one of \(keys.map { "`\($0)`" }.joined(separator: ", "))"
    guard let last = written.last, written.count > 1 else {
      // A misspelt key is told as such.
      let isMisspelt = entries.contains { !known.contains($0.key) && nearest($0.key, among: keys) != nil }
      if !isMisspelt, written.allSatisfy({ !findings.isBroken(path($0.key)) }) {
        findings.error(line, path, "\(lack), \(choice)")
      }
      return
    }
    let places = written.map { "`\($0.key)` on line \($0.line)" }.joined(separator: " and ")
    findings.error(last.line, path, "has \(places), \(choice)")
  }

  /// Reports the keys that nobody asked for. Called once, when everything was asked.
  func finish() {
    let unknown = entries.filter { !known.contains($0.key) }
    for entry in unknown.prefix(Self.shownUnknownKeys) {
      findings.error(entry.line, path(shown(entry.key)), "unknown key, \(hint(for: entry.key))")
    }
    if let next = unknown.dropFirst(Self.shownUnknownKeys).first {
      findings.error(next.line, path, "\(unknown.count - Self.shownUnknownKeys) more unknown keys")
    }
  }

  // MARK: Inside

  /// More in one mapping than anyone misspells: another kind of file.
  private static let shownUnknownKeys = 30

  private func hint(for key: String) -> String {
    if let name = nearest(key, among: known) { return "did you mean `\(name)`?" }
    if let place = findings.kind.home(of: key) {
      return place.isEmpty ? "it belongs at the top of the file" : "it belongs in `\(place)`"
    }
    return "expected one of: \(known.sorted().joined(separator: ", "))"
  }

  private func shown(_ key: String) -> String { String(quoted(key).dropFirst().dropLast()) }

  private func entry(_ key: String) -> Tree.Entry? { entries.first { $0.key == key } }

  private func missing(_ key: String, expected: String) {
    if isMuted { return }
    findings.error(line, path(key), "missing, expected \(expected)")
  }

  private func read<Value>(_ entry: Tree.Entry, _ kind: Kind<Value>) -> Value? {
    let path = path(entry.key)
    findings.seen(path, line: entry.line)
    return kind.read(entry.tree) { mistake in
      findings.error(mistake.line ?? entry.line, path + mistake.place, mistake.problem)
    }
  }

  private func descend<Value>(_ entry: Tree.Entry, _ body: (Section) -> Value) -> Value {
    let path = path(entry.key)
    findings.seen(path, line: entry.line)
    let entries: [Tree.Entry]
    switch entry.tree.value {
    case .mapping(let found): entries = found
    // All its keys commented out: as good as an empty mapping.
    case .empty: entries = []
    case .text, .list:
      findings.error(entry.line, path, "\(entry.tree.sayingKind), expected a mapping (`key: value` lines)")
      return child(entry.key, body)
    }
    let section = Section(path: path, line: entry.line, entries: entries, findings: findings)
    let value = body(section)
    section.finish()
    return value
  }

  /// Runs the body over nothing: defaults and placeholders, no complaints.
  private func child<Value>(_ key: String, _ body: (Section) -> Value) -> Value {
    body(
      Section(
        path: path(key), line: line, entries: [], findings: findings, isMuted: true, catalogue: catalogue))
  }

  private func note<Value>(_ key: String, _ kind: Kind<Value>, _ need: Need, _ meaning: String) {
    declare(key, kind.name, need, meaning, range: kind.range)
  }

  private func declare(
    _ key: String, _ kind: String, _ need: Need, _ meaning: String, range: String? = nil, twin: String? = nil
  ) {
    known.append(key)
    catalogue?.add(
      Declaration(path: path(key), kind: kind, range: range, need: need, meaning: meaning, twin: twin))
  }
}

/// Whether a key must be written, and what holds when it is not.
package enum Need: Equatable, Sendable {
  case required
  /// The default, as it would be written in the file.
  case fallback(String)
  /// What happens without the key, in words.
  case absent(String)
}

/// One key, as the reference prints it.
package struct Declaration: Equatable, Sendable {
  /// `workloads[].primary.alb.url`.
  package var path: String
  var kind: String
  var range: String?
  var need: Need
  package var meaning: String
  /// For a mapping with the same keys as another one: the other's name.
  var twin: String?

  /// The last part of the path.
  var key: String { path.split(separator: ".").last.map(String.init) ?? path }
}

/// Collects declarations while the schema is run over nothing.
final class Catalogue {
  private(set) var declarations: [Declaration] = []
  func add(_ declaration: Declaration) { declarations.append(declaration) }
}

/// The known key closest to a misspelt one: same letters in another spelling, or at most two slips away.
func nearest(_ word: String, among candidates: [String]) -> String? {
  func plain(_ text: String) -> [Character] { text.lowercased().filter { $0 != "_" && $0 != "-" } }
  guard word.count <= 40 else { return nil }
  let target = plain(word)
  let ranked = candidates.map { (name: $0, distance: editDistance(target, plain($0))) }
  guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
  return best.distance <= min(2, max(1, best.name.count / 3)) ? best.name : nil
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var before: [Int] = []
  var previous = Array(0...b.count)
  for i in a.indices {
    var row = [i + 1]
    for j in b.indices {
      var best = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
      row.append(best)
    }
    (before, previous) = (previous, row)
  }
  return previous[b.count]
}
