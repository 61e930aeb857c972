// The scenario's entries, as they begin and end; and the mending of everything.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

extension Simulation {
  func begin(_ entry: Scenario.Entry) {
    if isMended { return }
    switch entry.what {
    // What tells its own story.
    case .order(let kind, let workload): return order(kind, workload)
    case .crash(.now, let restartAfter): return engine == nil ? () : die(restartAfter: restartAfter)
    case .cloud, .network, .disk, .clockBehind, .freeze, .veto, .rival, .crash: break
    }
    journal.note(now, .world("\(entry.what.sentence)\(entry.lasting.map { ", for \($0.text)" } ?? "")"))
    oracle.begins(entry.what, at: now)
    switch entry.what {
    case .cloud(let fault): world.inject(fault, at: now)
    case .network(let fault): network.append(fault)
    case .disk(let fault): disk.fault = fault
    case .clockBehind(let offset): clockBehind += offset
    case .freeze: freeze(for: entry.lasting ?? .seconds(60))
    case .veto(let hangs): vetoes.append(hangs)
    case .rival(let workload): beginRival(workload)
    case .crash(let point, let restartAfter): disk.crashes.append((point, restartAfter))
    case .order: break
    }
  }

  func end(_ entry: Scenario.Entry) {
    if isMended { return }
    oracle.judgeDrift(entry.what, self)
    switch entry.what {
    case .order, .crash, .freeze: return
    case .cloud(let fault): world.clear(fault, at: now)
    case .network(let fault): if let index = network.firstIndex(of: fault) { network.remove(at: index) }
    case .disk(let fault): if disk.fault == fault { disk.fault = nil }
    case .clockBehind(let offset): clockBehind -= offset
    case .rival(let workload): rivals[workload] = nil
    case .veto(let hangs): if let index = vetoes.firstIndex(of: hangs) { vetoes.remove(at: index) }
    }
    journal.note(now, .world("over: \(entry.what.sentence)"))
    oracle.ends(entry.what, at: now)
  }

  /// Everything that lasts is over, and somebody looks after the place. A crash that is still to come is no lasting fault.
  func mend() {
    isMended = true
    journal.note(now, .world("everything is mended"))
    for fault in world.faults { oracle.judgeDrift(.cloud(fault), self) }
    for fault in world.faults { oracle.ends(.cloud(fault), at: now) }
    world.clearFaults(at: now)
    for fault in network { oracle.ends(.network(fault), at: now) }
    network = []
    clockBehind = .zero
    disk.fault = nil
    vetoes = []
    rivals = [:]
    due.add(.operatorLooks, at: now + .minutes(1))
  }

  func order(_ kind: OrderKind, _ workload: String) {
    guard engine != nil, now >= busyUntil else {
      return journal.note(now, .order("the operator orders \(kind.name) of \(workload); the daemon does not answer"))
    }
    tokens += 1
    journal.note(now, .order("the operator orders \(kind.name) of \(workload)"))
    turn(.ordered(workload: workload, Order(kind, reason: "simulated", by: "alice (1000)"), token: tokens))
  }
}

extension Occurrence {
  /// What it is, for the story.
  package var sentence: String {
    switch self {
    case .cloud(let fault): fault.sentence
    case .network(.answersLost): "no answer reaches the watchdog; its requests take effect"
    case .network(.packetLoss(let share)):
      "the watchdog's network loses \(Int((share * 100).rounded())) % of the round trips"
    case .network(.slow(let delay)): "the watchdog's network is slow: \(delay.text) one way"
    case .network(.noNames): "the watchdog's host resolves no names"
    case .disk(.full): "the ledger's disk is full"
    case .disk(.readOnly): "the ledger's disk is read-only"
    case .disk(.ioError(let written)): "the ledger's disk fails\(written ? " after taking the next record" : "")"
    case .disk(.slow(let pause)): "the ledger's disk takes \(pause.text) a write"
    case .disk(.forgetful(let time)):
      "the ledger's disk lies: the last \(time.text) are gone when the power is"
    case .clockBehind(let offset) where offset < .zero: "the host's clock is \((.zero - offset).text) ahead"
    case .clockBehind(let offset): "the host's clock is \(offset.text) behind"
    case .crash(let point, let restartAfter):
      "the daemon is to die \(point.words), and to start \(restartAfter.text) later"
    case .freeze: "the daemon stands still"
    case .veto(let hangs): hangs ? "the veto command hangs" : "the veto command says no"
    case .rival(let workload): "another watchdog over \(workload) lives and wants its lease"
    case .order(let kind, let workload): "it is time to order \(kind.name) of \(workload)"
    }
  }
}

extension CrashPoint {
  fileprivate var words: String {
    switch self {
    case .now: "now"
    case .record(let count, let moment): "at the record number \(count) from here, \(moment.words)"
    case .kind(.acting, let step?, let moment): "when \(step) next changes something, \(moment.words)"
    case .kind(let kind, let step, let moment):
      "at the next \(kind.rawValue)\(step.map { " of \($0)" } ?? ""), \(moment.words)"
    }
  }
}

extension CrashMoment {
  fileprivate var words: String {
    switch self {
    case .before: "before it is recorded"
    case .after: "once it is recorded"
    case .sent: "once it is sent"
    }
  }
}

extension OrderOutcome {
  /// What the operator reads.
  var sentence: String {
    switch self {
    case .accepted(let text): "accepted: \(text)"
    case .refused(let text): "refused: \(text)"
    case .failed(let text): "failed: \(text)"
    }
  }
}
