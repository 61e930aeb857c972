// The two default plans, as data. Their order is the product's promise; a golden test shows them.

/// The ordered graph of steps of one kind of run.
package enum Plan {
  /// Repoint, scale up, then the gate, then fence, promote (and open what an earlier run left closed), verify, shift, announce.
  ///
  /// The secret comes before the instances: one that boots earlier reads the old address once, keeps it, and writes to the old primary
  /// from the DR region while all its health checks are green.
  ///
  /// Forecasts are AWS's own figures (EC2 in a group boots in 2-5 min, RDS promotion takes 5-10 min, a failover of Aurora's "a few
  /// minutes") until runs were measured.
  ///
  /// - Parameters:
  ///   - size: of the DR group; nil: its serving size.
  ///   - backups: days for which the primary's are kept; nil: never seen.
  package static func failover(_ settings: WorkloadSettings, at size: GroupSize? = nil, backups: Int? = nil) -> [Step] {
    var plan = Builder()
    let dr = settings.dr
    plan.repoint(dr)
    plan.then("scale-up-dr", .scaleUp(dr.group.ref, size ?? dr.group.serving), forecast: .seconds(5))
    plan.then("gate", .gate, forecast: .seconds(5))
    plan.together(fences(settings))
    let isGlobal = dr.database.ref.global != nil
    plan.then(
      "promote-replica", .promote(dr.database.ref, whileHeld: nil, backups: dr.database.backups(like: backups)),
      forecast: isGlobal ? .seconds(300) : .seconds(450))
    if isGlobal {
      // Aurora fences what it leaves as well as it can, and takes it in again as a reader.
      plan.beside("await-old-primary", .awaitDemoted(settings.primary.database.ref), bound: stopBound)
    } else if settings.decision.stopsOldDatabase {
      // Not before: RDS stops no instance that has a replica.
      plan.beside("stop-old-database", .stopDatabase(settings.primary.database.ref), bound: stopBound)
    }
    if let listener = dr.listener {
      // A failback that was left in the middle.
      plan.alongside("release-dr-writes", .releaseWrites(listener))
    }
    plan.verify(dr, site: .dr)
    plan.then("shift-traffic", .shift(settings.traffic, to: .dr), forecast: .seconds(60))
    plan.verifyNames(settings, .dr, "verify-dns", bound: .minutes(15))
    plan.announce(settings.announcement)
    return plan.steps.changed(settings, .failover)
  }

  /// No rung waits for another: a region that hangs costs its bound once.
  private static func fences(_ settings: WorkloadSettings) -> [(name: String, work: Work)] {
    var rungs: [(name: String, work: Work)] = []
    if settings.decision.fencePrimary {
      rungs.append(("fence-primary", .fence(settings.primary.group.ref, settings.primary.group.standby)))
    }
    if settings.decision.closesListener, let listener = settings.primary.listener {
      rungs.append(("fence-listener", .fenceListener(listener)))
    }
    return rungs
  }

  /// What of a failover can be done, and taken back, before anything is certain: the steps before the gate, up to the end of a secret's
  /// replication, which nothing puts back.
  package static func preparation(of failover: [Step]) -> [Step] {
    Array(
      failover.prefix { step in
        switch step.work {
        case .gate, .confirmByHand, .detach: false
        case .command(let spec): spec.undo != nil
        default: true
        }
      })
  }

  /// Make the DR region ready, hold writes, cut over without loss, and leave the primary region without instances. Nothing is done to the
  /// primary before everything else stands.
  ///
  /// - Parameters:
  ///   - size: of the DR group; nil: its serving size.
  ///   - backups: days for which the primary's are kept; nil: never seen.
  package static func switchover(
    _ settings: WorkloadSettings, at size: GroupSize? = nil, backups: Int? = nil
  ) -> [Step] {
    var plan = Builder()
    let (primary, dr) = (settings.primary, settings.dr)
    let size = size ?? dr.group.serving
    plan.repoint(dr)
    if let listener = dr.listener {
      plan.then("release-dr-writes", .releaseWrites(listener), forecast: .seconds(2))
    }
    plan.then("scale-up-dr", .scaleUp(dr.group.ref, size), forecast: .seconds(5))
    // There is time: nobody has to be content with less.
    plan.then("await-dr-instances", .awaitInService(dr.group.ref, atLeast: size.desired), forecast: .minutes(4))
    plan.then(
      "await-replication", .awaitReplication(dr.database.ref, within: settings.failback.maximumLag),
      forecast: .minutes(1))
    plan.cutOver(settings, to: .dr, promotion: "promote-replica", backups: backups)
    plan.lead(settings, to: .dr, "shift-traffic")
    plan.verifyNames(settings, .dr, "verify-dns")
    plan.then("scale-down-primary", .scaleDown(primary.group.ref, primary.group.standby), forecast: .minutes(2))
    if let listener = primary.listener { plan.then("release-writes", .releaseWrites(listener), forecast: .seconds(2)) }
    plan.announce(settings.announcement)
    return plan.steps.changed(settings, .switchover)
  }

  /// Rebuild the primary as a replica, hold writes, cut over without loss, and light the pilot again. Aurora rebuilds its clusters itself,
  /// and one that is switched over lights the pilot.
  ///
  /// - Parameters:
  ///   - incident: makes the snapshot's name unique; letters, digits and hyphens.
  ///   - failover: the incident that led to the DR region; makes the names of kept instances unique, and the same when the failback is begun
  ///     again. nil: `incident`.
  ///   - size: of the primary's group; nil: its serving size.
  ///   - backups: days for which the primary's were kept; nil: never seen.
  package static func failback(
    _ settings: WorkloadSettings, incident: String, after failover: String? = nil, at size: GroupSize? = nil,
    backups: Int? = nil
  ) -> [Step] {
    var plan = Builder()
    let (primary, dr) = (settings.primary, settings.dr)
    let suffix = (failover ?? incident).suffixName
    plan.then("check-primary", .checkRegion(primary.group.ref), forecast: .seconds(5))
    plan.reverse(
      from: dr.database, to: primary.database, suffix: suffix, snapshot: primary.database.ref.kept(incident.suffixName))
    plan.then(
      "await-replication", .awaitReplication(primary.database.ref, within: settings.failback.maximumLag),
      forecast: .minutes(5))
    if let secret = primary.secret {
      plan.then("repoint-primary-secret", .repoint(secret.ref, to: primary.database.ref), forecast: .seconds(3))
    }
    if let listener = primary.listener {
      // A fence, or a switchover that was left in the middle.
      plan.then("release-primary-writes", .releaseWrites(listener), forecast: .seconds(2))
    }
    plan.then("scale-up-primary", .scaleUp(primary.group.ref, size ?? primary.group.serving), forecast: .seconds(5))
    plan.then(
      "await-primary-instances", .awaitInService(primary.group.ref, atLeast: primary.group.acceptMinimum),
      forecast: .minutes(4))
    plan.cutOver(settings, to: .primary, promotion: "promote-primary", backups: backups)
    plan.lead(settings, to: .primary, "shift-traffic-home")
    plan.verifyNames(settings, .primary, "verify-dns-home")
    plan.then("scale-down-dr", .scaleDown(dr.group.ref, dr.group.standby), forecast: .minutes(2))
    if dr.database.ref.global == nil {
      let kept = dr.database.ref.kept(suffix)
      plan.then(
        "set-aside-dr-database", .setAside(dr.database.ref, as: kept.identifier), forecast: .minutes(2))
      plan.rebuild(
        "recreate-dr-replica", ("reinstate-dr-settings", "apply-dr-parameters"), dr.database,
        from: primary.database.ref,
        like: kept)
    }
    plan.then(
      "await-dr-replication", .awaitReplication(dr.database.ref, within: settings.objectives.rpo), forecast: .minutes(5)
    )
    if let listener = dr.listener { plan.then("release-writes", .releaseWrites(listener), forecast: .seconds(2)) }
    plan.announce(settings.announcement)
    return plan.steps.changed(settings, .failback)
  }

  /// The longest way through the steps that are still to do: how long until `last`, or the whole plan, is finished.
  ///
  /// - Parameter isFinished: whether the step at an index is done.
  package static func forecast(
    _ steps: [Step], until last: String? = nil, isFinished: (Int) -> Bool = { _ in false }
  ) -> Duration {
    var ends: [Duration] = []
    for index in steps.indices {
      var end = Duration.zero
      if !isFinished(index) {
        // What a step needs stands before it, mostly just before it: cheaper to look back than to hash names once a probe.
        for need in steps[index].needs {
          if let before = ends.indices.last(where: { steps[$0].name == need }) { end = max(end, ends[before]) }
        }
        end += steps[index].forecast
      }
      if steps[index].name == last { return end }
      ends.append(end)
    }
    return ends.max() ?? .zero
  }
}

