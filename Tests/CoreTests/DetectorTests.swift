// The detector and the loss window as dialogues: what was seen, what follows.

import PilotlightCore
import Testing

private let start = Instant(nanoseconds: 1_800_000_000_000_000_000)

@Suite struct TallyTests {
  private func tally(_ outcomes: [ProbeOutcome]) -> Tally {
    var tally = Tally(fallAfter: 3, riseAfter: 2)
    for (index, outcome) in outcomes.enumerated() {
      tally.take(Observation(at: start + .seconds(index), took: .milliseconds(10), outcome: outcome))
    }
    return tally
  }
  private let good = ProbeOutcome.success(status: 200)
  private func bad(_ failure: FailureClass) -> ProbeOutcome { .failure(failure, status: nil, detail: "") }

  @Test func `nothing seen is neither up nor down`() { #expect(tally([]).serving == nil) }

  @Test func `F1 one timeout does not settle anything, and re-checks come sooner`() {
    let seen = tally([good, good, bad(.timeout)])
    #expect(seen.serving == true)
    #expect(seen.failures == 1)
    #expect(seen.unsettled)
  }

  @Test func `F2 a success resets the count`() {
    let seen = tally([good, good, bad(.timeout), bad(.timeout), good])
    #expect(seen.serving == true)
    #expect(seen.failures == 0)
    #expect(seen.firstFailure == nil)
  }

  @Test func `the outage starts with the first failure, not with the third`() {
    let seen = tally([good, good, bad(.timeout), bad(.refused), bad(.serverError)])
    #expect(seen.serving == false)
    #expect(seen.firstFailure == start + .seconds(2))
    #expect(seen.since == start + .seconds(2))
  }

  @Test(arguments: [FailureClass.slow, .tls, .dns])
  func `F6 F9 F10 slow, TLS and DNS alert and never count as down`(_ failure: FailureClass) {
    let seen = tally([good, good] + Array(repeating: bad(failure), count: 50))
    #expect(seen.serving == true)
    #expect(seen.concern == failure)
    #expect(seen.firstFailure == nil)
  }

  @Test func `a failure long before our own names broke is no part of what comes after`() {
    let seen = tally([good, good, bad(.timeout)] + Array(repeating: bad(.dns), count: 60) + [bad(.serverError)])
    #expect(seen.failures == 1 && seen.firstFailure == start + .seconds(63))
  }

  @Test func `a late answer does not rewrite history`() {
    var seen = tally([good, good, bad(.timeout), bad(.timeout), bad(.timeout)])
    seen.take(Observation(at: start, took: .seconds(5), outcome: good))
    #expect(seen.serving == false)
  }
}

@Suite struct LossTests {
  private func tracker(_ samples: [(Int, Double)], now: Int) -> LagTracker {
    var tracker = LagTracker(staleAfter: .seconds(180), meaning: .sinceReplayed)
    tracker.take(samples.map { LagSample(at: start + .seconds($0.0), seconds: $0.1) }, at: start + .seconds(now))
    return tracker
  }

  @Test func `a sample proves replay up to its time less its lag`() {
    let loss = tracker([(0, 2), (60, 5)], now: 90).loss(outageStart: start + .seconds(80))
    #expect(loss == LossWindow(window: .seconds(25), confidence: .measured, countedTo: start + .seconds(80)))
  }

  @Test func `the best proof is kept when the lag grows`() {
    let loss = tracker([(0, 2), (60, 300)], now: 90).loss(outageStart: start + .seconds(80))
    #expect(loss.window == .seconds(82))
  }

  @Test func `F34 no sample is unknown, never zero`() {
    let empty = tracker([], now: 0)
    #expect(empty.loss(outageStart: start) == LossWindow(window: nil, confidence: .unknown))
    #expect(empty.lag(at: start) == nil)
    #expect(!empty.loss(outageStart: start).isWithin(.hours(24)))
  }

  @Test func `-1 is unknown, never zero, and takes no proof away`() {
    let inactive = tracker([(0, 2), (60, -1)], now: 70)
    #expect(inactive.state(at: start + .seconds(70)) == .inactive)
    #expect(inactive.lag(at: start + .seconds(70)) == nil)
    #expect(inactive.loss(outageStart: start + .seconds(65)).confidence == .atMost)
    #expect(inactive.loss(outageStart: start + .seconds(65)).window == .seconds(67))
  }

  @Test func `F35 a sample of ten minutes ago is stale and its proof as old as it is`() {
    let stale = tracker([(0, 1)], now: 600)
    #expect(stale.state(at: start + .seconds(600)) == .stale)
    let loss = stale.loss(outageStart: start + .seconds(600))
    #expect(loss == LossWindow(window: .seconds(601), confidence: .atMost, countedTo: start + .seconds(600)))
    #expect(!loss.isWithin(.minutes(5)))
  }

