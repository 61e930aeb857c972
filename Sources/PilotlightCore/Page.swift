// Calling a person: what cannot go on, or should be known at once, leaves the journal for somebody's telephone.

extension MessageKind {
  /// Whether a person is called for it: it needs him, or he would ask why he was not.
  package var isPaged: Bool {
    switch self {
    case .ledgerBroken, .cannotStart, .credentialsEnding, .notArmed, .heldBack, .runBegun, .stepOwed, .stepStuck,
      .waiting, .stillRunning,
      .vetoed,
      .runFinished,
      .rolledBack, .debtIncurred, .debtUnpaid, .oldPrimaryServes, .servingDown, .turnedAway, .rtoAtRisk,
      .preparationHeld,
      .leaseTroubled,
      .stepGivenUp:
      true
    case .daemonStarted, .daemonStopping, .configurationReloaded, .configurationRefused, .ledgerMended, .timeGap,
      .armed,
      .armedAgain, .accountKnown, .degraded, .recovered, .nearMiss, .blind, .sighted, .lagHigh, .wouldFailOver,
      .wouldHaveBeenWrong, .stepStarted, .acting, .accepted, .didNotHappen, .gatePassed, .stepDone, .stepReopened,
      .stepSkipped, .troubled, .approved, .lossAccepted, .lossNoted, .lossReviewed, .rollbackBegun, .stepUndone,
      .debtPaid, .debtWaived,
      .acknowledged, .paused, .unpaused, .ordered, .cloudNotice, .recordingStopped, .recordingResumed, .preparing,
      .blindSpot, .fenceUnderway,
      .leaseHeld, .leaseForeign, .capacitySeen, .backupsSeen, .wedged, .turnsAgain, .invariantBroken, .diskStalled:
      false
    }
  }
}

extension Message {
  /// As it is published: who reads it may know nothing else. The last line is the same for every sending of the same news.
  package func page(_ topic: TopicRef) -> CloudAction {
    let name = workload ?? "pilotlightd"
    var lines = [text, "", kind.meaning.meaning, "Next: \(kind.meaning.next)", ""]
    lines.append(
      [
        "workload \(name)", phase.map { "phase \($0.rawValue)" }, incident.map { "incident \($0)" },
        step.map { "step \($0)" },
      ]
      .compactMap { $0 }.joined(separator: ", "))
    lines.append("id \([name, incident, kind.rawValue, step].compactMap { $0 }.joined(separator: "/"))")
    return .publish(topic, subject: "\(name): \(kind.rawValue)", message: lines.joined(separator: "\n"))
  }

  /// News of the daemon itself, whoever holds the leases: everybody is called, each topic once.
  package func pages(to workloads: [WorkloadSettings]) -> [CloudAction] {
    workloads.reduce(into: []) { pages, settings in
      guard let topic = settings.page, settings.mode != .observe, !pages.contains(page(topic)) else { return }
      pages.append(page(topic))
    }
  }
}

extension WorkloadGuard {
  /// Who is to be called for a message; nil: nobody. Who only observes calls nobody, and of several watchdogs the one that acts.
  package func page(for message: Message) -> CloudAction? {
    guard let topic = settings.page, message.kind.isPaged, settings.mode != .observe else { return nil }
    if let lease = situation.lease, lease.whyNotHeld(at: situation.now) != nil, message.kind != .leaseTroubled {
      return nil
    }
    return message.page(topic)
  }
}
