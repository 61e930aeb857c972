// How record sets are moved, and what of them stays.

import PilotlightCore
import Testing

private let record = RecordRef(zone: "Z1", name: "app.example.com", type: "A")
private let home = RecordTarget(host: "P.example.net", aliasZone: "ZP", setIdentifier: "p")
private let away = RecordTarget(host: "d.example.net", aliasZone: "ZD", setIdentifier: "d")

private func set(_ target: RecordTarget, _ weight: Int?, policy: String? = nil) -> RecordState {
  RecordState(
    host: target.host.lowercased(), aliasZone: target.aliasZone, setIdentifier: target.setIdentifier, weight: weight,
    policy: policy, text: "its owner's, \(target.host)")
}

private func look(
  _ states: [RecordState], to site: Site = .dr, _ primary: RecordTarget, _ dr: RecordTarget, asked: Bool = false
) -> Reading {
  var step = StepRun(
    Step("shift-traffic", .shift(.route53(record, primary: primary, dr: dr), to: site), forecast: .zero))
  step.intentAt = asked ? .distantPast : nil
  let run = Run(
    incident: "i", kind: .failover, startedAt: .distantPast, outageStart: nil, orderedBy: nil, plan: [step.step])
  let context = StepContext(now: .distantPast, run: run, step: step, primaryServing: nil, drServing: nil)
  return step.step.work.read([.records(states)], context)
}

@Suite struct RecordMoveTests {
  @Test(arguments: [[100, 0], [1, 0], [255, 0], [70, 30]])
  func `a pair exchanges its weights, keeps the rest, and is brought back as it was`(weights: [Int]) throws {
    let before = [set(home, weights[0]), set(away, weights[1])]
    guard case .needed(let act, let undo, let why) = look(before, home, away),
      case .pointRecords(record, away, home, let written?) = act,
      case .pointRecords(record, home, away, let back?) = undo
    else { return #expect(Bool(false)) }
    #expect(
      why == "app.example.com leads to p.example.net (weight \(weights[0])), d.example.net (weight \(weights[1]))")
    let led = weights[1] > 0 ? weights[1] : weights[0]
    #expect(written == [set(away, led), set(home, 0)])
    #expect(back == before)
    #expect(look(written, home, away) == .done("app.example.com leads to d.example.net"))
    guard weights[1] == 0 else { return }
    guard case .needed(.pointRecords(_, _, _, let again?), _, _) = look(written, to: .primary, home, away) else {
      return #expect(Bool(false))
    }
    #expect(again == before)
  }

  @Test func `a pair that leads nobody, or is not there, leads by 100`() {
    #expect(RecordMove([set(home, 0), set(away, 0)], to: away, from: home).sets.map(\.weight) == [100, 0])
    let move = RecordMove([], to: away, from: home)
    #expect(move.sets.map(\.weight) == [100, 0] && move.sets.allSatisfy { $0.text == nil })
    #expect(move.undo.map(\.weight) == [100, 0] && move.undo.map(\.setIdentifier) == ["p", "d"])
  }

  @Test func `a set that leads elsewhere than its site is led there, and one that leads there is left alone`() {
    var strayed = set(away, 0)
    strayed.host = "old.example.net"
    strayed.aliasZone = "ZO"
    var far = set(home, 5)
    far.aliasZone = "ZX"
    let move = RecordMove([far, strayed], to: away, from: home)
    #expect(move.sets.map(\.host) == ["d.example.net", "p.example.net"])
    #expect(move.sets.map(\.aliasZone) == ["ZD", "ZX"] && move.sets.map(\.text) == [strayed.text, far.text])
    #expect(move.undo == [far, strayed])
    // Users are led by whatever has a weight, wherever it leads.
    #expect(!RecordMove([set(away, 100), strayed], to: away, from: RecordTarget(host: "x", setIdentifier: "d")).isDone)
    let named = RecordTarget(host: "dualstack.D.example.net", aliasZone: "ZD", setIdentifier: "d")
    #expect(RecordMove([set(away, 1), set(home, 0)], to: named, from: home).isDone)
  }

  @Test func `one set is led elsewhere whatever policy it has; of several nobody says which`() {
    let (home, away) = (RecordTarget(host: "p.example.net"), RecordTarget(host: "d.example.net"))
    var alone = set(home, nil, policy: "latency")
    alone.setIdentifier = "eu"
    guard
      case .needed(.pointRecords(_, _, _, let written?), .pointRecords(_, _, _, let back?), _) = look(
        [alone], home, away)
    else { return #expect(Bool(false)) }
    #expect(
      written.map(\.host) == ["d.example.net"] && written[0].text == alone.text && written[0].setIdentifier == "eu")
    #expect(back == [alone])
    #expect(
      look([alone, set(home, nil)], home, away)
        == .impossible("app.example.com has 2 record sets, and the configuration names no set identifiers"))
  }

  @Test func `a set of another routing policy cannot be moved by weights`() {
    #expect(
      look([set(home, nil, policy: "failover"), set(away, nil, policy: "failover")], home, away)
        == .impossible("record set p of app.example.com is not weighted but failover"))
    var simple = set(home, nil)
    simple.setIdentifier = nil
    #expect(look([simple], home, away) == .impossible("app.example.com is not weighted but simple"))
  }

  @Test
  func `F43 a change whose answer was lost is asked for again: nothing else tells whether the name servers have it`() {
    let written = [set(away, 100), set(home, 0)]
    guard case .repeated(.pointRecords(record, away, home, written), let why) = look(written, home, away, asked: true)
    else { return #expect(Bool(false)) }
    #expect(why == "app.example.com leads to d.example.net; the answer that names the change was lost")
    // Led there by somebody before us, it waits for no change of ours.
    #expect(look(written, home, away) == .done("app.example.com leads to d.example.net"))
  }

  @Test func `a third set that leads users elsewhere is a person's, once the two are moved`() {
    var third = set(home, 50)
    third.setIdentifier = "canary"
    guard case .needed = look([set(home, 100), set(away, 0), third], home, away) else { return #expect(Bool(false)) }
    let moved = [set(away, 100), set(home, 0)]
    #expect(
      look(moved + [third], home, away)
        == .impossible(
          "app.example.com leads to d.example.net (weight 100), p.example.net (weight 0), p.example.net (weight 50): "
            + "nobody moves record set canary, which the configuration does not name"))
    third.weight = 0
    #expect(look(moved + [third], home, away) == .done("app.example.com leads to d.example.net"))
    third.host = "d.example.net"
    third.weight = 50
    #expect(look(moved + [third], home, away) == .done("app.example.com leads to d.example.net"))
  }

  @Test func `an AAAA record of the same name stays, and that is told`() {
    var other = set(home, 100)
    other.type = "AAAA"
    let states = [set(away, 100), set(home, 0), other, other]
    #expect(look(states, home, away) == .done("app.example.com leads to d.example.net; its AAAA records are not moved"))
  }
}
