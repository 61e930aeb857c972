// What the answers mean: the settings of an instance that was built anew.

extension Work {
  /// None of it is asked for when the replica is created: one setting that is refused would keep it from coming to be, and of a parameter
  /// group RDS takes in another region that of few engines.
  func readReinstated(
    _ database: DatabaseRef, _ kept: DatabaseRef, _ parameterGroup: String?, _ replies: [CloudReply]
  ) -> Reading {
    guard replies.count == 2, case .database(let state) = replies[0] else { return unclear(replies) }
    let model: InstanceState?
    switch replies[1] {
    case .database(let state): model = state.instance
    case .failed(let failure) where failure.kind == .notFound: model = nil
    default: return unclear([replies[1]])
    }
    if let reading = readSettled(database, state) { return reading }
    guard let instance = state.instance else { return .done("nothing is told of \(database.identifier)'s settings") }
    let change = instance.change(like: model, parameterGroup: parameterGroup)
    if !change.isEmpty {
      return .needed(.modifyInstance(database, change), undo: nil, "\(database.identifier) wants \(change.sentence)")
    }
    guard let model else { return .done("\(kept.identifier) is not there to compare with") }
    let rest = instance.differences(from: model)
    return .done("\(database.identifier) is like \(kept.identifier)\(rest.isEmpty ? "" : " but for: \(rest)")")
  }

  /// A group's name changes at once, its parameters with the next restart. A PostgreSQL replica replays nothing while some of its parameters,
  /// `max_connections` among them, are below its source's. It is restarted once: what waits for longer, waits for something else.
  func readParameters(_ database: DatabaseRef, _ replies: [CloudReply], _ context: StepContext) -> Reading {
    guard case .database(let state) = replies.first else { return unclear(replies) }
    if let reading = readSettled(database, state) { return reading }
    let status = state.instance?.parameterStatus ?? "in-sync"
    if status == "applying" { return .underway("parameters of \(database.identifier) are applied") }
    guard status == "pending-reboot" else { return .done("parameters of \(database.identifier) are \(status)") }
    guard state.source != nil else { return .done("\(database.identifier) is no replica, and not ours to restart") }
    if context.step.wasTaken, let asked = context.step.intentAt {
      let note = "parameters of \(database.identifier) still wait after its restart"
      return context.now - asked < .minutes(10) ? .underway(note) : .done(note)
    }
    return .needed(.rebootInstance(database), undo: nil, "parameters of \(database.identifier) wait for a restart")
  }

  /// nil: it is available.
  private func readSettled(_ database: DatabaseRef, _ state: DatabaseState) -> Reading? {
    switch DatabaseReadiness(state.status) {
    case .busy: .underway("\(database.identifier) is \(state.status)")
    case .broken: .impossible("\(database.identifier) is \(state.status)")
    case .available: nil
    }
  }
}
