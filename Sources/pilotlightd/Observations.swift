// What the daemon keeps for a later replay. Nothing here waits, and nothing that decides looks at it.

import PilotlightCore
import PilotlightEngine
import PilotlightRecording

extension Daemon {
  /// Called before the engine hears of it, as a gap comes before what ended it.
  func record(_ input: Input, at now: Instant) {
    let gap = now - engine.lastTurn
    if gap > engine.timeGap { observations.note(.mark(.gap(at: now, lasted: gap))) }
    guard case .sighted(let workload, let watch, let sighting, let start) = input, watch.isEvidence else { return }
    observations.note(.sighted(workload: workload, Seen(watch, sighting, startedAt: start, arrivedAt: now)))
  }

  /// A run changes the world that is looked at.
  func record(_ message: Message) {
    let moment: RunMoment
    switch message.kind {
    case .runBegun: moment = .begun
    case .rolledBack: moment = .takenBack
    case .runFinished: moment = .finished
    default: return
    }
    guard let workload = message.workload else { return }
    observations.note(.mark(.run(workload: workload, moment, at: engine.lastTurn)))
  }

  /// How the workloads are looked at from now on.
  func recordViewpoints(_ configured: [WorkloadSettings]) {
    let now = line.now
    for settings in configured {
      observations.note(.mark(.viewpoint(workload: settings.name, Viewpoint(settings), at: now)))
    }
  }

  func closeRecording() {
    observations.note(.mark(.stopped(at: line.now)))
    observations.close()
  }
}

extension ObservationLog.News {
  var message: Message {
    switch self {
    case .stopped(let why): Message(.recordingStopped, "observations are not kept for now: \(why)")
    case .resumed(let missed):
      Message(.recordingResumed, "observations are kept again; \(missed) sightings in between are missing")
    }
  }
}
