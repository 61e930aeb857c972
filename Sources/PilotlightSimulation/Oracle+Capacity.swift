// Who takes over is as large as the other one was told to be, by the daemon's own reading of it: counted again, in another way.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

extension Occurrence {
  /// A day like any other: nothing is wrong.
  var isOrdinary: Bool { if case .cloud(.demand) = self { true } else { false } }
}

extension Oracle {
  /// What a group was told to be wanted at.
  struct Told {
    let desired: Int
    let at: Instant
    /// While its site served, and with the records of the turn on the disk: it has to be remembered.
    var isSure: Bool
  }

  /// A turn has ended.
  mutating func told(_ input: Input, isNoted: Bool, at now: Instant) {
    guard case .sighted(let name, let watch, .reply(.group(let group)), _) = input, let watched = workloads[name] else {
      return
    }
    let site: Site = watch == .drGroup ? .dr : .primary
    let serves =
      switch watched.state.phase {
      case .healthy, .degraded: site == .primary
      case .drActive: site == .dr
      case .failingOver, .failingBack: false
      }
    watched.told[site, default: []].append(Told(desired: group.size.desired, at: now, isSure: serves && isNoted))
  }

  /// The size that a run gives to the group that takes over: what must be remembered is, and nothing was made up.
  mutating func judgeSize(_ run: Run, _ watched: Watched, at now: Instant) {
    let (group, other): (GroupSettings, Site) =
      run.kind == .failback ? (watched.settings.primary.group, .dr) : (watched.settings.dr.group, .primary)
    guard let share = group.ofPeak else { return }
    let sizes = run.steps.compactMap { if case .scaleUp(group.ref, let size) = $0.step.work { size } else { nil } }
    let isLeftOut = watched.settings.plans?[run.kind].without.contains { $0.hasPrefix("scale-up") } == true
    guard let size = sizes.first else { return isLeftOut ? () : violate("nothing-scaled-up", now, run.incident) }
    func due(_ most: Int) -> Int {
      let wanted = Int((Double(most * share) / 100).rounded(.up))
      return min(max(wanted, group.serving.desired), group.serving.max)
    }
    let told = watched.told[other] ?? []
    // What it was wanted at is known from one reading to the next.
    let sure = told.indices.filter { index in
      let next = told[(index + 1)...].first(where: \.isSure)
      return told[index].isSure && now - (next?.at ?? now) < CapacityMemory.span
    }
    let least = due(sure.map { told[$0].desired }.max() ?? 0)
    let most = due(told.map(\.desired).max() ?? 0)
    if size.desired < least { violate("too-small", now, "\(size.desired) instance(s), \(least) were due") }
    if size.desired > most { violate("too-large", now, "\(size.desired) instance(s), \(most) at most were due") }
  }
}

extension Oracle.Watched {
  /// The process has died: what it was told in its last moments it may not have come to note.
  func forgetNewlyTold(at now: Instant) {
    for site in Site.allCases {
      for index in told[site, default: []].indices where now - (told[site]?[index].at ?? now) < .seconds(10) {
        told[site]?[index].isSure = false
      }
    }
  }

  /// The site begins to serve: what it was wanted at before need not be remembered.
  func forgetTold(of site: Site) {
    for index in told[site, default: []].indices { told[site]?[index].isSure = false }
  }
}
