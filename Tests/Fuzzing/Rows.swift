// The ledger's rows: what can be read is written the same again, and a machine can live with whatever they fold to.

import PilotlightCore
import PilotlightLedger
import PilotlightSimulation

private let codec = JSONRecordCodec()

/// One record a line.
func readRows(_ bytes: [UInt8]) -> String? {
  var state = DurableState()
  var read = 0
  for line in bytes.split(separator: UInt8(ascii: "\n")) {
    guard let record = try? codec.decode(String(decoding: line, as: UTF8.self)) else { continue }
    let written = codec.encode(record)
    guard let again = try? codec.decode(written), again == record else { return "written as \(written)" }
    let before = state
    state.apply(record)
    _ = record.sentence(before: before, after: state)
    read += 1
  }
  return read == 0 ? nil : live(state)
}

/// A restart from this state, and an hour of nothing.
private func live(_ state: DurableState) -> String? {
  var machine = Machine(.reference(), state: state, seed: 1)
  var now = Instant(nanoseconds: 1_764_000_000_000_000_000)
  let assessment = Assessment(verdict: .down, since: now, outageStart: now)
  for event in [Event.started, .woke(after: .seconds(20)), .assessed, .assessed] {
    let situation = Situation(
      now: now, assessment: assessment, primaryServing: nil, drServing: nil,
      lag: LagTracker(staleAfter: .seconds(180), meaning: .behindArrived),
      evidenceAt: now, obstacles: [], brake: nil)
    let reaction = machine.react(to: event, situation)
    if reaction.records.count > 100 { return "one event, \(reaction.records.count) records" }
    now = now + .minutes(20)
  }
  return nil
}
