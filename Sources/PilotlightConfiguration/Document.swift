// Text -> Tree. The file is written by hand in a hurry, or is not a configuration at all, so this is where hostile and
// broken input stops: size, encoding, tabs, depth, alias bombs. Anchors, aliases and merge keys (`<<`) work, within
// bounds.

import Yams

/// Turns the text of one file into a `Tree`, or into findings.
struct Document {
  /// More is no configuration: 1 MB holds several hundred workloads.
  static let maximumBytes = 1 << 20
  /// Our deepest key is 7 levels down.
  static let maximumDepth = 32
  /// Values after aliases are followed; ten times what fits into the largest file as real keys.
  static let maximumValues = 200_000
  /// A file with more duplicate keys than this is told of the first ones only.
  private static let maximumDuplicates = 8
  /// Bytes that are read again for the sake of duplicates: all eight of a real file, two of the largest.
  private static let maximumReread = 2 << 20

  private let findings: Findings
  private var values = 0

  private init(findings: Findings) { self.findings = findings }

  /// nil when the findings say why there is no tree.
  static func read(_ text: String, findings: Findings) -> Tree? {
    var text = text
    text.makeContiguousUTF8()
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
    guard text.utf8.count <= maximumBytes else {
      findings.error(1, "", "the file has \(text.utf8.count) bytes, expected at most \(maximumBytes)")
      return nil
    }
    if let line = AliasGuard.lineOfBadKey(text) {
      findings.error(line, "", "an alias, a list or a mapping as a key, expected plain text")
      return nil
    }
    guard let node = compose(text, findings: findings) else { return nil }
    var document = Document(findings: findings)
    return document.convert(node, path: "", depth: 0)
  }

  // MARK: YAML

  /// Yams gives up at the first duplicate key. To tell all mistakes in one go, each duplicate it names is made unique
  /// with a mark in front, and the text is read again; `convert` takes the mark off and reports the key.
  private static func compose(_ text: String, findings: Findings) -> Node? {
    var text = text
    for duplicate in 0...maximumDuplicates {
      do {
        // Yams hands libyaml a pointer that a string short enough to live inline would not keep alive.
        let padded = text.utf8.count < 32 ? text + String(repeating: "\n", count: 32) : text
        guard let node = try Yams.compose(yaml: padded, .basic, .default, .utf8) else {
          findings.error(1, "", "the file is empty, expected a mapping with `\(findings.kind.mainKey)`")
          return nil
        }
        return node
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        guard duplicate < maximumDuplicates, duplicate * text.utf8.count < maximumReread,
          let marked = mark(text, at: context.mark, number: duplicate)
        else {
          let names = keys.map(quoted).joined(separator: ", ")
          findings.error(context.mark.line, "", "duplicate key \(names), expected each key once")
          return nil
        }
        text = marked
      } catch {
        let (line, problem) = explain(error, in: text, kind: findings.kind)
        findings.error(min(line, lineCount(text)), "", problem)
        return nil
      }
    }
    return nil
  }

  /// Lines of the file as it was written: short texts are padded, and an open bracket is noticed at the end of the padding.
  private static func lineCount(_ text: String) -> Int {
    let breaks = text.count(where: \.isNewline)
    return text.last?.isNewline ?? false ? breaks : breaks + 1
  }

  /// Inserts the duplicate mark before the key at `mark`; nil when there is no plain or quoted key.
  private static func mark(_ text: String, at mark: Mark, number: Int) -> String? {
    var scalars = text.unicodeScalars
    guard var index = position(of: mark, in: scalars), index < scalars.endIndex else { return nil }
    if "&!*?[{".unicodeScalars.contains(scalars[index]) { return nil }
    if scalars[index] == "\"" || scalars[index] == "'" { index = scalars.index(after: index) }
    guard let sign = Unicode.Scalar(duplicateMarks.lowerBound + UInt32(number)) else { return nil }
    scalars.insert(sign, at: index)
    return String(scalars)
  }

  /// Private-use characters that no key of ours begins with.
  private static let duplicateMarks: ClosedRange<UInt32> = 0xE000...(0xE000 + UInt32(maximumDuplicates))

