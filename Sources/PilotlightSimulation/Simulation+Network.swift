// The watchdog's way to the world: probes, API calls, and what its network does to them.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

/// API calls that answer one command, on their way over a slow line.
final class Request {
  enum Purpose {
    case poll(Watch, startedAt: Instant)
    case task(CloudTask)
  }
  let process: Int
  let workload: String
  let purpose: Purpose
  let actions: [CloudAction]
  let terms: SendingTerms
  let sentAt: Instant
  /// One way.
  let delay: Duration

  init(
    process: Int, workload: String, purpose: Purpose, actions: [CloudAction], terms: SendingTerms, sentAt: Instant,
    delay: Duration
  ) {
    self.process = process
    self.workload = workload
    self.purpose = purpose
    self.actions = actions
    self.terms = terms
    self.sentAt = sentAt
    self.delay = delay
  }

  func timeout(of action: CloudAction) -> Duration {
    switch purpose {
    case .poll(let watch, _): watch.timeout(of: action)
    case .task: Sending.timeout(action, terms, at: sentAt)
    }
  }

  /// Asked for readiness alone: it must not disturb the story.
  var isAside: Bool {
    if case .poll(.readiness, _) = purpose { true } else { false }
  }

  func input(_ replies: [CloudReply]) -> Input {
    switch purpose {
    case .poll(let watch, let start): .sighted(workload: workload, watch, .reply(replies[0]), startedAt: start)
    case .task(let task): .answered(workload: workload, task, replies)
    }
  }
}

extension ProbeSettings {
  /// The simulated application, when it is well, answers 200 and `ok`, whatever words the real one has for it.
  var answerable: ProbeSettings {
    var probe = self
    if !expectedStatus.contains(where: { $0.contains(200) }) { probe.expectedStatus.append(StatusRange(200, 200)) }
    if bodyContains != nil { probe.bodyContains = "ok" }
    return probe
  }
}

extension Simulation {
  func carryOut(_ commands: [Command], decidedAt: Instant) {
    for command in commands {
      switch command {
      case .say(let message):
        journal.say(now, message)
        page(message)
        oracle.heard(message)
      case .endPrograms: break
      case .page(let page): oracle.paged(page, at: now)
      case .answer(let token, let outcome):
        journal.note(now, .answer(outcome.sentence))
        patient.answered(token, outcome)
      case .poll(let workload, let watch, .ask(let action)):
        send(workload, .poll(watch, startedAt: now), [action], decidedAt)
      case .poll(let workload, let watch, .probe(let site)): probe(workload, watch, site)
      case .poll(let workload, let watch, .reach): reach(workload, watch)
      case .poll(let workload, _, .veto(let question)): askVeto(workload, question)
      case .ask(let workload, let task, let actions): send(workload, .task(task), actions, decidedAt)
      }
    }
  }

  // MARK: API calls

  private func send(_ workload: String, _ purpose: Request.Purpose, _ actions: [CloudAction], _ decidedAt: Instant) {
    var delay = Duration.zero
    for case .slow(let pause) in network { delay += pause }
    let terms =
      engine?.terms(of: workload, at: decidedAt) ?? SendingTerms(decidedAt: decidedAt, timeGap: .seconds(5), until: now)
    let request = Request(
      process: process, workload: workload, purpose: purpose, actions: actions, terms: terms, sentAt: now, delay: delay)
    for action in actions where action.changes {
      if let refusal = Sending.refusal(action, terms, at: now) {
        return due.add(.deliver(process: process, request.input([refusal])), at: now)
      }
      counts.actions += 1
      journal.note(now, .request("\(action.apiName) in \(action.region) is sent"))
      oracle.sends(action, of: workload, decidedAt: decidedAt, self)
    }
    if delay > .zero { due.add(.arrive(request), at: now + delay) } else { arrive(request) }
  }

  func arrive(_ request: Request) {
    var replies: [CloudReply] = []
    var longest = Duration.zero
    for action in request.actions {
      let (reply, latency) = request.isAside ? performAside(action, request) : perform(action, request)
      replies.append(reply)
      longest = max(longest, latency)
    }
    due.add(.deliver(process: request.process, request.input(replies)), at: now + longest)
  }

