// The scenario's entries, as they begin and end; and the mending of everything.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

extension Simulation {
  func begin(_ entry: Scenario.Entry) {
    if isMended { return }
    journal.note(now, "\(entry.what.sentence)\(entry.lasting.map { " for \($0.text)" } ?? "")")
    oracle.begins(entry.what, at: now)
    switch entry.what {
    case .cloud(let fault): world.inject(fault, at: now)
    case .network(let fault): network.append(fault)
    case .disk(let fault): disk.fault = fault
    case .clockBehind(let offset): clockBehind += offset
    case .freeze: freeze(for: entry.lasting ?? .seconds(60))
    case .order(let kind, let workload): order(kind, workload)
    case .crash(.now, let restartAfter): if engine != nil { die(restartAfter: restartAfter) }
    case .crash(let point, let restartAfter): disk.crash = (point, restartAfter)
    }
  }

  func end(_ entry: Scenario.Entry) {
    if isMended { return }
    switch entry.what {
    case .order, .crash, .freeze: return
    case .cloud(let fault): world.clear(fault, at: now)
    case .network(let fault): if let index = network.firstIndex(of: fault) { network.remove(at: index) }
    case .disk(let fault): if disk.fault == fault { disk.fault = nil }
    case .clockBehind(let offset): clockBehind -= offset
    }
    journal.note(now, "over: \(entry.what.sentence)")
    oracle.ends(entry.what, at: now)
  }

  /// Everything that lasts is over, and somebody looks after the place. A crash that is still to come is no lasting fault.
  func mend() {
    isMended = true
    journal.note(now, "everything is mended")
    for fault in world.faults { oracle.ends(.cloud(fault), at: now) }
    world.clearFaults(at: now)
    for fault in network { oracle.ends(.network(fault), at: now) }
    network = []
    clockBehind = .zero
    disk.fault = nil
    due.add(.operatorLooks, at: now + .minutes(1))
  }

  func order(_ kind: OrderKind, _ workload: String) {
    guard engine != nil, now >= busyUntil else { return }
    tokens += 1
    journal.note(now, "the operator orders \(kind) for \(workload)")
    oracle.orders(kind, workload, at: now)
    turn(.ordered(workload: workload, Order(kind, reason: "simulated", by: "alice (1000)"), token: tokens))
  }
}

extension Occurrence {
  /// What it is, for the story.
  package var sentence: String {
    switch self {
    case .cloud(let fault): "\(fault)"
    case .network(let fault): "the watchdog's network: \(fault)"
    case .disk(let fault): "the ledger's disk: \(fault)"
    case .clockBehind(let offset): "the host's clock is \(offset.text) behind"
    case .crash(let point, let restartAfter): "a crash at \(point), restart after \(restartAfter.text)"
    case .freeze: "the process stands still"
    case .order(let kind, let workload): "an order for \(workload): \(kind)"
    }
  }
}
