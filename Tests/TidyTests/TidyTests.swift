// What no compiler enforces: the core imports nothing, files stay short, nothing is left behind, and documents say what the code says.

import Foundation
import PilotlightAWS
import PilotlightConfiguration
import PilotlightCore
import PilotlightScenarios
import Testing

private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

private func text(_ path: String) throws -> String {
  try String(contentsOf: root.appending(path: path), encoding: .utf8)
}

/// Paths of all Swift files under a folder of the repository.
private func swiftFiles(_ folder: String) throws -> [String] {
  let all = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path)
  return all.filter { $0.hasSuffix(".swift") }.sorted().map { "\(folder)/\($0)" }
}

@Suite struct TidyTests {
  @Test func `the core imports nothing, the engine only the core`() throws {
    for file in try swiftFiles("Sources/PilotlightCore") {
      #expect(try !text(file).contains(#/(?m)^\s*(package |public |internal |private )?import /#), "\(file)")
    }
    for file in try swiftFiles("Sources/PilotlightEngine") {
      let imports = try text(file).matches(of: #/(?m)^(?:package )?import (\w+)/#).map { String($0.1) }
      #expect(imports.allSatisfy { $0 == "PilotlightCore" }, "\(file)")
    }
  }

  @Test(arguments: [
    ("CCurl", "PilotlightHTTP"), ("COpenSSL", "PilotlightCrypto"), ("CSystemd", "PilotlightSystemd"),
    ("CSQLite", "PilotlightLedger"), ("CResolv", "PilotlightDNS"), ("CLastWords", "PilotlightSystemd"),
  ])
  func `each C library is imported by one module`(_ library: String, _ owner: String) throws {
    for file in try swiftFiles("Sources") where try text(file).contains("import \(library)") {
      #expect(file.hasPrefix("Sources/\(owner)/"), "\(file) imports \(library)")
    }
  }

  @Test func `no file is longer than 400 lines, no line than 130 columns`() throws {
    for file in try swiftFiles("Sources") + swiftFiles("Tests") {
      let lines = try text(file).split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.count <= 401, "\(file) has \(lines.count) lines")
    }
  }

  @Test func `the machine is one switch without a default`() throws {
    let machine = try text("Sources/PilotlightCore/Machine.swift")
    let body = try #require(machine.firstRange(of: "switch (state.phase, event) {"))
    let end = try #require(machine[body.upperBound...].firstRange(of: "return reaction"))
    #expect(!machine[body.upperBound..<end.lowerBound].contains("default"))
  }

  @Test func `nothing is left behind and nothing is forced`() throws {
    let words = ["FIX" + "ME", "TO" + "DO", "try" + "!", "as" + "!"]
    for file in try swiftFiles("Sources") {
      let source = try text(file)
      for word in words { #expect(!source.contains(word), "\(file) contains \(word)") }
    }
  }

  @Test func `the README shows the diagram of the machine`() throws {
    #expect(try text("README.md").contains("```mermaid\n\(machineDiagram())```"))
  }

  @Test func `the references and the message catalog are what the code prints`() throws {
    #expect(try text("config/REFERENCE.md") == configurationReference(), "run `make docs`")
    #expect(try text("config/SCENARIOS.md") == scenarioReference(), "run `make docs`")
    #expect(try text("systemd/pilotlight.catalog") == messageCatalog(), "run `make docs`")
  }

  @Test func `the policy of the example is what the code prints, and gives nothing away`() throws {
    let example = root.appending(path: "config/pilotlight.yaml")
    guard case .success(let configuration) = Configuration.load(path: example.path) else {
      Issue.record("the example cannot be read")
      return
    }
    let policy = try IAMPolicy(configuration.workloads).json()
    #expect(try text("config/iam-policy.json") == policy, "run `make docs`")
    let document = try #require(try JSONSerialization.jsonObject(with: Data(policy.utf8)) as? [String: Any])
    let statements = try #require(document["Statement"] as? [[String: Any]])
    for statement in statements {
      let (sid, resources) = (statement["Sid"] as? String ?? "", statement["Resource"] as? [String] ?? [])
      #expect(sid.hasPrefix("Read") || !resources.contains("*"), "\(sid)")
    }
    // What a managed policy may hold, without white space (IAM user guide, "IAM and AWS STS quotas").
    #expect(policy.count { !$0.isWhitespace } <= 6144)
  }

  @Test func `message ids are unique and well formed`() {
    let ids = MessageKind.allCases.map(\.meaning.id)
    #expect(Set(ids).count == ids.count)
    #expect(ids.allSatisfy { $0.count == 32 && $0.allSatisfy { $0.isHexDigit && !$0.isUppercase } })
  }

  @Test func `the table of edges knows every move of a whole cycle`() {
    let moves: [(PhaseName, PhaseName)] = [
      (.healthy, .degraded), (.degraded, .failingOver), (.failingOver, .drActive), (.drActive, .failingBack),
      (.failingBack, .healthy),
    ]
    for (from, to) in moves { #expect(Edge.sentence(from: from, to: to) != nil) }
  }
}
