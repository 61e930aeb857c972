// Events of the watchdog's own host, process and network, and the orders that somebody gives it.

import PilotlightConfiguration
import PilotlightCore
import PilotlightSandbox
import PilotlightSimulation

/// What is wrong with the watchdog.
private enum WatchdogFault: String, CaseIterable, Sendable {
  case cutOff, noNames, answersLost, noCredentials, frozen, rival

  func occurrence(_ workload: WorkloadSettings) -> Occurrence {
    switch self {
    case .cutOff: .cloud(.observerIsolated)
    case .noNames: .network(.noNames)
    case .answersLost: .network(.answersLost)
    case .noCredentials: .cloud(.credentialsLost)
    case .frozen: .freeze
    case .rival: .rival(workload: workload.name)
    }
  }
}

/// What the veto command does.
private enum VetoFault: String, CaseIterable, Sendable {
  case saysNo, hangs
}

/// What is wrong with the disk under the ledger.
private enum LedgerFault: String, CaseIterable, Sendable {
  case full, readOnly, failing

  var fault: DiskFault {
    switch self {
    case .full: .full
    case .readOnly: .readOnly
    case .failing: .ioError(written: false)
    }
  }
}

/// Orders of `pilotlightctl`.
private enum OrderWord: String, CaseIterable, Sendable {
  case failover, failback, switchover, approve, retry, skip, abort, ack, pause, resume

  func kind(acceptDataLoss: Bool, lossReviewed: Bool, step: String?) -> OrderKind {
    switch self {
    case .failover: .failover(acceptDataLoss: acceptDataLoss)
    case .failback: .failback
    case .switchover: .switchover
    case .approve: .approve(acceptDataLoss: acceptDataLoss)
    case .retry: .retry(step: step)
    case .skip: .skip(step: step, acceptDataLoss: acceptDataLoss)
    case .abort: .abort
    case .ack: lossReviewed ? .reviewLoss : .ack
    case .pause: .pause(expires: nil)
    case .resume: .resume
    }
  }

  /// The keys that mean something beside it.
  var details: [String] {
    switch self {
    case .failover, .approve: ["acceptDataLoss"]
    case .retry: ["step"]
    case .skip: ["step", "acceptDataLoss"]
    case .ack: ["lossReviewed"]
    case .failback, .switchover, .abort, .pause, .resume: []
    }
  }
}

extension EventChoice {
  mutating func readWatchdog() {
    value(
      "watchdog", .choice(WatchdogFault.self, placeholder: .cutOff),
      "`cutOff`: its own network is gone, users are not concerned; `noNames`: it resolves no names; `answersLost`: its "
        + "requests take effect, no answer comes back; `noCredentials`: it has no usable AWS credentials; `frozen`: the "
        + "process stands still; `rival`: another watchdog lives over the same workload and wants its lease, where there is one."
    ) { fault, workload in fault.occurrence(workload) }
    value("packetLoss", .percent, "Percentage of the watchdog's round trips that are lost.") { percent, _ in
      .network(.packetLoss(share: percent.share))
    }
    value(
      "slowNetwork", .duration(.milliseconds(1)...(.minutes(1))),
      "Each request and each answer is this long on its way."
    ) { delay, _ in .network(.slow(delay)) }
    value(
      "disk", .choice(LedgerFault.self, placeholder: .full),
      "`full` (with what is set aside for the ledger), `readOnly`: the ledger takes nothing; `failing`: its next write fails "
        + "for good, and the daemon starts again."
    ) { fault, _ in .disk(fault.fault) }
    value("slowDisk", .duration(.milliseconds(1)...(.minutes(5))), "Each write of the ledger takes this long.") {
      pause, _ in .disk(.slow(pause))
    }
    value("clockBehind", .duration(.seconds(1)...(.hours(24))), "The host's wall clock is this much behind.") {
      offset, _ in .clockBehind(offset)
    }
    value("clockAhead", .duration(.seconds(1)...(.hours(24))), "The host's wall clock is this much ahead.") {
      offset, _ in .clockBehind(.zero - offset)
    }
    value(
      "vetoCommand", .choice(VetoFault.self, placeholder: .saysNo),
      "The command of `decision.veto` `saysNo`, or `hangs`."
    ) { fault, _ in .veto(hangs: fault == .hangs) }
    mapping("crash", "The daemon dies, and is started again.", readCrash)
    mapping("order", "Somebody orders something with `pilotlightctl`.", readOrder)
  }
}

private func readCrash(_ crash: Section) -> @Sendable (WorkloadSettings) -> Occurrence {
  let step = crash.optional(
    "step", .actingStep, absent: "it dies at once", "It dies when this step next changes something, at `moment`.")
  let moment = crash.optional(
    "moment", .choice(CrashMoment.self, placeholder: .sent), default: .sent,
    "With `step`: `before` the intent is recorded, `after` it is durable and nothing was sent, or when it is `sent` and "
      + "no answer has come.")
  let restart = crash.optional(
    "restartAfter", .duration(.milliseconds(1)...(.hours(24))), default: .seconds(5), "How long until it runs again.")
  let point = step.map { CrashPoint.kind(.acting, step: $0, moment) } ?? .now
  return { _ in .crash(point, restartAfter: restart) }
}

private func readOrder(_ order: Section) -> @Sendable (WorkloadSettings) -> Occurrence {
  let word = order.required("what", .choice(OrderWord.self, placeholder: .ack), "The order.")
  let accepts = order.optional(
    "acceptDataLoss", .boolean, default: false,
    "With `failover` and `approve`: accepts a loss beyond the RPO, or an unknown one. With `skip` of the drain: leaves behind what "
      + "is not replayed.")
  let reviews = order.optional(
    "lossReviewed", .boolean, default: false, "With `ack`: somebody has looked for what the promotion lost.")
  let step = order.optional("step", .step, absent: "the step that is stuck", "With `retry` and `skip`: which step.")
  for key in ["acceptDataLoss", "lossReviewed", "step"]
  where order.findings.isWritten(order.path(key)) && !word.details.contains(key) {
    let path = order.path(key)
    if order.findings.isBroken(order.path("what")) { continue }
    order.findings.note(
      order.findings.line(of: path), path, "means nothing beside `\(word.rawValue)`, expected it to be left out")
  }
  let kind = word.kind(acceptDataLoss: accepts, lossReviewed: reviews, step: step)
  return { .order(kind, workload: $0.name) }
}

extension Kind where Value == String {
  /// The name of a step of a plan.
  fileprivate static var step: Kind { stepName { _ in true } }
  /// The name of a step that changes something.
  fileprivate static var actingStep: Kind { stepName { !$0.work.acts.isEmpty } }

  private static func stepName(_ isMeant: (Step) -> Bool) -> Kind {
    let unwatched = WorkloadSettings.reference { settings in
      settings.primary.targetGroup = nil
      settings.dr.targetGroup = nil
    }
    let everything = WorkloadSettings.reference { settings in
      settings.decision.fenceListener = true
      settings.decision.fenceDatabase = true
      settings.names = NameSettings(name: "app.example.com", primary: "a.example.com", dr: "b.example.com")
    }
    let plans = [WorkloadSettings.reference(), unwatched, everything].flatMap {
      Plan.failover($0) + Plan.switchover($0) + Plan.failback($0, incident: "i")
    }
    var names: [String] = []
    for step in plans where isMeant(step) && !names.contains(step.name) { names.append(step.name) }
    return .choice(among: names)
  }
}
