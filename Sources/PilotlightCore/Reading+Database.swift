// What the answers mean: databases, replicas, secrets.

/// Statuses of RDS instances (DBInstanceStatus) and of clusters (Status) by what they mean for waiting.
enum DatabaseReadiness: Equatable {
  case available
  /// Will pass by itself.
  case busy
  /// Will not.
  case broken

  init(_ status: String) {
    switch status {
    // Serves while its volume is still filled or rebuilt in the background (RDS user guide, "Viewing DB instance status"). Whether it may be
    // promoted meanwhile RDS itself says.
    case "available", "storage-optimization", "storage-config-upgrade", "storage-initialization": self = .available
    case "failed", "storage-full", "restore-error", "incompatible-credentials", "incompatible-create",
      "incompatible-network", "incompatible-option-group", "incompatible-parameters", "incompatible-restore",
      "inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable",
      "insufficient-capacity", "migration-failed", "cloning-failed", "deleting", "stopped":
      self = .broken
    default: self = .busy
    }
  }
}

extension Work {
  func readPromotion(
    _ database: DatabaseRef, held listener: ListenerRef?, _ backups: Int?, _ replies: [CloudReply],
    _ context: StepContext
  ) -> Reading {
    guard case .database(let state) = replies.first else { return unclear(replies) }
    let readiness = DatabaseReadiness(state.status)
    if readiness == .broken { return .impossible("\(database.identifier) is \(state.status)") }
    let isMine = context.step.intentAt != nil
    guard state.source != nil else {
      if readiness == .busy { return .underway("\(database.identifier) has no source any more and is \(state.status)") }
      var short = ""
      if let days = state.instance?.backupRetention, let backups, days < backups {
        short = "; its backups are kept for \(days) day(s), not \(backups)"
      }
      return .done(
        "\(database.identifier) is standalone and available\(isMine ? "" : "; someone else promoted it")\(short)")
    }
    if readiness == .busy {
      let note = "\(database.identifier) is \(state.status)"
      // A promotion goes through these two alone before the source is gone (RDS user guide, "Promoting a read replica").
      return ["modifying", "rebooting"].contains(state.status) ? .underway(note) : .held(note)
    }
    // Whoever accepted the loss is not asked for the hold again; nor is it asked for behind a promotion that was taken.
    if listener != nil, context.run.lossAcceptedBy == nil, !context.step.wasTaken {
      guard replies.count > 1, case .writeHold(let present, _) = replies[1] else {
        // What was asked for is seen not to have happened, whether the hold can be seen or not; nothing is asked for anew before it can.
        let isAsked = isMine && !context.step.didNotHappen
        return isAsked
          ? .needed(
            .promoteReplica(database, backups: backups), undo: nil, "\(database.identifier) is a replica and available")
          : unclear(replies)
      }
      if !present, context.run["hold-writes"]?.state.isFinished == false { return .underway("writes are not held yet") }
      if !present {
        return .impossible(
          "writes are not held, and replay is not proven: `retry` holds and drains them again, where "
            + "`skip --step drain --accept-data-loss` goes on without; `abort` takes the run back"
        )
      }
    }
    // Asked for nothing, RDS keeps one day. What it has already is never made less, and what AWS Backup keeps nobody may change.
    let own = state.instance?.backupRetention ?? 0
    let days = state.instance?.hasBackupPlan == true && own > 0 ? own : backups.map { max($0, own) }
    return .needed(
      .promoteReplica(database, backups: days), undo: nil, "\(database.identifier) is a replica and available")
  }

  func readSecret(
    _ secret: SecretRef, _ database: DatabaseRef, _ replies: [CloudReply], _ context: StepContext
  ) -> Reading {
    guard replies.count == 2, case .secret(let now) = replies[0], case .database(let state) = replies[1] else {
      return unclear(replies)
    }
    guard let address = state.address else { return .underway("\(database.identifier) has no address yet") }
    let isSo = now.address.host == address.host && (secret.portKey == nil || now.address.port == address.port)
    if isSo { return .done("\(secret.id) names \(address.host)") }
    let token = "\(context.run.incident)-\(context.step.step.name)"
    return .needed(
      .repointSecret(secret, address, token: token), undo: .repointSecret(secret, now.address, token: token + "-undo"),
      "\(secret.id) names \(now.address.host)")
  }

