// The loop around the engine: feeds it what happens and carries out what it says. One queue, one timer; everything that decides is
// in the engine, everything that waits is outside.

import Dispatch
import Glibc
import Logging
import PilotlightControlAPI
import PilotlightControlServer
import PilotlightCore
import PilotlightEngine
import PilotlightHTTP
import PilotlightLedger
import PilotlightProbes
import PilotlightRecording
import PilotlightSystemd

/// What the daemon is assembled from.
struct Parts {
  var engine: Engine
  var ledger: SQLiteLedger
  var line: TimeLine
  var cloud: any Cloud
  var transport: CurlTransport
  var prober: HTTPProber
  var manager: ServiceManager
  var logger: Logger
  var sandbox: Sandbox?
  var observations: ObservationLog
}

actor Daemon {
  private let executor = QueueExecutor(label: "pilotlight.decisions")
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  let line: TimeLine
  let startedAt: Instant
  let sandbox: Sandbox?
  let ledger: SQLiteLedger
  let engine: Engine
  let observations: ObservationLog
  let cloud: any Cloud
  private let pager: Pager
  /// nil in the sandbox: nothing real is touched there.
  private let programs: Programs?
  private let transport: CurlTransport
  private let prober: HTTPProber
  private let manager: ServiceManager
  private let logger: Logger
  private let timer: any DispatchSourceTimer
  private var waiting: [Int: CheckedContinuation<OrderOutcome, Never>] = [:]
  private var nextToken = 1
  private var lastStatus = ""
  private var liveness = Liveness()
  private var isStopping = false

  /// The loop turns at least this often: time gaps are measured by it.
  private static let heartbeat: Duration = .seconds(1)

  init(_ parts: sending Parts) {
    engine = parts.engine
    ledger = parts.ledger
    line = parts.line
    cloud = parts.cloud
    pager = Pager(parts.cloud, parts.logger)
    programs = parts.sandbox == nil ? Programs(parts.line) : nil
    transport = parts.transport
    prober = parts.prober
    manager = parts.manager
    logger = parts.logger
    sandbox = parts.sandbox
    observations = parts.observations
    startedAt = parts.line.now
    timer = DispatchSource.makeTimerSource(queue: executor.queue)
  }

  // MARK: Life

  /// Continues what the ledger says and begins to watch.
  ///
  /// - Parameter configured: the workloads as their owner wrote them.
  func start(_ configured: [WorkloadSettings]) {
    observations.note(.mark(.started(at: line.now)))
    recordViewpoints(configured)
    timer.setEventHandler { [weak self] in self?.assumeIsolated { $0.turn(.tick) } }
    timer.activate()
    carryOut(engine.start(at: line.now))
    turn(.tick)
    say(
      Message(.daemonStarted, "watching \(engine.guards.count) workload(s)\(sandbox == nil ? "" : " in the sandbox")"))
  }

  /// Stops acting and answering. What was recorded continues at the next start.
  func stop() {
    isStopping = true
    timer.cancel()
    say(Message(.daemonStopping, "stopping; a run in progress continues at the next start"))
    for token in waiting.keys.sorted() { answer(token, .failed("the daemon is stopping")) }
    transport.shutdown()
    closeRecording()
  }

  /// One input, its commands, and the next wake-up.
  func turn(_ input: Input) {
    guard !isStopping else { return }
    let now = line.now
    record(input, at: now)
    carryOut(engine.handle(input, at: now))
    carryOut(engine.mended())
    if case .broken? = engine.halted { giveUp() }
    liveness.decisions += 1
    setTimer()
    tellStatus()
  }

  /// What the file holds after an I/O error nobody in this process can know: the next one reads it afresh.
  private func giveUp() -> Never {
    say(Message(.daemonStopping, "the ledger is broken: leaving, so that a new process reads what is durable"))
    manager.status("the ledger is broken; starting anew")
    leave(EX_IOERR)
  }

  private func setTimer() {
    let wake = min(engine.nextWake ?? line.now + Daemon.heartbeat, line.now + Daemon.heartbeat)
    // Wake-ups closer than this are coalesced: probes of many workloads share one.
    let pause = max(line.real(until: wake), .milliseconds(10))
    timer.schedule(deadline: .now() + .nanoseconds(Int(pause.nanoseconds)), leeway: .milliseconds(5))
  }

  // MARK: Commands

  private func carryOut(_ commands: [Command]) {
    for command in commands {
      switch command {
      case .say(let message):
        record(message)
        say(message)
      case .endPrograms(let workload):
        let programs = programs
        Task { await programs?.end(of: workload) }
      case .page(let page):
        let pager = pager
        Task { await pager.send(page) }
      case .answer(let token, let outcome): answer(token, outcome)
      case .poll(let workload, let watch, let request): poll(workload, watch, request)
      case .ask(let workload, let task, let actions): ask(workload, task, actions)
      }
    }
  }

  private func poll(_ workload: String, _ watch: Watch, _ request: PollRequest) {
    guard let settings = engine.guards.first(where: { $0.settings.name == workload })?.settings else { return }
    let done: @Sendable (Observation) -> Void = { seen in
      Task { await self.turn(.sighted(workload: workload, watch, .observation(seen), startedAt: seen.at)) }
    }
    switch request {
    case .probe(.primary): prober.probe(settings.primary.probe, completion: done)
    case .probe(.dr): prober.probe(settings.dr.probe, completion: done)
    case .reach(let url): prober.reach(url: url, timeout: settings.primary.probe.timeout, completion: done)
    case .ask(let action):
      let start = line.now
      let cloud = cloud
      Task {
        let reply = await cloud.perform(action, timeout: watch.timeout(of: action))
        await self.turn(.sighted(workload: workload, watch, .reply(reply), startedAt: start))
      }
    case .veto(let question):
      let (start, line) = (line.now, line)
      Program(question, timeout: question.timeout / line.speed).run { end in
        Task { await self.turn(.sighted(workload: workload, watch, .veto(end.veto), startedAt: start)) }
      }
    }
  }

  private func ask(_ workload: String, _ task: CloudTask, _ actions: [CloudAction]) {
    let (cloud, line, programs) = (cloud, line, programs)
    let terms = engine.terms(of: workload, at: line.now)
    Task {
      let replies = await withTaskGroup(of: (Int, CloudReply).self) { group in
        for (index, action) in actions.enumerated() {
          group.addTask {
            let now = line.now
            if let refusal = Sending.refusal(action, terms, at: now) { return (index, refusal) }
            if case .runCommand(let call) = action, let programs { return (index, await programs.run(call)) }
            return (index, await cloud.perform(action, timeout: Sending.timeout(action, terms, at: now)))
          }
        }
        return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
      }
      await self.turn(.answered(workload: workload, task, replies))
    }
  }

  // MARK: Orders and questions

  func order(_ workload: String, _ order: Order) async -> OrderOutcome {
    await withCheckedContinuation { continuation in
      let token = nextToken
      nextToken += 1
      waiting[token] = continuation
      turn(.ordered(workload: workload, order, token: token))
      // An order for a workload that went away in a reload has no other answer.
      answer(token, .failed("the order was not taken"))
    }
  }

  private func answer(_ token: Int, _ outcome: OrderOutcome) {
    waiting.removeValue(forKey: token)?.resume(returning: outcome)
  }

  /// Reads the engine's state without changing it.
  func look<Value: Sendable>(_ body: ([WorkloadGuard], LedgerFailure?) -> Value) -> Value {
    body(engine.guards, engine.halted)
  }

  // MARK: Reload

  /// All or nothing.
  ///
  /// - Returns: why the new configuration is refused, or nil.
  func reload(_ workloads: [WorkloadSettings], brakes: Brakes) -> String? {
    do {
      if let refusal = try engine.reload(workloads, brakes: brakes, at: line.now) { return refusal }
    } catch {
      return "the ledger cannot be read: \(error)"
    }
    recordViewpoints(workloads)
    turn(.tick)
    return nil
  }

  // MARK: Saying

  func say(_ message: Message) { message.log(to: logger) }

  private func tellStatus() {
    var sentence = engine.guards.map { $0.machine.summary($0.situation) }.joined(separator: "; ")
    if let halted = engine.halted { sentence = "NOT ACTING, \(halted.text). " + sentence }
    guard sentence != lastStatus else { return }
    lastStatus = sentence
    manager.status(sentence)
  }

  /// The sentence `STATUS=` shows.
  var statusSentence: String { lastStatus }

  // MARK: Proof of life

  /// Called at a third of the watchdog's time: tells systemd that we live only when every loop has turned since the last time.
  func beat(control: ControlServer) {
    if liveness.isProven { manager.alive() }
    liveness = Liveness(round: liveness.round + 1, decisions: 0)
    let round = liveness.round
    transport.pulse { Task { await self.turned(\.http, round) } }
    control.pulse { Task { await self.turned(\.control, round) } }
  }

  private func turned(_ loop: WritableKeyPath<Liveness, Bool>, _ round: Int) {
    if liveness.round == round { liveness[keyPath: loop] = true }
  }
}

