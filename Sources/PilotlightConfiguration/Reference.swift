// The reference of every key, printed from the declarations that parse the file.

/// Every declaration of the schema, in the order of the file.
func declarations() -> [Declaration] {
  let catalogue = Catalogue()
  let root = Section(
    path: "", line: 1, entries: [], findings: Findings(file: ""), isMuted: true, catalogue: catalogue)
  _ = readConfiguration(root)
  return catalogue.declarations
}

/// Where each key may stand, for keys that stand in the wrong mapping; `primary` speaks for its twin `dr`.
let homes: [String: String] = {
  let all = declarations()
  return Dictionary(all.map { ($0.key, $0.parent) }, uniquingKeysWith: { first, _ in first })
}()

/// The reference as Markdown; `config/REFERENCE.md` is this text.
package func configurationReference() -> String {
  let all = declarations()
  let twins = all.filter { $0.twin != nil }.map { $0.path + "." }
  let shown = all.filter { declaration in !twins.contains { declaration.path.hasPrefix($0) } }
  var text = """
    # Configuration reference

    Generated from the declarations in `Sources/PilotlightConfiguration`, where each key is declared once; do not edit
    it by hand. `config/pilotlight.yaml` is an example with every key in it.

    The file is YAML, UTF-8, at most 1 MB. Unknown keys are errors. Durations are whole numbers with a unit: `500ms`,
    `5s`, `30m`, `1h`, `7d`, or several, `1h30m`; a bare number is an error. Anchors, aliases and merge keys (`<<`)
    work. A list of one may be written as a single value. `pilotlightd --config FILE --check` prints every mistake as
    `file:line: …`.

    """
  var mappings: [String] = []
  for declaration in shown where !declaration.isMapping && !mappings.contains(declaration.parent) {
    mappings.append(declaration.parent)
  }
  for mapping in mappings {
    text += heading(mapping, all)
    for declaration in shown where declaration.parent == mapping && !declaration.isMapping { text += row(declaration) }
  }
  return text
}

private func row(_ declaration: Declaration) -> String {
  let cells = ["`\(declaration.key)`", declaration.typeText, declaration.needText, cell(declaration.meaning)]
  return "| \(cells.joined(separator: " | ")) |\n"
}

private func heading(_ path: String, _ all: [Declaration]) -> String {
  var text = "\n## `\(path)`\n\n"
  if let declaration = all.first(where: { $0.path == path || $0.path + "[]" == path }) {
    text += "\(declaration.meaning) \(declaration.sectionNeed)\n\n"
    if let twin = all.first(where: { $0.twin == declaration.key && $0.parent == declaration.parent }) {
      text += "`\(twin.path)` has the same keys: \(twin.meaning.prefix(1).lowercased())\(twin.meaning.dropFirst())\n\n"
    }
  }
  return text + "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"
}

private func cell(_ text: String) -> String { text.split(separator: "|").joined(separator: "\\|") }

extension Declaration {
  var isMapping: Bool { kind == "mapping" || kind == "list of mappings" }

  /// The path of the mapping the key is in.
  var parent: String { String(path.dropLast(key.count + 1)) }

  var typeText: String { range.map { "\(kind), \(cell($0))" } ?? kind }

  var needText: String {
    switch need {
    case .required: "required"
    case .fallback(let value): "`\(value)`"
    case .absent(let words): cell(words)
    }
  }

  var sectionNeed: String {
    let count = range.map { ", \($0)" } ?? ""
    switch need {
    case .required: return "Required\(count)."
    case .fallback(let value): return "Default `\(value)`\(count)."
    case .absent(let words): return "Optional\(count); without it, \(words)."
    }
  }
}
