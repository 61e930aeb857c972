// What the answers mean for a failover that has not begun. The steps have readings of their own (`Reading`): they are asked while a
// run waits, and wait on; here nobody waits, and what will not pass by itself is said.

extension ReadinessItem {
  package func judge(_ reply: CloudReply, _ settings: WorkloadSettings, at now: Instant) -> Finding {
    switch self {
    case .credentials: credentials(reply)
    case .database: database(reply, settings)
    case .lag: lag(reply, settings, now)
    case .group: group(reply, settings)
    case .launch: launch(reply, settings.dr.group.ref)
    case .targets: targets(reply, settings)
    case .secret: secret(reply, settings)
    case .secretSource: secretSource(reply, settings)
    case .traffic: traffic(reply, settings.traffic)
    case .listener: listener(reply, settings)
    case .passage: passage(reply, settings)
    case .permissions: permissions(reply)
    case .clock: clock(reply)
    case .lease: lease(reply, settings)
    case .capacity: capacity(reply, settings)
    case .names: names(reply, settings)
    case .page: page(reply, settings)
    }
  }

  /// What is said of a DR database that has no source.
  static func standalone(_ settings: WorkloadSettings) -> String {
    "\(settings.dr.database.ref.identifier) is not a replica: roles may be swapped, or it was promoted already"
  }

  /// What is said of a primary database that has a source.
  static func swapped(_ settings: WorkloadSettings) -> String {
    "\(settings.primary.database.ref.identifier) is a replica itself: roles may be swapped"
  }

  private func credentials(_ reply: CloudReply) -> Finding {
    switch reply {
    case .identity(let account, let arn): return .ready("account \(account) as \(arn)")
    case .failed(let failure) where failure.kind == .credentials || failure.kind == .denied:
      return .notReady("AWS does not take our credentials: \(failure.text)")
    case let other: return silence(other)
    }
  }

  private func database(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let name = settings.dr.database.ref.identifier
    guard case .database(let state) = reply else {
      return missing(reply, "replica \(name) does not exist", pointless: true) ?? unread(reply, "replica \(name)")
    }
    if settings.dr.database.ref.global != nil { return cluster(state, settings) }
    // A member of a cluster is promoted by nobody: it is the cluster that is.
    if state.engine.hasPrefix("aurora") {
      return .notReady(
        "\(name) is an Aurora instance: name its cluster, and set globalDatabase", pointless: true)
    }
    guard let source = state.source else {
      return .notReady(ReadinessItem.standalone(settings), pointless: true)
    }
    if DatabaseReadiness(state.status) == .broken {
      return .notReady("replica \(name) is \(state.status)", pointless: true)
    }
    let primary = settings.primary.database.ref.identifier
    // RDS keeps identifiers in lower case, whatever case they were written in.
    let follows = source.split(separator: ":").last.map { $0.lowercased() } == primary.lowercased()
    guard follows else { return .notReady("replica \(name) follows \(source), not \(primary)") }
    if state.status == "creating" { return .notReady("replica \(name) is still being created") }
    if let replication = state.replication, replication != "replicating" {
      return .notReady("replication to \(name) is \(replication)")
    }
    // "Backup duration is a function of the amount of changes … since the previous backup" (RDS API reference, PromoteReadReplica).
    let first =
      state.instance?.backupRetention == 0
      ? "; it keeps no backups, and may make a full one in its promotion: keep some on the replica, where its engine allows it"
      : ""
    return .ready("\(name) follows \(primary) and is \(state.status)\(first)")
  }

  private func lag(_ reply: CloudReply, _ settings: WorkloadSettings, _ now: Instant) -> Finding {
    guard case .lag(let samples) = reply else { return silence(reply) }
    var tracker = LagTracker(settings)
    tracker.take(samples, at: now)
    let sentence = "replica lag is \(tracker.sentence(at: now))"
    switch tracker.state(at: now) {
    case .replicating: return .ready(sentence)
    case .inactive, .stale, .unknown: return .notReady(sentence)
    }
  }

