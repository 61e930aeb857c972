// The real engine, machine, detector and records, living in a world where nothing sleeps: time moves from one due thing to the next.
// What the daemon's rim does in earnest (timers, sockets, the disk, SIGKILL) is done here by a list of what is due.

package import PilotlightCore
import PilotlightEngine
package import PilotlightSandbox

/// One life of one trial. Confined to one thread.
package final class Simulation {
  enum Due {
    case deliver(process: Int, Input)
    case carryOut(process: Int, [Command], decidedAt: Instant)
    /// A request reaches the cloud over a slow line.
    case arrive(Request)
    case begin(entry: Int)
    case end(entry: Int)
    case restart(process: Int)
    case thaw(process: Int)
    /// Another watchdog asks for the lease, and is answered.
    case rivalAsks(workload: String, life: String)
    case rivalHears(workload: String, life: String, CloudReply, askedAt: Instant)
    /// Everything is mended now, and an operator comes.
    case mend
    case operatorLooks
    /// The story stops here.
    case curtain
  }

  let trial: Trial
  package internal(set) var world: SandboxWorld
  let disk = SimulatedDisk()
  var engine: Engine?
  package internal(set) var now: Instant
  let began: Instant
  /// The story ends here at the latest.
  private let bound: Instant
  let probes: [String: [Site: ProbeSettings]]
  var due = DueList<Due>()
  var dice: Dice
  /// For what must not disturb the story.
  var asideDice: Dice
  var network: [NetworkFault] = []
  /// Probes whose newest result was no success, by workload and watch, while an address is dead.
  var askedBoth: Set<String> = []
  /// What is wrong with the veto command, newest last: true when it hangs, false when it says no.
  var vetoes: [Bool] = []
  /// Other watchdogs, by workload.
  var rivals: [String: Rival] = [:]
  var clockBehind = Duration.zero
  /// What the AWS client adds to it, as learned from refusals.
  var clockCorrection = Duration.zero
  /// Counts processes: what was meant for an earlier one is lost.
  var process = 0
  /// The process does nothing before this moment: frozen, or waiting for its disk.
  var busyUntil: Instant
  private var lastTurn: Instant
  var journal: Journal
  var oracle: Oracle
  var isMended = false
  private var isOver = false
  var tokens = 0
  var patient = PatientOperator()
  var counts = Counts()
  package weak var witness: (any Witness)?

  struct Counts {
    var crashes = 0
    var actions = 0
  }

  /// The loop turns at least this often; the daemon's does every second.
  private static let heartbeat: Duration = .seconds(2)
  /// Wake-ups closer than this are coalesced, as the daemon's are.
  private static let coalescing: Duration = .milliseconds(10)
  package static let start = Instant(nanoseconds: 1_800_000_000_000_000_000)

  package init(_ trial: Trial, recording: Bool = false) {
    self.trial = trial
    now = Simulation.start
    began = Simulation.start
    bound = Simulation.start + trial.scenario.duration + PatientOperator.bound
    dice = Dice(seed: trial.seed)
    asideDice = Dice(seed: ~trial.seed)
    world = SandboxWorld(
      settings: trial.workloads, seed: dice.next(), start: Simulation.start, engine: trial.engine ?? .postgres,
      replicaCreation: trial.replicaCreation)
    if trial.isLeftClosed == true {
      for listener in trial.workloads.compactMap(\.dr.listener) {
        _ = world.perform(.holdWrites(listener), at: Simulation.start)
      }
    }
    probes = Dictionary(
      uniqueKeysWithValues: trial.workloads.map {
        ($0.name, [.primary: $0.primary.probe.answerable, .dr: $0.dr.probe.answerable])
      })
    busyUntil = Simulation.start
    lastTurn = Simulation.start
    journal = Journal(isRecording: recording, began: Simulation.start)
    oracle = Oracle(trial, world)
    disk.onDurable = { [unowned self] in
      oracle.recorded($0.record, of: $0.workload, at: $0.at, world)
      witness?.recorded($0.record, of: $0.workload, at: $0.at)
    }
    for (index, entry) in trial.scenario.entries.enumerated() {
      due.add(.begin(entry: index), at: began + entry.at)
      if let lasting = entry.lasting { due.add(.end(entry: index), at: began + entry.at + lasting) }
    }
    due.add(trial.ending == .mended ? .mend : .curtain, at: began + trial.scenario.duration)
  }

  /// Lives the whole trial: the scenario, the mending, and the way out of whatever it left behind.
  package func run() -> Outcome {
    boot()
    while step() {}
    oracle.judgeEnd(self)
    return outcome
  }

  /// Lives until `time` or the end.
  package func run(until time: Instant) {
    if process == 0 { boot() }
    while now < time, step() {}
  }

  /// - Returns: false at the end of the story.
  private func step() -> Bool {
    if trial.ending == .mended { isOver = patient.isDone || now > bound }
    if isOver { return false }
    let next = due.next ?? .distantFuture
    if let wake, wake < next {
      now = wake
      turn(.tick)
    } else if let thing = due.take() {
      now = max(now, next)
      happen(thing)
    } else {
      return false
    }
    return true
  }

  private var wake: Instant? {
    guard let next = engine?.nextWake else { return nil }
    return max(next, lastTurn + Simulation.coalescing, busyUntil)
  }

  private func happen(_ thing: Due) {
    switch thing {
    case .deliver(let meant, let input):
      guard meant == process else { return }
      if now < busyUntil { return due.add(thing, at: busyUntil) }
      turn(input)
    case .carryOut(let meant, let commands, let decidedAt):
      guard meant == process else { return }
      if now < busyUntil { return due.add(thing, at: busyUntil) }
      carryOut(commands, decidedAt: decidedAt)
    case .arrive(let request): arrive(request)
    case .begin(let entry): begin(trial.scenario.entries[entry])
    case .end(let entry): end(trial.scenario.entries[entry])
    case .restart(let meant): if meant == process { boot() }
    case .thaw(let meant): if meant == process, now >= busyUntil { turn(.tick) }
    case .rivalAsks(let name, let life): rivalAsks(name, life)
    case .rivalHears(let name, let life, let reply, let askedAt): rivalHears(name, life, reply, askedAt)
    case .mend: mend()
    case .operatorLooks: letOperatorLook()
    case .curtain: isOver = true
    }
  }

  // MARK: The process

  func boot() {
    disk.reopen()
    process += 1
    busyUntil = now
    lastTurn = now
    world.advance(to: now)
    oracle.booted(at: now)
    witness?.booted(at: now)
    do {
      let engine = try Engine(
        workloads: trial.workloads, brakes: trial.brakes, ledger: disk, codec: disk, at: now, seed: dice.next(),
        home: "ours")
      self.engine = engine
      journal.note(now, .world("the daemon starts"))
      conclude(engine.start(at: now))
    } catch {
      oracle.violate("cannot-start", now, "\(error)")
    }
  }

  func die(restartAfter: Duration) {
    counts.crashes += 1
    if let engine { oracle.compareWithLedger(engine, disk, at: now) }
    engine = nil
    process += 1
    busyUntil = now
    let forgotten = disk.losePower(at: now)
    if !forgotten.isEmpty { oracle.forgets(forgotten, disk, at: now) }
    journal.note(
      now, .world("the daemon dies\(forgotten.isEmpty ? "" : ", and \(forgotten.count) record(s) are gone")"))
    due.add(.restart(process: process), at: now + restartAfter)
  }

  /// One turn of the daemon's loop.
  func turn(_ input: Input) {
    guard let engine else { return }
    if !isThawing { beat(engine) }
    isThawing = false
    let gap = now - engine.lastTurn
    witness?.turns(input, at: now, gap: gap > engine.timeGap ? gap : nil)
    let commands = engine.handle(input, at: now)
    lastTurn = now
    conclude(commands + engine.mended())
    oracle.told(input, isNoted: self.engine === engine && disk.fault == nil, at: now)
  }

  /// The ticks of the quiet time before: nothing is due in them, they only say that the process was there.
  private func beat(_ engine: Engine) {
    var tick = lastTurn + Simulation.heartbeat
    while tick < now {
      conclude(engine.handle(.tick, at: tick))
      tick = tick + Simulation.heartbeat
    }
  }

  /// The next turn is the first after a freeze.
  var isThawing = false

  /// What the turn decided is carried out, unless the process dies or waits first.
  private func conclude(_ commands: [Command]) {
    guard let engine else { return }
    // Asked first, for handing the world over copies it.
    if oracle.sawTwoWriters { oracle.watchTwoWriters(world, at: now) }
    if let (moment, restartAfter) = disk.takeMet() {
      if moment == .sent { carryOut(commands, decidedAt: now) }
      return die(restartAfter: restartAfter)
    }
    if case .broken? = engine.halted {
      journal.note(now, .world("the ledger is broken"))
      for case .say(let message) in commands { journal.say(now, message) }
      return die(restartAfter: .seconds(2))
    }
    let spent = disk.takeSpent()
    if spent > .zero {
      busyUntil = max(busyUntil, now + spent)
      due.add(.carryOut(process: process, commands, decidedAt: now), at: busyUntil)
    } else {
      carryOut(commands, decidedAt: now)
    }
  }

  func freeze(for pause: Duration) {
    guard engine != nil else { return }
    if now >= busyUntil { turn(.tick) }
    busyUntil = max(busyUntil, now + pause)
    isThawing = true
    oracle.froze(for: pause, until: busyUntil)
    due.add(.thaw(process: process), at: busyUntil)
  }

  private var outcome: Outcome {
    let facts = trial.workloads.compactMap { world.facts(for: $0.name) }
    return Outcome(
      violations: oracle.violations, lived: now - began,
      phase: disk.state(of: trial.workloads[0].name).phase.name, failovers: oracle.failovers,
      failbacks: oracle.failbacks, crashes: counts.crashes, promotions: facts.reduce(0) { $0 + $1.promotions },
      actions: counts.actions, deceived: oracle.deceived, firstBegun: oracle.firstBegun,
      firstAct: oracle.firstAct,
      firstPromotion: oracle.firstPromotion, story: journal.lines)
  }
}
