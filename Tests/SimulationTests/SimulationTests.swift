// The simulator itself: that it is the same each time, that it tells the truth, and that small worlds keep their promises. The large
// campaigns are run by the `simulator` program.

import Foundation
import PilotlightCore
import PilotlightSandbox
import PilotlightSimulation
import Testing

@Suite struct SimulationTests {
  @Test func `a seed lives the same life twice, to the byte`() {
    for seed: UInt64 in [7, 90, 187, 203, 3924] {
      let (a, b) = (
        Simulation(.random(seed: seed), recording: true).run(), Simulation(.random(seed: seed), recording: true).run()
      )
      #expect(a.story == b.story)
      #expect(a.lived == b.lived)
    }
  }

  @Test func `recording a story does not change it`() {
    let (told, silent) = (Simulation(.random(seed: 11), recording: true).run(), Simulation(.random(seed: 11)).run())
    #expect(told.lived == silent.lived && told.actions == silent.actions && told.phase == silent.phase)
  }

  @Test func `fifty worlds keep every promise`() {
    for seed: UInt64 in 1...50 {
      let outcome = Simulation(.random(seed: seed)).run()
      #expect(outcome.violations.isEmpty, "seed \(seed): \(outcome.violations)")
    }
  }

  /// Worlds that broke a promise once, as `simulator tell --save` wrote them; what was wrong then.
  @Test(arguments: [
    ("old-primary-unfenced-beside-dr-unreported", "an old primary that came back unfenced beside DR was not reported"),
    ("throttled-answer-taken-for-sight", "a throttled answer was taken for sight while our own network was gone"),
    ("debt-paid-before-the-promotion", "a debt was paid before the promotion: the primary looked dead by our own hand"),
    ("gate-that-looks-at-its-own-fence", "a gate that had to look at its own fence again waited for ever"),
    ("fenced-on-the-word-of-an-earlier-gate", "after a restart the primary was fenced on the word of an earlier gate"),
    ("booted-before-the-secret", "instances booted before the secret was repointed and wrote to the old primary"),
    (
      "vantage-asked-long-before-the-promotion",
      "a region back for ten seconds was promoted away from on an old vantage"
    ),
    ("region-back-before-the-gate", "the gate read the probe again and not the vantages that had confirmed the outage"),
    (
      "gate-that-waits-for-a-vantage-forever",
      "a vantage that changed its mind left a gate waiting for ever, asking nobody"
    ),
    (
      "two-lost-calls-taken-for-a-dark-region",
      "two calls lost by chance outweighed a target group read over the same API"
    ),
    (
      "own-dns-down-through-both-calls", "our own DNS was down through both calls that made the primary's API look dead"
    ),
    ("late-answers-taken-for-the-outage-before", "late answers were taken for the outage that came before them"),
    (
      "second-rung-of-a-misled-fence", "the oracle excused the first rung of a fence, and not the one beside it"
    ),
    ("our-own-dns-taken-for-a-vantage", "an API call that failed of our own broken DNS was taken for a vantage"),
    ("an-order-and-a-primary-that-answers-again", "an ordered failover went on over a primary that answered again"),
    ("taken-back-and-still-shown", "the next run found done what had been taken back and was still shown"),
  ]) func `a world that broke a promise once keeps it now`(_ file: String, _ story: String) throws {
    let url = try #require(Bundle.module.url(forResource: "Trials/\(file)", withExtension: "json"))
    let trial = try JSONDecoder().decode(Trial.self, from: Data(contentsOf: url))
    let outcome = Simulation(trial).run()
    #expect(outcome.violations.isEmpty, "\(story): \(outcome.violations)")
    #expect(outcome.lived > trial.scenario.duration)
  }

  @Test func `a dead region ends in dr-active, and by order at home again`() {
    let outage = Scenario.Entry(at: .minutes(5), .cloud(.regionOutage(region: "eu-west-1")), lasting: .minutes(30))
    let trial = Trial(
      seed: 1, workloads: [.reference()], scenario: Scenario(name: "outage", entries: [outage], duration: .minutes(40)),
      expectation: .failsOver)
    let outcome = Simulation(trial).run()
    #expect(outcome.violations.isEmpty, "\(outcome.violations)")
    #expect(outcome.failovers == 1 && outcome.failbacks == 1 && outcome.promotions == 2)
    #expect(outcome.phase == .healthy)
  }

  @Test func `a dead region of a global database ends in dr-active, and by order at home again`() {
    for seed: UInt64 in 1...5 {
      let outage = Scenario.Entry(at: .minutes(5), .cloud(.regionOutage(region: "eu-west-1")), lasting: .minutes(30))
      let trial = Trial(
        seed: seed, workloads: [.reference { $0.moveToAurora() }],
        scenario: Scenario(name: "outage", entries: [outage], duration: .minutes(40)), expectation: .failsOver)
      let outcome = Simulation(trial).run()
      #expect(outcome.violations.isEmpty, "seed \(seed): \(outcome.violations)")
      #expect(outcome.failovers == 1 && outcome.failbacks == 1 && outcome.promotions == 2)
      #expect(outcome.phase == .healthy)
    }
  }

