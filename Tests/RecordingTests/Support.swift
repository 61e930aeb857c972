import PilotlightCore
import PilotlightEngine
import PilotlightRecording
import PilotlightSandbox
import PilotlightSimulation

/// Records a simulated daemon as the real one does, and remembers when its failovers began.
final class Stenographer: Witness {
  private var recorder = Recorder()
  private(set) var bytes: [UInt8] = []
  private(set) var sightings = 0
  /// Beginnings of failovers nobody ordered, and of what observe mode would have begun.
  private(set) var begun: [(workload: String, at: Instant)] = []
  private let workloads: [WorkloadSettings]
  private var now = Instant(nanoseconds: 0)

  init(_ workloads: [WorkloadSettings]) { self.workloads = workloads }

  func booted(at now: Instant) {
    if bytes.isEmpty { bytes = recorder.preamble(at: now, wallAhead: .zero) }
    take(.mark(.started(at: now)), now)
    for settings in workloads {
      take(.mark(.viewpoint(workload: settings.name, Viewpoint(settings), at: now)), now)
    }
  }

  func turns(_ input: Input, at now: Instant, gap: Duration?) {
    if let gap { take(.mark(.gap(at: now, lasted: gap)), now) }
    guard case .sighted(let workload, let watch, let sighting, let start) = input else { return }
    if watch.isEvidence { sightings += 1 }
    take(.sighted(workload: workload, Seen(watch, sighting, startedAt: start, arrivedAt: now)), now)
  }

  func recorded(_ record: Record, of workload: String, at now: Instant) {
    switch record {
    case .runBegun(let run, _) where run.kind == .failover && run.orderedBy == nil:
      begun.append((workload, now))
      take(.mark(.run(workload: workload, .begun, at: now)), now)
    case .wouldFailOver: begun.append((workload, now))
    default: break
    }
  }

  private func take(_ recorded: Recorded, _ now: Instant) {
    self.now = now
    recorder.take(recorded)
    for cut in recorder.frames(at: now) { bytes += cut.bytes }
  }

  func finish() -> [UInt8] {
    for cut in recorder.frames(at: now, everything: true) { bytes += cut.bytes }
    return bytes
  }
}

/// A simulated world, recorded.
func record(
  _ settings: [WorkloadSettings], seed: UInt64, _ entries: [Scenario.Entry], lasting duration: Duration
) -> Stenographer {
  let trial = Trial(
    seed: seed, workloads: settings, scenario: Scenario(name: "recorded", entries: entries, duration: duration),
    ending: .asItStands(operatorAfter: nil))
  let simulation = Simulation(trial)
  let stenographer = Stenographer(settings)
  simulation.witness = stenographer
  _ = simulation.run()
  return stenographer
}

func play(
  _ bytes: [UInt8], _ settings: [WorkloadSettings], brakes: Brakes = Brakes(maximum: 1, window: .hours(1)),
  from: Instant = .distantPast
) -> Findings {
  let replay = Replay(settings, brakes: brakes, from: from)
  var reader = RecordingReader(bytes)
  while let frame = reader.next() { for recorded in frame { replay.take(recorded) } }
  return replay.finish()
}

func everything(_ bytes: [UInt8]) -> (recorded: [Recorded], damage: RecordingReader.Damage) {
  var reader = RecordingReader(bytes)
  var all: [Recorded] = []
  while let frame = reader.next() { all += frame }
  return (all, reader.damage)
}

/// The reference deployment, watching only.
func observed(_ change: (inout WorkloadSettings) -> Void = { _ in }) -> WorkloadSettings {
  .reference {
    $0.mode = .observe
    change(&$0)
  }
}

let noon = Instant(nanoseconds: 1_800_000_000_000_000_000)

func outage(at: Duration, lasting: Duration?) -> Scenario.Entry {
  Scenario.Entry(at: at, .cloud(.regionOutage(region: "eu-west-1")), lasting: lasting)
}
