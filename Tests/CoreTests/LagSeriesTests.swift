// What real replicas said of their lag while a link was held up, beside what was true (`Tests/Lag/record.py`): no reading of it may claim
// that less would be lost than really would be.

import Foundation
import PilotlightCore
import Testing

/// One look at a replica, seconds since the recording began.
struct LagLook {
  var at: Double
  /// As the engine says; -1: not active.
  var lag: Double
  /// The newest write on either side.
  var primary: Double
  var replica: Double
  /// What promoting at this moment would lose.
  var truth: Double { max(primary - replica, 0) }
}

@Suite struct LagSeriesTests {
  private static let start = Instant(nanoseconds: 1_800_000_000_000_000_000)

  private static func recording(_ engine: String) throws -> [LagLook] {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/\(engine)", withExtension: "txt"))
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
      line in
      let numbers = line.split(separator: " ").compactMap { Double($0) }
      try #require(numbers.count == 4)
      return LagLook(at: numbers[0], lag: numbers[1], primary: numbers[2], replica: numbers[3])
    }
  }

  /// What the tracker says after each look, with CloudWatch's one look a minute or with all of them.
  private static func claims(
    _ looks: [LagLook], _ meaning: LagMeaning, every: Int = 1
  ) -> [(look: LagLook, loss: LossWindow)] {
    var tracker = LagTracker(staleAfter: .seconds(180), meaning: meaning)
    return looks.enumerated().map { index, look in
      let now = start + .milliseconds(Int64(look.at * 1000))
      if index % every == 0 { tracker.take([LagSample(at: now, seconds: look.lag)], at: now) }
      return (look, tracker.loss(outageStart: now))
    }
  }

  private static func understated(_ claims: [(look: LagLook, loss: LossWindow)]) -> [LagLook] {
    // The look itself takes a moment.
    claims.filter { claim in claim.loss.window.map { $0.seconds + 1 < claim.look.truth } ?? false }.map(\.look)
  }

  @Test(arguments: ["postgres", "mariadb"], [1, 12]) func `what would be lost is never understated`(
    _ engine: String, _ every: Int
  ) throws {
    let looks = try Self.recording(engine)
    #expect(looks.count > 50 && looks.contains { $0.truth > 60 })
    let claims = Self.claims(looks, LagMeaning(engine: engine), every: every)
    #expect(claims.contains { $0.loss.window != nil })
    #expect(Self.understated(claims).isEmpty)
  }

  @Test func `a MariaDB replica says zero while nothing reaches it, and -1 only a minute later`() throws {
    let looks = try Self.recording("mariadb")
    #expect(looks.contains { $0.lag == 0 && $0.truth > 30 }, "the recording shows it")
    #expect(looks.contains { $0.lag == -1 && $0.truth > 60 })
    // Taken at its word, as PostgreSQL may be, it would have hidden the loss.
    #expect(!Self.understated(Self.claims(looks, .sinceReplayed)).isEmpty)
    #expect(Self.claims(looks, .behindArrived).allSatisfy { $0.loss.confidence != .measured })
  }

  @Test func `an idle PostgreSQL drifts away from a replica that has everything, and its proof grows old, not wrong`()
    throws
  {
    let looks = try Self.recording("postgres")
    let idle = looks.filter { $0.truth == 0 && $0.lag > 60 }
    #expect(!idle.isEmpty, "the recording shows it")
    for (look, loss) in Self.claims(looks, .sinceReplayed) where look.truth == 0 && look.lag > 60 {
      #expect(loss.confidence == .measured && abs((loss.window ?? .zero).seconds - look.lag) < 2)
    }
  }

  @Test func `what is not known to be better is taken for the worse`() {
    #expect(LagMeaning(engine: nil) == .behindArrived && LagMeaning(engine: "oracle-ee") == .behindArrived)
    #expect(LagMeaning(engine: "postgres") == .sinceReplayed && LagMeaning(engine: "aurora-mysql") == .behindArrived)
  }
}