  /// A group whose maximum is below the capacity wanted is no trouble: the scale-up raises it (F38).
  private func group(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let name = settings.dr.group.ref.name
    guard case .group(let state) = reply else {
      return missing(reply, "group \(name) does not exist", pointless: true) ?? unread(reply, "group \(name)")
    }
    if state.suspended.contains("Launch") {
      return .notReady("group \(name) has its Launch process suspended", pointless: true)
    }
    // Instances would come and never serve.
    if state.suspended.contains("AddToLoadBalancer"), settings.dr.targetGroup != nil {
      return .notReady("group \(name) has its AddToLoadBalancer process suspended")
    }
    return .ready("group \(name) is at \(state.size)")
  }

  /// Fewer instances than the primary has serve better than none: that is told, and nothing is less armed.
  private func capacity(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let (from, to) = (settings.primary.group.ref.name, settings.dr.group)
    guard case .group(let state) = reply else { return silence(reply) }
    let size = to.size(peak: state.size.desired)
    let share = to.share(of: state.size.desired) ?? 0
    let cut = share > size.desired ? ", not \(share): its capacity.max is \(size.max)" : ""
    return .ready(
      "\(from) is wanted at \(state.size.desired); \(to.ref.name) would take over with \(size.desired)\(cut)")
  }

  private func launch(_ reply: CloudReply, _ ref: GroupRef) -> Finding {
    switch reply {
    case .launchSource(nil): return .notReady("group \(ref.name) has neither launch template nor launch configuration")
    case .launchSource(let source?):
      return source.isPresent
        ? .ready("group \(ref.name) launches from \(source.text)\(source.choice?.remark ?? "")")
        : .notReady("group \(ref.name) launches from \(source.text), which does not exist")
    case let other: return silence(other)
    }
  }

  private func targets(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let arn = settings.dr.targetGroup?.arn ?? ""
    guard case .targets = reply else {
      return missing(reply, "target group \(arn) does not exist") ?? unread(reply, "target group \(arn)")
    }
    return .ready("target group \(arn) is there")
  }

  private func secret(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let id = settings.dr.secret?.ref.id ?? ""
    switch reply {
    case .secret: return .ready("secret \(id) can be read and holds an address")
    // Secrets Manager deletes after days; until then it answers InvalidRequestException.
    case .failed(let failure) where failure.kind == .wrongState:
      return .notReady("secret \(id) cannot be used: \(failure.text)")
    case let other: return missing(other, "secret \(id) does not exist") ?? unread(other, "secret \(id)")
    }
  }

  private func secretSource(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let id = settings.dr.secret?.ref.id ?? ""
    guard case .secretSource(let source) = reply else {
      return missing(reply, "secret \(id) does not exist") ?? unread(reply, "where secret \(id) comes from")
    }
    switch (source, settings.dr.secret?.isReplica == true) {
    case (nil, false): return .ready("secret \(id) takes a value of its own")
    case (let source?, true): return .ready("secret \(id) is replicated from \(source), and detached by a failover")
    case (let source?, false):
      return .notReady(
        "secret \(id) is a replica of the one in \(source) and takes no value: set `isReplica: true`, and a failover detaches it"
      )
    case (nil, true):
      // A failover can use it; whether it has what it should have is not known.
      return .unknown(
        "secret \(id) is no replica any more, and what is changed in the primary region does not reach it: replicate it again, or take `isReplica` out"
      )
    }
  }

  private func traffic(_ reply: CloudReply, _ traffic: TrafficSettings) -> Finding {
    switch traffic {
    case .manual: return .ready("traffic is moved by hand")
    case .objectSwitch(let object):
      guard case .object(let present) = reply else {
        return missing(reply, "bucket \(object.bucket) of the traffic switch does not exist")
          ?? unread(reply, "traffic switch s3://\(object.bucket)/\(object.key)")
      }
      // While the primary serves, somebody has moved traffic by hand.
      return present
        ? .notReady(
          "the switch object s3://\(object.bucket)/\(object.key) is present: it does not lead users to the primary")
        : .ready("bucket \(object.bucket) answers, the switch object is absent")
    case .healthCheck(let check):
      guard case .checkSwitch(let state) = reply else {
        return missing(reply, "health check \(check.id) of the traffic switch does not exist")
          ?? unread(reply, "health check \(check.id)")
      }
      // While the primary serves, somebody has moved traffic by hand, or would be overruled.
      return state.disabled || state.inverted
        ? .notReady("health check \(check.id) is \(state.text): it does not lead users to the primary by itself")
        : .ready("health check \(check.id) follows its endpoint")
    case .routingControl:
      if case .failed(let failure) = reply, failure.kind == .notFound {
        // There are two, and the service says which one.
        return .notReady("a routing control does not exist: \(failure.text)")
      }
      guard case .controls(let state) = reply else { return unread(reply, "the routing controls") }
      // While the primary serves, somebody has moved traffic by hand, or would be overruled.
      return state == RoutingControls.leading(to: .primary)
        ? .ready(state.text) : .notReady("\(state.text): they do not lead users to the primary alone")
    case .route53(let record, let primary, let dr):
      guard case .records(let states) = reply else {
        return missing(reply, "hosted zone \(record.zone) does not exist") ?? unread(reply, "record \(record.name)")
      }
      return records(RecordMove(states, to: primary, from: dr), record, [primary, dr])
    }
  }

