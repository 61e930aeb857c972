import PilotlightCore
import PilotlightEngine
import PilotlightRecording
import PilotlightSandbox
import PilotlightSimulation
import Testing

@Suite struct ReplayTests {
  // MARK: Stories

  @Test func `a blip is a near miss`() throws {
    let told = record([observed()], seed: 1, [outage(at: .minutes(10), lasting: .seconds(25))], lasting: .minutes(20))
    let found = try #require(play(told.finish(), [observed()]).workloads.first)
    #expect(found.failovers.isEmpty && found.held.isEmpty)
    #expect(found.nearMisses.count == 1)
    let miss = try #require(found.nearMisses.first)
    #expect((20...35).contains(miss.lasted.seconds), "\(miss)")
  }

  @Test func `the partition of 43 seconds is waited out, or not, as confirmFor says`() throws {
    // Nobody else is asked, so that confirmFor alone decides.
    func alone(_ confirmFor: Duration) -> WorkloadSettings {
      observed {
        $0.detection.confirmFor = confirmFor
        $0.detection.corroborate = .none
      }
    }
    let eager = alone(.seconds(20))
    let told = record([eager], seed: 3, [outage(at: .minutes(10), lasting: .seconds(43))], lasting: .minutes(20))
    let bytes = told.finish()
    let patient = play(bytes, [observed { $0.detection.confirmFor = .minutes(3) }])
    #expect(patient.wrong == 0 && patient.workloads[0].failovers.isEmpty && patient.workloads[0].nearMisses.count == 1)
    let findings = play(bytes, [eager])
    #expect(findings.wrong == 1)
    let failover = try #require(findings.workloads[0].failovers.first)
    #expect(failover.verdict == .wrong && !failover.wouldBeTakenBack)
    let recovered = try #require(failover.recoveredAt)
    #expect((38...55).contains((recovered - failover.outageStart).seconds), "\(failover)")
    #expect(failover.begunAt - failover.outageStart >= .seconds(20))
    #expect(failover.loss.window != nil && failover.forecast > .minutes(5))
    let last = try #require(
      play(bytes, [alone(.seconds(40))]).workloads[0].failovers.first)
    #expect(last.verdict == .wrong && last.wouldBeTakenBack)
  }

  @Test func `a real outage is told with its length, loss and forecast`() throws {
    let told = record([observed()], seed: 5, [outage(at: .minutes(10), lasting: .minutes(45))], lasting: .minutes(80))
    let findings = play(told.finish(), [observed()])
    let failover = try #require(findings.workloads[0].failovers.first)
    #expect(findings.wrong == 0 && findings.workloads[0].failovers.count == 1)
    #expect(failover.verdict == .right)
    let lasted = try #require(failover.recoveredAt) - failover.outageStart
    #expect((44 * 60...47 * 60).contains(Int(lasted.seconds)), "\(lasted.text)")
    #expect(failover.confirmedAt - failover.outageStart >= .seconds(60))
    #expect(failover.loss.isWithin(.minutes(5)))
    #expect(findings.workloads[0].limits.isEmpty, "\(findings.workloads[0].limits)")
  }

  @Test func `an outage that the recording does not see the end of is open`() throws {
    let told = record([observed()], seed: 5, [outage(at: .minutes(10), lasting: nil)], lasting: .minutes(15))
    let failover = try #require(play(told.finish(), [observed()]).workloads[0].failovers.first)
    #expect(failover.verdict == .open && failover.recoveredAt == nil)
  }

  @Test func `several incidents of one recording are all told`() {
    let entries = [
      outage(at: .minutes(10), lasting: .minutes(4)), outage(at: .minutes(30), lasting: .seconds(20)),
      outage(at: .minutes(50), lasting: .minutes(40)),
    ]
    let told = record([observed()], seed: 8, entries, lasting: .minutes(120))
    let findings = play(told.finish(), [observed()])
    #expect(findings.workloads[0].failovers.map(\.verdict) == [.wrong, .right])
    #expect(findings.workloads[0].nearMisses.count == 1 && findings.wrong == 1)
    let late = play(told.finish(), [observed()], from: noon + .minutes(20))
    #expect(late.workloads[0].failovers.map(\.verdict) == [.right])
  }

  @Test func `what was blind is told as such, and nothing begins`() {
    let cut = Scenario.Entry(at: .minutes(10), .cloud(.observerIsolated), lasting: .minutes(10))
    let told = record([observed()], seed: 2, [cut], lasting: .minutes(30))
    let found = play(told.finish(), [observed()]).workloads[0]
    #expect(found.failovers.isEmpty && found.blind.count == 1)
    #expect((8 * 60...11 * 60).contains(Int(found.blind.total.seconds)), "\(found.blind)")
    #expect(found.longestUnknownLag > .minutes(5))
  }

  @Test func `a load balancer that shuts only us out is held back, with the reason`() throws {
    let hidden = Scenario.Entry(
      at: .minutes(10), .cloud(.albHidden(workload: "django-app", site: .primary)), lasting: .minutes(10))
    let told = record([observed()], seed: 2, [hidden], lasting: .minutes(30))
    let found = play(told.finish(), [observed()]).workloads[0]
    #expect(found.failovers.isEmpty)
    let held = try #require(found.held.first)
    #expect(held.why.contains { $0.contains("the primary is up by the word of") }, "\(held.why)")
    let alone = play(told.finish(), [observed { $0.detection.corroborate = .none }]).workloads[0]
    #expect(alone.failovers.map(\.verdict) == [.wrong])
  }

  @Test func `a time gap throws evidence away, unless the configuration takes it for none`() throws {
    let entries = [
      outage(at: .minutes(10), lasting: .seconds(100)),
      Scenario.Entry(at: .minutes(10) + .seconds(45), .freeze, lasting: .seconds(20)),
    ]
    let told = record([observed()], seed: 4, entries, lasting: .minutes(20))
    let strict = play(told.finish(), [observed()])
    #expect(strict.gaps.count == 1 && strict.workloads[0].failovers.isEmpty)
    let lax = play(told.finish(), [observed { $0.detection.timeGap = .minutes(1) }])
    #expect(lax.workloads[0].failovers.count == 1)
  }

  @Test func `of two workloads that die together one moves, the other is braked`() throws {
    let both = ["one", "two"].map { name in
      WorkloadSettings.reference(name) { $0.mode = .observe }
    }
    let told = record(both, seed: 6, [outage(at: .minutes(10), lasting: .minutes(40))], lasting: .minutes(60))
    let findings = play(told.finish(), both)
    let brakes = findings.workloads.map { $0.failovers.first?.brake }
    #expect(brakes.count { $0 == nil } == 1, "\(brakes)")
    let free = play(told.finish(), both, brakes: Brakes(maximum: 2, window: .hours(1)))
    #expect(free.workloads.allSatisfy { $0.failovers.first.map { $0.brake == nil } ?? false })
  }

  @Test func `the daemon's own failover leaves open what would have been`() throws {
    let settings = WorkloadSettings.reference()
    let told = record([settings], seed: 9, [outage(at: .minutes(10), lasting: .minutes(5))], lasting: .minutes(60))
    let failover = try #require(play(told.finish(), [settings]).workloads[0].failovers.first)
    #expect(failover.realRunAt == failover.begunAt && failover.verdict == .open)
  }

  @Test func `what was not recorded is said`() {
    let told = record([observed()], seed: 1, [], lasting: .minutes(5))
    let other = observed {
      $0.primary.probe.interval = .seconds(1)
      $0.primary.probe.url = "http://elsewhere/"
      $0.primary.probe.timeout = .seconds(2)
      $0.detection.pollInterval = .seconds(60)
      $0.detection.timeGap = .seconds(2)
      $0.detection.healthCheck = HealthCheckRef(id: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
      $0.detection.references = [ReferenceSettings(name: "quad9", url: "https://9.9.9.9")]
    }
    let stranger = WorkloadSettings.reference("stranger")
    let findings = play(told.finish(), [other, stranger])
    let limits = findings.workloads[0].limits.joined(separator: "\n")
    for part in [
      "the primary was probed every 5 s, the configuration asks for 1 s: nothing in between is known",
      "read every 15 s, the configuration asks for 60 s", "asked another URL", "probes were given 5 s",
      "reference quad9 was not recorded: unknown", "time gaps were recorded from 5 s on",
      "this health check's checkers were not recorded: unknown",
    ] { #expect(limits.contains(part), "\(part) in \(limits)") }
    #expect(findings.workloads[1].limits == ["nothing of it is in this recording"])
    let nobody = play(told.finish(), [stranger])
    #expect(nobody.strangers == ["django-app"])
  }

  // MARK: The same decisions

  @Test(arguments: 1...40) func `a replay begins its failover at the very moment the daemon did`(seed: UInt64) {
    var dice = Dice(seed: seed)
    let settings = WorkloadSettings.reference {
      $0.mode = seed.isMultiple(of: 2) ? .observe : .automatic
      $0.detection.confirmFor = .seconds(10) + dice.duration(upTo: .seconds(120))
      $0.primary.probe.interval = .seconds(1) + dice.duration(upTo: .seconds(9))
      $0.primary.probe.fallAfter = 2 + Int(dice.next() % 4)
      if seed % 4 == 2 {
        $0.detection.grey = GreySettings(window: .seconds(60 * Int(1 + dice.next() % 10)), policy: .countAsDown)
      }
    }
    // Now and then so early that it matters which look was the first.
    let start = seed % 4 == 1 ? dice.duration(upTo: .seconds(20)) : .minutes(4) + dice.duration(upTo: .minutes(40))
    var entries = [outage(at: start, lasting: .minutes(25))]
    if seed.isMultiple(of: 3) {
      entries.append(Scenario.Entry(at: .minutes(2), .network(.packetLoss(share: 0.15)), lasting: .minutes(60)))
    }
    if seed.isMultiple(of: 5) {
      entries.append(Scenario.Entry(at: .minutes(5), .crash(.now, restartAfter: .seconds(10))))
      entries.append(Scenario.Entry(at: .minutes(7), .freeze, lasting: .seconds(30)))
    }
    let told = record([settings], seed: seed, entries, lasting: .minutes(75))
    let findings = play(told.finish(), [settings])
    #expect(findings.workloads[0].failovers.first?.begunAt == told.begun.first?.at)
    if start > .minutes(1) { #expect(told.begun.count >= 1) }
    #expect(findings.sightings == told.sightings)
  }

  /// Packet loss, broken DNS, crashes, freezes, clocks that are wrong. What an operator orders is not replayed, and a ledger
  /// that refuses, or another that holds the lease, makes a daemon wait: those worlds are left out.
  @Test(arguments: 1...40) func `in random worlds too`(seed: UInt64) {
    let trial = Trial.random(seed: seed)
    let isLeftOut = trial.scenario.entries.contains { entry in
      switch entry.what {
      case .order, .disk, .rival: true
      // Who dies at the record of a failover has decided it, and not begun it.
      case .crash(let point, _): point != .now
      case .cloud, .network, .clockBehind, .freeze, .veto: false
      }
    }
    if isLeftOut { return }
    let simulation = Simulation(trial)
    let told = Stenographer(trial.workloads)
    simulation.witness = told
    _ = simulation.run()
    let findings = play(told.finish(), trial.workloads)
    guard let real = told.begun.first else { return }
    let found = findings.workloads.first { $0.settings.name == real.workload }
    #expect(found?.failovers.first?.begunAt == real.at)
  }
}
