// `--check --live`: what a failover stands on, read once and told line by line. The same questions and the same judgement as the
// daemon's own, with neither ledger nor lock; nothing is changed.

import PilotlightCore
import PilotlightEngine

struct LiveCheck {
  let cloud: any Cloud
  let now: @Sendable () -> Instant

  /// - Returns: whether every workload would be armed, as far as this can be read.
  func run(_ workloads: [WorkloadSettings], tell: (String) -> Void) async -> Bool {
    var isReady = true
    for settings in workloads {
      for (item, finding) in await findings(settings) {
        tell("\(word(finding))  \(settings.name)  \(item.rawValue): \(finding.sentence)")
        isReady = isReady && passes(item, finding)
      }
    }
    return isReady
  }

  /// In the order of the list, all asked at once.
  private func findings(_ settings: WorkloadSettings) async -> [(ReadinessItem, Finding)] {
    await withTaskGroup(of: (ReadinessItem, Finding).self) { group in
      for item in ReadinessItem.allCases {
        guard let action = item.action(settings) else { continue }
        group.addTask {
          let reply = await cloud.perform(action, timeout: action.timeout)
          return (item, item.judge(reply, settings, at: now()))
        }
      }
      let found = await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      return ReadinessItem.allCases.compactMap { item in found[item].map { (item, $0) } }
    }
  }

  private func word(_ finding: Finding) -> String {
    switch finding {
    case .ready: "ready    "
    case .notReady: "NOT READY"
    case .unknown: "unknown  "
    }
  }

  private func passes(_ item: ReadinessItem, _ finding: Finding) -> Bool {
    switch finding {
    case .ready: true
    case .notReady: false
    // What no step of a failover needs may stay unproven.
    case .unknown: !item.isNeeded && item != .lag
    }
  }
}
