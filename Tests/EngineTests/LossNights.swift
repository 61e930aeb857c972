// What a promotion lost: counted, noted, reviewed.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct LossNights {
  @Test func `what was lost is counted to the outage as it was last seen to begin, from the proof of before`() throws {
    let night = try Night()
    night.run(.minutes(5))
    let died = night.now
    night.regionDies()
    night.cloud.lagSeconds = nil
    night.run(.seconds(40))
    // What was seen before counts no more; the incident's own beginning does.
    try night.crash()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    let loss = try #require(night.workload.machine.state.phase.residence?.failover.loss)
    let proof = try #require(loss.proof)
    #expect(proof <= died && died - proof < .minutes(2), "\(loss.sentence)")
    #expect(loss.end > loss.outageStart && loss.outageStart - died < .seconds(20), "\(loss.sentence)")
  }

  @Test func `an old primary that serves again voids the review: it may have taken writes`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(30)) { $0.phase == .drActive }
    night.cloud.dark.remove("eu-west-1")
    night.run(.minutes(5)) { $0.workload.machine.state.debts.isEmpty }
    night.order(.reviewLoss)
    #expect(night.workload.machine.unreviewedLoss == nil)
    night.primary = .success(status: 200)
    #expect(night.run(.minutes(10)) { !$0.workload.machine.state.debts.isEmpty })
    #expect(night.workload.machine.unreviewedLoss != nil)
  }
}
