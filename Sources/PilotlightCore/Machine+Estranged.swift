// A run goes on with what it began with, and where it led is looked after by that; evidence is read of what the configuration names. Where
// these are two databases, nothing is proven, and the next plan would be made for somebody else's.

extension Machine {
  /// Why the configuration in force has nothing to do with what is under way; nil: it has.
  var estranged: String? {
    // What was done is taken back as it was done.
    if let run = state.phase.run, run.rollback != nil { return nil }
    return state.stranger(to: settings)
  }
}

extension DurableState {
  /// What is under way, or the DR region serves by, and what the settings name in its place; nil: they are the same. Groups count only
  /// while they are worked on: in the weeks in which the DR region serves, both may be replaced.
  package func stranger(to settings: WorkloadSettings) -> String? {
    let differs =
      switch phase {
      case .healthy, .degraded(_, nil): String?.none
      case .degraded(_, let run?), .failingOver(let run), .failingBack(let run, _):
        run.strangeDatabase(settings) ?? run.strangeGroup(settings)
      case .drActive(let residence): residence.failover.strangeDatabase(settings)
      }
    return differs.map { "\($0): bring the old configuration back until the workload is home" }
  }
}

extension Run {
  private func sites(_ settings: WorkloadSettings) -> (goal: SiteSettings, origin: SiteSettings) {
    kind == .failback ? (settings.primary, settings.dr) : (settings.dr, settings.primary)
  }

  fileprivate func strangeDatabase(_ settings: WorkloadSettings) -> String? {
    let (goal, origin) = sites(settings)
    let promoted = steps.lazy.compactMap(\.step.work.promoted).first
    // Old ledgers know it from what was lost alone.
    let left = self.origin ?? loss?.left
    for case let (had?, now) in [(promoted, goal.database.ref), (left, origin.database.ref)] where !had.isSame(as: now)
    {
      return told("database \(had.identifier) in \(had.region)", "database \(now.identifier) in \(now.region)")
    }
    return nil
  }

  fileprivate func strangeGroup(_ settings: WorkloadSettings) -> String? {
    let (goal, origin) = sites(settings)
    for step in steps {
      let (had, now) =
        switch step.step.work {
        case .scaleUp(let group, _): (group, goal.group.ref)
        case .scaleDown(let group, _), .fence(let group, _): (group, origin.group.ref)
        default: (goal.group.ref, goal.group.ref)
        }
      if had != now { return told("group \(had.name) in \(had.region)", "group \(now.name) in \(now.region)") }
    }
    return nil
  }

  private func told(_ had: String, _ now: String) -> String {
    "\(kind.rawValue) \(incident) is about \(had), and the configuration names \(now) in its place"
  }
}

extension DatabaseRef {
  /// RDS knows no case. Which global database a cluster belongs to changes on the way home.
  fileprivate func isSame(as other: DatabaseRef) -> Bool {
    region == other.region
      && (identifier == other.identifier || identifier.lowercased() == other.identifier.lowercased())
  }
}
