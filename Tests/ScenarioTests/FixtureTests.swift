import Foundation
import PilotlightScenarios
import Testing

/// One file per mistake: `Fixtures/bad/NAME.yaml`, and beside it what is printed, `NAME.expected`.
@Suite struct FixtureTests {
  static let directory = Bundle.module.bundleURL.appending(path: "Fixtures/bad")
  /// Where a regeneration writes.
  static let source = Files.root.appending(path: "Tests/ScenarioTests/Fixtures/bad")

  static var names: [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory.path())) ?? []
    return files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
  }

  @Test func `there is a fixture for every kind of mistake`() { #expect(Self.names.count >= 40) }

  @Test(arguments: names) func `a mistake is told with its line, key and expectation`(_ name: String) throws {
    let file = Self.directory.appending(path: "\(name).yaml")
    let printed = ScenarioTests.printed(ScenarioFile.load(path: file.path())).replacing(
      file.path(), with: "\(name).yaml")
    #expect(!printed.isEmpty, "\(name) was accepted")
    if ProcessInfo.processInfo.environment["PILOTLIGHT_REGENERATE"] != nil {
      try (printed + "\n").write(to: Self.source.appending(path: "\(name).expected"), atomically: true, encoding: .utf8)
      return
    }
    #expect(try printed + "\n" == Files.text(Self.directory.appending(path: "\(name).expected")))
    #expect(ScenarioTests.printed(ScenarioFile.parse(try Files.text(file), file: "\(name).yaml")) == printed)
  }
}
