// The lease, as a dialogue with the table: what is asked next, and what may be done meanwhile.

import PilotlightCore
import Testing

@Suite struct LeaseTests {
  private static let ref = LeaseRef(region: "us-west-2", table: "pilotlight", key: "django-app")
  private static let began = Instant(nanoseconds: 1_800_000_000_000_000_000)

  private static func record(_ holder: String, _ life: String, _ number: Int, _ renewal: Int) -> LeaseRecord {
    LeaseRecord(holder: holder, life: life, number: number, renewal: renewal, lasting: .seconds(60))
  }

  /// One watchdog and its clock.
  private struct Watchdog {
    var tracker: LeaseTracker
    init(_ holder: String = "a", life: String = "home.1") {
      tracker = LeaseTracker(
        LeaseSettings(ref: LeaseTests.ref, holder: holder, lasting: .seconds(60)), life: life)
    }
    func asks(_ second: Double, mayClaim: Bool = true) -> CloudAction {
      tracker.request(at: at(second), mayClaim: mayClaim)
    }
    mutating func hears(_ reply: CloudReply, asked: Double, _ second: Double) {
      tracker.take(reply, askedAt: at(asked), at: at(second))
    }
    func mayAct(_ second: Double) -> Bool { tracker.held(at: at(second)) != nil }
    func at(_ second: Double) -> Instant { LeaseTests.began + .milliseconds(Int64(second * 1000)) }
  }

  /// The first lease ever, held from second 60 on.
  private static func holder() -> Watchdog {
    var one = Watchdog()
    one.hears(.lease(nil), asked: 0, 0)
    one.hears(.leased(record("a", "home.1", 1, 0)), asked: 60, 60.2)
    return one
  }

  private let conditionFailed = CloudReply.failed(
    CloudFailure(.wrongState, code: "ConditionalCheckFailedException", message: "The conditional request failed"))
  private let noAnswer = CloudReply.failed(CloudFailure(.unknownOutcome, code: "timeout", message: "no answer"))

  @Test func `nobody's lease is taken when nobody took it for as long as one lasts`() {
    var one = Watchdog()
    #expect(one.asks(0) == .readLease(Self.ref))
    one.hears(.lease(nil), asked: 0, 0.2)
    // Somebody may have deleted what another still counts on.
    #expect(one.asks(60) == .readLease(Self.ref))
    #expect(one.asks(60.2) == .claimLease(Self.ref, Self.record("a", "home.1", 1, 0), over: nil))
    #expect(!one.mayAct(60.2))
    one.hears(.leased(Self.record("a", "home.1", 1, 0)), asked: 60.2, 60.4)
    #expect(one.mayAct(60.4))
  }

