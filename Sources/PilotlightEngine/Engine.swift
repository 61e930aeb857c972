// The engine drives the guards: record before effect, one input at a time, no clock, no thread, no socket. The daemon feeds it
// inputs and carries out its commands; a simulator does the same on a virtual clock.
//
// Each turn keeps the machine as it was. Only when the ledger has the records does the reaction stand and are its effects released:
// there is no other way to act, so write-ahead cannot be forgotten. When the ledger refuses, the machine is put back and the next
// event finds it there.

package import PilotlightCore

/// What the world tells the engine.
package enum Input: Sendable {
  /// Time has passed: see what is due.
  case tick
  case sighted(workload: String, Watch, Sighting, startedAt: Instant)
  case answered(workload: String, CloudTask, [CloudReply])
  case ordered(workload: String, Order, token: Int)
}

/// What the engine tells the world.
package enum Command: Equatable, Sendable {
  case poll(workload: String, Watch, PollRequest)
  case ask(workload: String, CloudTask, [CloudAction])
  case say(Message)
  /// End the operator's programs that run for this workload.
  case endPrograms(workload: String)
  /// Publish it, whenever that can be done: nothing waits for it.
  case page(CloudAction)
  case answer(token: Int, OrderOutcome)
}

/// Brakes across workloads.
package struct Brakes: Equatable, Sendable, Codable {
  /// Failovers that may begin by themselves within `window`.
  package var maximum: Int
  package var window: Duration
  package init(maximum: Int, window: Duration) {
    self.maximum = maximum
    self.window = window
  }
}

