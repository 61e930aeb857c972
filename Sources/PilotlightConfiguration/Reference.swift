// The reference of every key, printed from the declarations that parse the file.

/// Every declaration of the configuration's schema, in the order of the file.
func declarations() -> [Declaration] { FileKind.configuration.declarations() }

/// The reference as Markdown; `config/REFERENCE.md` is this text.
package func configurationReference() -> String {
  """
  # Configuration reference

  Generated from the declarations in `Sources/PilotlightConfiguration`, where each key is declared once; do not edit
  it by hand. `config/pilotlight.yaml` is an example with every key in it.

  The file is YAML, UTF-8, at most 1 MB. Unknown keys are errors. Durations are whole numbers with a unit: `500ms`,
  `5s`, `30m`, `1h`, `7d`, or several, `1h30m`; a bare number is an error. Anchors, aliases and merge keys (`<<`)
  work. A list of one may be written as a single value. `pilotlightd --config FILE --check` prints every mistake as
  `file:line: …`.

  """ + FileKind.configuration.tables
}

extension FileKind {
  /// One Markdown table for each mapping of the schema.
  package var tables: String {
    let all = declarations()
    let twins = all.filter { $0.twin != nil }.map { $0.path + "." }
    let shown = all.filter { declaration in !twins.contains { declaration.path.hasPrefix($0) } }
    var mappings: [String] = []
    for declaration in shown where !declaration.isMapping && !mappings.contains(declaration.parent) {
      mappings.append(declaration.parent)
    }
    var text = ""
    for mapping in mappings {
      text += heading(mapping, all)
      for declaration in shown where declaration.parent == mapping && !declaration.isMapping {
        text += row(declaration)
      }
    }
    return text
  }
}

private func row(_ declaration: Declaration) -> String {
  let cells = ["`\(declaration.key)`", declaration.typeText, declaration.needText, cell(declaration.meaning)]
  return "| \(cells.joined(separator: " | ")) |\n"
}

private func heading(_ path: String, _ all: [Declaration]) -> String {
  var text = path.isEmpty ? "\n## At the top of the file\n\n" : "\n## `\(path)`\n\n"
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
