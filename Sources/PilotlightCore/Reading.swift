// "Is it so?" For each kind of work: what must be asked of the world, and what the answers mean. Pure, so that a whole failover
// can be tested as a dialogue. What the answers mean is in `Reading+….swift`.

/// What a look at the world says about a step.
package enum Reading: Equatable, Sendable {
  /// It is so.
  case done(String)
  /// The world is on its way there, or not ready yet: look again.
  case underway(String)
  /// It cannot be asked for yet, and nothing of what is seen tells whether it was.
  case held(String)
  /// Somebody else's act keeps the world from getting there: what was asked for here is not what happens.
  case overtaken(String)
  /// It is not so: this act makes it so, that one takes it back.
  case needed(CloudAction, undo: CloudAction?, String)
  /// It is so, by an act whose answer was lost: the same again brings what it would have told.
  case repeated(CloudAction, String)
  /// Somebody must be asked first (the gate, a manual step).
  case asks(String)
  /// It cannot become so without a human.
  case impossible(String)
  /// The answers do not tell; look again after a pause.
  case unclear(CloudFailure)
}

/// What a step may know besides the cloud's answers.
package struct StepContext: Sendable {
  package var now: Instant
  package var run: Run
  package var startedAt: Instant
  package var step: StepRun
  /// What our own probes say of each site.
  package var primaryServing: Bool?
  package var drServing: Bool?

  package init(now: Instant, run: Run, step: StepRun, primaryServing: Bool?, drServing: Bool?) {
    self.now = now
    self.run = run
    self.step = step
    startedAt = step.startedAt ?? now
    self.primaryServing = primaryServing
    self.drServing = drServing
  }
}

extension Work {
  /// What has to be asked; the answers arrive in the same order.
  package func looks(_ step: StepRun) -> [CloudAction] {
    switch self {
    case .scaleUp(let group, _), .scaleDown(let group, _), .fence(let group, _), .checkRegion(let group),
      .awaitInService(let group, _):
      [.describeGroup(group)]
    case .fenceListener(let listener): [.readWriteHold(listener)]
    case .stopDatabase(let database), .startDatabase(let database): [.describeDatabase(database)]
    case .detach(let secret): [.readSecretSource(secret)]
    case .repoint(let secret, let database): [.readSecret(secret), .describeDatabase(database)]
    case .promote(let database, nil, _), .switchOver(let database, _), .awaitDemoted(let database):
      [.describeDatabase(database)]
    case .promote(let database, let listener?, _): [.describeDatabase(database), .readWriteHold(listener)]
    case .awaitTargets(let targets, let group, _):
      [.targetHealth(targets)] + (group.map { [.describeGroup($0)] } ?? [])
    case .shift(.route53(let record, _, _), _):
      [.readRecords(record)] + (step.receipt.map { [.readChange(id: $0, region: record.region)] } ?? [])
    case .shift(.objectSwitch(let object), _): [.readObject(object)]
    case .shift(.healthCheck(let check), _): [.readCheckSwitch(check)]
    case .shift(.routingControl(let controls), _): [.readControls(controls)]
    case .awaitNames(let question): [.askNames(question)]
    case .snapshot(let database, let snapshot):
      [.describeSnapshot(database, snapshot: snapshot), .describeDatabase(database)]
    case .setAside(let database, let name):
      [.describeDatabase(DatabaseRef(region: database.region, identifier: name)), .describeDatabase(database)]
    case .replicate(let spec):
      [.describeDatabase(spec.replica)] + (spec.predecessor.map { [.describeDatabase($0)] } ?? [])
    case .applyParameters(let database): [.describeDatabase(database)]
    case .reinstate(let database, let kept, _): [.describeDatabase(database), .describeDatabase(kept)]
    case .awaitReplication(let database, _): [.describeDatabase(database), .replicaLag(database)]
    case .awaitDrained(let database, _, _): [.describeDatabase(database), .replicaLag(database)]
    case .holdWrites(let listener), .releaseWrites(let listener): [.readWriteHold(listener)]
    // It is not run again: nothing is left to be told.
    case .command(let spec): step.receipt == nil ? (spec.databases ?? []).map { .describeDatabase($0.database) } : []
    case .gate, .awaitApplication, .announce, .shift(.manual, _), .confirmByHand: []
    }
  }

