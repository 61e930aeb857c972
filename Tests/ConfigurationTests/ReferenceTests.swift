import Foundation
import Testing

@testable import PilotlightConfiguration

@Suite struct ReferenceTests {
  /// `PILOTLIGHT_REGENERATE=1 swift test` writes the file anew.
  @Test func `the committed reference is what the declarations print`() throws {
    let reference = configurationReference()
    if ProcessInfo.processInfo.environment["PILOTLIGHT_REGENERATE"] != nil {
      try reference.write(to: Files.reference, atomically: true, encoding: .utf8)
    }
    #expect(try Files.text(Files.reference) == reference)
  }

  @Test func `every key is declared once and means something`() {
    let all = declarations()
    #expect(Set(all.map(\.path)).count == all.count)
    #expect(all.count > 100)
    for declaration in all { #expect(declaration.meaning.hasSuffix("."), "\(declaration.path)") }
  }

  @Test func `a mapping with a twin has the keys of its twin`() {
    let all = declarations()
    for twin in all {
      guard let name = twin.twin else { continue }
      let original = twin.path.dropLast(twin.key.count) + name + "."
      let own = all.filter { $0.path.hasPrefix(twin.path + ".") }.map { $0.path.dropFirst(twin.path.count + 1) }
      let others = all.filter { $0.path.hasPrefix(original) }.map { $0.path.dropFirst(original.count) }
      #expect(own == others)
      #expect(!own.isEmpty)
    }
  }
}