  func readDetachment(_ secret: SecretRef, _ replies: [CloudReply]) -> Reading {
    guard case .secretSource(let source) = replies.first else { return unclear(replies) }
    guard let source else { return .done("\(secret.id) is nobody's replica") }
    return .needed(.detachSecret(secret), undo: nil, "\(secret.id) is a replica of the one in \(source)")
  }

  /// RDS refuses to snapshot, rename or replicate a stopped instance (RDS user guide, "Stopping an Amazon RDS DB instance temporarily").
  func readStarted(_ database: DatabaseRef, _ replies: [CloudReply]) -> Reading {
    switch replies.first {
    case .failed(let failure) where failure.kind == .notFound:
      return .done("\(database.identifier) does not exist: nothing to start")
    case .database(let state) where state.status == "stopped":
      return .needed(.startDatabase(database), undo: nil, "\(database.identifier) is stopped")
    case .database(let state):
      switch DatabaseReadiness(state.status) {
      case .available: return .done("\(database.identifier) is \(state.status)")
      case .busy: return .underway("\(database.identifier) is \(state.status)")
      case .broken: return .impossible("\(database.identifier) is \(state.status) and nothing can be made of it")
      }
    default: return unclear(replies)
    }
  }

  func readSnapshot(_ database: DatabaseRef, _ snapshot: String, _ replies: [CloudReply]) -> Reading {
    guard replies.count == 2 else { return unclear(replies) }
    switch replies[0] {
    case .snapshot("available"): return .done("snapshot \(snapshot) is there")
    case .snapshot("failed"): return .impossible("snapshot \(snapshot) failed")
    case .snapshot(let status): return .underway("snapshot \(snapshot) is \(status)")
    case .failed(let failure) where failure.kind == .notFound: break
    default: return unclear(replies)
    }
    switch replies[1] {
    case .failed(let failure) where failure.kind == .notFound:
      return .done("\(database.identifier) does not exist: nothing to keep")
    case .database(let state) where state.source != nil:
      return .done("\(database.identifier) is a replica already: nothing to keep")
    case .database(let state):
      switch DatabaseReadiness(state.status) {
      case .available: return .needed(.snapshotDatabase(database, snapshot: snapshot), undo: nil, "no snapshot yet")
      case .busy: return .underway("\(database.identifier) is \(state.status)")
      case .broken: return .impossible("\(database.identifier) is \(state.status) and cannot be snapshotted")
      }
    default: return unclear([replies[1]])
    }
  }

  func readSetAside(_ database: DatabaseRef, _ name: String, _ replies: [CloudReply]) -> Reading {
    guard replies.count == 2 else { return unclear(replies) }
    switch replies[0] {
    case .database(let kept) where DatabaseReadiness(kept.status) == .busy:
      return .underway("\(name) is \(kept.status)")
    case .database: return .done("kept as \(name)")
    case .failed(let failure) where failure.kind == .notFound: break
    default: return unclear(replies)
    }
    switch replies[1] {
    case .failed(let failure) where failure.kind == .notFound:
      return .done("\(database.identifier) does not exist: nothing to keep")
    case .database(let state) where state.source != nil:
      return .done("\(database.identifier) is a replica already: nothing to keep")
    case .database(let state):
      switch DatabaseReadiness(state.status) {
      case .available:
        return .needed(.renameDatabase(database, to: name), undo: nil, "still named \(database.identifier)")
      case .busy: return .underway("\(database.identifier) is \(state.status)")
      case .broken: return .impossible("\(database.identifier) is \(state.status) and cannot be renamed")
      }
    default: return unclear([replies[1]])
    }
  }

