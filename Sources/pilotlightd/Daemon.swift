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
import PilotlightQueues

/// What the daemon is assembled from.
struct Parts {
  var engine: Engine
  var ledger: SQLiteLedger
  var line: TimeLine
  var cloud: any Cloud
  var transport: CurlTransport
  var prober: HTTPProber
  var manager: ServiceManager
  var heart: Heart
  var reloader: Reloader
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
  private let heart: Heart
  private let reloader: Reloader
  private let logger: Logger
  private let timer: any DispatchSourceTimer
  private var waiting: [Int: CheckedContinuation<OrderOutcome, Never>] = [:]
  private var nextToken = 1
  private var lastStatus = ""
  /// News of before our start that nobody may have been called for.
  private var unsent: [Message] = []
  /// Who waits for the end of the next turn, as proof that we decide.
  private var proofs: [@Sendable () -> Void] = []
  private var newest = Instant.distantPast
  /// Calls to the cloud that belong to a run and have no answer yet.
  private var underWay = 0
  private var whenAnswered: CheckedContinuation<Void, Never>?
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
    heart = parts.heart
    reloader = parts.reloader
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
  /// - Returns: whether it watches; a ledger that breaks meanwhile ends it.
  func start(_ configured: [WorkloadSettings]) -> Bool {
    observations.note(.mark(.started(at: line.now)))
    recordViewpoints(configured)
    timer.setEventHandler { [weak self] in self?.assumeIsolated { $0.turn(.tick) } }
    timer.activate()
    unsent = engine.guards.compactMap { try? $0.unsent(in: ledger, at: line.now, patience: Pager.patience) }
    carryOut(engine.start(at: line.now))
    turn(.tick)
    guard !isStopping else { return false }
    say(
      Message(.daemonStarted, "watching \(engine.guards.count) workload(s)\(sandbox == nil ? "" : " in the sandbox")"))
    return true
  }

  /// From now on nothing is decided, whatever happens; questions are answered.
  func beginNothing() {
    decideNothing()
    say(Message(.daemonStopping, "stopping; a run in progress continues at the next start"))
  }

  private func decideNothing() {
    isStopping = true
    timer.cancel()
    heart.rest()
    for token in waiting.keys.sorted() { answer(token, .failed(Daemon.stopping)) }
  }

  private static let stopping = "the daemon is stopping"

  /// After `beginNothing`: what is under way is waited for and recorded, up to `patience`. The run continues at the next start.
  func stop(patience: Duration = .seconds(10)) async {
    await callsAreAnswered(within: patience)
    await pager.settle()
    transport.shutdown()
    closeRecording()
  }

  /// One input, its commands, and the next wake-up.
  func turn(_ input: Input) {
    guard !isStopping else { return }
    heart.runs(.decisions)
    let now = line.now
    if now < newest { heart.broke("the clock that counts from the machine's start went back") }
    newest = now
    record(input, at: now)
    carryOut(engine.handle(input, at: now))
    carryOut(engine.mended())
    if !unsent.isEmpty { sendUnsent() }
    if engine.halted?.isFinal == true { return giveUp() }
    setTimer()
    tellStatus()
    for proven in proofs { proven() }
    proofs = []
  }

