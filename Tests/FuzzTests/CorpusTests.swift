// Whatever the fuzzer once found, and what it starts from, is read on every run of the tests.

import Foundation
import Fuzzing
import Testing

@Suite struct CorpusTests {
  @Test(arguments: Target.allCases) func `every file of the corpus keeps the promises`(target: Target) async throws {
    let committed = try inputs(of: target, in: Bundle.module.resourceURL!.appending(path: "Corpus"))
    #expect(!committed.isEmpty)
    // `make fuzz` adds what it found, to see how far it reaches.
    let grown = ProcessInfo.processInfo.environment["PILOTLIGHT_CORPUS"].map { URL(filePath: $0) }
    for file in try committed + (grown.map { try inputs(of: target, in: $0) } ?? []) {
      let broken = await target.read(Array(try Data(contentsOf: file)))
      #expect(broken == nil, "\(file.lastPathComponent)")
    }
  }

  private func inputs(of target: Target, in corpus: URL) throws -> [URL] {
    let folder = corpus.appending(path: target.rawValue)
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .sorted { $0.path < $1.path }
  }
}