/// A rung of the fence holds the recovery up for this long at most; what is not fenced by then is owed.
private let fenceBound: Duration = .seconds(20)
/// Nothing waits for the last rung, and RDS takes some time to see that the instance has no replica any more.
private let stopBound: Duration = .minutes(2)
/// A standby in another zone is built from a snapshot; nothing is lost without it, and it is said.
private let reinstateBound: Duration = .minutes(30)
private let rebootBound: Duration = .minutes(15)

/// Writes plans down: each step waits for the one before.
private struct Builder {
  var steps: [Step] = []
  /// What the next step waits for.
  private var last: [String] = []

  mutating func then(_ name: String, _ work: Work, forecast: Duration, bound: Duration? = nil) {
    steps.append(Step(name, work, needs: last, forecast: forecast, bound: bound))
    last = [name]
  }

  /// Rungs of the fence that wait for the same and for none of each other; the next step waits for all of them.
  mutating func together(_ rungs: [(name: String, work: Work)]) {
    for (name, work) in rungs { beside(name, work, bound: fenceBound) }
    if !rungs.isEmpty { last = rungs.map(\.name) }
  }

  /// A step that nothing waits for but the end of the run.
  mutating func beside(_ name: String, _ work: Work, bound: Duration) {
    steps.append(Step(name, work, needs: last, forecast: .seconds(20), bound: bound))
  }