  /// What the file holds after an I/O error nobody in this process can know: the next one reads it afresh. Who is called for it is
  /// called before.
  private func giveUp() {
    say(Message(.ledgerBroken, "the ledger is broken: leaving, so that a new process reads what is durable"))
    manager.status("the ledger is broken; starting anew")
    decideNothing()
    let (pager, manager) = (pager, manager)
    Task.detached {
      await pager.settle()
      await manager.spareTheLimit()
      leave(EX_IOERR)
    }
    // Whatever keeps that waiting: nothing watches over us any more.
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(15)) { leave(EX_IOERR) }
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
      case .page(let page): send(page)
      case .answer(let token, let outcome): answer(token, outcome)
      case .poll(let workload, let watch, let request): poll(workload, watch, request)
      case .ask(let workload, let task, let actions): ask(workload, task, actions)
      }
    }
  }

  /// Everybody, for news that is not one workload's.
  func call(_ message: Message) {
    for page in message.pages(to: engine.guards.map(\.settings)) { send(page) }
  }

  private func send(_ page: CloudAction) {
    pager.send(page) { Task { await self.noteTaken(page) } }
  }

  /// Without the note the next process would send it again: nobody is called too seldom.
  private func noteTaken(_ page: CloudAction) {
    guard let id = PageID(page) else { return }
    heart.ledger(isEntered: true)
    defer { heart.ledger(isEntered: false) }
    try? ledger.setFact(PageID.fact(of: id.workload), id.text)
  }

  /// What a process before us owed. Who has no lease yet waits for it, for a while.
  private func sendUnsent() {
    if line.now - startedAt > .minutes(10) { unsent = [] }
    unsent.removeAll { message in
      guard let workload = engine.guards.first(where: { $0.name == message.workload }),
        let page = workload.page(for: message)
      else { return false }
      send(page)
      return true
    }
  }

  private func poll(_ workload: String, _ watch: Watch, _ request: PollRequest) {
    guard let settings = engine.guards.first(where: { $0.settings.name == workload })?.settings else { return }
    switch request {
    case .probe(.primary):
      prober.probe(settings.primary.probe, completion: seen(workload, watch, settings.primary.probe.timeout))
    case .probe(.dr): prober.probe(settings.dr.probe, completion: seen(workload, watch, settings.dr.probe.timeout))
    case .reach(let url):
      let timeout = settings.primary.probe.timeout
      prober.reach(url: url, timeout: timeout, completion: seen(workload, watch, timeout))
    case .ask(let action):
      let (start, cloud, heart) = (line.now, cloud, heart)
      let timeout = watch.timeout(of: action)
      let token = heart.began(.cloud, "\(action.apiName) for \(workload)", timeout: timeout)
      Task {
        let reply = await cloud.perform(action, timeout: timeout)
        heart.ended(token)
        await self.turn(.sighted(workload: workload, watch, .reply(reply), startedAt: start))
      }
    case .veto(let question):
      let (start, line) = (line.now, line)
      Program(question, timeout: question.timeout / line.speed).run { end in
        Task { await self.turn(.sighted(workload: workload, watch, .veto(end.veto), startedAt: start)) }
      }
    }
  }

  /// What a probe that begins now tells at its end.
  private func seen(
    _ workload: String, _ watch: Watch, _ timeout: Duration
  ) -> @Sendable (Observation) -> Void {
    let (heart, token) = (heart, heart.began(.probes, "a probe for \(workload)", timeout: timeout))
    return { seen in
      heart.ended(token)
      Task { await self.turn(.sighted(workload: workload, watch, .observation(seen), startedAt: seen.at)) }
    }
  }

  private func ask(_ workload: String, _ task: CloudTask, _ actions: [CloudAction]) {
    let (cloud, line, programs, heart) = (cloud, line, programs, heart)
    let terms = engine.terms(of: workload, at: line.now)
    let calls = actions.map { action in
      let longest = Sending.timeout(action, terms, at: line.now)
      return (action, heart.began(.cloud, "\(action.apiName) for \(workload)", timeout: longest))
    }
    underWay += 1
    Task {
      let replies = await withTaskGroup(of: (Int, CloudReply).self) { group in
        for (index, (action, token)) in calls.enumerated() {
          group.addTask {
            defer { heart.ended(token) }
            let now = line.now
            if let refusal = Sending.refusal(action, terms, at: now) { return (index, refusal) }
            if case .runCommand(let call) = action, let programs { return (index, await programs.run(call)) }
            return (index, await cloud.perform(action, timeout: Sending.timeout(action, terms, at: now)))
          }
        }
        return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
      }
      self.answered(workload, task, replies)
    }
  }

  /// A call's answer is evidence of what was done: it is recorded even while we stop. What would follow from it is left to the next
  /// start, as after a crash.
  private func answered(_ workload: String, _ task: CloudTask, _ replies: [CloudReply]) {
    underWay -= 1
    let input = Input.answered(workload: workload, task, replies)
    guard isStopping else { return turn(input) }
    // What a look found would only lead to an act that is not begun any more: its intent would be a riddle to the next process.
    if task.purpose.isAct {
      for command in engine.handle(input, at: line.now) {
        switch command {
        case .say(let message):
          record(message)
          say(message)
        case .page(let page): send(page)
        case .answer, .poll, .ask, .endPrograms: break
        }
      }
    }
    if underWay == 0 { allAnswered() }
  }

  private func callsAreAnswered(within patience: Duration) async {
    guard underWay > 0 else { return }
    let alarm = Task {
      try? await Task.sleep(for: patience)
      self.allAnswered()
    }
    await withCheckedContinuation { whenAnswered = $0 }
    alarm.cancel()
  }

  private func allAnswered() {
    whenAnswered?.resume()
    whenAnswered = nil
  }

  // MARK: Orders and questions

  func order(_ workload: String, _ order: Order) async -> OrderOutcome {
    await withCheckedContinuation { continuation in
      let token = nextToken
      nextToken += 1
      waiting[token] = continuation
      turn(.ordered(workload: workload, order, token: token))
      // An order for a workload that went away in a reload has no other answer.
      answer(token, .failed(isStopping ? Daemon.stopping : "the order was not taken"))
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

  /// Reads the configuration anew; why it is refused, a line each, or none.
  func reload() async -> [String] { isStopping ? [Daemon.stopping] : await reloader.reload(self) }

  /// All or nothing.
  ///
  /// - Returns: why the new configuration is refused, or nil.
  func reload(_ workloads: [WorkloadSettings], brakes: Brakes) -> String? {
    if isStopping { return Daemon.stopping }
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

  func say(_ message: Message, file: String = #fileID, function: String = #function, line: UInt = #line) {
    message.log(to: logger, file: file, function: function, line: line)
  }

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

  /// Calls `proven` when a turn of ours has ended that began after this.
  nonisolated func pulse(_ proven: @escaping @Sendable () -> Void) {
    executor.queue.async { self.assumeIsolated { $0.proofs.append(proven) } }
  }

  /// The heart has told the service manager something else meanwhile.
  func tellStatusAgain() {
    lastStatus = ""
    tellStatus()
  }
}
