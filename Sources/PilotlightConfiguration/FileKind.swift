// A kind of file that is read by declarations: how errors call it, its schema, and the way from bytes to the root mapping. There are two,
// the configuration and the scenario; both are strict in the same words.

#if canImport(Glibc)
  import Glibc
#endif

/// What a kind of file is called, and which keys it has.
package struct FileKind: Sendable {
  /// Behind an article: `configuration`.
  let noun: String
  /// The key without which such a file is nothing.
  let mainKey: String
  private let schema: @Sendable (Section) -> Void

  package init(noun: String, mainKey: String, schema: @escaping @Sendable (Section) -> Void) {
    self.noun = noun
    self.mainKey = mainKey
    self.schema = schema
  }

  /// The daemon's configuration.
  package static let configuration = FileKind(noun: "configuration", mainKey: "workloads") { _ = readConfiguration($0) }

  /// Every declaration of the schema, in the order of the file.
  package func declarations() -> [Declaration] {
    let catalogue = Catalogue()
    schema(
      Section(
        path: "", line: 1, entries: [], findings: Findings(file: "", kind: self), isMuted: true, catalogue: catalogue))
    return catalogue.declarations
  }

  /// Where a key may stand, for one that stands in the wrong mapping; `primary` speaks for its twin `dr`.
  func home(of key: String) -> String? { declarations().first { $0.key == key }?.parent }
}

extension Findings {
  /// What was found, as the failure that is returned.
  package var failure: ConfigurationErrors { ConfigurationErrors(errors: sorted(errors)) }

  /// Reads the root mapping of a file's text; nil when the errors say why there is none. Other errors may have been found too.
  package func read<Value>(_ text: String, _ body: (Section) -> Value) -> Value? {
    guard let tree = Document.read(text, findings: self) else { return nil }
    guard case .mapping(let entries) = tree.value else {
      let problem = tree.isEmpty ? "the file is empty" : "the file \(tree.sayingKind)"
      error(tree.line, "", "\(problem), expected a mapping with `\(kind.mainKey)`")
      return nil
    }
    let root = Section(path: "", line: tree.line, entries: entries, findings: self)
    let value = body(root)
    root.finish()
    return value
  }

  /// The file as text; nil when the errors say why not.
  package func text(ofFile path: String) -> String? { readText(path, findings: self) }
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
