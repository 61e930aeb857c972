// AWS's XML, parsed by Foundation's XMLParser into a small tree. Document types are refused, so entities cannot grow; depth and
// number of elements are bounded, since the text comes from a network.

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
}

/// Why a document is refused.
struct XMLProblem: Error {
  let text: String
}

enum XMLDocument {
  /// The root element.
  static func parse(_ bytes: [UInt8]) throws(XMLProblem) -> XMLElement {
    guard !bytes.isEmpty else { throw XMLProblem(text: "an empty answer") }
    let builder = TreeBuilder()
    let parser = XMLParser(data: Data(bytes))
    parser.shouldResolveExternalEntities = false
    parser.delegate = builder
    let isComplete = parser.parse()
    if let problem = builder.problem { throw XMLProblem(text: problem) }
    guard isComplete, let root = builder.root else { throw XMLProblem(text: "an answer that is not complete XML") }
    if root.name.lowercased() == "html" { throw XMLProblem(text: "an HTML page instead of an answer") }
    return root
  }
}

private final class TreeBuilder: NSObject, XMLParserDelegate {
  var root: XMLElement?
  var problem: String?
  private var open: [XMLElement] = []
  private var count = 0

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    count += 1
    guard open.count < 64, count < 200_000 else { return refuse(parser, "an answer nested too deeply or too large") }
    let element = XMLElement(name: name)
    open.last?.children.append(element)
    if root == nil { root = element }
    open.append(element)
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    open.removeLast()
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { open.last?.text += string }

  func parser(_ parser: XMLParser, foundInternalEntityDeclarationWithName name: String, value: String?) {
    refuse(parser, "an answer with a document type")
  }

  func parser(
    _ parser: XMLParser, foundExternalEntityDeclarationWithName name: String, publicID: String?, systemID: String?
  ) {
    refuse(parser, "an answer with a document type")
  }

  private func refuse(_ parser: XMLParser, _ why: String) {
    problem = why
    parser.abortParsing()
  }
}