  /// A step that waits for the same as the one before; the next step waits for both.
  mutating func alongside(_ name: String, _ work: Work) {
    let twin = steps.last { last.contains($0.name) }
    steps.append(Step(name, work, needs: twin?.needs ?? [], forecast: .seconds(5)))
    last.append(name)
  }

  /// The old database becomes a replica of the new one, and what it was is kept.
  mutating func reverse(
    from new: DatabaseSettings, to old: DatabaseSettings, suffix: String, snapshot: DatabaseRef
  ) {
    if old.ref.global != nil {
      // It snapshots what it left and rebuilds it by itself; no cluster can be renamed or snapshotted out of a rebuild.
      then("await-old-primary", .awaitDemoted(old.ref), forecast: .hours(1))
      return
    }
    let kept = old.ref.kept(suffix)
    then("start-old-database", .startDatabase(old.ref), forecast: .seconds(5))
    then("snapshot-old-database", .snapshot(old.ref, snapshot: snapshot.identifier), forecast: .minutes(10))
    then("set-aside-old-database", .setAside(old.ref, as: kept.identifier), forecast: .minutes(2))
    rebuild("reverse-replica", ("reinstate-settings", "apply-parameters"), old, from: new.ref, like: kept)
  }

  /// A database is built anew as a replica, like the one that had its name.
  mutating func rebuild(
    _ name: String, _ settled: (settings: String, parameters: String), _ settings: DatabaseSettings,
    from source: DatabaseRef, like kept: DatabaseRef
  ) {
    then(
      name, .replicate(ReplicaSpec(settings: settings, source: source, predecessor: kept)), forecast: .hours(1))
    then(
      settled.settings, .reinstate(settings.ref, like: kept, parameterGroup: settings.parameterGroup),
      forecast: .minutes(2), bound: reinstateBound)
    then(settled.parameters, .applyParameters(settings.ref), forecast: .minutes(1), bound: rebootBound)
  }

  /// The DR region's secret.
  mutating func repoint(_ dr: SiteSettings) {
    guard let secret = dr.secret else { return }
    if secret.isReplica == true { then("detach-dr-secret", .detach(secret.ref), forecast: .seconds(2)) }
    then("repoint-dr-secret", .repoint(secret.ref, to: dr.database.ref), forecast: .seconds(3))
  }

  mutating func verify(_ site: SiteSettings, site name: Site) {
    if let targets = site.targetGroup {
      then(
        "verify-\(name.rawValue)-targets",
        .awaitTargets(targets, of: site.group.ref, atLeast: site.group.acceptMinimum),
        forecast: .minutes(2))
    } else {
      then(
        "verify-\(name.rawValue)-instances", .awaitInService(site.group.ref, atLeast: site.group.acceptMinimum),
        forecast: .minutes(2))
    }
    then("verify-\(name.rawValue)-application", .awaitApplication(name), forecast: .seconds(15))
  }

