// The record of observations: nothing in it may stop a replay, and what is read is written the same again.

import PilotlightCore
import PilotlightEngine
import PilotlightRecording
import PilotlightSimulation

/// The first byte says how the rest is meant: even, a recording as it lies on a disk; odd, one frame's payload, since no fuzzer
/// finds a checksum.
func readRecording(_ bytes: [UInt8]) -> String? {
  guard let kind = bytes.first else { return nil }
  let rest = Array(bytes.dropFirst())
  var reader = RecordingReader(kind.isMultiple(of: 2) ? rest : RecordingReader.recording(ofPayload: rest))
  let settings = WorkloadSettings.reference("app")
  let replay = Replay([settings], brakes: Brakes(maximum: 1, window: .hours(1)))
  var recorder = Recorder()
  var (read, written) = (0, [UInt8]())
  while read < 20_000, let frame = reader.next() {
    read += frame.count
    for recorded in frame {
      replay.take(recorded)
      recorder.take(recorded)
    }
    written += recorder.frames(at: Instant(nanoseconds: 0), everything: true).flatMap(\.bytes)
  }
  var again = RecordingReader(written)
  var count = 0
  while let frame = again.next() { count += frame.count }
  if count != read { return "\(read) were read, and \(count) of them again" }
  for failover in replay.finish().workloads.flatMap(\.failovers) {
    if failover.loss.window.map({ $0 < .zero }) ?? false { return "a loss of \(failover.loss.text)" }
    if failover.confirmedAt > failover.begunAt { return "begun before it was confirmed" }
  }
  return nil
}
