// Who takes over is as large as the other one was told to be, by the daemon's own reading of it: counted again, in another way.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

extension Occurrence {
  /// A day like any other: nothing is wrong.
  var isOrdinary: Bool { if case .cloud(.demand) = self { true } else { false } }
}

extension Oracle {
  /// A turn has ended with its records on the disk.
  mutating func told(_ input: Input, at now: Instant) {
    guard case .sighted(let name, let watch, .reply(.group(let group)), _) = input, let watched = workloads[name] else {
      return
    }
    switch (watch, watched.state.phase) {
    case (.readiness(.capacity), .healthy), (.readiness(.capacity), .degraded):
      watched.told[.primary, default: []].append((group.size.desired, now))
    case (.drGroup, .drActive): watched.told[.dr, default: []].append((group.size.desired, now))
    default: break
    }
  }

  /// The size that a run gives to the group that takes over.
  mutating func judgeSize(_ run: Run, _ watched: Watched, at now: Instant) {
    let settings = watched.settings
    let (group, told) =
      run.kind == .failback ? (settings.primary.group, watched.told[.dr]) : (settings.dr.group, watched.told[.primary])
    guard let share = group.ofPeak else { return }
    let wanted = run.steps.compactMap {
      if case .scaleUp(group.ref, let size) = $0.step.work { size } else { nil }
    }
    guard let size = wanted.first else { return violate("nothing-scaled-up", now, run.incident) }
    // What it was wanted at is known from one reading to the next.
    var most = 0
    for (index, level) in (told ?? []).enumerated() {
      let until = index + 1 < (told ?? []).count ? (told ?? [])[index + 1].at : now
      if now - until < CapacityMemory.span { most = max(most, level.desired) }
    }
    let share100 = Int((Double(most * share) / 100).rounded(.up))
    let expected = min(max(share100, group.serving.desired), group.serving.max)
    if size.desired < expected { violate("too-small", now, "\(size.desired) instance(s), \(expected) were due") }
    if size.desired > expected { violate("too-large", now, "\(size.desired) instance(s), \(expected) were due") }
  }
}
