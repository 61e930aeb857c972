// A plan is an ordered graph of steps. A step waits only for steps declared above it, so a cycle cannot be written. Every step
// is level-triggered: is it so? make it so. Resuming after a crash is therefore the same code as starting.

/// One of the two regions of a workload.
package enum Site: String, Hashable, Sendable, Codable, CaseIterable {
  case primary
  case dr
}

/// What a step would leave behind if it were repeated or taken back.
package enum StepKind: String, Hashable, Sendable, Codable, CaseIterable {
  /// Changes nothing.
  case readOnly = "read-only"
  /// Can be undone, or may stay without harm.
  case reversible
  /// Cannot be undone. Only the gate lets it pass.
  case oneWay = "one-way"
}

/// One step of a plan, with everything it needs to be understood after a crash.
package struct Step: Hashable, Sendable, Codable {
  /// Unique in its plan; stable, it is typed by operators (`retry --step`).
  package var name: String
  package var work: Work
  /// Names of steps above it that must be finished first.
  package var needs: [String]
  /// How long it usually takes; documented defaults until runs have been measured.
  package var forecast: Duration
  /// After this long the run goes on without it: what is owed becomes a debt. nil = never.
  package var bound: Duration?

  package init(_ name: String, _ work: Work, needs: [String] = [], forecast: Duration, bound: Duration? = nil) {
    self.name = name
    self.work = work
    self.needs = needs
    self.forecast = forecast
    self.bound = bound
  }
}

