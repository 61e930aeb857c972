// What the answers mean: traffic and the write hold.

extension Work {
  func readTraffic(
    _ traffic: TrafficSettings, _ site: Site, _ replies: [CloudReply], _ context: StepContext
  ) -> Reading {
    switch traffic {
    // Only a failover: its users are out already, and nothing is taken from them behind it.
    case .manual:
      return .done("left to a hand: lead users to the \(site.rawValue) region now")
    case .objectSwitch(let object): return readSwitch(object, site, replies, context)
    case .healthCheck(let check): return readCheck(check, site, replies)
    case .routingControl(let controls): return readControls(controls, site, replies)
    case .route53(let record, let primary, let dr):
      let (to, from) = site == .dr ? (dr, primary) : (primary, dr)
      return readRecords(record, to: to, from: from, replies, context)
    }
  }

  private func readSwitch(
    _ object: ObjectRef, _ site: Site, _ replies: [CloudReply], _ context: StepContext
  ) -> Reading {
    guard case .object(let present) = replies.first else { return unclear(replies) }
    let put = CloudAction.putObject(object, body: "pilotlight: traffic to DR, incident \(context.run.incident)\n")
    switch (site, present) {
    case (.dr, true): return .done("the switch object is there")
    case (.primary, false): return .done("the switch object is gone")
    case (.dr, false): return .needed(put, undo: .removeObject(object), "the switch object is absent")
    case (.primary, true): return .needed(.removeObject(object), undo: put, "the switch object is present")
    }
  }

  private func readCheck(_ check: HealthCheckRef, _ site: Site, _ replies: [CloudReply]) -> Reading {
    guard case .checkSwitch(let state) = replies.first else { return unclear(replies) }
    let (isDown, isPlain) = (state.disabled && state.inverted, !state.disabled && !state.inverted)
    switch site {
    case .dr where isDown: return .done("health check \(check.id) is unhealthy by our word")
    case .primary where isPlain: return .done("health check \(check.id) follows its endpoint")
    case .dr, .primary:
      return .needed(
        .switchCheck(check, unhealthy: site == .dr), undo: .switchCheck(check, unhealthy: site != .dr),
        "health check \(check.id) is \(state.text)")
    }
  }

  private func readControls(_ controls: RoutingControls, _ site: Site, _ replies: [CloudReply]) -> Reading {
    guard case .controls(let state) = replies.first else { return unclear(replies) }
    if state == RoutingControls.leading(to: site) { return .done(state.text) }
    return .needed(
      .turnControls(controls, to: site), undo: .turnControls(controls, to: site == .dr ? .primary : .dr), state.text)
  }

  func readNames(_ question: NameQuestion, _ replies: [CloudReply]) -> Reading {
    guard case .names(let report) = replies.first else { return unclear(replies) }
    let verdict = NameVerdict(question, report)
    return verdict.isVerified ? .done(verdict.sentence) : .underway(verdict.sentence)
  }

  private func readRecords(
    _ record: RecordRef, to: RecordTarget, from: RecordTarget, _ replies: [CloudReply], _ context: StepContext
  ) -> Reading {
    guard case .records(let states) = replies.first else { return unclear(replies) }
    let move = RecordMove(states, to: to, from: from)
    guard move.isDone else {
      if let obstacle = move.obstacle(record) { return .impossible(obstacle) }
      return .needed(
        .pointRecords(record, to: to, from: from, sets: move.sets),
        undo: .pointRecords(record, to: from, from: to, sets: move.undo), move.text(record))
    }
    if replies.count > 1 {
      guard case .change(let status) = replies[1] else { return unclear([replies[1]]) }
      if status == .pending {
        let change = context.step.receipt.map { " \($0)" } ?? ""
        return .underway("\(record.name) leads to \(to.host); the change\(change) is not in sync yet")
      }
    } else if context.step.intentAt != nil, !context.step.wasTaken {
      // Record sets are listed as they were written, whether the name servers have them or not.
      return .repeated(
        .pointRecords(record, to: to, from: from, sets: move.sets),
        "\(record.name) leads to \(to.host); the answer that names the change was lost")
    }
    if let set = move.unnamed, !to.isLed(by: set) {
      return .impossible(
        "\(move.text(record)): nobody moves record set \(set.setIdentifier ?? ""), which the configuration does not name"
      )
    }
    return .done("\(record.name) leads to \(to.host)\(move.remainder)")
  }

  /// In a failover users wait, and the DR region's load balancer shows by itself that it lets them through. nil: the rules can be seen.
  func readUnseenHold(_ replies: [CloudReply], _ context: StepContext) -> Reading? {
    guard context.run.kind == .failover, case .failed(let failure) = replies.first else { return nil }
    return context.drServing == true
      ? .done("our own probe of the dr load balancer succeeds")
      : .underway("whether writes are held cannot be seen, and the dr load balancer does not serve: \(failure.text)")
  }

  func readHold(_ listener: ListenerRef, wanted: Bool, _ replies: [CloudReply]) -> Reading {
    guard case .writeHold(let present, _) = replies.first else { return unclear(replies) }
    switch (wanted, present) {
    case (true, true): return .done("writes are held")
    case (false, false): return .done("writes are not held")
    case (true, false): return .needed(.holdWrites(listener), undo: .releaseWrites(listener), "writes are not held")
    case (false, true): return .needed(.releaseWrites(listener), undo: nil, "writes are held")
    }
  }
}

extension CheckSwitch {
  package var text: String {
    switch (disabled, inverted) {
    case (true, true): "disabled and inverted, so unhealthy"
    case (true, false): "disabled, so healthy"
    case (false, true): "inverted"
    case (false, false): "following its endpoint"
    }
  }
}
