// The fence: what keeps the old primary from taking writes while the DR region serves. Rungs, each of its own: the group to nothing, the
// load balancer closed, the database stopped; a cluster is made a reader by Aurora, which is watched. What cannot be reached is owed, and
// retried until it is paid.

/// One rung of the fence, and what must be so for it to hold.
package enum Fence: Hashable, Sendable, Codable {
  /// The group is at this size.
  case group(GroupRef, GroupSize)
  /// The load balancer answers 503 to everything.
  case listener(ListenerRef)
  /// The database is stopped, or takes no writes for another reason: it is a replica, or not there any more.
  case database(DatabaseRef)
  /// The cluster is a reader again, or not there any more.
  case demoted(DatabaseRef)

  /// What tells whether it holds.
  package var look: CloudAction {
    switch self {
    case .group(let group, _): .describeGroup(group)
    case .listener(let listener): .readWriteHold(listener)
    case .database(let database), .demoted(let database): .describeDatabase(database)
    }
  }

  /// What makes it hold; nil: nothing that we could do.
  package var act: CloudAction? {
    switch self {
    case .group(let group, let size): .resizeGroup(group, size)
    case .listener(let listener): .holdWrites(listener)
    case .database(let database): .stopDatabase(database)
    case .demoted: nil
    }
  }

  /// What is fenced, in a few words.
  package var subject: String {
    switch self {
    case .group(let group, _): "group \(group.name) in \(group.region)"
    case .listener(let listener): "the load balancer in \(listener.region)"
    case .database(let database): "database \(database.identifier) in \(database.region)"
    case .demoted(let database): "cluster \(database.identifier) in \(database.region)"
    }
  }

  /// A group without instances.
  var isOfNone: Bool { if case .group(_, let size) = self { size.desired == 0 } else { false } }

  /// Whether the answer shows that it holds.
  package func read(_ reply: CloudReply?) -> Reading {
    switch (self, reply) {
    case (.group(let group, let size), .group(let state)):
      // More room above is nothing that writes.
      if state.size.desired > size.desired || state.size.min > size.min {
        .needed(.resizeGroup(group, size), undo: nil, "\(group.name) is at \(state.size)")
      } else if state.instances > size.desired {
        .underway(state.survivors(group))
      } else {
        .done("\(group.name) is at \(state.size)")
      }
    case (.listener(let listener), .writeHold(let present, _)):
      present
        ? .done("\(subject) answers 503")
        : .needed(.holdWrites(listener), undo: nil, "\(subject) lets requests through")
    case (.database(let database), .database(let state)): readDatabase(database, state)
    case (.demoted(let database), .database(let state)): readDemoted(database, state)
    case (.database(let database), .failed(let failure)) where failure.kind == .notFound,
      (.demoted(let database), .failed(let failure)) where failure.kind == .notFound:
      .done("\(database.identifier) does not exist")
    case (_, .failed(let failure)): .unclear(failure)
    default:
      .unclear(CloudFailure(.garbled, code: "UnexpectedAnswer", message: "the answer does not fit what was asked"))
    }
  }

  private func readDatabase(_ database: DatabaseRef, _ state: DatabaseState) -> Reading {
    if state.source != nil { return .done("\(database.identifier) is a replica and takes no writes") }
    // On its way down it takes no more of them, and cannot turn back by itself.
    if state.status == "stopped" || state.status == "stopping" {
      return .done("\(database.identifier) is \(state.status)")
    }
    switch DatabaseReadiness(state.status) {
    case .available: return .needed(.stopDatabase(database), undo: nil, "\(database.identifier) is \(state.status)")
    // RDS stops it as little as it lets anybody write; when it recovers, that is seen.
    case .broken: return .done("\(database.identifier) is \(state.status) and takes no writes")
    case .busy: return .underway("\(database.identifier) is \(state.status)")
    }
  }
}

extension Work {
  /// The rung of the fence that this step is; nil for every other step.
  package var fence: Fence? {
    switch self {
    case .fence(let group, let size): .group(group, size)
    case .fenceListener(let listener): .listener(listener)
    case .stopDatabase(let database): .database(database)
    case .awaitDemoted(let database): .demoted(database)
    case .scaleUp, .scaleDown, .repoint, .detach, .gate, .promote, .switchOver, .awaitTargets, .awaitInService,
      .awaitApplication,
      .shift, .awaitNames, .announce, .checkRegion, .snapshot, .setAside, .replicate, .reinstate, .applyParameters,
      .awaitReplication,
      .holdWrites,
      .awaitDrained, .releaseWrites, .startDatabase, .confirmByHand, .command:
      nil
    }
  }
}

/// What could not be fenced yet and is retried until it is.
package struct FenceDebt: Hashable, Sendable {
  package var incident: String
  /// The step that owes it.
  package var step: String
  /// What must hold for the debt to be paid.
  package var fence: Fence
  package var since: Instant
  package var why: String
  /// It was told, and holds by itself in some minutes; nil: somebody may have to see to it.
  package var isGoing: Bool?

  package init(incident: String, step: String, fence: Fence, since: Instant, why: String, isGoing: Bool? = nil) {
    self.incident = incident
    self.step = step
    self.fence = fence
    self.since = since
    self.why = why
    self.isGoing = isGoing
  }
}

extension FenceDebt: Codable {
  private enum Key: String, CodingKey {
    case incident, step, fence, since, why, isGoing
    /// How the first ledgers wrote it, when a group was all that could be owed.
    case group, size
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    incident = try fields.decode(String.self, forKey: .incident)
    step = try fields.decode(String.self, forKey: .step)
    since = try fields.decode(Instant.self, forKey: .since)
    why = try fields.decode(String.self, forKey: .why)
    isGoing = try fields.decodeIfPresent(Bool.self, forKey: .isGoing)
    if let known = try fields.decodeIfPresent(Fence.self, forKey: .fence) {
      fence = known
    } else {
      fence = .group(
        try fields.decode(GroupRef.self, forKey: .group), try fields.decode(GroupSize.self, forKey: .size))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(incident, forKey: .incident)
    try fields.encode(step, forKey: .step)
    try fields.encode(fence, forKey: .fence)
    try fields.encode(since, forKey: .since)
    try fields.encode(why, forKey: .why)
    try fields.encodeIfPresent(isGoing, forKey: .isGoing)
  }
}
