// A run goes on with what it began with, and where it led is looked after by that; evidence is read of what the configuration names. Where
// these are two, nothing is proven, and the next plan would be made for somebody else's databases.

extension Machine {
  /// Why the configuration in force has nothing to do with what is under way; nil: it has.
  var estranged: String? {
    // What was done is taken back as it was done.
    if let run = state.phase.run, run.rollback != nil { return nil }
    return state.stranger(to: settings)
  }
}

extension DurableState {
  /// What is under way, or the DR region serves by, and what the settings name in its place; nil: they are the same.
  package func stranger(to settings: WorkloadSettings) -> String? {
    let run =
      switch phase {
      case .healthy, .degraded: Run?.none
      case .failingOver(let run), .failingBack(let run, _): run
      case .drActive(let residence): residence.failover
      }
    return run?.stranger(to: settings).map {
      "\($0): bring the old configuration back until the workload is home"
        + (phase.run == nil ? "" : ", or `pilotlightctl abort`")
    }
  }
}

extension Run {
  fileprivate func stranger(to settings: WorkloadSettings) -> String? {
    let (goal, origin) =
      kind == .failback ? (settings.primary, settings.dr) : (settings.dr, settings.primary)
    for step in steps {
      switch step.step.work {
      case .promote(let database, _), .switchOver(let database, _):
        if database != goal.database.ref { return differs(database.words, goal.database.ref.words) }
      case .scaleUp(let group, _):
        if group != goal.group.ref { return differs(group.words, goal.group.ref.words) }
      case .scaleDown(let group, _), .fence(let group, _):
        if group != origin.group.ref { return differs(group.words, origin.group.ref.words) }
      default: break
      }
    }
    // Of a failback it is the replica that was left.
    if kind != .failback, let left = loss?.left, left != origin.database.ref {
      return differs(left.words, origin.database.ref.words)
    }
    return nil
  }

  private func differs(_ had: String, _ has: String) -> String {
    "\(kind.rawValue) \(incident) is about \(had), and the configuration names \(has) in its place"
  }
}

extension DatabaseRef {
  fileprivate var words: String { "database \(identifier) in \(region)" }
}

extension GroupRef {
  fileprivate var words: String { "group \(name) in \(region)" }
}
