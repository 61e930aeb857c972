// What steps are expected to take.

import PilotlightCore
import Testing

@Suite struct StepDurationsTests {
  private func promotion(_ plan: [Step]) throws -> Step { try #require(plan.first { $0.work.promoted != nil }) }

  @Test func `three runs replace the default, and fewer only where they took longer`() throws {
    let step = try promotion(Plan.failover(aurora))
    var durations = StepDurations()
    durations.learn(step, .seconds(90))
    durations.learn(step, .seconds(400))
    #expect(durations.expected(step) == .seconds(400))
    durations.learn(step, .seconds(100))
    #expect(durations.informed([step]).map(\.forecast) == [.seconds(400)])
  }

  @Test func `exercises by switchover tell nothing of how long Aurora's failover takes`() throws {
    let (failover, switchover) = (try promotion(Plan.failover(aurora)), try promotion(Plan.switchover(aurora)))
    #expect(failover.name == switchover.name)
    var durations = StepDurations()
    for _ in 0..<3 { durations.learn(switchover, .seconds(90)) }
    #expect(durations.expected(failover) == failover.forecast)
    #expect(durations.expected(switchover) == .seconds(90))
  }
}
