// What counts as progress of a slow start.

import Foundation
import PilotlightSystemd
import Testing

@Suite struct EffortTests {
  private let before = Effort(milliseconds: 1000, blocksRead: 8, blocksWritten: 8)

  private func isProgress(_ change: (inout Effort) -> Void) -> Bool {
    var now = before
    change(&now)
    return now.shows(progressSince: before, within: .seconds(5))
  }

  @Test func `computing, reading and writing are progress`() {
    #expect(isProgress { $0.milliseconds += 251 })
    #expect(isProgress { $0.blocksRead += 1 })
    #expect(isProgress { $0.blocksWritten += 1 })
  }

  @Test func `a start that hangs makes none, though it looks at the clock now and then`() {
    #expect(!isProgress { _ in })
    #expect(!isProgress { $0.milliseconds += 250 })
  }

  @Test func `the kernel counts what is computed and written`() throws {
    let before = Effort.soFar()
    // Beside this file: a file system in memory has no blocks.
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.build/effort-\(UUID())")
    try Data(repeating: 1, count: 1 << 20).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    var sum = 0
    while Effort.soFar().milliseconds < before.milliseconds + 300 { sum &+= 1 }
    let after = Effort.soFar()
    #expect(after.milliseconds >= before.milliseconds + 300)
    #expect(after.blocksWritten >= before.blocksWritten + 2048)
  }
}