  private static func position(of mark: Mark, in scalars: String.UnicodeScalarView) -> String.Index? {
    var index = scalars.startIndex
    var line = 1
    while line < mark.line, index < scalars.endIndex {
      let scalar = scalars[index]
      index = scalars.index(after: index)
      if scalar == "\r", index < scalars.endIndex, scalars[index] == "\n" { index = scalars.index(after: index) }
      // The line breaks libyaml counts.
      if ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar) { line += 1 }
    }
    return scalars.index(index, offsetBy: mark.column - 1, limitedBy: scalars.endIndex)
  }

  private static func explain(
    _ error: any Error, in text: String, kind: FileKind
  ) -> (line: Int, problem: String) {
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _),
      YamlError.composer(let context, let problem, let mark, _):
      if let line = tabbedLine(text, upTo: mark.line) {
        return (line, "a tab in the indentation, expected spaces")
      }
      if problem.contains("nesting level") { return (mark.line, "nested too deep to be a \(kind.noun)") }
      if problem.contains("another document") {
        return (mark.line, "a second document (`---`), expected one document in the file")
      }
      let place = context.map { " (\($0.text), line \(min($0.mark.line, lineCount(text))))" } ?? ""
      // An open quote is found at the end of the file; the mistake is where it began.
      let line = problem.contains("end of stream") ? context?.mark.line ?? mark.line : mark.line
      let hint =
        problem.hasPrefix("mapping values are not allowed")
        ? " (is the indentation right, and a space behind the colon of the line above?)" : ""
      return (line, "not YAML: \(problem)\(place)\(hint)")
    case YamlError.reader(let problem, let offset, _, _):
      let line = offset.map { 1 + text.prefix($0).count(where: \.isNewline) } ?? 1
      return (line, "not YAML: \(problem)")
    case YamlError.memory: return (1, "nested too deep to be a \(kind.noun)")
    default: return (1, "not YAML")
    }
  }

  /// The line of a tab in the indentation at the error's line or the one before it.
  private static func tabbedLine(_ text: String, upTo last: Int) -> Int? {
    let lines = text.split(separator: "\n", maxSplits: last, omittingEmptySubsequences: false)
    return (max(1, last - 1)...max(1, last)).first { number in
      number <= lines.count && lines[number - 1].prefix { $0 == " " || $0 == "\t" }.contains("\t")
    }
  }

  // MARK: Node -> Tree

  private mutating func convert(_ node: Node, path: String, depth: Int) -> Tree? {
    let line = node.mark?.line ?? 1
    values += 1
    guard depth <= Self.maximumDepth else {
      findings.error(
        line, "", "nested too deep to be a \(findings.kind.noun), expected at most \(Self.maximumDepth) levels")
      return nil
    }
    guard values <= Self.maximumValues else {
      findings.error(line, "", "more than \(Self.maximumValues) values once aliases are followed")
      return nil
    }
    let tag = node.tag.rawValue
    guard ["", "!"].contains(tag) || ["str", "seq", "map"].contains(where: { tag == "tag:yaml.org,2002:\($0)" }) else {
      findings.error(line, path, "the tag \(quoted(tag)) means nothing here, expected a value without a tag")
      return nil
    }
    switch node {
    case .scalar(let scalar):
      let isPlain = scalar.style == .plain || scalar.style == .any
      if isPlain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) { return Tree(line: line, value: .empty) }
      return Tree(line: line, value: .text(scalar.string, quoted: !isPlain))
    case .sequence(let sequence):
      var list: [Tree] = []
      for (index, element) in sequence.enumerated() {
        guard let tree = convert(element, path: "\(path)[\(index)]", depth: depth + 1) else { return nil }
        list.append(tree)
      }
      return Tree(line: line, value: .list(list))
    case .mapping(let mapping):
      return entries(mapping, path: path, depth: depth).map { Tree(line: line, value: .mapping($0)) }
    case .alias:
      return nil
    }
  }

  private mutating func entries(_ mapping: Node.Mapping, path: String, depth: Int) -> [Tree.Entry]? {
    var own: [Tree.Entry] = []
    var lines: [String: Int] = [:]
    var merged: [Tree.Entry] = []
    for (keyNode, valueNode) in mapping {
      let line = keyNode.mark?.line ?? 1
      guard case .scalar(let scalar) = keyNode else {
        findings.error(line, path, "a list or mapping as a key, expected plain text")
        return nil
      }
      var key = scalar.string
      if let first = key.unicodeScalars.first, Self.duplicateMarks.contains(first.value) {
        key.unicodeScalars.removeFirst()
      }
      let keyPath = path.isEmpty ? key : "\(path).\(key)"
      guard let tree = convert(valueNode, path: keyPath, depth: depth + 1) else { return nil }
      if key == "<<", scalar.style == .plain {
        guard let entries = mergeSource(tree) else {
          findings.error(line, keyPath, "\(tree.sayingKind), expected an alias of a mapping, or a list of them")
          return nil
        }
        merged += entries
      } else if let first = lines[key] {
        findings.error(line, keyPath, "duplicate key, already on line \(first)")
      } else {
        lines[key] = line
        own.append(Tree.Entry(key: key, line: line, tree: tree))
      }
    }
    // A mapping's own keys win over merged ones, earlier merges over later ones.
    for entry in merged where lines.updateValue(entry.line, forKey: entry.key) == nil { own.append(entry) }
    return own
  }

  private func mergeSource(_ tree: Tree) -> [Tree.Entry]? {
    switch tree.value {
    case .mapping(let entries): return entries
    case .list(let trees):
      let sources = trees.compactMap(mergeSource)
      return sources.count == trees.count ? sources.flatMap { $0 } : nil
    case .empty, .text: return nil
    }
  }
}