/// All guarded workloads and their ledger.
package final class Engine {
  /// In the order of the configuration.
  package private(set) var guards: [WorkloadGuard] = []
  /// Why nothing is acted upon; nil while the ledger takes records.
  package private(set) var halted: LedgerFailure?
  private let ledger: any LedgerStore
  private let codec: any RecordCodec
  private var brakes: Brakes
  /// The shortest of all workloads.
  package private(set) var timeGap: Duration
  /// Nothing is seen and nothing is decided between two turns.
  package private(set) var lastTurn: Instant
  private var dice: Dice
  /// Starts of automatic failovers, for the brake.
  private var begun: [(workload: String, at: Instant)] = []

  /// Which ledger this is, for leases.
  private let home: String

  /// Workloads of the ledger that are in no configuration and that the DR region serves, or whose records are not understood: nobody looks after
  /// what was fenced for them.
  package private(set) var leftOut: [String] = []

  /// Restores every workload from the ledger. Throws `UnknownWorkload` where somebody would be forgotten.
  ///
  /// - Parameter home: a name of the ledger that no other one has, without a dot.
  package init(
    workloads: [WorkloadSettings], brakes: Brakes, ledger: any LedgerStore, codec: any RecordCodec, at now: Instant,
    seed: UInt64, home: String = ""
  ) throws {
    self.home = home
    self.ledger = ledger
    self.codec = codec
    self.brakes = brakes
    timeGap = workloads.map(\.detection.timeGap).min() ?? .seconds(5)
    lastTurn = now
    dice = Dice(seed: seed)
    for settings in workloads { guards.append(try restore(settings, at: now)) }
    for name in try ledger.workloads() where !workloads.contains(where: { $0.name == name }) {
      let entries = try ledger.entries(workload: name)
      // What another version wrote of a workload that is nobody's any more stops no other one's guard.
      guard let records = try? entries.map({ try codec.decode($0.payload) }) else {
        leftOut.append(name)
        continue
      }
      let state = DurableState(records)
      if let why = state.unfinished { throw UnknownWorkload(name: name, why: why) }
      if case .drActive = state.phase { leftOut.append(name) }
    }
  }

  private func restore(_ settings: WorkloadSettings, at now: Instant) throws -> WorkloadGuard {
    let records = try ledger.entries(workload: settings.name).map { try codec.decode($0.payload) }
    for case .runBegun(let run, _) in records where run.kind == .failover && run.orderedBy == nil {
      begun.append((settings.name, run.startedAt))
    }
    return WorkloadGuard(settings, state: DurableState(records), at: now, seed: dice.next(), home: home)
  }

  /// What continues from before the restart. Call once, before the first input.
  package func start(at now: Instant) -> [Command] {
    lastTurn = now
    return guards.indices.flatMap { turn($0, .started, at: now) }
  }

  /// When to send a `.tick` if nothing else comes. What a ledger that cannot be written refuses is tried once a second.
  package var nextWake: Instant? {
    var soonest: Instant?
    for workload in guards {
      if let wake = workload.nextWake { soonest = soonest.map { min($0, wake) } ?? wake }
    }
    return halted == nil ? soonest : soonest.map { max($0, lastTurn + .seconds(1)) }
  }

  /// One turn. Inputs arrive one at a time, in the order they happened.
  package func handle(_ input: Input, at now: Instant) -> [Command] {
    var commands = noticeGap(at: now)
    switch input {
    case .tick:
      for index in guards.indices { commands += poll(index, at: now) }
    case .sighted(let workload, let watch, let sighting, let start):
      guard let index = index(workload) else { break }
      guards[index].take(sighting, of: watch, startedAt: start, at: now)
      // What is no evidence gives no occasion to decide.
      if watch.isEvidence { commands += turn(index, .assessed, at: now) }
      commands += polls(index, at: now)
    case .answered(let workload, let task, let replies):
      guard let index = index(workload) else { break }
      commands += turn(index, .answered(task, replies), at: now)
    case .ordered(let workload, let order, let token):
      guard let index = index(workload) else { break }
      commands += obey(index, order, token, at: now)
    }
    return commands
  }

  /// The terms of what is decided now for a workload.
  package func terms(of workload: String, at now: Instant) -> SendingTerms {
    // A lease that has just ended forbids: only a workload without one has no end.
    let lease = index(workload).flatMap { guards[$0].lease }
    return SendingTerms(decidedAt: now, timeGap: timeGap, until: lease.map { $0.held(at: now) ?? now })
  }

  private func index(_ workload: String) -> Int? {
    guards.firstIndex { $0.name == workload }
  }

  /// A tick: machine first, so that what it hurries is polled in the same turn.
  private func poll(_ index: Int, at now: Instant) -> [Command] {
    guard let wake = guards[index].nextWake, wake <= now else { return [] }
    return (guards[index].mustTurn(at: now) ? turn(index, .assessed, at: now) : []) + polls(index, at: now)
  }

  private func polls(_ index: Int, at now: Instant) -> [Command] {
    let name = guards[index].name
    return guards[index].startPolls(at: now).map { command($0, name) }
  }

  /// A loop that did not turn for long was frozen, suspended or starved: what it saw before proves nothing now.
  private func noticeGap(at now: Instant) -> [Command] {
    defer { lastTurn = max(lastTurn, now) }
    let gap = now - lastTurn
    guard gap > timeGap else { return [] }
    var commands: [Command] = [
      .say(Message(.timeGap, "not running for \(gap.text); evidence from before is thrown away"))
    ]
    for index in guards.indices {
      guards[index].forgetEvidence(at: now)
      commands += turn(index, .woke(after: gap), at: now)
    }
    return commands
  }

  // MARK: One reaction

  private func turn(_ index: Int, _ event: Event, at now: Instant) -> [Command] {
    guard let reaction = react(index, event, at: now) else { return haltedCommands() }
    return release(reaction, index, at: now)
  }

  /// - Returns: nil when the ledger refused the reaction's records; then it never was.
  private func react(_ index: Int, _ event: Event, at now: Instant) -> Reaction? {
    let before = guards[index].machine
    let reaction = guards[index].react(to: event, at: now, brake: brake(for: index, at: now))
    if persist(reaction.records, of: guards[index].name, from: before.state, at: now) { return reaction }
    guards[index].takeBack(to: before)
    return nil
  }

  private func release(_ reaction: Reaction, _ index: Int, at now: Instant) -> [Command] {
    for case .runBegun(let run, _) in reaction.records where run.kind == .failover && run.orderedBy == nil {
      begun.append((guards[index].name, now))
    }
    let name = guards[index].name
    return guards[index].carryOut(reaction.effects, at: now).flatMap { output in
      [command(output, name)] + page(output, guards[index])
    }
  }

  private func obey(_ index: Int, _ order: Order, _ token: Int, at now: Instant) -> [Command] {
    guard let reaction = react(index, .ordered(order), at: now) else {
      return haltedCommands() + [.answer(token: token, .failed("the ledger cannot be written; nothing was done"))]
    }
    let commands = release(reaction, index, at: now)
    return commands + [.answer(token: token, reaction.answer ?? .failed("the order was not understood"))]
      + polls(index, at: now)
  }

  private func command(_ output: Output, _ name: String) -> Command {
    switch output {
    case .poll(let watch, let request): .poll(workload: name, watch, request)
    case .ask(let task, let actions): .ask(workload: name, task, actions)
    case .endPrograms: .endPrograms(workload: name)
    case .say(let message): .say(message)
    }
  }

  private func page(_ output: Output, _ workload: WorkloadGuard) -> [Command] {
    guard case .say(let message) = output, let page = workload.page(for: message) else { return [] }
    return [.page(page)]
  }

  // MARK: Write-ahead

  private func persist(_ records: [Record], of name: String, from state: DurableState, at now: Instant) -> Bool {
    guard !records.isEmpty else { return true }
    if halted?.isFinal == true { return false }
    var before = state
    var entries: [LedgerEntry] = []
    for record in records {
      var after = before
      after.apply(record)
      entries.append(
        LedgerEntry(
          workload: name, incident: record.incident(before: before, after: after),
          kind: record.kind.rawValue,
          payload: codec.encode(record), sentence: record.sentence(before: before, after: after), at: now))
      before = after
    }
    do {
      try ledger.append(entries)
      pendingMend = halted != nil
      halted = nil
      return true
    } catch {
      halted = error
      return false
    }
  }

  /// Set when the ledger works again, until it was said.
  private var pendingMend = false
  private var saidHalted: LedgerFailure?

  private func haltedCommands() -> [Command] {
    guard let halted, saidHalted != halted else { return [] }
    saidHalted = halted
    let message = Message(.ledgerBroken, "nothing is acted upon: \(halted.text)")
    return [.say(message)] + message.pages(to: guards.map(\.settings)).map { .page($0) }
  }

  /// Called by the daemon after each turn: the news that the ledger works again.
  package func mended() -> [Command] {
    guard pendingMend else { return [] }
    pendingMend = false
    saidHalted = nil
    return [.say(Message(.ledgerMended, "the ledger can be written again"))]
  }

  // MARK: Brakes

  /// Why this workload may not begin a failover by itself now.
  private func brake(for index: Int, at now: Instant) -> String? {
    if begun.isEmpty { return nil }
    begun.removeAll { now - $0.at > brakes.window }
    let others = begun.filter { $0.workload != guards[index].name }
    guard others.count >= brakes.maximum else { return nil }
    return "\(others.count) failover(s) of other workloads began in the last \(brakes.window.text); more need an order"
  }

  // MARK: Reload

  /// All or nothing: the configuration was validated before. Workloads keep their state by name; one with a run cannot vanish.
  ///
  /// - Returns: why the reload is refused, or nil.
  package func reload(_ workloads: [WorkloadSettings], brakes: Brakes, at now: Instant) throws -> String? {
    let names = Set(workloads.map(\.name))
    for lost in guards where !names.contains(lost.settings.name) {
      if let why = lost.machine.state.unfinished { return "workload \(lost.settings.name) cannot be removed: \(why)" }
      if lost.machine.state.phase != .healthy {
        return "workload \(lost.settings.name) is \(lost.machine.state.phase.name.rawValue) and cannot be removed"
      }
    }
    for settings in workloads {
      if let why = guards.first(where: { $0.name == settings.name })?.machine.state.stranger(to: settings) {
        return "workload \(settings.name): \(why)"
      }
    }
    var fresh: [WorkloadGuard] = []
    for settings in workloads {
      if let known = guards.first(where: { $0.name == settings.name }) {
        fresh.append(known.settings == settings ? known : known.renewed(settings, at: now))
      } else {
        fresh.append(try restore(settings, at: now))
      }
    }
    guards = fresh
    self.brakes = brakes
    timeGap = workloads.map(\.detection.timeGap).min() ?? timeGap
    return nil
  }
}

/// The ledger has a workload with something under way, and the configuration has none of that name.
package struct UnknownWorkload: Error, Hashable, Sendable {
  package var name: String
  package var why: String
}

/// Turns records into text and back. JSON lives outside: this module imports the core alone.
package protocol RecordCodec: Sendable {
  func encode(_ record: Record) -> String
  func decode(_ text: String) throws -> Record
}

extension LedgerFailure {
  /// This process cannot write to the file again.
  package var isFinal: Bool {
    switch self {
    case .broken, .damaged: true
    case .cannotWrite, .tampered, .newer: false
    }
  }

  /// One sentence.
  package var text: String {
    switch self {
    case .cannotWrite(let why): "the ledger cannot be written: \(why)"
    case .broken(let why): "the ledger is broken and is not touched again: \(why)"
    case .damaged(let why): "the ledger is damaged: \(why); keep the file, restore a copy or start with a new one"
    case .tampered(let sequence, let why): "the ledger's chain does not hold at record \(sequence): \(why)"
    case .newer(let found, let known): "the ledger was written by a newer version (format \(found), known \(known))"
    }
  }
}