  @Test func `F54 it is held for three quarters of its time, counted from the asking on a clock that nobody sets`() {
    var one = Self.holder()
    #expect(one.mayAct(104.9) && !one.mayAct(105))
    #expect(
      one.asks(70) == .claimLease(Self.ref, Self.record("a", "home.1", 1, 1), over: Self.record("a", "home.1", 1, 0)))
    // An answer that took thirty seconds buys none of them.
    one.hears(.leased(Self.record("a", "home.1", 1, 1)), asked: 70, 100)
    #expect(one.mayAct(114.9) && !one.mayAct(115))
  }

  @Test func `another's lease is taken when it stood unchanged for as long as it was claimed, since it was first seen`()
  {
    var two = Watchdog("b", life: "elsewhere.2")
    let first = Self.record("a", "home.1", 7, 3)
    two.hears(.lease(first), asked: 0, 0.5)
    two.hears(.lease(first), asked: 30, 30.5)
    #expect(two.asks(60.4) == .readLease(Self.ref))
    #expect(two.asks(60.5) == .claimLease(Self.ref, Self.record("b", "elsewhere.2", 8, 0), over: first))
    // A renewal, seen late, begins it all again.
    two.hears(.lease(Self.record("a", "home.1", 7, 4)), asked: 60, 60.6)
    #expect(two.asks(120.5) == .readLease(Self.ref))
    #expect(!two.mayAct(120.5))
  }

  @Test func `F25 a claim that comes second ends it at once, and the other's lease is waited for`() {
    var one = Self.holder()
    one.hears(conditionFailed, asked: 70, 70.2)
    #expect(!one.mayAct(70.2))
    #expect(one.asks(70.3) == .readLease(Self.ref))
    one.hears(.lease(Self.record("b", "elsewhere.9", 2, 0)), asked: 70.3, 70.5)
    #expect(one.asks(80) == .readLease(Self.ref))
    #expect(one.tracker.word(at: one.at(80)) == .foreign("b"))
    #expect(one.tracker.whyNotHeld(at: one.at(80)) == "b holds the lease, number 2")
  }

  @Test func `F26 a table that does not answer leaves what is held until its time, and begins nothing`() {
    var one = Self.holder()
    one.hears(noAnswer, asked: 70, 75)
    #expect(one.mayAct(104.9) && !one.mayAct(105))
    let now = one.at(80)
    #expect(one.tracker.whyNotHeld(at: now) == nil)
    #expect(one.tracker.whyNotBegin(at: now)?.contains("cannot be read or claimed for 10 s: ") == true)
    #expect(one.tracker.word(at: now) == .held(number: 1))
    #expect(one.tracker.word(at: one.at(106)) == .silent)
  }

  @Test func `a claim without an answer is looked after before the next`() {
    var one = Self.holder()
    one.hears(noAnswer, asked: 70, 75)
    #expect(one.asks(76) == .readLease(Self.ref))
    // It was taken: what the read shows is no promise of more time, and what is claimed over.
    one.hears(.lease(Self.record("a", "home.1", 1, 1)), asked: 76, 76.2)
    #expect(!one.mayAct(105))
    #expect(
      one.asks(77) == .claimLease(Self.ref, Self.record("a", "home.1", 1, 2), over: Self.record("a", "home.1", 1, 1)))
  }

  @Test func `F56 after a suspension the time is over, and the lease is claimed anew before anything is done`() {
    var one = Self.holder()
    #expect(!one.mayAct(660))
    #expect(
      one.asks(660) == .claimLease(Self.ref, Self.record("a", "home.1", 1, 1), over: Self.record("a", "home.1", 1, 0)))
    one.hears(conditionFailed, asked: 660, 660.1)
    one.hears(.lease(Self.record("b", "elsewhere.9", 2, 40)), asked: 660.2, 660.3)
    #expect(one.asks(661) == .readLease(Self.ref))
    #expect(!one.mayAct(661))
  }

  @Test func `F74 a watchdog that starts again takes its own lease at once, under the next number`() {
    var again = Watchdog("a", life: "home.2")
    let before = Self.record("a", "home.1", 4, 17)
    again.hears(.lease(before), asked: 0, 0.1)
    #expect(!again.mayAct(0.1))
    #expect(again.asks(0.2) == .claimLease(Self.ref, Self.record("a", "home.2", 5, 0), over: before))
  }

  @Test func `two that sign alike do not both hold it, and it is said`() {
    var one = Self.holder()
    one.hears(conditionFailed, asked: 70, 70.2)
    one.hears(.lease(Self.record("a", "elsewhere.2", 2, 0)), asked: 70.3, 70.5)
    #expect(one.tracker.word(at: one.at(71)) == .twin("a"))
    #expect(one.asks(71) == .readLease(Self.ref))
    #expect(one.tracker.whyNotHeld(at: one.at(71))?.contains("`daemon.name`") == true)
  }

  @Test func `F25 who signs alike on another ledger waits like anybody else`() {
    var twin = Watchdog("a", life: "elsewhere.1")
    twin.hears(.lease(Self.record("a", "home.1", 4, 17)), asked: 0, 0.1)
    #expect(twin.asks(60) == .readLease(Self.ref))
    #expect(twin.tracker.word(at: twin.at(1)) == .twin("a"))
  }

  @Test func `what was seen before a silence does not count towards an empty table`() {
    var one = Watchdog()
    one.hears(.lease(nil), asked: 0, 0.1)
    one.hears(noAnswer, asked: 30, 35)
    one.hears(.lease(nil), asked: 61, 61.1)
    #expect(one.asks(62) == .readLease(Self.ref))
  }

  @Test func `after a deletion the numbers go on`() {
    var one = Self.holder()
    one.hears(noAnswer, asked: 70, 75)
    one.hears(.lease(nil), asked: 76, 76.1)
    #expect(one.asks(140) == .claimLease(Self.ref, Self.record("a", "home.1", 2, 0), over: nil))
  }

  @Test func `an answer that was asked for before the newest tells nothing`() {
    var one = Self.holder()
    one.hears(.leased(Self.record("a", "home.1", 1, 1)), asked: 70, 70.1)
    one.hears(.lease(Self.record("b", "elsewhere.9", 9, 9)), asked: 65, 71)
    one.hears(noAnswer, asked: 65, 71)
    #expect(one.mayAct(114.9))
    #expect(one.tracker.silence(at: one.at(72)) == nil)
  }

  @Test func `somebody who deletes the lease ends it`() {
    var one = Self.holder()
    one.hears(noAnswer, asked: 70, 75)
    one.hears(.lease(nil), asked: 76, 76.1)
    #expect(!one.mayAct(76.1))
    #expect(one.asks(100) == .readLease(Self.ref))
  }

  @Test func `who could not act does not claim`() {
    var one = Self.holder()
    #expect(one.asks(70, mayClaim: false) == .readLease(Self.ref))
    one.hears(.lease(Self.record("a", "home.1", 1, 0)), asked: 70, 70.1)
    #expect(one.mayAct(104) && !one.mayAct(105))
  }

  /// Two watchdogs and a table, with answers that are lost and late, processes that start again and stand still.
  @Test(arguments: 1...300) func `F25 at no moment do two hold it, and in the end somebody does`(seed: UInt64) {
    var dice = Dice(seed: seed)
    var table: LeaseRecord?
    var second = 0.0
    var watchdogs = [Watchdog("a", life: "0.0"), Watchdog("b", life: "1.0")]
    var due = [0.0, 0.3]
    var (lives, held) = (0, 0)
    for turn in 0..<400 {
      let index = due[0] <= due[1] ? 0 : 1
      second = max(second, due[index])
      let isCalm = turn > 300
      let action = watchdogs[index].asks(second)
      var reply: CloudReply
      switch action {
      case .claimLease(_, let record, let known):
        if table == known { (table, reply) = (record, .leased(record)) } else { reply = conditionFailed }
      default: reply = .lease(table)
      }
      let asked = second
      if !isCalm, dice.unit() < 0.2 { reply = noAnswer }
      second += dice.unit() * (isCalm ? 0.3 : 6)
      if !isCalm, dice.unit() < 0.05 { second += dice.unit() * 200 }
      watchdogs[index].hears(reply, asked: asked, second)
      if !isCalm, dice.unit() < 0.03 {
        lives += 1
        watchdogs[index] = Watchdog(index == 0 ? "a" : "b", life: "\(index).\(lives)")
      }
      due[index] = second + watchdogs[index].tracker.pause.seconds
      #expect(!(watchdogs[0].mayAct(second) && watchdogs[1].mayAct(second)), "turn \(turn)")
      if watchdogs.contains(where: { $0.mayAct(second) }) { held += 1 }
    }
    #expect(held > 50)
    #expect(watchdogs.contains { $0.mayAct(second) })
  }
}
