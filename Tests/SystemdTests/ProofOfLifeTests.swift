// The proof of life as a dialogue: beats and turns go in, signs come out.

import PilotlightSystemd
import Testing

@Suite struct ProofOfLifeTests {
  private var proof = ProofOfLife(bound: 4, ledgerBound: 60)

  /// All loops of a round turn, in this order.
  private mutating func turn(_ loops: [Loop], round: Int) -> [Sign] {
    loops.flatMap { proof.turned($0, round: round) }
  }

  private static let all: [Loop] = [.probes, .cloud, .control, .decisions]

  @Test mutating func `a sign of life follows when the last loop has turned`() {
    #expect(proof.beat() == [.ask(round: 1)])
    #expect(turn([.probes, .cloud, .control], round: 1) == [])
    #expect(proof.turned(.decisions, round: 1) == [.alive])
    #expect(proof.beat() == [.ask(round: 2)])
  }

  @Test(arguments: ProofOfLifeTests.all) mutating func `one loop that is stuck ends the signs, whatever the others do`(
    stuck: Loop
  ) {
    #expect(proof.beat() == [.ask(round: 1)])
    #expect(turn(ProofOfLifeTests.all.filter { $0 != stuck }, round: 1) == [])
    for _ in 1...3 { #expect(proof.beat() == []) }
    #expect(proof.beat() == [.wedged(stuck)])
    // Said once, and no round begins.
    for _ in 1...50 { #expect(proof.beat() == []) }
    #expect(proof.turned(stuck, round: 1) == [.alive, .turnsAgain])
    #expect(proof.beat() == [.ask(round: 2)])
  }

  @Test mutating func `a loop that turns within its bound is not named`() {
    _ = proof.beat()
    #expect(turn([.probes, .cloud, .control], round: 1) == [])
    for _ in 1...3 { #expect(proof.beat() == []) }
    #expect(proof.turned(.decisions, round: 1) == [.alive])
  }

  @Test mutating func `a turn counts once, and only for the round it was asked in`() {
    _ = proof.beat()
    #expect(turn(ProofOfLifeTests.all, round: 1) == [.alive])
    #expect(proof.turned(.decisions, round: 1) == [])
    _ = proof.beat()
    #expect(turn([.decisions, .probes, .cloud], round: 2) == [])
    #expect(turn([.decisions, .probes, .cloud], round: 2) == [])
    #expect(proof.turned(.control, round: 1) == [])
    #expect(proof.turned(.control, round: 2) == [.alive])
  }

  @Test mutating func `a slow disk is waited for while all others turn, and is the ledger's fault when it takes long`()
  {
    _ = proof.beat()
    proof.ledger(isEntered: true)
    var signs: [Sign] = []
    var wedgedAt: Int?
    for beat in 1...100 where wedgedAt == nil {
      let told = proof.beat()
      for case .ask(let round) in told { signs += turn([.probes, .cloud, .control], round: round) }
      if beat == 1 { signs += turn([.probes, .cloud, .control], round: 1) }
      signs += told
      if told.contains(.wedged(.ledger)) { wedgedAt = beat }
    }
    #expect(signs.count { $0 == .stalled } == 1)
    // A sign of life every four beats: the service manager expects one every ten.
    #expect(signs.count { $0 == .alive } == 14)
    #expect(wedgedAt == 60)
    for _ in 1...50 { #expect(proof.beat() == []) }
    proof.ledger(isEntered: false)
    #expect(proof.turned(.decisions, round: 15) == [.alive, .turnsAgain])
  }

  @Test mutating func `a disk that comes back in time is told once, and each write has the whole time`() {
    for _ in 1...2 {
      let begun = proof.beat()
      guard case .ask(let round)? = begun.first else { return #expect(Bool(false), "\(begun)") }
      _ = turn([.probes, .cloud, .control], round: round)
      proof.ledger(isEntered: true)
      for _ in 1...3 { #expect(proof.beat() == []) }
      #expect(proof.beat() == [.stalled, .alive, .ask(round: round + 1)])
      _ = turn([.probes, .cloud, .control], round: round + 1)
      proof.ledger(isEntered: false)
      #expect(proof.turned(.decisions, round: round + 1) == [.alive, .turnsAgain])
    }
  }

  @Test(arguments: [Loop.probes, .cloud, .control])
  mutating func `a slow disk excuses no other loop`(stuck: Loop) {
    _ = proof.beat()
    proof.ledger(isEntered: true)
    _ = turn([Loop.probes, .cloud, .control].filter { $0 != stuck }, round: 1)
    for _ in 1...3 { #expect(proof.beat() == []) }
    guard case .wedged? = proof.beat().first else { return #expect(Bool(false), "nobody is named") }
  }

  @Test mutating func `what was begun must end, though every loop turns`() {
    let probe = proof.began(.probes, "a probe for a", within: 3)
    _ = proof.began(.cloud, "GetMetricData for a", within: 9)
    for round in 1...3 {
      #expect(proof.beat() == [.ask(round: round)])
      #expect(turn(ProofOfLifeTests.all, round: round) == [.alive])
    }
    proof.ended(probe)
    for round in 4...9 {
      #expect(proof.beat() == [.ask(round: round)])
      #expect(turn(ProofOfLifeTests.all, round: round) == [.alive])
    }
    #expect(proof.beat() == [.lost(.cloud, "GetMetricData for a")])
  }

  @Test mutating func `a process that was frozen has lost nothing`() {
    // However long it stood still: time is counted in beats, and there were none.
    let token = proof.began(.probes, "a probe", within: 30)
    #expect(proof.beat() == [.ask(round: 1)])
    proof.ended(token)
    #expect(turn(ProofOfLifeTests.all, round: 1) == [.alive])
  }
}