  /// Users are led away from a region that is scaled down behind it: where that is somebody's hand, he says when it is done.
  mutating func lead(_ settings: WorkloadSettings, to site: Site, _ name: String) {
    let region = (site == .dr ? settings.dr : settings.primary).region
    if settings.traffic == .manual {
      then(
        name, .confirmByHand("lead users to the load balancer in \(region), and see that they are there"),
        forecast: .minutes(5))
    } else {
      then(name, .shift(settings.traffic, to: site), forecast: .seconds(60))
    }
  }

  /// Where users are led is asked of DNS. What is scaled down behind it is not before nobody is led there any more.
  ///
  /// - Parameter bound: nothing but the end of the run waits for it: then it is given up, and said.
  mutating func verifyNames(_ settings: WorkloadSettings, _ site: Site, _ name: String, bound: Duration? = nil) {
    guard let names = settings.names else { return }
    then(name, .awaitNames(names.question(leadingTo: site)), forecast: .minutes(1), bound: bound)
  }

  /// Nothing is lost: writes are held, replayed to the last one, and then taken by the other region.
  mutating func cutOver(_ settings: WorkloadSettings, to site: Site, promotion: String, backups: Int?) {
    let (old, new) = site == .dr ? (settings.primary, settings.dr) : (settings.dr, settings.primary)
    holdWrites(at: old)
    if new.database.ref.global != nil {
      // Aurora waits for the last write itself, of whoever still writes behind the load balancer, too; a proof by the minute samples of the
      // lag would keep users waiting for longer and prove less.
      then(promotion, .switchOver(new.database.ref, from: old.database.ref), forecast: .seconds(180))
    } else {
      let longest = settings.failback.longestRequest
      let drain = Work.awaitDrained(new.database.ref, after: "hold-writes", longestRequest: longest)
      then("drain", drain, forecast: .minutes(2) + (longest ?? .zero))
      then(
        promotion, .promote(new.database.ref, whileHeld: old.listener, backups: new.database.backups(like: backups)),
        forecast: .seconds(450))
    }
    verify(new, site: site)
  }

  private mutating func holdWrites(at site: SiteSettings) {
    if let listener = site.listener {
      then("hold-writes", .holdWrites(listener), forecast: .seconds(2))
    } else {
      then("hold-writes", .confirmByHand("stop every writer of \(site.database.ref.identifier)"), forecast: .minutes(5))
    }
  }

  mutating func announce(_ topic: TopicRef?) {
    if let topic { then("announce", .announce(topic), forecast: .seconds(2), bound: .seconds(60)) }
  }
}

extension LossEntry {
  /// As what a failback keeps the database in which the missing writes may be; nil for a cluster, which is rebuilt in place.
  ///
  /// - Parameter incident: the failover's.
  package func keptAs(incident: String) -> DatabaseRef? { left.global == nil ? left.kept(incident.suffixName) : nil }
}

extension DatabaseRef {
  /// As what the database is kept. RDS takes no two hyphens in a row, and no more than 63 characters: a long name is cut, and told from
  /// others that begin like it by a digest.
  func kept(_ suffix: String) -> DatabaseRef {
    var name = identifier.count <= 30 ? Substring(identifier) : identifier.prefix(23) + identifier.digest
    while name.last == "-" { name.removeLast() }
    return DatabaseRef(region: region, identifier: "\(name)-kept-\(suffix)")
  }
}

extension String {
  /// Six hexadecimal digits of its FNV-1a hash (Fowler, Noll, Vo; 64 bits).
  fileprivate var digest: Substring {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash & 0xff_ffff | 0x100_0000, radix: 16).dropFirst()
  }

  /// The part of an incident id that may stand in an RDS identifier: letters, digits and single hyphens, at most 24.
  fileprivate var suffixName: String {
    var name = ""
    for character in lowercased() where name.count < 24 {
      if ("a"..."z").contains(character) || ("0"..."9").contains(character) {
        name.append(character)
      } else if name.last != "-", !name.isEmpty {
        name.append("-")
      }
    }
    return name.last == "-" ? String(name.dropLast()) : name
  }
}
