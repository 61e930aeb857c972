// AWS's XML, read by libxml2 into a small tree. The text comes from a network and may be anything: a page of a captive portal, half
// a document, a bomb. Document types are refused before parsing, so entities cannot grow and nothing external is named; size, depth
// and number of elements are bounded.
//
// Not Foundation's XMLParser: that of swift-corelibs-foundation 6.3 reads through a null pointer on a processing instruction without
// content, `<?a?>`, and loses some memory with every document that is not well-formed. A watchdog can afford neither.

import CXML

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
    let root = try read(bytes)
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

extension XMLDocument {
  /// libxml2 wants this once, before its first use in any thread.
  private static let isReady: Bool = {
    xmlInitParser()
    return true
  }()

  private static func read(_ bytes: [UInt8]) throws(XMLProblem) -> XMLElement {
    guard isReady else { throw XMLProblem(text: "libxml2 cannot be used") }
    // Nothing is fetched, nothing is substituted, nothing is printed.
    let options = XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue
    let result = bytes.withUnsafeBytes { buffer -> Result<XMLElement, XMLProblem> in
      let text = buffer.bindMemory(to: CChar.self)
      guard let reader = xmlReaderForMemory(text.baseAddress, Int32(text.count), nil, "UTF-8", Int32(options)) else {
        return .failure(XMLProblem(text: "no memory to read an answer"))
      }
      defer { xmlFreeTextReader(reader) }
      var tree = Tree()
      while true {
        switch xmlTextReaderRead(reader) {
        case 1:
          if let problem = tree.take(reader) { return .failure(problem) }
        case 0:
          if let root = tree.root, tree.isClosed { return .success(root) }
          return .failure(XMLProblem(text: "an answer that is not complete XML"))
        default: return .failure(XMLProblem(text: "an answer that is not complete XML"))
        }
      }
    }
    return try result.get()
  }
}

/// Grows with what the reader comes by.
private struct Tree {
  private(set) var root: XMLElement?
  private var open: [XMLElement] = []
  private var count = 0

  /// Every element that was opened has been closed.
  var isClosed: Bool { open.isEmpty }

  mutating func take(_ reader: xmlTextReaderPtr) -> XMLProblem? {
    switch xmlReaderTypes(UInt32(bitPattern: xmlTextReaderNodeType(reader))) {
    case XML_READER_TYPE_ELEMENT:
      count += 1
      guard open.count < XMLDocument.depthLimit, count <= XMLDocument.elementLimit else {
        return XMLProblem(text: "an answer nested too deeply or too large")
      }
      let element = XMLElement(name: string(xmlTextReaderConstName(reader)))
      open.last?.children.append(element)
      if root == nil { root = element }
      if xmlTextReaderIsEmptyElement(reader) == 0 { open.append(element) }
    case XML_READER_TYPE_END_ELEMENT: _ = open.popLast()
    case XML_READER_TYPE_TEXT, XML_READER_TYPE_CDATA, XML_READER_TYPE_SIGNIFICANT_WHITESPACE,
      XML_READER_TYPE_WHITESPACE:
      open.last?.text += string(xmlTextReaderConstValue(reader))
    default: break
    }
    return nil
  }

  private func string(_ text: UnsafePointer<xmlChar>?) -> String {
    text.map { String(cString: $0) } ?? ""
  }
}
