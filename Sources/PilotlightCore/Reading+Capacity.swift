// What the answers mean: groups, targets, the application.

extension Work {
  func readScaleUp(_ group: GroupRef, _ size: GroupSize, _ replies: [CloudReply]) -> Reading {
    guard case .group(let state) = replies.first else { return unclear(replies) }
    let now = state.size
    // Never scaling in: somebody may have scaled further up by hand.
    let desired = max(now.desired, size.desired)
    let wanted = GroupSize(min: max(now.min, size.min), desired: desired, max: max(now.max, size.max, desired))
    if now == wanted { return .done("\(group.name) is at \(now)\(state.trouble.map { "; \($0)" } ?? "")") }
    return .needed(.resizeGroup(group, wanted), undo: .resizeGroup(group, now), "\(group.name) is at \(now)")
  }

  /// What keeps instances from going is nothing that a fence waits its bound for.
  func readFence(_ group: GroupRef, _ size: GroupSize, _ replies: [CloudReply]) -> Reading {
    guard case .group(let state) = replies.first, state.size == size, state.instances > size.desired, state.isHindered
    else { return readScaleDown(group, size, replies) }
    return .impossible(state.survivors(group))
  }

  func readScaleDown(_ group: GroupRef, _ size: GroupSize, _ replies: [CloudReply]) -> Reading {
    guard case .group(let state) = replies.first else { return unclear(replies) }
    guard state.size == size else {
      return .needed(
        .resizeGroup(group, size), undo: .resizeGroup(group, state.size), "\(group.name) is at \(state.size)")
    }
    if state.instances <= size.desired { return .done("\(group.name) is at \(size)") }
    return .underway(state.survivors(group))
  }

  func readRegion(_ group: GroupRef, _ replies: [CloudReply]) -> Reading {
    guard case .group(let state) = replies.first else { return unclear(replies) }
    return .done("\(group.region) answers; \(group.name) is at \(state.size)")
  }

  func readInService(
    _ group: GroupRef, _ count: Int, _ replies: [CloudReply], _ context: StepContext
  ) -> Reading {
    guard case .group(let state) = replies.first else { return unclear(replies) }
    let note = "\(state.inService) of \(state.size.desired) instance(s) in service"
    if state.inService >= count { return .done(note) }
    return state.scaledIn(below: count, group, note, context)
      ?? .underway(note + (state.trouble.map { "; \($0)" } ?? ""))
  }

  func readTargets(_ count: Int, _ replies: [CloudReply], _ context: StepContext) -> Reading {
    guard case .targets(let health) = replies.first else { return unclear(replies) }
    let note = "\(health.healthy) healthy, \(health.unhealthy) unhealthy, \(health.other) other target(s)"
    let wait = "\(note); \(count) needed"
    guard case .awaitTargets(_, let group?, _) = self, replies.count > 1, case .group(let state) = replies[1] else {
      return health.healthy >= count ? .done(note) : .underway(wait)
    }
    if health.healthy >= count {
      let share = state.size.desired > 0 ? health.healthy * 100 / state.size.desired : 100
      if share >= 100 { return .done(note) }
      return .done(
        "\(note): \(share) % of the \(state.size.desired) instance(s) that are wanted"
          + (state.trouble.map { "; \($0)" } ?? ""))
    }
    return state.scaledIn(below: count, group, wait, context)
      ?? .underway(wait + (state.trouble.map { "; \($0)" } ?? ""))
  }

  func readApplication(_ site: Site, _ context: StepContext) -> Reading {
    let serving =
      switch site {
      case .primary: context.primaryServing
      case .dr: context.drServing
      }
    return serving == true
      ? .done("the \(site.rawValue) load balancer serves")
      : .underway("the \(site.rawValue) load balancer does not serve yet")
  }

  func readAnnouncement(_ topic: TopicRef, _ context: StepContext) -> Reading {
    if let receipt = context.step.receipt { return .done("announced as \(receipt)") }
    let run = context.run
    // At least once: after a lost answer the message goes out again, with the same incident id to tell it by.
    let subject = "\(run.kind.rawValue) \(run.incident)"
    return .needed(
      .publish(topic, subject: String(subject.prefix(100)), message: run.story), undo: nil, "not announced yet")
  }

  /// Nobody can be asked whether it is so: it is when it was run and ended well.
  func readCommand(_ spec: CommandSpec, _ replies: [CloudReply], _ context: StepContext) -> Reading {
    if let receipt = context.step.receipt {
      return .done(receipt.isEmpty ? "it ended well" : "it ended well: \(receipt)")
    }
    var addresses: [DatabaseAddress?] = []
    for reply in replies {
      if case .database(let state) = reply {
        addresses.append(state.address)
      } else if case .failed(let failure) = reply, failure.kind == .notFound {
        addresses.append(nil)
      } else {
        return unclear(replies)
      }
    }
    return .needed(
      spec.call(spec.command, in: context.run, addresses),
      undo: spec.undo.map { spec.call($0, in: context.run, addresses) }, "it has not been run")
  }

  /// What a person has to confirm before it goes on; nil: nothing.
  func readQuestion(_ context: StepContext) -> Reading? {
    context.run[question: context.step].map { .asks("\($0), then `pilotlightctl approve`") }
  }
}

extension GroupState {
  /// Its instances do not go by themselves.
  var isHindered: Bool { suspended.contains("Terminate") || (protected ?? 0) > 0 }

  /// Instances that a group at its size still has: they may serve and write for as long as they live.
  func survivors(_ group: GroupRef) -> String {
    var note = "\(group.name) is at \(size), \(instances) instance(s) still run"
    if suspended.contains("Terminate") { note += ": its Terminate process is suspended" }
    if let protected, protected > 0 { note += "; \(protected) of them protected from scale-in" }
    return note
  }

  /// A group without users looks idle to its own scaling policies, and is scaled in while the rest is waited for: it is brought back to
  /// the size that the run gave it. nil where nobody did that, or the run gave it none.
  fileprivate func scaledIn(below count: Int, _ group: GroupRef, _ note: String, _ context: StepContext) -> Reading? {
    let given = context.run.steps.lazy.compactMap { run in
      if run.state.isFinished, case .scaleUp(group, let size) = run.step.work { size } else { nil }
    }
    guard size.desired < count, let wanted = given.first, wanted.desired >= count else { return nil }
    let raised = GroupSize(
      min: max(size.min, wanted.min), desired: wanted.desired, max: max(size.max, wanted.max))
    return .needed(
      .resizeGroup(group, raised), undo: nil, "\(note); \(group.name) was scaled in to \(size.desired) meanwhile")
  }
}

extension Run {
  /// The run in a few lines, for an announcement.
  package var story: String {
    var lines = ["\(kind.rawValue) \(incident), begun \(startedAt.text)"]
    for run in steps where run.state != .waiting {
      let took = run.startedAt.flatMap { begin in run.finishedAt.map { " in \(($0 - begin).text)" } } ?? ""
      lines.append("- \(run.step.name): \(run.state.rawValue)\(took)\(run.detail.isEmpty ? "" : ": \(run.detail)")")
    }
    if let lossAtGate { lines.append("loss window at the gate: \(lossAtGate.text)") }
    return lines.joined(separator: "\n")
  }
}