  @Test func `a sample of the coming minute is cut to now`() {
    #expect(tracker([(50, 0)], now: 10).proof == start + .seconds(10))
  }

  @Test func `datapoints read again are the same ones, wherever a second of Date puts them`() {
    var lag = tracker([(0, 2), (60, -1), (120, 5)], now: 200)
    lag.take(
      [LagSample(at: start + .seconds(59), seconds: -1), LagSample(at: start + .seconds(119), seconds: 5)],
      at: start + .seconds(230))
    #expect(lag.state(at: start + .seconds(230)) == .replicating)
    #expect(lag.proof == start + .seconds(115))
  }

  @Test func `an answer from before the newest one takes nothing back`() {
    var lag = tracker([(0, 2), (60, 3), (120, -1)], now: 200)
    lag.take(
      [LagSample(at: start, seconds: 2), LagSample(at: start + .seconds(60), seconds: 3)], at: start + .seconds(230))
    #expect(lag.state(at: start + .seconds(230)) == .inactive)
  }
}

@Suite struct EvidenceTests {
  @Test func `what a vantage said before the outage is not shown as evidence of it`() {
    var detector = Detector(settings, at: start)
    let good = ProbeOutcome.success(status: 200)
    let bad = ProbeOutcome.failure(.timeout, status: nil, detail: "")
    for second in 0..<5 { detector.probed(Observation(at: start + .seconds(second), took: .zero, outcome: good)) }
    detector.sawTargets(TargetHealth(healthy: 2, unhealthy: 0, other: 0), at: start + .seconds(4))
    #expect(detector.assess(at: start + .seconds(5)).evidence.contains { $0.contains("2 healthy") })
    for second in 5..<10 { detector.probed(Observation(at: start + .seconds(second), took: .zero, outcome: bad)) }
    detector.sawTargets(nil, at: start + .seconds(8))
    #expect(!detector.assess(at: start + .seconds(10)).evidence.contains { $0.contains("healthy") })
  }
}

/// When the primary region's API counts as silent: only its opinion, with the probes failing since second 0.
@Suite struct SilenceTests {
  private let start = Instant(nanoseconds: 1_800_000_000_000_000_000)
  private func at(_ second: Int) -> Instant { start + .seconds(second) }

  private func opinion(misses: [Int], good: [Int], failed: [Int] = [], answered: [Int] = []) -> Opinion {
    var detector = Detector(settings, at: at(-60))
    detector.probed(
      Observation(at: at(0), took: .seconds(5), outcome: .failure(.timeout, status: nil, detail: "")))
    for second in -10...120 {
      if good.contains(second) { detector.reached(.drAPI, true, at: at(second)) }
      if failed.contains(second) { detector.reached(.drAPI, false, at: at(second)) }
      if misses.contains(second) { detector.sawPrimaryAPI(false, at: at(second)) }
      if answered.contains(second) { detector.sawPrimaryAPI(true, at: at(second)) }
    }
    return detector.primaryAPIOpinion
  }

  @Test func `four questions without an answer are believed beside a reference that answered throughout`() {
    #expect(opinion(misses: [5, 10, 15, 20], good: [2, 8, 14, 21]) == .down)
    #expect(opinion(misses: [5, 10, 15], good: [2, 8, 14, 21]) == .unknown)
  }

  @Test func `an answer in between begins the count anew, and is an answer`() {
    #expect(opinion(misses: [5, 10, 20, 25], good: [2, 8, 14, 26], answered: [15]) == .up)
  }

  @Test
  func
    `F17 a reference that failed meanwhile, or was not heard since, leaves it open: it may have been our own network`()
  {
    #expect(opinion(misses: [5, 10, 15, 20], good: [2, 21], failed: [12]) == .unknown)
    #expect(opinion(misses: [5, 10, 15, 20], good: [7, 21]) == .unknown)
    #expect(opinion(misses: [5, 10, 15, 20], good: [2, 8]) == .unknown)
  }

  @Test func `a region is silent while neither its load balancer nor its API gives any answer`() {
    func isSilent(_ outcome: ProbeOutcome, api: Bool?) -> Bool {
      var detector = Detector(settings, at: start)
      detector.probed(Observation(at: at(1), took: .zero, outcome: outcome))
      detector.sawPrimaryAPI(api, at: at(2))
      return detector.assess(at: at(3)).isSilent
    }
    let silence = ProbeOutcome.failure(.timeout, status: nil, detail: "")
    #expect(isSilent(silence, api: false) && !isSilent(silence, api: true) && !isSilent(silence, api: nil))
    #expect(!isSilent(.failure(.serverError, status: 503, detail: "held"), api: false))
    #expect(!isSilent(.success(status: 200), api: false))
  }

  @Test func `questions from before the outage do not count`() {
    #expect(opinion(misses: [-5, 5, 10, 15], good: [-8, 2, 16]) == .unknown)
  }
}