  /// One call and how long after its arrival its answer is here, as the AWS client would tell it.
  private func perform(_ action: CloudAction, _ request: Request) -> (CloudReply, Duration) {
    let (timeout, delay) = (request.timeout(of: action), request.delay)
    for fault in network {
      switch fault {
      case .noNames: return (failed(.unreachable, "dns", "the name did not resolve"), .milliseconds(5))
      case .answersLost:
        _ = world.perform(action, at: now)
        happened(action, of: request.workload)
        return (noAnswer(action), timeout)
      case .packetLoss(let share) where dice.unit() < share * share * share:
        return (noAnswer(action), timeout)
      case .packetLoss, .slow: break
      }
    }
    let (reply, latency) = world.perform(action, at: now, timeout: max(timeout - delay * 2, .seconds(1)))
    happened(action, of: request.workload)
    // AWS refuses what is signed with a time more than five minutes off; the client learns from the refusal and signs again.
    let isRefused = abs((clockBehind - clockCorrection).seconds) > 300
    if isRefused { clockCorrection = clockBehind }
    return (reply, (isRefused ? latency * 2 : latency) + delay)
  }

  /// The cloud has carried something out, whatever its caller is told.
  private func happened(_ action: CloudAction, of name: String) {
    noteLease(action, of: name)
    guard action.changes else { return }
    oracle.arrived(action, of: name, at: now)
    oracle.performed(action, self)
  }

  /// A call for readiness: everything that can happen to it, from dice of its own.
  private func performAside(_ action: CloudAction, _ request: Request) -> (CloudReply, Duration) {
    let timeout = request.timeout(of: action)
    for fault in network {
      switch fault {
      case .noNames: return (failed(.unreachable, "dns", "the name did not resolve"), .milliseconds(5))
      case .answersLost: return (noAnswer(action), timeout)
      case .packetLoss(let share) where asideDice.unit() < share * share * share:
        return (noAnswer(action), timeout)
      case .packetLoss, .slow: break
      }
    }
    let (reply, latency) = world.performAside(action, at: now, timeout: timeout)
    if case .clock = reply { return (.clock(behind: clockBehind), latency) }
    return (reply, latency)
  }

  private func failed(_ kind: CloudFailure.Kind, _ code: String, _ message: String) -> CloudReply {
    .failed(CloudFailure(kind, code: code, message: message))
  }

  private func noAnswer(_ action: CloudAction) -> CloudReply {
    failed(action.changes ? .unknownOutcome : .transient, "timeout", "\(action.apiName) was sent and no answer came")
  }

  // MARK: The veto command

  private func askVeto(_ workload: String, _ question: CommandCall) {
    let word: VetoWord
    let took: Duration
    switch vetoes.last {
    case nil: (word, took) = (.allowed("simulated"), .milliseconds(200))
    case false?: (word, took) = (.vetoed("simulated"), .milliseconds(200))
    case true?: (word, took) = (.failed("no answer in \(question.timeout.text)"), question.timeout)
    }
    journal.note(now, .world("the veto command of \(workload) is asked: \(word.sentence)"))
    oracle.vetoAnswered(word, of: workload)
    due.add(
      .deliver(process: process, .sighted(workload: workload, .veto, .veto(word), startedAt: now)), at: now + took)
  }

  // MARK: Probes

  private func probe(_ name: String, _ watch: Watch, _ site: Site) {
    guard let probe = probes[name]?[site] else { return }
    var (outcome, took) = judge(world.alb(workload: name, site: site == .primary ? .primary : .dr, at: now), probe)
    if world.faults.contains(.albAddressDead(workload: name, site: site == .primary ? .primary : .dr)) {
      (outcome, took) = besideDeadAddress(outcome, took, probe, watch, of: name)
    }
    if let (other, later) = onTheWay(probe.timeout, took) { (outcome, took) = (other ?? outcome, later) }
    if site == .primary { oracle.probed(name, outcome, took: took, self) }
    see(name, watch, outcome, took)
  }

