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

  /// Another watchdog holds the lease: what concerns the workload as a whole is its business to tell.
  func standsBy(_ situation: Situation) -> Bool { situation.lease?.foreign != nil }

  /// Why an order to move the workload is not taken here.
  func refusalByLease(_ situation: Situation) -> String? {
    guard let lease = situation.lease, let why = lease.whyNotHeld(at: situation.now) else { return nil }
    // It is claimed before anything is done.
    if lease.isLapsed(at: situation.now) { return nil }
    if lease.foreign != nil {
      return "\(why); order it there, or stop that watchdog and wait until its lease has lapsed"
    }
    return
      "\(why). Where the table is lost for good, stop every other watchdog, take `lease` out of the configuration and reload"
  }
}