  @Test(arguments: Exploration.Start.allCases)
  func `the first places of a global database keep every promise`(_ start: Exploration.Start) {
    let report = Exploration.run(.smallest { $0.moveToAurora() }, from: start, limit: 500)
    #expect(report.isPartial && report.places == 500)
    #expect(report.violations.isEmpty, "\(report.violations)")
  }

  @Test func `an expectation that is wrong is noticed`() {
    let trial = Trial(
      seed: 1, workloads: [.reference()], scenario: Scenario(name: "quiet", entries: [], duration: .minutes(10)),
      expectation: .failsOver)
    var eventful = trial
    eventful.scenario.entries = [
      Scenario.Entry(at: .minutes(2), .cloud(.regionOutage(region: "eu-west-1")), lasting: .seconds(30))
    ]
    #expect(Simulation(eventful).run().violations.map(\.rule) == ["missed-failover"])
  }

  /// Durations come from a clock that nobody sets; the wall clock only stamps requests and reads the cloud's own times.
  @Test(arguments: [
    ("F54 the clock jumps an hour ahead", Duration.hours(-1)), ("F55 the clock jumps an hour back", .hours(1)),
  ]) func `a clock that jumps starts nothing and stops nothing`(_ name: String, _ behind: Duration) {
    let jump = Scenario.Entry(at: .minutes(6), .clockBehind(behind), lasting: .minutes(20))
    let outage = Scenario.Entry(at: .minutes(5), .cloud(.regionOutage(region: "eu-west-1")), lasting: .hours(1))
    let blip = Scenario.Entry(at: .minutes(5), .cloud(.regionOutage(region: "eu-west-1")), lasting: .seconds(40))
    for (entries, expectation) in [
      ([jump], PilotlightSimulation.Expectation.nothingActs), ([blip, jump], .nothingActs),
      ([outage, jump], .failsOver),
    ] {
      for seed: UInt64 in 1...5 {
        let trial = Trial(
          seed: seed, workloads: [.reference()],
          scenario: Scenario(name: name, entries: entries, duration: .minutes(70)), expectation: expectation)
        let outcome = Simulation(trial).run()
        #expect(outcome.violations.isEmpty, "seed \(seed), \(expectation): \(outcome.violations)")
        #expect(outcome.failovers == (expectation == .failsOver ? 1 : 0))
      }
    }
  }

  @Test func `F21 all workloads look dead in the same second: cut off we do nothing, and else one moves`() {
    func live(_ fault: SandboxFault, _ expectation: PilotlightSimulation.Expectation) -> Outcome {
      let entry = Scenario.Entry(at: .minutes(5), .cloud(fault), lasting: .minutes(40))
      let trial = Trial(
        seed: 1, workloads: [.reference("a"), .reference("b"), .reference("c")],
        scenario: Scenario(name: "all at once", entries: [entry], duration: .minutes(45)), expectation: expectation,
        operatorFailsBack: false, ending: .asItStands(operatorAfter: nil))
      return Simulation(trial).run()
    }
    let alone = live(.observerIsolated, .nothingActs)
    #expect(alone.violations.isEmpty && alone.failovers == 0 && alone.actions == 0, "\(alone.violations)")
    let real = live(.regionOutage(region: "eu-west-1"), .none)
    #expect(real.violations.isEmpty && real.failovers == 1 && real.promotions == 1, "\(real)")
  }

  @Test func `a failing world is cut down to what it takes`() {
    let trial = Trial(
      seed: 1, workloads: [.reference()],
      scenario: Scenario(
        name: "noise",
        entries: [
          Scenario.Entry(at: .minutes(1), .network(.packetLoss(share: 0.1)), lasting: .minutes(1)),
          Scenario.Entry(at: .minutes(5), .cloud(.regionOutage(region: "eu-west-1")), lasting: .minutes(20)),
          Scenario.Entry(at: .minutes(30), .clockBehind(.seconds(5)), lasting: .minutes(1)),
        ], duration: .minutes(40)), expectation: .nothingActs)
    let small = trial.shrunk(toBreak: "acted-without-need")
    #expect(small.scenario.entries.map(\.what) == [.cloud(.regionOutage(region: "eu-west-1"))])
  }

  /// The whole search, and a cut at every record, are `make explore` and `make sim`.
  @Test(arguments: Exploration.Start.allCases) func `the first places of the explored space keep every promise`(
    _ start: Exploration.Start
  ) {
    let report = Exploration.run(.smallest(), from: start, limit: 500)
    #expect(report.isPartial && report.places == 500 && report.moves > 4000)
    #expect(report.violations.isEmpty, "\(report.violations)")
  }

  @Test func `the way home has an end and a way out when nothing goes wrong`() {
    let report = Exploration.run(.smallest(), from: .drActive, disturbances: 0)
    #expect(!report.isPartial && report.deadEnds == 0 && report.phases[.healthy, default: 0] > 0)
    #expect(report.violations.isEmpty, "\(report.violations)")
  }

  @Test func `who only observes never leaves healthy and degraded`() {
    let report = Exploration.run(.smallest { $0.mode = .observe }, from: .healthy)
    #expect(!report.isPartial && report.deadEnds == 0 && report.phases[.failingOver] == nil)
  }

  @Test func `a life cut in the middle of the promotion ends as the whole life does`() {
    let life = Interruption.reference
    #expect(life.records > 60)
    for moment in CrashMoment.allCases { #expect(life.difference(dyingAt: 14, moment) == nil) }
  }
}
