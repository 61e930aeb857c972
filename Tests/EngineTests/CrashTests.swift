// Crash anywhere: the engine is killed after every record of a failover and of a failback, enumerated, and finishes each.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct CrashTests {
  /// How many records a whole failover writes when nothing goes wrong.
  static func records(_ drive: (Night) throws -> Void) throws -> Int {
    let night = try Night()
    try drive(night)
    return night.ledger.entries.count
  }

  @Test func `F73 to F81 a crash after any record of a failover ends in dr-active with one promotion`() throws {
    let total = try CrashTests.records { night in
      night.run(.minutes(5))
      night.regionDies()
      night.run(.minutes(60)) { $0.phase == .drActive }
    }
    #expect(total > 20)
    for cut in 1...total {
      let night = try Night()
      night.run(.minutes(5))
      night.regionDies()
      night.run(.minutes(60)) { $0.ledger.entries.count >= cut }
      try night.crash()
      #expect(night.run(.minutes(60)) { $0.phase == .drActive }, "crash after record \(cut): \(night.phase)")
      #expect(night.cloud.promotions == 1, "crash after record \(cut)")
      #expect(night.everyActWasRecorded)
    }
  }

  @Test func `a crash after any record of a failback ends in healthy with one more promotion`() throws {
    func prepare() throws -> Night {
      let night = try Night.afterAFailover()
      night.order(.failback)
      return night
    }
    let whole = try prepare()
    let first = whole.ledger.entries.count
    whole.run(.hours(5)) { $0.phase == .healthy }
    for cut in first...whole.ledger.entries.count {
      let night = try prepare()
      night.run(.hours(5)) { $0.ledger.entries.count >= cut }
      try night.crash()
      #expect(night.run(.hours(5)) { $0.phase == .healthy }, "crash after record \(cut): \(night.phase)")
      #expect(night.cloud.promotions == 2, "crash after record \(cut)")
    }
  }

  @Test func `what is remembered after a restart is what was known before`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(60)) { $0.phase == .drActive }
    let before = night.workload.machine.state
    try night.crash()
    #expect(night.workload.machine.state == before)
  }
}
