// What the machine says of the lease, and what it refuses without it. That nothing is changed without it stands in `holdingActs`.

extension Machine {
  /// Told when it changes hands, or cannot be read any more.
  mutating func watchLease(_ situation: Situation, _ reaction: inout Reaction) {
    guard let lease = situation.lease else { return }
    let word = lease.word(at: situation.now)
    // Between two readings nothing is known, and what was said stands.
    guard word != leaseSaid, word != .unknown else { return }
    leaseSaid = word
    let told: (kind: MessageKind, text: String) =
      switch word {
      case .held(let number): (.leaseHeld, "this watchdog holds the lease, number \(number): it acts")
      case .foreign(let holder): (.leaseForeign, "\(holder) holds the lease: this watchdog only watches")
      case .twin, .silent, .unknown:
        (.leaseTroubled, lease.whyNotBegin(at: situation.now) ?? "the lease is not held")
      }
    reaction.effects.append(
      .say(
        Message(
          told.kind, told.text, workload: settings.name, phase: state.phase.name, incident: state.phase.incident)))
  }

  /// Who only observes never has the lease. Who finds that somebody else has moved the workload can do nothing more by himself, and leaves
  /// it to whoever can; a person's order makes him want it.
  func wantsLease(_ situation: Situation) -> Bool {
    if settings.mode == .observe { return false }
    switch state.phase {
    case .healthy, .degraded(_, nil): return situation.drRole?.isReplica != false
    case .degraded(_, let run?), .failingOver(let run):
      return outdated(situation) == nil && (run.rollback == nil || doubt(about: run, situation) == nil)
    case .drActive: return outdated(situation) == nil
    case .failingBack: return true
    }
  }

  /// The DR database replicates again since it was promoted: whatever this ledger still wants of the old primary is out of date.
  func outdated(_ situation: Situation) -> String? {
    guard let role = situation.drRole, role.isReplica else { return nil }
    let promoted: Instant?
    switch state.phase {
    case .drActive(let residence): promoted = residence.since
    case .failingOver(let run):
      promoted = run.steps.first { $0.step.work.kind == .oneWay && $0.state == .done }?.finishedAt
    case .healthy, .degraded, .failingBack: promoted = nil
    }
    guard let promoted, role.at > promoted else { return nil }
    return
      "\(settings.dr.database.ref.identifier) is a replica again: somebody else brought the workload home, and this ledger does "
      + "not know; stop this watchdog, move its ledger aside, and start it anew"
  }

  /// Another watchdog holds the lease: what concerns the workload as a whole is its business to tell.
  func standsBy(_ situation: Situation) -> Bool {
    guard let lease = situation.lease, lease.foreign != nil else { return false }
    return lease.silence(at: situation.now) == nil && !lease.isFree(at: situation.now)
  }

  /// Why an order to move the workload is not taken here.
  func refusalByLease(_ situation: Situation) -> String? {
    guard let lease = situation.lease, let why = lease.whyNotHeld(at: situation.now) else { return nil }
    // It is claimed before anything is done.
    if lease.isLapsed(at: situation.now) || lease.isFree(at: situation.now) { return nil }
    if lease.foreign != nil {
      return "\(why); order it there, or stop that watchdog and wait until its lease has lapsed"
    }
    return
      "\(why). Where the table is lost for good, stop every other watchdog, take `lease` out of the configuration and reload"
  }
}
