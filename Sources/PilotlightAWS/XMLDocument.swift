// AWS's XML, parsed by Foundation's XMLParser into a small tree. The text comes from a network and may be anything: a page of
// a captive portal, half a document, a bomb. Document types are refused before parsing, so entities cannot grow and nothing
// external is named; size, depth and number of elements are bounded.

import Foundation
import FoundationXML

/// One element: its text, and its children in order.
final class XMLElement {
  let name: String
  fileprivate(set) var children: [XMLElement] = []
  fileprivate(set) var text = ""

  init(name: String) { self.name = name }

  /// The first child of this name.
  subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

  /// The child reached by a path of names.
  func at(_ path: String...) -> XMLElement? {
    path.reduce(self as XMLElement?) { $0?[$1] }
  }

  /// The elements of a list: children `member`, `item`, or the given name, under the child `name`.
  func list(_ name: String, of item: String = "member") -> [XMLElement] {
    self[name]?.children.filter { $0.name == item } ?? []
  }

  /// The first element of this name at any depth, in document order.
  func first(_ name: String) -> XMLElement? {
    for child in children {
      if child.name == name { return child }
      if let found = child.first(name) { return found }
    }
    return nil
  }

  /// The text of a child without the white space around it; nil when it is absent or empty.
  func value(_ name: String) -> String? {
    guard let text = self[name]?.text.trimmed, !text.isEmpty else { return nil }
    return text
  }

  /// The text as a whole number.
  var number: Int? { Int(text.trimmed) }
}

/// Why a document is refused. The text never quotes the document.
struct XMLProblem: Error {
  let text: String
}

enum XMLDocument {
  /// Bytes. The largest honest answer, a page of listener rules, stays below 1 MB.
  static let sizeLimit = 4 << 20
  static let depthLimit = 64
  static let elementLimit = 100_000

  /// The root element.
  static func parse(_ bytes: [UInt8]) throws(XMLProblem) -> XMLElement {
    guard !bytes.isEmpty else { throw XMLProblem(text: "an empty answer") }
    guard bytes.count <= sizeLimit else { throw XMLProblem(text: "an answer of more than 4 MB") }
    // AWS answers in UTF-8. Zero bytes mean UTF-16 or worse, in which the search below would find nothing.
    guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else {
      throw XMLProblem(text: "an answer that is not text")
    }
    guard !contains(Array("<!DOCTYPE".utf8), in: bytes) else {
      throw XMLProblem(text: "an answer with a document type")
    }
    let builder = TreeBuilder()
    let parser = XMLParser(data: Data(bytes))
    parser.shouldResolveExternalEntities = false
    parser.delegate = builder
    let isComplete = parser.parse()
    if let problem = builder.problem { throw XMLProblem(text: problem) }
    guard isComplete, builder.isClosed, let root = builder.root else {
      throw XMLProblem(text: "an answer that is not complete XML")
    }
    if root.name.lowercased() == "html" { throw XMLProblem(text: "an HTML page instead of an answer") }
    return root
  }

  /// Case is ignored: HTML writes `<!doctype` too, and neither is an answer.
  private static func contains(_ word: [UInt8], in bytes: [UInt8]) -> Bool {
    guard bytes.count >= word.count else { return false }
    return (0...bytes.count - word.count).contains { start in
      bytes[start] == word[0] && word.indices.allSatisfy { bytes[start + $0] & 0xDF == word[$0] & 0xDF }
    }
  }
}

private final class TreeBuilder: NSObject, XMLParserDelegate {
  var root: XMLElement?
  var problem: String?
  private var open: [XMLElement] = []
  private var count = 0

  /// Every element that was opened has been closed.
  var isClosed: Bool { open.isEmpty }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    guard problem == nil else { return }
    count += 1
    guard open.count < XMLDocument.depthLimit, count <= XMLDocument.elementLimit else {
      problem = "an answer nested too deeply or too large"
      return parser.abortParsing()
    }
    let element = XMLElement(name: name)
    open.last?.children.append(element)
    if root == nil { root = element }
    open.append(element)
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    if problem == nil { _ = open.popLast() }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { open.last?.text += string }

  func parser(_ parser: XMLParser, foundCDATA block: Data) { open.last?.text += String(decoding: block, as: UTF8.self) }
}
