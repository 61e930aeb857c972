// Quiet in health.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct QuietTests {
  @Test func `a healthy day has at most a line an hour at info or above`() throws {
    let night = try Night()
    night.run(.minutes(10))
    let before = night.messages.count
    night.run(.hours(24))
    let told = night.messages[before...].filter { $0.kind.meaning.level.rawValue <= MessageLevel.info.rawValue }
    #expect(told.count <= 24, "\(told.map(\.text))")
    #expect(night.phase == .healthy && night.acts.isEmpty)
  }
}
