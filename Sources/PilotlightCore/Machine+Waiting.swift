// Waiting for the cloud: for how long until the next look, and what the last one found.

/// An answer that has not come after this long is taken as lost; adapters answer within 60 s.
private let cloudPatience: Duration = .seconds(90)

extension Machine {
  /// How long the answer of what was asked under this key may take.
  func patience(_ key: String) -> Duration {
    let name = key.hasPrefix("undo.") ? String(key.dropFirst(5)) : key
    guard case .command(let spec)? = state.phase.run?[name]?.step.work else { return cloudPatience }
    return spec.timeout + .seconds(30)
  }

  /// What the newest look at a step found, or why it does not get on; nil where that is in the step itself.
  package func note(of step: StepRun) -> String? {
    if let run = state.phase.run, run.rollback != nil {
      return run.undoable.first?.step.name == step.step.name ? notes["undo.\(step.step.name)"] : nil
    }
    return step.state == .running && step.detail.isEmpty ? notes[step.step.name] : nil
  }

  mutating func sayIfSlow(
    _ step: StepRun, _ note: String, _ situation: Situation, _ reaction: inout Reaction
  ) {
    let running = situation.now - (step.startedAt ?? situation.now)
    guard running > step.step.forecast * 2 + .seconds(60) else { return }
    sayOnce(
      "slow-\(step.step.name)", .stillRunning,
      "\(step.step.name) still running after \(running.text) (forecast \(step.step.forecast.text)): \(note)",
      &reaction, step: step.step.name)
  }

  /// A region that users are led to must answer them, whatever a run does meanwhile, and for however many hours.
  mutating func watchServing(_ situation: Situation, _ reaction: inout Reaction) {
    let site = state.phase.servingSite
    if site != .dr || situation.drServing == true { said.remove("serving-dr") }
    if site != .primary || situation.primaryServing == true { said.remove("serving-primary") }
    switch site {
    case .dr where situation.drServing == false:
      sayOnce("serving-dr", .servingDown, "the DR region serves the users and its probe fails", &reaction)
    case .primary where situation.primaryServing == false:
      sayOnce("serving-primary", .servingDown, "users are led to the primary again, and its probe fails", &reaction)
    case .primary, .dr, nil: break
    }
  }

  mutating func rest(_ key: String, _ pause: Duration, failures: Int, _ situation: Situation) {
    progress[key] = .resting(until: situation.now + pause, failures: failures)
  }

  /// A sixtieth of the time that it has taken so far, half a second at least. In the first quarter of an hour somebody may be waiting for
  /// it: 3 s at most; what takes hours is looked at every 10 s.
  func pollPause(_ step: StepRun, _ situation: Situation) -> Duration {
    let running = situation.now - (step.intentAt ?? step.startedAt ?? situation.now)
    return min(max(running / 60, .milliseconds(500)), running < .minutes(15) ? .seconds(3) : .seconds(10))
  }

  /// When something is due without any event, the wake-up that brings it about.
  package var nextWake: Instant? {
    var wake = state.pause?.expires
    for (key, entry) in progress {
      let due: Instant? =
        switch entry {
        case .asking(_, let since, _): since + patience(key)
        case .resting(let until, _): until
        case .foreseen: nil
        }
      if let due { wake = wake.map { min($0, due) } ?? due }
    }
    return wake
  }
}

extension Phase {
  /// The region that users are led to; nil while a run keeps them waiting or leads them over, and where finding out is the detector's
  /// business.
  fileprivate var servingSite: Site? {
    switch self {
    case .healthy, .degraded: nil
    case .drActive: .dr
    case .failingOver(let run): run.hasLed ? .dr : nil
    case .failingBack(let run, _):
      if run.hasLed { .primary } else { run.mayHoldWrites ? nil : .dr }
    }
  }
}