  /// What is asked besides, behind those, once they were asked in vain: of a switchover whoever wrote knows, too, what became of it.
  package var looksInTrouble: [CloudAction] {
    if case .switchOver(_, let old) = self { [.describeDatabase(old)] } else { [] }
  }

  /// What is asked besides once it was acted: what has become of the change by its own name.
  package var looksBehind: [CloudAction] {
    if case .shift(.route53(let record, _, _), _) = self { [.readChange(id: "", region: record.region)] } else { [] }
  }

  /// What the answers mean. Answers of the wrong shape are `garbled`, never a crash: they came over a network.
  package func read(_ replies: [CloudReply], _ context: StepContext) -> Reading {
    switch self {
    case .scaleUp(let group, let size): readScaleUp(group, size, replies)
    case .scaleDown(let group, let size):
      readQuestion(context) ?? readScaleDown(group, size, replies)
    case .fence(let group, let size): readFence(group, size, replies)
    case .fenceListener(let listener): readHold(listener, wanted: true, replies)
    case .stopDatabase(let database): Fence.database(database).read(replies.first)
    case .startDatabase(let database): readStarted(database, replies)
    case .checkRegion(let group): readRegion(group, replies)
    case .awaitInService(let group, let count): readInService(group, count, replies, context)
    case .awaitTargets(_, _, let count): readTargets(count, replies, context)
    case .detach(let secret): readDetachment(secret, replies)
    case .repoint(let secret, let database): readSecret(secret, database, replies, context)
    case .promote(let database, _, _) where database.global != nil: readFailover(database, replies, context)
    case .promote(let database, let listener, let backups):
      readPromotion(database, held: listener, backups, replies, context)
    case .switchOver(let database, let old): readSwitchover(database, from: old, replies, context)
    case .awaitDemoted(let database): Fence.demoted(database).read(replies.first)
    case .snapshot(let database, let snapshot): readSnapshot(database, snapshot, replies)
    case .setAside(let database, let name): readSetAside(database, name, replies)
    case .replicate(let spec): readReplica(spec, replies, context)
    case .reinstate(let database, let kept, let group): readReinstated(database, kept, group, replies)
    case .applyParameters(let database): readParameters(database, replies, context)
    case .awaitReplication(_, let bound): readReplication(bound, replies, context)
    case .awaitDrained(_, let step, let longest): readDrained(after: step, longest ?? .zero, replies, context)
    case .shift(let traffic, let site): readQuestion(context) ?? readTraffic(traffic, site, replies, context)
    case .awaitNames(let question): readNames(question, replies)
    case .holdWrites(let listener): readHold(listener, wanted: true, replies)
    case .releaseWrites(let listener):
      readUnseenHold(replies, context) ?? readHold(listener, wanted: false, replies)
    case .awaitApplication(let site): readApplication(site, context)
    case .announce(let topic): readAnnouncement(topic, context)
    case .confirmByHand:
      readQuestion(context) ?? .done("confirmed by \(context.run.approvals[context.step.step.name] ?? "")")
    case .command(let spec): readCommand(spec, replies, context)
    // The gate is read from the situation, not from the cloud: see `Gate`.
    case .gate: .asks("the gate")
    }
  }

  /// The failure among the answers, or that they have the wrong shape.
  func unclear(_ replies: [CloudReply]) -> Reading {
    for case .failed(let failure) in replies { return Work.reading(of: failure) }
    return .unclear(
      CloudFailure(.garbled, code: "UnexpectedAnswer", message: "the answers do not fit what was asked: \(replies)"))
  }

  /// Whether a failure can pass by itself.
  static func reading(of failure: CloudFailure) -> Reading {
    switch failure.kind {
    case .denied, .invalid, .notFound: .impossible(failure.text)
    case .throttled, .transient, .unknownOutcome, .unreachable, .credentials, .wrongState, .exists, .garbled:
      .unclear(failure)
    }
  }
}

extension CloudFailure {
  /// Whether waiting may be all that it needs.
  package var passesByItself: Bool { if case .unclear = Work.reading(of: self) { true } else { false } }

  /// `AccessDenied: not authorized (request 1234)`.
  package var text: String { "\(code): \(message)\(requestID.map { " (request \($0))" } ?? "")" }
}