  private func listener(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let arn = settings.primary.listener?.arn ?? ""
    guard case .writeHold(let present, let foreign) = reply else {
      return missing(reply, "listener \(arn), which the fence would close, does not exist")
        ?? unread(reply, "listener \(arn)")
    }
    if let foreign { return .notReady("listener \(arn) could not be closed: \(foreign)") }
    return .ready("listener \(arn) is there\(present ? ", and holds writes" : "")")
  }

  private func passage(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let arn = settings.dr.listener?.arn ?? ""
    guard case .writeHold(let present, let foreign) = reply else {
      return missing(reply, "listener \(arn) of the DR region does not exist") ?? unread(reply, "listener \(arn)")
    }
    return present
      ? .ready("listener \(arn) of the DR region still holds writes of an earlier run; a failover opens it")
      : .ready(
        "listener \(arn) of the DR region lets requests through"
          + (foreign.map { "; a failback could not hold writes there: \($0)" } ?? ""))
  }

  /// That DNS cannot be asked from here, or says something else, holds no failover back.
  private func names(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    guard case .names(let report) = reply, let names = settings.names else { return silence(reply) }
    let verdict = NameVerdict(names.question(leadingTo: .primary), report)
    return verdict.isVerified ? .ready(verdict.sentence) : .unknown(verdict.sentence)
  }

  /// A topic takes every page, also one that nobody will ever read.
  private func page(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let arn = settings.page?.arn ?? ""
    guard case .subscribers(let confirmed, let pending) = reply else {
      return missing(reply, "topic \(arn) of `page` does not exist: nobody would be called") ?? silence(reply)
    }
    let waiting = pending > 0 ? "; \(pending) have not confirmed that they want to" : ""
    return confirmed > 0
      ? .ready("\(confirmed) subscriber(s) of \(arn) are called\(waiting)")
      : .notReady("nobody would be called: topic \(arn) of `page` has no confirmed subscriber\(waiting)")
  }

  private func records(_ move: RecordMove, _ record: RecordRef, _ targets: [RecordTarget]) -> Finding {
    if move.own.isEmpty { return .notReady("there is no record set \(record.name) of type \(record.type)") }
    if let obstacle = move.obstacle(record) { return .notReady(obstacle) }
    for target in targets where target.setIdentifier != nil {
      if move.set(of: target).map(target.isLed) != true {
        return .notReady("\(record.name) has no record set \(target.setIdentifier ?? "") that leads to \(target.host)")
      }
    }
    if let stray = move.own.first(where: { set in !targets.contains { $0.isLed(by: set) } }) {
      return .notReady("\(record.name) leads to \(stray.host), which is neither region's load balancer")
    }
    if let set = move.unnamed {
      return .notReady(
        "record set \(set.setIdentifier ?? "") of \(record.name) has weight \(set.weight ?? 0), and the configuration does not name it: nobody would move it"
      )
    }
    // While the primary serves, somebody has moved traffic by hand, or would be overruled.
    guard move.isDone else { return .notReady("\(move.text(record)): it does not lead users to the primary alone") }
    return .ready("\(record.name) is there\(move.remainder)")
  }

