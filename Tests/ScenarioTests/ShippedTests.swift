// Each scenario that is shipped, on the configuration that is shipped: what its comment says that an expert expects.

import Foundation
import PilotlightCore
import PilotlightSandbox
import PilotlightScenarios
import PilotlightSimulation
import Testing

@Suite struct ShippedTests {
  /// What must be so of the only workload, for each of a few days.
  private func expect(
    _ name: String, _ expected: Exercise.Verdict, _ phase: PhaseName, _ judge: (Exercise.Findings, Exercise) -> Bool
  ) throws {
    let file = try shipped(name)
    for seed: UInt64 in 1...3 {
      let exercise = try play(file, on: exampleWorkloads(), seed: seed, recording: true)
      #expect(exercise.violations.isEmpty, "\(name), seed \(seed)")
      let found = try #require(exercise.workloads.first)
      #expect(found.verdict == expected && found.phase == phase, "\(name), seed \(seed): \(found)")
      #expect(judge(found, exercise), "\(name), seed \(seed): \(found)")
    }
  }

  @Test func `every scenario begins with what happens and what an expert expects`() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Files.shipped.path())
    #expect(names.count >= 12)
    for name in names {
      let text = try Files.text(Files.shipped.appending(path: name))
      #expect(text.hasPrefix("# ") && text.contains("\n# An expert expects: "), "\(name)")
      #expect(printed(ScenarioFile.parse(text, file: name)) == "")
      #expect(!text.contains(#/(eu|us)-[a-z]+-\d|django/#), "\(name) names what belongs to one configuration")
    }
  }

  @Test func `a dead region ends in the DR region, with a fence debt that shows`() throws {
    try expect("region-outage", .met, .drActive) { found, _ in
      found.servedFrom == .dr && found.facts.promotions == 1 && found.belief?.debts.count == 1
        && found.facts.lossWindow < .seconds(10)
    }
  }

  @Test func `a dead application is fenced at once and nothing is lost`() throws {
    try expect("application-down", .met, .drActive) { found, _ in
      found.servedFrom == .dr && found.facts.promotions == 1 && found.belief?.debts == []
        && found.facts.lossWindow < .seconds(5)
    }
  }

  @Test func `43 seconds change nothing`() throws {
    try expect("partition-43s", .met, .healthy) { found, exercise in
      found.recovery == .seconds(43) && found.facts.promotions == 0 && requests(exercise) == 0
    }
  }

  @Test func `blind is not down`() throws {
    try expect("watchdog-cut-off", .undisturbed, .healthy) { _, exercise in
      requests(exercise) == 0 && said(.blind, exercise) == 1
    }
  }

  @Test func `one's own eyes against another vantage change nothing`() throws {
    try expect("load-balancer-hidden", .undisturbed, .healthy) { _, exercise in
      requests(exercise) == 0 && said(.heldBack, exercise) == 1
    }
  }

  @Test func `a dead load balancer with healthy targets is left to a person`() throws {
    try expect("load-balancer-dead", .met, .drActive) { found, exercise in
      found.facts.promotions == 1 && said(.heldBack, exercise) == 1
        && (found.recovery ?? .zero) > .minutes(10)
    }
  }

  @Test func `a slow promotion misses the RTO, is sent once, and the daemon says so`() throws {
    try expect("slow-promotion", .missed, .drActive) { found, exercise in
      found.facts.promotions == 1 && promotionsSent(exercise) == 1
    }
  }

  @Test func `without capacity the traffic stays, and moves when there is some`() throws {
    try expect("capacity-shortage", .met, .drActive) { found, _ in
      found.facts.promotions == 1 && (found.recovery ?? .zero) > .minutes(20)
    }
  }

  @Test func `a primary that returns after the promotion is fenced`() throws {
    try expect("primary-returns", .met, .drActive) { found, exercise in
      found.outages.count == 2 && found.belief?.debts == [] && said(.debtPaid, exercise) == 1
        && found.facts.promotions == 1
    }
  }

  @Test func `a replica far behind waits for somebody to accept the loss`() throws {
    try expect("replica-far-behind", .missed, .drActive) { found, exercise in
      said(.lossAccepted, exercise) == 1 && found.facts.lossWindow > .minutes(19)
        && (found.claimedLoss?.window ?? .zero) >= found.facts.lossWindow
    }
  }

  @Test func `throttling costs a little time`() throws {
    try expect("api-throttled", .met, .drActive) { found, _ in found.facts.promotions == 1 }
  }

  @Test func `a killed daemon looks before it repeats`() throws {
    try expect("daemon-killed", .met, .drActive) { found, exercise in
      found.facts.promotions == 1 && promotionsSent(exercise) == 1
    }
  }

  @Test func `what cannot be recorded is not done`() throws {
    try expect("disk-full", .met, .drActive) { found, exercise in
      said(.ledgerBroken, exercise) == 1 && said(.ledgerMended, exercise) == 1 && found.facts.promotions == 1
    }
  }

  @Test func `the way home loses nothing and ends with the pilot light burning`() throws {
    let file = try shipped("full-circle")
    let exercise = try play(file, on: exampleWorkloads(), recording: true)
    let found = try #require(exercise.workloads.first)
    #expect(exercise.violations.isEmpty)
    #expect(found.verdict == .met && found.phase == .healthy && found.servedFrom == .primary)
    #expect(found.facts.promotions == 2 && found.outages.count == 2)
    // What was read of the replica of before is not said of the one that was made on the way home.
    let kinds = exercise.timeline.compactMap { if case .daemon(let message) = $0.voice { message.kind } else { nil } }
    let home = try #require(kinds.lastIndex(of: .runFinished))
    #expect(!kinds[home...].contains(.degraded))
    let failover = try play(try shipped("region-outage"), on: exampleWorkloads())
    #expect(found.facts.lostWrites == failover.workloads.first?.facts.lostWrites)
  }

  private func said(_ kind: MessageKind, _ exercise: Exercise) -> Int {
    exercise.timeline.count { if case .daemon(let message) = $0.voice { message.kind == kind } else { false } }
  }

  private func requests(_ exercise: Exercise) -> Int {
    exercise.timeline.count { if case .request = $0.voice { true } else { false } }
  }

  private func promotionsSent(_ exercise: Exercise) -> Int {
    exercise.timeline.count {
      if case .request(let text) = $0.voice { text.hasPrefix("rds:PromoteReadReplica") } else { false }
    }
  }
}
