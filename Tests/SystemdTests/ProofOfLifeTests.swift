// The proof of life as a dialogue: beats and turns go in, signs come out.

import PilotlightSystemd
import Testing

@Suite struct ProofOfLifeTests {
  private var proof = ProofOfLife(bound: 4)

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

  @Test mutating func `a decision loop inside the ledger is the ledger's fault`() {
    _ = proof.beat()
    _ = turn([.probes, .cloud, .control], round: 1)
    proof.ledger(isEntered: true)
    for _ in 1...3 { _ = proof.beat() }
    #expect(proof.beat() == [.wedged(.ledger)])
    proof.ledger(isEntered: false)
    #expect(proof.turned(.decisions, round: 1) == [.alive, .turnsAgain])
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