  func readReplica(_ spec: ReplicaSpec, _ replies: [CloudReply], _ context: StepContext) -> Reading {
    switch replies.first {
    case .failed(let failure) where failure.kind == .notFound:
      switch replies.dropFirst().first {
      case .database(let kept)?:
        let wanted = kept.instance.map { spec.like($0) } ?? spec
        return .needed(.createReplica(wanted), undo: nil, "\(spec.replica.identifier) does not exist")
      case .failed(let failure)? where failure.kind != .notFound: return Work.reading(of: failure)
      // A new name takes a while to show.
      case .failed? where context.run.hasKept(spec) && context.now - context.startedAt < .minutes(5):
        return .underway("\(spec.predecessor?.identifier ?? "") is not there yet")
      case .failed?, nil: return .needed(.createReplica(spec), undo: nil, "\(spec.replica.identifier) does not exist")
      case let other?: return unclear([other])
      }
    case .database(let state):
      guard let source = state.source else {
        // A rename takes a while to show; until then the old instance still answers to its name.
        if context.now - context.startedAt < .minutes(5) {
          return .underway("\(spec.replica.identifier) is not free yet")
        }
        return .impossible("\(spec.replica.identifier) is a standalone database; rename it or skip this step")
      }
      guard source == spec.source.identifier || source.hasSuffix(":db:" + spec.source.identifier) else {
        return .impossible("\(spec.replica.identifier) replicates \(source), not \(spec.source.identifier)")
      }
      switch DatabaseReadiness(state.status) {
      case .available: return .done("\(spec.replica.identifier) replicates \(spec.source.identifier)")
      case .busy: return .underway("\(spec.replica.identifier) is \(state.status)")
      case .broken: return .impossible("\(spec.replica.identifier) is \(state.status)")
      }
    default: return unclear(replies)
    }
  }

  func readReplication(_ bound: Duration, _ replies: [CloudReply], _ context: StepContext) -> Reading {
    guard replies.count == 2, case .database(let state) = replies[0], case .lag(let samples) = replies[1] else {
      return unclear(replies)
    }
    guard state.source != nil else { return .impossible("it is not a replica any more") }
    // Writes are held next: not for as long as a modification or a backup takes. Aurora moves the writer through most of its own.
    if state.cluster == nil {
      switch DatabaseReadiness(state.status) {
      case .available: break
      case .busy: return .underway("the replica is \(state.status)")
      case .broken: return .impossible("the replica is \(state.status)")
      }
    }
    var tracker = LagTracker(staleAfter: .seconds(180), meaning: LagMeaning(engine: state.engine))
    tracker.take(samples, at: context.now)
    // A name that is used again still has the samples of its former bearer: only fresh ones count.
    guard let lag = tracker.lag(at: context.now), let newest = tracker.newest,
      newest.at >= context.startedAt - .seconds(60)
    else { return .underway(tracker.sentence(at: context.now)) }
    return lag <= bound ? .done("\(lag.text) behind") : .underway("\(lag.text) behind, \(bound.text) allowed")
  }

  /// Drained = a sample proves replay up to a moment at which the writes were held and the last request that got past the load balancer
  /// before was over: a rule does not take effect at once, and requests under way are completed (Elastic Load Balancing user guide, "Edit a
  /// listener rule for your Application Load Balancer"). Idle PostgreSQL drifts up to five minutes before its lag drops again, and a MySQL
  /// replica that nothing reaches says zero; the proof is right in all cases.
  func readDrained(
    after step: String, _ longestRequest: Duration, _ replies: [CloudReply], _ context: StepContext
  ) -> Reading {
    guard replies.count == 2, case .database(let state) = replies[0], case .lag(let samples) = replies[1] else {
      return unclear(replies)
    }
    guard let held = context.run[step]?.finishedAt else {
      return context.run[step] == nil ? .impossible("writes were never held") : .underway("writes are not held yet")
    }
    guard state.source != nil else {
      // Asked for behind a drain that was proven; what follows looks whether it is done.
      if context.run.mayHavePromoted { return .done("it was promoted meanwhile, and drained before") }
      return .impossible("it is no replica any more, somebody else promoted it")
    }
    var tracker = LagTracker(staleAfter: .seconds(180), meaning: LagMeaning(engine: state.engine))
    tracker.take(samples, at: context.now)
    guard let proof = tracker.proof else { return .underway(tracker.sentence(at: context.now)) }
    let end = held + longestRequest
    if proof >= end { return .done("every write before \(end.text) is replayed") }
    let rest = longestRequest == .zero ? "" : ", requests that were under way may write for \(longestRequest.text)"
    return .underway("replayed up to \(proof.text), writes held since \(held.text)\(rest)")
  }
}

extension Run {
  /// The predecessor got its new name in this run.
  fileprivate func hasKept(_ spec: ReplicaSpec) -> Bool {
    steps.contains { step in
      guard case .setAside(_, let name) = step.step.work else { return false }
      return step.intentAt != nil && !step.didNotHappen && name == spec.predecessor?.identifier
    }
  }
}