  private func permissions(_ reply: CloudReply) -> Finding {
    guard case .permissions(let found) = reply else {
      // Whoever may not simulate may still fail over.
      if case .failed(let failure) = reply { return .unknown("the simulation says nothing: \(failure.text)") }
      return silence(reply)
    }
    var denied: [String] = []
    var doubtful: [String] = []
    for permission in found {
      switch permission.decision {
      case .allowed: break
      case .denied: denied.append(permission.text)
      case .undecided(let why): doubtful.append("\(permission.text) (\(why))")
      }
    }
    if !denied.isEmpty { return .notReady("IAM denies \(denied.joined(separator: ", "))") }
    if !doubtful.isEmpty { return .unknown("the simulation leaves open \(doubtful.joined(separator: ", "))") }
    return .ready("IAM allows all \(found.count) changes of a failover")
  }

  /// AWS refuses what is signed more than five minutes off; long before that something is wrong with this host.
  /// A claim that came second is an answer like any other.
  private func lease(_ reply: CloudReply, _ settings: WorkloadSettings) -> Finding {
    let table = settings.lease?.ref.table ?? ""
    switch reply {
    case .lease(nil): return .ready("nobody holds the lease in \(table)")
    case .lease(let record?), .leased(let record):
      return .ready("the lease in \(table) is \(record.holder)'s, number \(record.number)")
    case .failed(let failure) where failure.kind == .wrongState: return .ready("the lease in \(table) changes hands")
    case let other: return missing(other, "table \(table) of the lease does not exist") ?? silence(other)
    }
  }

  private func clock(_ reply: CloudReply) -> Finding {
    guard case .clock(let behind) = reply else { return silence(reply) }
    if behind > .seconds(60) { return .notReady("this host's clock is \(behind.text) behind AWS's") }
    if behind < .seconds(-60) { return .notReady("this host's clock is \((.zero - behind).text) ahead of AWS's") }
    return .ready("this host's clock agrees with AWS's to \(max(behind, .zero - behind).text)")
  }

  // MARK: Failures

  private func missing(_ reply: CloudReply, _ sentence: String, pointless: Bool = false) -> Finding? {
    guard case .failed(let failure) = reply, failure.kind == .notFound else { return nil }
    return .notReady(sentence, pointless: pointless)
  }

  /// What a failover itself would have to read, and will not be able to.
  private func unread(_ reply: CloudReply, _ what: String) -> Finding {
    guard case .failed(let failure) = reply else { return silence(reply) }
    switch failure.kind {
    case .denied, .invalid, .notFound: return .notReady("\(what) cannot be read: \(failure.text)")
    case .throttled, .transient, .unknownOutcome, .unreachable, .credentials, .wrongState, .exists, .garbled:
      return .unknown(failure.text)
    }
  }

  private func silence(_ reply: CloudReply) -> Finding {
    guard case .failed(let failure) = reply else { return .unknown("the answer does not fit what was asked") }
    return .unknown(failure.text)
  }
}

extension LagTracker {
  /// A datapoint comes one to two minutes after its moment, and is seen by the next poll.
  init(_ settings: WorkloadSettings) {
    self.init(
      staleAfter: max(settings.replication.staleAfter, .seconds(150) + settings.detection.pollInterval),
      meaning: LagMeaning(engine: nil))
  }
}

extension LaunchSource {
  /// `launch template lt-0a1b, version $Default`.
  var text: String {
    switch self.kind {
    case .template: "launch template \(name)\(version.map { ", version \($0)" } ?? "")"
    case .configuration: "launch configuration \(name)"
    }
  }
}

extension LaunchChoice {
  /// `, any of 3 instance types in 2 zones`; a group that has no choice is no obstacle, and its owner should know.
  var remark: String {
    let kinds =
      switch types {
      case 1: "one instance type"
      case let types?: "any of \(types) instance types"
      case nil: "whatever meets its requirements"
      }
    guard zones.count == 1, let zone = zones.first else { return ", \(kinds) in \(zones.count) zones" }
    return ", \(kinds) in \(zone) only\(types == 1 ? ": it has nothing to turn to when that is short there" : "")"
  }
}

extension Permission {
  /// `rds:PromoteReadReplica on arn:…`.
  var text: String { resource.map { "\(action) on \($0)" } ?? action }
}
