import PilotlightCore
import PilotlightRecording
import PilotlightSandbox
import PilotlightSimulation
import Testing

@Suite struct RecorderTests {
  private func probe(_ outcome: ProbeOutcome, at: Instant, took: Duration = .milliseconds(31)) -> Recorded {
    .sighted(
      workload: "app",
      Seen(
        .primaryProbe, .observation(Observation(at: at, took: took, outcome: outcome)), startedAt: at,
        arrivedAt: at + took + .microseconds(80)))
  }

  private func arrivals(_ all: [Recorded]) -> [Instant] {
    all.compactMap { if case .sighted(_, let seen) = $0 { seen.arrivedAt } else { nil } }
  }

  private func starts(_ all: [Recorded]) -> [Instant] {
    all.compactMap { if case .sighted(_, let seen) = $0 { seen.startedAt } else { nil } }
  }

  @Test func `a quiet hour is counted, and what ends it is exact on both sides`() throws {
    var dice = Dice(seed: 3)
    var recorder = Recorder()
    var bytes: [UInt8] = []
    var all: [Recorded] = []
    for second in stride(from: 0, to: 3600, by: 5) {
      let at = noon + .seconds(second) + dice.duration(upTo: .milliseconds(10))
      let isDown = (3000..<3100).contains(second)
      all.append(
        probe(
          isDown ? .failure(.timeout, status: nil, detail: "no answer") : .success(status: 200), at: at,
          took: .milliseconds(30) + dice.duration(upTo: .milliseconds(20))))
    }
    for recorded in all {
      recorder.take(recorded)
      for cut in recorder.frames(at: arrivals([recorded])[0]) { bytes += cut.bytes }
    }
    for cut in recorder.frames(at: noon, everything: true) { bytes += cut.bytes }
    let read = everything(bytes).recorded
    #expect(read.count == all.count)
    // The minutes after the start, the outage with the last success before it, and the minutes after it.
    let exact = Array(0..<132) + Array(599..<all.count)
    for index in exact { #expect(read[index] == all[index], "\(index)") }
    for (told, real) in zip(arrivals(read), arrivals(all)) { #expect(abs((told - real).seconds) < 0.1) }
    #expect(starts(read) == starts(all))
    #expect(bytes.count < 8000, "\(bytes.count) bytes")
  }

  @Test func `results while the primary does not serve are never counted together`() {
    var recorder = Recorder()
    var all: [Recorded] = []
    for second in 0..<900 {
      all.append(probe(.failure(.refused, status: nil, detail: ""), at: noon + .seconds(second)))
      all.append(
        .sighted(
          workload: "app",
          Seen(
            .drAPI, .reply(.identity(account: "1", arn: "a")), startedAt: noon + .seconds(second),
            arrivedAt: noon + .seconds(second) + .milliseconds(600 + second % 7))))
    }
    for recorded in all { recorder.take(recorded) }
    let bytes = recorder.frames(at: noon, everything: true).flatMap(\.bytes)
    #expect(everything(bytes).recorded == all)
  }

  @Test func `a day of nothing takes a third of a megabyte`() {
    let settings = [observed()]
    let told = record(settings, seed: 1, [], lasting: .hours(24))
    let bytes = told.finish()
    print("a quiet day: \(told.sightings) sightings, \(bytes.count) bytes")
    #expect(told.sightings > 50_000 && bytes.count < 340 << 10)
  }
}
