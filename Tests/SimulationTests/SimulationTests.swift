// The simulator itself: that it is the same each time, that it tells the truth, and that small worlds keep their promises. The large
// campaigns are run by the `simulator` program.

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

  /// Seeds that broke a promise once; what was wrong then.
  @Test(arguments: [
    (90 as UInt64, "an old primary that came back unfenced beside DR was not reported"),
    (3056, "a throttled answer was taken as a sign of life while our own network was gone"),
    (11229, "a debt was paid before the promotion, and the primary looked dead by our own hand"),
    (5914, "a gate that had to look at its own fence again waited for ever"),
    (3526, "after a restart the primary was fenced on the word of a gate from before it"),
    (23947, "instances booted before the secret was repointed and wrote to the old primary"),
    (29856, "our own DNS broke, and the API call that failed of it was taken for a vantage"),
  ]) func `a world that broke a promise once keeps it now`(_ seed: UInt64, _ story: String) {
    #expect(Simulation(.random(seed: seed)).run().violations.isEmpty, "\(story)")
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
}