/// The closed list of what a step can do.
package indirect enum Work: Hashable, Sendable, Codable {
  /// The group has at least this size. Never scales in.
  case scaleUp(GroupRef, GroupSize)
  /// The group has exactly this size and its surplus instances are gone.
  case scaleDown(GroupRef, GroupSize)
  /// The secret names this database's address.
  case repoint(SecretRef, to: DatabaseRef)
  /// The secret is nobody's replica: it can be written.
  case detach(SecretRef)
  /// Evidence read again, RPO, approval: everything that must hold before the one-way step.
  case gate
  /// The old primary's group is at this size, as far as it can be reached within the step's bound.
  case fence(GroupRef, GroupSize)
  /// The old primary's load balancer answers 503 to everything, within the same bound.
  case fenceListener(ListenerRef)
  /// The old primary's database is stopped, within the same bound.
  case stopDatabase(DatabaseRef)
  /// The database is standalone and available, and keeps its automated backups for at least so many days (nil: RDS's 1). With a listener:
  /// only while writes are held there.
  case promote(DatabaseRef, whileHeld: ListenerRef?, backups: Int? = nil)
  /// The cluster writes, and the one that wrote follows it: they have changed places, and nothing was lost.
  case switchOver(DatabaseRef, from: DatabaseRef)
  /// The cluster that wrote is a reader again: Aurora sees to that, once its region is well.
  case awaitDemoted(DatabaseRef)
  /// At least this many targets are healthy. The group, where one is named, tells why they are not.
  case awaitTargets(TargetGroupRef, of: GroupRef?, atLeast: Int)
  /// At least this many instances are in service.
  case awaitInService(GroupRef, atLeast: Int)
  /// Our own probe of the site's load balancer succeeds.
  case awaitApplication(Site)
  /// Users are led to the site.
  case shift(TrafficSettings, to: Site)
  /// Resolvers and the zone's own servers lead users there.
  case awaitNames(NameQuestion)
  /// The incident is published.
  case announce(TopicRef)
  /// The region answers and its group exists.
  case checkRegion(GroupRef)
  /// The database runs, or there is none under this name.
  case startDatabase(DatabaseRef)
  /// A snapshot of the database exists.
  case snapshot(DatabaseRef, snapshot: String)
  /// The standalone database lives on under another name; its own name is free.
  case setAside(DatabaseRef, as: String)
  /// The replica exists and is available.
  case replicate(ReplicaSpec)
  /// The database has the settings of the one whose place it took, where that is known, and the operator's parameter group before all.
  case reinstate(DatabaseRef, like: DatabaseRef, parameterGroup: String?)
  /// The parameter group of the replica, which serves nobody yet, is in force.
  case applyParameters(DatabaseRef)
  /// Replication runs and its lag is within the bound.
  case awaitReplication(DatabaseRef, within: Duration)
  /// The load balancer answers 503 to everything, so that no user can write.
  case holdWrites(ListenerRef)
  /// The replica has replayed everything that was written until the writes were held (by the step of this name), and by requests that were
  /// under way then, of which the longest takes so long (nil: not counted, in records of older versions).
  case awaitDrained(DatabaseRef, after: String, longestRequest: Duration? = nil)
  /// The write hold is gone.
  case releaseWrites(ListenerRef)
  /// A human does something the daemon cannot, and says so with `approve`.
  case confirmByHand(String)
  /// A program of the operator's has been run and ended well.
  case command(CommandSpec)

  package var kind: StepKind {
    switch self {
    case .gate, .awaitTargets(_, nil, _), .awaitApplication, .awaitNames, .checkRegion, .awaitReplication,
      .awaitDrained, .awaitDemoted, .confirmByHand:
      .readOnly
    // Where somebody scaled in what is waited for, it is scaled up again.
    case .awaitTargets, .awaitInService: .reversible
    case .scaleUp, .scaleDown, .repoint, .detach, .fence, .fenceListener, .stopDatabase, .startDatabase, .shift,
      .announce, .snapshot, .setAside, .replicate, .reinstate, .applyParameters, .holdWrites, .releaseWrites, .command:
      .reversible
    case .promote, .switchOver: .oneWay
    }
  }

  /// What is done to the old primary before the one-way step, or cannot be undone: only on fresh evidence.
  package var needsClearance: Bool { isFenceBeforePromotion || kind == .oneWay }

  /// What still goes on at the step's bound is left to itself: a fence is owed then, and what others keep in their caches is not waited for.
  /// What AWS works at is never given up because a time has passed.
  var mayBeLeftUnderway: Bool { fence != nil || kind == .readOnly }

  /// It may keep a primary from serving that was not given up yet.
  var isFenceBeforePromotion: Bool {
    switch fence {
    case .group, .listener: true
    case .database, .demoted, nil: false
    }
  }

  /// Which database it makes a writer of; nil for every other step.
  package var promoted: DatabaseRef? {
    switch self {
    case .promote(let database, _, _), .switchOver(let database, _): database
    case .scaleUp, .scaleDown, .repoint, .detach, .gate, .fence, .fenceListener, .stopDatabase, .awaitDemoted,
      .awaitTargets, .awaitInService, .awaitApplication, .shift, .awaitNames, .announce, .checkRegion, .startDatabase,
      .snapshot, .setAside, .replicate, .reinstate, .applyParameters, .awaitReplication, .holdWrites, .awaitDrained,
      .releaseWrites,
      .confirmByHand, .command:
      nil
    }
  }

  /// One sentence for `plan`, without the final dot.
  package var sentence: String {
    switch self {
    case .scaleUp(let group, let size): "scale \(group.name) in \(group.region) up to \(size)"
    case .scaleDown(let group, let size): "scale \(group.name) in \(group.region) down to \(size)"
    case .repoint(let secret, let database):
      "point secret \(secret.id) in \(secret.region) at database \(database.identifier)"
    case .detach(let secret): "detach secret \(secret.id) in \(secret.region) from the one that it is a replica of"
    case .gate: "read the evidence again; check RPO, approval and pause before the one-way step"
    case .fence(let group, let size): "fence the primary: \(group.name) in \(group.region) to \(size)"
    case .fenceListener(let listener): "fence the primary: the load balancer in \(listener.region) answers 503"
    case .stopDatabase(let database):
      "fence the primary: stop database \(database.identifier) in \(database.region)"
    case .startDatabase(let database): "start database \(database.identifier) in \(database.region), if it is stopped"
    case .promote(let database, _, _) where database.global != nil:
      "fail over to cluster \(database.identifier) in \(database.region); this cannot be undone"
    case .switchOver(let database, let old):
      "switch over to cluster \(database.identifier) in \(database.region) from \(old.identifier) in \(old.region); "
        + "only another switchover leads back"
    case .awaitDemoted(let database):
      "wait until Aurora has made \(database.identifier) in \(database.region) a reader again"
    case .promote(let database, _, let days):
      "promote replica \(database.identifier) in \(database.region)"
        + (days.map { ", its backups kept for \($0) day(s)" } ?? "") + "; this cannot be undone"
    case .awaitTargets(let group, _, let count): "wait until \(count) target(s) are healthy in \(group.region)"
    case .awaitInService(let group, let count): "wait until \(count) instance(s) of \(group.name) are in service"
    case .awaitApplication(let site): "wait until our own probe of the \(site.rawValue) load balancer succeeds"
    case .shift(.route53(let record, _, _), let site): "lead \(record.name) to the \(site.rawValue) region in Route 53"
    case .shift(.objectSwitch(let object), .dr): "put the switch object s3://\(object.bucket)/\(object.key)"
    case .shift(.objectSwitch(let object), .primary): "remove the switch object s3://\(object.bucket)/\(object.key)"
    case .shift(.routingControl, .dr): "turn the routing controls: DR on, primary off"
    case .shift(.routingControl, .primary): "turn the routing controls: primary on, DR off"
    case .shift(.healthCheck(let check), .dr): "make health check \(check.id) unhealthy in Route 53"
    case .shift(.healthCheck(let check), .primary): "let health check \(check.id) follow its endpoint again"
    case .awaitNames(let question):
      "wait until resolvers and the zone's servers lead \(question.name) to \(question.target)"
    case .shift(.manual, let site): "leave traffic alone: the operator moves it to the \(site.rawValue) region"
    case .announce(let topic): "announce on \(topic.arn)"
    case .checkRegion(let group): "check that \(group.region) answers and group \(group.name) exists"
    case .snapshot(let database, let snapshot): "take snapshot \(snapshot) of \(database.identifier)"
    case .setAside(let database, let name): "keep database \(database.identifier) under the name \(name)"
    case .replicate(let spec):
      "create replica \(spec.replica.identifier) in \(spec.replica.region) from \(spec.source.identifier)"
    case .reinstate(let database, let kept, _):
      "give \(database.identifier) in \(database.region) the settings of \(kept.identifier)"
    case .applyParameters(let database): "restart replica \(database.identifier) where its parameters wait for that"
    case .awaitReplication(let database, let bound):
      "wait until \(database.identifier) is at most \(bound.text) behind"
    case .holdWrites(let listener): "hold writes at the load balancer in \(listener.region)"
    case .awaitDrained(let database, _, _): "wait until \(database.identifier) has replayed every write"
    case .releaseWrites(let listener): "release the write hold in \(listener.region)"
    case .confirmByHand(let what): "wait until a person confirms: \(what)"
    case .command(let spec): "run \(spec.command.joined(separator: " "))"
    }
  }
}

