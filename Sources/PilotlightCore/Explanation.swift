// "Why are you not failing over?" and "why did you?", in sentences, at any moment. Built from the same functions that decide, so
// that the explanation cannot disagree with the decision.

extension Machine {
  /// Sentences in the order a person asks: what is seen, what follows, what holds it back, what would change that.
  package func explain(_ situation: Situation) -> [String] {
    var lines = [seen(situation)] + situation.assessment.evidence
    if let diagnosis = situation.diagnosis { lines.insert(diagnosis.sentence, at: 1) }
    lines.append("replica lag: \(situation.lag.sentence(at: situation.now))")
    switch state.phase {
    case .healthy: lines += explainHealthy(situation)
    case .degraded(let outage, let preparation):
      lines += explainDegraded(outage, situation) + explain(preparation, situation)
    case .failingOver(let run): lines += explainRun(run, situation)
    case .drActive(let residence): lines += explainResidence(residence, situation)
    case .failingBack(let run, _): lines += explainRun(run, situation)
    }
    lines += state.debts.map { "fence debt since \($0.since.text): \($0.why)" }
    return lines
  }

  private func seen(_ situation: Situation) -> String {
    let assessment = situation.assessment
    switch assessment.verdict {
    case .up: return "the primary is up since \(assessment.since.text)"
    case .down: return "the primary is down since \((assessment.outageStart ?? assessment.since).text)"
    case .blind:
      return "blind since \(assessment.since.text): our own view is broken, which is not evidence against the primary"
    case .unknown: return "the primary has not been assessed yet: too little was seen since \(assessment.since.text)"
    }
  }

  private func explainHealthy(_ situation: Situation) -> [String] {
    let reasons = unarmed(situation)
    if reasons.isEmpty {
      return [
        "not failing over because the primary serves; armed",
        "promoting now would lose \(situation.loss.text); service would be back in about \(forecast(at: situation.now).text)",
      ] + unproven(situation)
    }
    return ["not armed: \(reasons.joined(separator: "; "))"] + unproven(situation)
  }

  private func explainDegraded(_ outage: Outage, _ situation: Situation) -> [String] {
    var lines = ["degraded since \(outage.noticedAt.text): \(outage.why)"]
    guard situation.assessment.verdict == .down else {
      lines.append("not failing over because the primary is not proven down")
      return lines
    }
    let start = situation.assessment.outageStart ?? situation.now
    lines.append("promoting now would lose \(situation.loss.text); RPO is \(settings.objectives.rpo.text)")
    lines += deadlineLines(situation)
    if !situation.assessment.confirmed { lines.append(unconfirmed(situation.assessment, start, situation.now)) }
    lines += obstaclesToBegin(situation).map { "held back: \($0)" }
    if settings.mode == .observe {
      lines.append(
        "mode is observe: "
          + (outage.wouldFailOverAt.map { "a failover would have begun \($0.text)" } ?? "it will only say so"))
    }
    return lines
  }

  private func explain(_ preparation: Run?, _ situation: Situation) -> [String] {
    guard let preparation else { return [] }
    var lines = ["prepared for a failover since \(preparation.startedAt.text), incident \(preparation.incident)"]
    if let surplus = preparation.surplus { lines.append(surplus.sentence(at: situation.now)) }
    if let why = preparation.rollback { lines.append("being taken back: \(why)") }
    if let stuck = preparation.stuck {
      lines.append("stuck at \(stuck.step.name): \(stuck.detail); a failover tries it again")
      lines += wayOut.map { "way out: \($0)" }
    }
    return lines
  }

  private func unconfirmed(_ assessment: Assessment, _ start: Instant, _ now: Instant) -> String {
    let left = settings.detection.confirmFor - (now - start)
    if left > .zero { return "not confirmed yet: the outage must last \(left.text) more" }
    switch assessment.agreement {
    case .agreed where !assessment.witnessed: return "not confirmed: the newest probe does not show the outage"
    case .agreed: return "not confirmed yet: waiting for the next probe"
    case .contradicted(let who):
      return "not confirmed: by the word of \(who) the primary is up; a person must decide (`pilotlightctl failover`)"
    case .missing:
      return "not confirmed: no other vantage says anything; a person must decide (`pilotlightctl failover`)"
    }
  }

  private func deadlineLines(_ situation: Situation) -> [String] {
    if let late = rtoShortfall(situation) {
      return ["the RTO of \(settings.objectives.rto.text) will be missed by about \(late.text)"]
    }
    guard let deadline = commitDeadline(situation.assessment) else { return [] }
    let left = deadline - situation.now
    return [
      "commit deadline \(deadline.text), in \(left.text): promoting later misses the RTO of \(settings.objectives.rto.text)"
    ]
  }

