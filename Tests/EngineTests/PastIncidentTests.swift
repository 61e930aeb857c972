// "Why did you?" and "why did you not?", asked when it is over.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct PastIncidentTests {
  private func lived(
    _ change: (inout WorkloadSettings) -> Void = { _ in }, _ body: (Night) throws -> Void
  ) throws -> [String: [String]] {
    let night = try Night(.reference(change))
    night.run(.minutes(5))
    try body(night)
    let ids = Set(night.ledger.entries.compactMap(\.incident))
    return try Dictionary(
      uniqueKeysWithValues: ids.map { id in
        let rows = night.ledger.entries.filter { $0.incident == id }
        return (id, PastIncident(try rows.map { ($0.at, try night.codec.decode($0.payload)) }).sentences)
      })
  }

  @Test func `a failover is told with its evidence, its loss and its steps, under one id from the first trouble on`()
    throws
  {
    let told = try lived { night in
      night.regionDies()
      night.run(.minutes(30)) { $0.phase == .drActive }
      night.cloud.dark.remove("eu-west-1")
      night.run(.minutes(3)) { $0.workload.machine.state.debts.isEmpty }
    }
    let sentences = try #require(told.count == 1 ? told.first?.value : nil)
    #expect(sentences[0].hasPrefix("a failover, decided by the daemon: service was out for"), "\(sentences)")
    for part in [
      "trouble: load balancer silent", "failed over because the outage was confirmed", "region unreachable",
      "references:",
      "the gate let it pass",
      "fence debt:", "fence debt paid:", "steps, the longest first: promote-replica",
    ] {
      #expect(sentences.contains { $0.contains(part) }, "\(part) is missing in \(sentences)")
    }
  }

  @Test func `a failover is accounted for: when what happened, and whose time each step took`() throws {
    let night = try Night()
    night.run(.minutes(5))
    let died = night.now
    night.regionDies()
    night.run(.minutes(30)) { $0.phase == .drActive }
    let past = PastIncident(try night.ledger.entries.dropFirst(2).map { ($0.at, try night.codec.decode($0.payload)) })
    #expect(
      past.milestones.map(\.what) == [
        .outageBegan, .noticed, .begun, .passed, .promoting, .promoted, .served, .finished,
      ])
    #expect(past.milestones.map(\.at) == past.milestones.map(\.at).sorted())
    let recovery = try #require(past.recovery)
    #expect(recovery > .minutes(2) && recovery <= night.now - died)
    let promotion = try #require(past.accounts(at: night.now).first { $0.step.step.name == "promote-replica" })
    #expect(promotion.step.attempts == 1 && promotion.cloud > promotion.ours * 10)
    let gate = try #require(past.accounts(at: night.now).first { $0.step.step.work == .gate })
    #expect(gate.cloud == .zero)
    for account in past.accounts(at: night.now) {
      guard let start = account.step.startedAt, let end = account.step.finishedAt else { continue }
      #expect(account.cloud + account.ours == end - start, "\(account.step.step.name)")
    }
  }

  @Test func `the time of a preparation is not counted as the failover's`() throws {
    let night = try Night(.reference { $0.decision.prepareWhenDegraded = true })
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(30)) { $0.phase == .drActive }
    let past = PastIncident(try night.ledger.entries.dropFirst(2).map { ($0.at, try night.codec.decode($0.payload)) })
    let accounts = past.accounts(at: night.now)
    #expect(accounts.count > 5 && accounts.allSatisfy { $0.ours >= .zero && $0.cloud >= .zero })
  }

  @Test func `an outage that was only prepared for is over when it is taken back, and keeps its steps`() throws {
    let night = try Night(.reference { $0.decision.prepareWhenDegraded = true })
    night.run(.minutes(5))
    night.regionDies()
    night.run(.seconds(40))
    night.regionReturns()
    night.run(.minutes(5))
    let id = try #require(night.ledger.entries.compactMap(\.incident).first)
    let rows = night.ledger.entries.filter { $0.incident == id }
    let past = PastIncident(try rows.map { ($0.at, try night.codec.decode($0.payload)) })
    #expect(past.isOver && past.sentences[0].contains("without a failover"), "\(past.sentences)")
    #expect(past.run?.kind == .preparation && past.accounts(at: night.now).count == 2)
  }

  @Test func `a failback that is taken back is told as its own incident, not as the failover's`() throws {
    let night = try Night.afterAFailover()
    night.order(.failback)
    night.run(.seconds(10))
    night.order(.abort)
    night.run(.minutes(5)) { $0.phase == .drActive }
    let last = try #require(night.ledger.entries.last { $0.kind == MessageKind.rolledBack.rawValue })
    #expect(last.incident == night.workload.machine.state.lastRun?.incident)
    #expect(night.workload.machine.state.lastRun?.kind == .failback)
  }

  @Test func `a blip and a contradiction are told with what kept a failover from beginning`() throws {
    let blip = try lived { night in
      night.regionDies()
      night.run(.seconds(40))
      night.regionReturns()
      night.run(.minutes(5))
    }
    #expect(blip.count == 1)
    #expect(
      blip.first?.value[0].contains("without a failover: it was over before it was confirmed") ?? false, "\(blip)")
    let held = try lived { night in
      night.primary = .failure(.timeout, status: nil, detail: "")
      night.run(.minutes(20))
      night.primary = .success(status: 200)
      night.run(.minutes(5))
    }
    let sentences = try #require(held.first?.value)
    #expect(sentences[0].contains("without a failover: it was held back"), "\(sentences)")
    #expect(sentences.count { $0.contains("the primary is up by the word of target health") } == 1, "\(sentences)")
    #expect(sentences.contains { $0.contains("target health: 2 healthy") }, "\(sentences)")
  }

  @Test func `observe mode is told for what it is`() throws {
    let told = try lived {
      $0.mode = .observe
    } _: { night in
      night.regionDies()
      night.run(.minutes(5))
      night.regionReturns()
      night.run(.minutes(5))
    }
    #expect(told.first?.value[0].contains("mode was observe") ?? false, "\(told)")
  }

  @Test func `a second run in the same outage has an id of its own`() throws {
    let told = try lived { night in
      night.regionDies()
      night.run(.minutes(3)) { $0.phase == .failingOver }
      night.order(.abort)
      night.run(.minutes(2))
      night.order(.ack)
      night.run(.minutes(30)) { $0.phase == .drActive }
    }
    #expect(told.count == 2)
    #expect(told.values.contains { $0[0].contains("ended before anything one-way was done: ") }, "\(told)")
  }
}