extension Work {
  /// What the step may change, for `plan`: the calls it makes when its look says that it is needed.
  package var acts: [CloudAction] {
    switch self {
    case .scaleUp(let group, let size), .scaleDown(let group, let size), .fence(let group, let size):
      [.resizeGroup(group, size)]
    case .fenceListener(let listener), .holdWrites(let listener): [.holdWrites(listener)]
    case .stopDatabase(let database): [.stopDatabase(database)]
    case .startDatabase(let database): [.startDatabase(database)]
    case .repoint(let secret, _): [.repointSecret(secret, DatabaseAddress(host: "", port: 0), token: "")]
    case .detach(let secret): [.detachSecret(secret)]
    case .promote(let database, _, let backups):
      [database.global == nil ? .promoteReplica(database, backups: backups) : .failOverCluster(database, arn: "")]
    case .switchOver(let database, let old): [.switchOverCluster(database, arn: "", from: old)]
    case .shift(.route53(let record, let primary, let dr), .dr): [.pointRecords(record, to: dr, from: primary)]
    case .shift(.route53(let record, let primary, let dr), .primary): [.pointRecords(record, to: primary, from: dr)]
    case .shift(.objectSwitch(let object), .dr): [.putObject(object, body: "")]
    case .shift(.objectSwitch(let object), .primary): [.removeObject(object)]
    case .shift(.healthCheck(let check), let site): [.switchCheck(check, unhealthy: site == .dr)]
    case .shift(.routingControl(let controls), let site): [.turnControls(controls, to: site)]
    case .announce(let topic): [.publish(topic, subject: "", message: "")]
    case .snapshot(let database, let name): [.snapshotDatabase(database, snapshot: name)]
    case .setAside(let database, let name): [.renameDatabase(database, to: name)]
    case .replicate(let spec): [.createReplica(spec)]
    case .reinstate(let database, _, _): [.modifyInstance(database, InstanceChange())]
    case .applyParameters(let database): [.rebootInstance(database)]
    case .releaseWrites(let listener): [.releaseWrites(listener)]
    case .command(let spec): [.runCommand(CommandCall(command: spec.command, environment: [:], timeout: spec.timeout))]
    case .awaitTargets(_, let group?, let count), .awaitInService(let group, let count):
      [.resizeGroup(group, GroupSize(min: 0, desired: count, max: count))]
    case .gate, .awaitTargets(_, nil, _), .awaitApplication, .awaitNames, .checkRegion, .awaitReplication,
      .awaitDrained, .awaitDemoted, .shift(.manual, _), .confirmByHand:
      []
    }
  }
}