  /// One of two addresses does not answer. A probe asks one, and after anything but a success both, as the prober does.
  private func besideDeadAddress(
    _ alive: ProbeOutcome, _ took: Duration, _ probe: ProbeSettings, _ watch: Watch, of name: String
  ) -> (ProbeOutcome, Duration) {
    let looks = "\(name) \(watch)"
    let (outcome, later): (ProbeOutcome, Duration)
    if askedBoth.contains(looks) {
      if case .success = alive {
        outcome = .failure(.address, status: nil, detail: "1 of 2 addresses serve")
      } else {
        outcome = alive
      }
      later = probe.timeout
    } else {
      let isAlive = dice.unit() < 0.5
      outcome = isAlive ? alive : .failure(.timeout, status: nil, detail: "no answer")
      later = isAlive ? took : probe.timeout
    }
    if case .success = outcome { askedBoth.remove(looks) } else { askedBoth.insert(looks) }
    return (outcome, later)
  }

  /// Any answer of somebody else's server.
  private func reach(_ name: String, _ watch: Watch) {
    let isCut = world.faults.contains(.observerIsolated)
    var outcome: ProbeOutcome = isCut ? .failure(.timeout, status: nil, detail: "no answer") : .success(status: 200)
    var took: Duration = isCut ? .seconds(5) : .milliseconds(30)
    if let (other, later) = onTheWay(.seconds(5), took) { (outcome, took) = (other ?? outcome, later) }
    see(name, watch, outcome, took)
  }

  private func see(_ name: String, _ watch: Watch, _ outcome: ProbeOutcome, _ took: Duration) {
    let seen = Observation(at: now, took: took, outcome: outcome)
    due.add(
      .deliver(process: process, .sighted(workload: name, watch, .observation(seen), startedAt: now)), at: now + took)
  }

  /// What our own network does to a probe; nil: nothing.
  private func onTheWay(_ timeout: Duration, _ took: Duration) -> (ProbeOutcome?, Duration)? {
    var later = took
    for fault in network {
      switch fault {
      case .noNames: return (.failure(.dns, status: nil, detail: "the name did not resolve"), .milliseconds(5))
      case .answersLost: return (.failure(.timeout, status: nil, detail: "no answer"), timeout)
      case .packetLoss(let share):
        // A lost packet is sent again after a second, then after two more.
        if dice.unit() < share { later += .seconds(1) }
        if dice.unit() < share * share { later += .seconds(2) }
      case .slow(let pause): later += pause * 2
      }
    }
    if later > timeout { return (.failure(.timeout, status: nil, detail: "no answer"), timeout) }
    return later == took ? nil : (nil, later)
  }

  /// A load balancer's answer as the prober classifies it.
  private func judge(_ answer: ALBAnswer, _ probe: ProbeSettings) -> (ProbeOutcome, Duration) {
    switch answer {
    case .refused: return (.failure(.refused, status: nil, detail: "connection refused"), .milliseconds(20))
    case .timeout: return (.failure(.timeout, status: nil, detail: "no answer"), probe.timeout)
    case .answer(let status, let body, let delay):
      if delay > probe.timeout { return (.failure(.timeout, status: nil, detail: "no answer"), probe.timeout) }
      if !probe.expectedStatus.contains(where: { $0.contains(status) }) {
        return (.failure(status >= 500 ? .serverError : .wrongStatus, status: status, detail: ""), delay)
      }
      if let wanted = probe.bodyContains, !contains(body, wanted) {
        return (.failure(.wrongContent, status: status, detail: ""), delay)
      }
      if let slow = probe.slowAfter, delay > slow { return (.failure(.slow, status: status, detail: ""), delay) }
      return (.success(status: status), delay)
    }
  }

  private func contains(_ body: String, _ wanted: String) -> Bool {
    let (text, part) = (Array(body.utf8), Array(wanted.utf8))
    guard part.count <= text.count else { return false }
    return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
  }
}
