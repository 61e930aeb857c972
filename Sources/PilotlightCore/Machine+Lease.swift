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

  /// Why an order to move the workload is not taken here.
  func refusalByLease(_ situation: Situation) -> String? {
    guard let why = situation.lease?.whyNotHeld(at: situation.now) else { return nil }
    return
      "\(why); order it where the lease is held, or stop that watchdog and wait until its lease has lapsed. Where the "
      + "table is lost for good, stop every other watchdog, take `lease` out of the configuration and reload"
  }
}