  private func explainRun(_ run: Run, _ situation: Situation) -> [String] {
    var lines = ["\(run.kind.rawValue) \(run.incident) since \(run.startedAt.text)"]
    lines.append(
      run.orderedBy.map { "ordered by \($0)" } ?? "begun by the daemon: the outage was confirmed and corroborated")
    if run.kind == .failover, !run.isCommitted {
      lines.append("promoting now would lose \(situation.loss.text); RPO is \(settings.objectives.rpo.text)")
    }
    if run.kind == .failover { lines += deadlineLines(situation) }
    if let why = run.rollback {
      lines.append("being taken back: \(why)")
    }
    if let why = whyStill(situation) { lines.append("nothing is changed: \(why)") }
    switch gateVerdict(situation) {
    case .wait(let why)?: lines.append("the gate waits: \(why)")
    case .ask(_, let question)?: lines.append("the gate asks: \(question)")
    case .askVeto?: lines.append("the gate asks the veto command")
    case .pass?, .rollBack?, nil: break
    }
    if let stuck = run.stuck {
      lines.append("stuck at \(stuck.step.name): \(stuck.detail)")
      lines += wayOut.map { "way out: \($0)" }
    }
    if run.rollback == nil, run.isCommitted, let why = wayBack(run, situation) {
      lines.append(
        "\(why): `pilotlightctl abort \(settings.name)` opens what was left, and leaves the promotion as it may be")
    }
    if run.rollback != nil {
      if let step = run.undoable.first {
        lines.append("taking \(step.step.name) back\(note(of: step).map { " (\($0))" } ?? "")")
      }
      return lines
    }
    for step in run.steps where step.state == .running && step.step.work != .gate {
      let since = step.startedAt.map { " for \((situation.now - $0).text)" } ?? ""
      let found = note(of: step).map { " (\($0))" } ?? ""
      lines.append("\(step.step.name) is running\(since): \(step.step.work.sentence)\(found)")
    }
    return lines
  }

  private func explainResidence(_ residence: Residence, _ situation: Situation) -> [String] {
    let run = residence.failover
    var lines = ["the DR region serves since \(residence.since.text), incident \(run.incident)"]
    lines.append(
      run.orderedBy.map { "a \(run.kind.rawValue) by order of \($0)" } ?? "failed over because the outage was confirmed"
    )
    if let review = run.lossReview {
      lines += [run.lossSentence, "reviewed by \(review.by): \(review.reason)"]
    } else if let loss = unreviewedLoss {
      lines.append(loss)
    }
    lines.append(
      situation.drServing == true ? "the DR load balancer serves" : "the DR load balancer's probe does not succeed")
    lines.append("nothing goes back by itself: `pilotlightctl failback` when the primary region is fit again")
    if let why = whyStill(situation) ?? outdated(situation) { lines.append("nothing is changed: \(why)") }
    return lines
  }

  /// The exact orders that lead out of a stuck run.
  package var wayOut: [String] {
    guard let run = state.phase.run, let stuck = run.stuck else { return [] }
    let name = settings.name
    let accepts = if case .awaitDrained = stuck.step.work { " --accept-data-loss" } else { "" }
    var orders = [
      "pilotlightctl retry \(name) --reason '...'",
      "pilotlightctl skip \(name) --step \(stuck.step.name)\(accepts) --reason '...'",
    ]
    if !run.isCommitted { orders.append("pilotlightctl abort \(name) --reason '...'") }
    return orders
  }

  /// The step that asks a person; nil: none does.
  package func asking(_ situation: Situation) -> String? {
    guard let run = state.phase.run, run.rollback == nil else { return nil }
    if let step = run.unconfirmed { return step.step.name }
    guard case .ask? = gateVerdict(situation) else { return nil }
    return run.ready.first { $0.step.work == .gate }?.step.name
  }

  /// Why nothing is changed now, although something is under way or looked after; nil: it may be.
  package func whyStill(_ situation: Situation) -> String? {
    switch state.phase {
    case .healthy: return nil
    case .degraded(_, nil): return nil
    case .degraded, .failingOver, .failingBack:
      if let run = state.phase.run, run.rollback != nil {
        return doubt(about: run, situation) ?? holdingActs(situation)
      }
      return estranged ?? holdingActs(situation)
    case .drActive: return estranged
    }
  }

  /// The whole workload in one sentence, for `systemctl status`.
  package func summary(_ situation: Situation) -> String {
    let name = settings.name
    switch state.phase {
    case .healthy: return "\(name) healthy, \(unarmed(situation).isEmpty ? "armed" : "not armed")"
    case .degraded(_, let preparation):
      let prepared = preparation.map { $0.rollback == nil ? ", prepared" : ", preparation being taken back" } ?? ""
      return "\(name) degraded, primary \(situation.assessment.verdict.rawValue)\(prepared)"
    case .drActive: return "\(name) dr-active\(state.debts.isEmpty ? "" : ", fence debt unpaid")"
    case .failingOver(let run), .failingBack(let run, _):
      let step = run.stuck.map { "stuck at \($0.step.name)" } ?? run.ready.first.map { "at \($0.step.name)" } ?? ""
      return "\(name) \(state.phase.name.rawValue) \(run.rollback == nil ? step : "being taken back")"
    }
  }
}
