import Foundation
import PilotlightCore
import Testing

@testable import PilotlightConfiguration

@Suite struct ExampleTests {
  @Test func `the example holds the reference deployment`() throws {
    let result = Configuration.load(path: Files.example.path())
    #expect(result.printed == "")
    let configuration = try result.get()
    #expect(configuration.warnings == [])
    #expect(configuration.daemon == DaemonSettings())
    let workload = try #require(configuration.workloads.first)
    #expect(configuration.workloads.count == 1)
    #expect(workload.name == "django-app")
    #expect(workload.mode == .observe)
    #expect(workload.objectives == Objectives(rto: .minutes(30), rpo: .minutes(5)))
    #expect(workload.primary.region == "eu-west-1")
    #expect(workload.dr.region == "us-west-2")
    for site in [workload.primary, workload.dr] {
      #expect(site.group.serving == GroupSize(min: 1, desired: 2, max: 3))
      #expect(site.group.standby == GroupSize(min: 0, desired: 0, max: 3))
      #expect(site.group.acceptMinimum == 1)
      #expect(site.probe == ProbeSettings(url: site.probe.url))
      #expect(site.group.ref.region == site.region)
      #expect(site.database.ref.region == site.region)
      #expect(site.secret?.ref.region == site.region)
    }
    #expect(workload.replication == ReplicationSettings())
    #expect(workload.detection == DetectionSettings())
    #expect(workload.decision == DecisionSettings())
    #expect(workload.failback == FailbackSettings())
    let object = ObjectRef(
      region: "us-west-2", bucket: "django-app-switch-us-west-2", key: "pilotlight/serve-from-dr")
    #expect(workload.traffic == .objectSwitch(object))
    #expect(workload.announcement?.region == "us-west-2")
  }

  @Test func `the demo is the example in automatic mode on the sandbox's load balancers`() throws {
    let demo = try Configuration.load(path: Files.demo.path()).get()
    var expected = try #require(Configuration.load(path: Files.example.path()).configuration?.workloads.first)
    expected.mode = .automatic
    expected.primary.probe.url = "http://primary.sandbox.invalid/health"
    expected.dr.probe.url = "http://dr.sandbox.invalid/health"
    #expect(demo.workloads == [expected])
    #expect(demo.warnings == [])
  }

  @Test func `every key of the schema is in the example`() throws {
    let tree = try #require(Document.read(uncommented(try Files.text(Files.example)), findings: Findings(file: "")))
    let written = Set(paths(tree, ""))
    let declared = Set(declarations().map { $0.kind == "list of mappings" ? $0.path + "[]" : $0.path })
    #expect(declared.subtracting(written) == [])
    #expect(written.subtracting(declared) == [])
  }