/// Which loops have turned since the last sign of life. The decision loop proves itself by its own turns; a Task that reports the
/// other two also proves that Swift's thread pool, on which cloud calls run, still turns.
struct Liveness {
  var round = 0
  var decisions = 0
  var http = false
  var control = false

  var isProven: Bool { decisions > 0 && http && control }
}

extension Message {
  /// One line with the fields that journald keeps.
  func log(to logger: Logger) {
    let meaning = kind.meaning
    var fields: Logger.Metadata = [
      "MESSAGE_ID": "\(meaning.id)", "PILOTLIGHT_EVENT": "\(kind.rawValue)",
      "PRIORITY": "\(meaning.level.rawValue)",
    ]
    fields["PILOTLIGHT_WORKLOAD"] = workload.map { "\($0)" }
    fields["PILOTLIGHT_PHASE"] = phase.map { "\($0.rawValue)" }
    fields["PILOTLIGHT_INCIDENT"] = incident.map { "\($0)" }
    fields["PILOTLIGHT_STEP"] = step.map { "\($0)" }
    logger.log(level: meaning.level.loggerLevel, "\(text)", metadata: fields)
  }
}

extension MessageLevel {
  var loggerLevel: Logger.Level {
    switch self {
    case .critical: .critical
    case .error: .error
    case .warning: .warning
    case .notice: .notice
    case .info: .info
    case .debug: .debug
    }
  }
}