  @Test func `every key is explained above it with its range and its default`() throws {
    let twins = declarations().filter { $0.twin != nil }.map { $0.path + "." }
    let comments = try explanations(Files.text(Files.example))
    for declaration in declarations() where !twins.contains(where: declaration.path.hasPrefix) {
      let comment = try #require(comments[declaration.path], "\(declaration.path) has no comment")
      let plain = declaration.meaning.filter { $0 != "`" }.dropLast()
      #expect(
        comment.filter { $0 != "`" }.contains(plain.prefix { $0 != ";" && $0 != "," && $0 != ":" }),
        "\(declaration.path): `\(comment)` does not say `\(plain)`")
      if let range = declaration.range {
        #expect(comment.contains(range), "\(declaration.path): `\(comment)` does not say `\(range)`")
      }
      switch declaration.need {
      case .required: #expect(comment.contains("Required"), "\(declaration.path): `\(comment)`")
      case .fallback(let value): #expect(comment.contains("Default \(value)."), "\(declaration.path): `\(comment)`")
      case .absent(let words):
        let said = "Without it: \(words.filter { $0 != "`" })."
        let isChoice = words == "another way" || words == "every key at its default"
        #expect(isChoice || comment.contains(said), "\(declaration.path): `\(comment)` does not say `\(said)`")
      }
    }
  }

  @Test func `each commented key works when it is uncommented`() throws {
    let text = try Files.text(Files.example)
    let blocks = commentedBlocks(text)
    #expect(blocks.count > 15)
    for block in blocks {
      let result = Configuration.parse(uncommented(text, only: block), file: "example")
      let first = text.split(separator: "\n", omittingEmptySubsequences: false)[block.lowerBound]
      if ["#route53:", "#healthCheck:", "#routingControl:", "#manual: true"].contains(
        first.trimmingCharacters(in: .whitespaces))
      {
        #expect(result.printed.contains("expected exactly one of"), "\(first)")
        #expect(!result.printed.contains("\n"))
      } else if first.contains("#globalDatabase:") {
        // The example is of instances.
        #expect(result.printed.contains("no replica is created for an Aurora global database"))
      } else {
        #expect(result.printed == "", "\(first)")
      }
    }
  }

  @Test(arguments: ["route53", "healthCheck", "routingControl", "manual"])
  func `another way of moving traffic works in place of the first`(
    _ way: String
  ) throws {
    let text = try Files.text(Files.example)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let block = try #require(
      commentedBlocks(text).last { lines[$0.lowerBound].trimmingCharacters(in: .whitespaces).hasPrefix("#\(way):") })
    let other = uncommented(text, only: block).replacing(
      /\ +objectSwitch:\n( +#.*\n| +bucket:.*\n| +key:.*\n)+/, with: "")
    #expect(Configuration.parse(other, file: "example").printed == "")
  }
}

// MARK: The example's own convention: `# prose`, `#key: value`

/// Ranges of lines that are one commented-out key, with what is below it.
private func commentedBlocks(_ text: String) -> [Range<Int>] {
  let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  var blocks: [Range<Int>] = []
  var index = 0
  while index < lines.count {
    let start = index
    index += 1
    guard lines[start].wholeMatch(of: /\ *#[A-Za-z0-9]+:.*/) != nil else { continue }
    let indent = lines[start].prefix { $0 == " " }
    while index < lines.count, lines[index].hasPrefix(indent + "#  ") { index += 1 }
    blocks.append(start..<index)
  }
  return blocks
}

/// The text with one block uncommented, or with everything, keys inside commented-out mappings included.
private func uncommented(_ text: String, only block: Range<Int>? = nil) -> String {
  var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  for index in (block.map { [$0] } ?? commentedBlocks(text)).flatMap({ $0 }) {
    lines[index] = lines[index].replacing(/^( *)#/, with: { $0.output.1 })
    if block == nil {
      lines[index] = lines[index].replacing(/^( *)#([A-Za-z0-9]+:)/, with: { $0.output.1 + $0.output.2 })
    }
  }
  return lines.joined(separator: "\n")
}

private func paths(_ tree: Tree, _ path: String) -> [String] {
  switch tree.value {
  case .empty, .text: return []
  case .list(let items):
    let isMappings = items.contains { if case .mapping = $0.value { true } else { false } }
    return isMappings ? items.flatMap { paths($0, path) } : []
  case .mapping(let entries):
    return entries.flatMap { entry -> [String] in
      var own = path.isEmpty ? entry.key : "\(path).\(entry.key)"
      if case .list(let items) = entry.tree.value, case .mapping = items.first?.value { own += "[]" }
      return [own] + paths(entry.tree, own)
    }
  }
}

/// The comment above each key, by the key's path, on one line.
private func explanations(_ text: String) throws -> [String: String] {
  var comments: [String: String] = [:]
  var stack: [(indent: Int, name: String)] = []
  var comment = ""
  for line in uncommented(text).split(separator: "\n", omittingEmptySubsequences: false) {
    if let prose = line.wholeMatch(of: /\ *# (.*)/) {
      comment += comment.isEmpty ? prose.1 : " " + prose.1
    } else if let key = line.wholeMatch(of: /( *)(- )?([A-Za-z0-9]+):.*/) {
      if key.2 != nil, var list = stack.popLast(where: { $0.indent < key.1.count }) {
        list.name += list.name.hasSuffix("[]") ? "" : "[]"
        stack.append(list)
      }
      let indent = key.1.count + (key.2?.count ?? 0)
      stack.removeAll { $0.indent >= indent }
      stack.append((indent, String(key.3)))
      let path = stack.map(\.name).joined(separator: ".")
      if comments[path] == nil { comments[path] = comment }
      comment = ""
    } else {
      comment = ""
    }
  }
  return comments
}

extension Array {
  /// Drops elements from the end until one fits, and takes that one off too.
  fileprivate mutating func popLast(where fits: (Element) -> Bool) -> Element? {
    while let last = popLast() { if fits(last) { return last } }
    return nil
  }
}
