// A night in virtual time: the real engine and ledger protocol, a tiny cloud, probes that answer what the test says. Time moves
// from one due thing to the next; nothing sleeps.

import PilotlightCore
import PilotlightEngine

/// A ledger in memory that can be made to fail, and outlives its engine.
final class MemoryLedger: LedgerStore {
  var entries: [LedgerEntry] = []
  var failure: LedgerFailure?
  /// Called after each append, to crash at a chosen record.
  var appended: (() -> Void)?

  func append(_ new: [LedgerEntry]) throws(LedgerFailure) {
    if let failure { throw failure }
    entries += new
    appended?()
  }

  func entries(workload: String) throws(LedgerFailure) -> [LedgerEntry] { entries.filter { $0.workload == workload } }
  func workloads() throws(LedgerFailure) -> [String] { Set(entries.map(\.workload)).sorted() }
}

/// Records by their place in a list: no JSON in these tests.
final class ListCodec: RecordCodec, @unchecked Sendable {
  // Confined to one test's single thread.
  private var records: [Record] = []
  func encode(_ record: Record) -> String {
    records.append(record)
    return "\(records.count - 1)"
  }
  func decode(_ text: String) throws -> Record { records[Int(text) ?? 0] }
}

final class Night {
  let settings: WorkloadSettings
  var cloud: TinyCloud
  let ledger = MemoryLedger()
  let codec = ListCodec()
  var engine: Engine
  var now = Instant(nanoseconds: 1_800_000_000_000_000_000)
  /// What probes see.
  var primary: ProbeOutcome = .success(status: 200)
  var dr: ProbeOutcome = .success(status: 200)
  /// How long a probe of the primary takes to fail.
  var failureTakes: Duration = .milliseconds(20)
  /// Instead of `primary`: since when, how often and for how long the outcome replaces a success.
  var flapping: (since: Instant, period: Duration, down: Duration, outcome: ProbeOutcome)?
  /// This share of the primary's probes is lost, 0...1.
  var lossShare = 0.0
  private var dice = Dice(seed: 1)
  /// False: no packet leaves this host.
  var networkWorks = true
  /// What the veto command says; nil: it never answers.
  var veto: VetoWord? = .allowed("go")
  var vetoQuestions: [CommandCall] = []
  var messages: [Message] = []
  /// Every acting call, with what was durable before it was sent.
  var acts: [(action: CloudAction, recordedBefore: Bool)] = []
  private var pending: [(at: Instant, order: Int, input: Input)] = []
  private var order = 0
  private var generation = 0
  var answers: [Int: OrderOutcome] = [:]

  init(_ settings: WorkloadSettings = .reference()) throws {
    self.settings = settings
    cloud = TinyCloud(settings)
    engine = try Engine(
      workloads: [settings], brakes: Brakes(maximum: 1, window: .hours(1)), ledger: ledger, codec: codec, at: now,
      seed: 1)
    carryOut(engine.start(at: now))
  }

  var everyActWasRecorded: Bool { acts.allSatisfy { $0.recordedBefore } }
  var workload: WorkloadGuard { engine.guards[0] }
  var phase: PhaseName { workload.machine.state.phase.name }

  /// SIGKILL and restart: everything volatile is gone, answers on their way are lost.
  func crash() throws {
    pending = []
    engine = try Engine(
      workloads: [settings], brakes: Brakes(maximum: 1, window: .hours(1)), ledger: ledger, codec: codec, at: now,
      seed: 2)
    carryOut(engine.start(at: now))
  }

  @discardableResult
  func order(_ kind: OrderKind, reason: String = "test") -> OrderOutcome? {
    order += 1
    let token = order
    carryOut(
      engine.handle(
        .ordered(workload: settings.name, Order(kind, reason: reason, by: "alice (1000)"), token: token), at: now))
    return answers[token]
  }

  /// Runs until `duration` has passed or `condition` holds.
  @discardableResult
  func run(_ duration: Duration, until condition: (Night) -> Bool = { _ in false }) -> Bool {
    let end = now + duration
    while !condition(self) {
      let next = pending.min { ($0.at, $0.order) < ($1.at, $1.order) }
      let wake = max(engine.nextWake ?? end, now + .milliseconds(50))
      let at = min(next?.at ?? wake, wake)
      guard at <= end else {
        now = end
        return condition(self)
      }
      now = max(now, at)
      if let next, next.at <= at {
        pending.removeAll { $0.order == next.order }
        carryOut(engine.handle(next.input, at: now))
      } else {
        carryOut(engine.handle(.tick, at: now))
      }
    }
    return true
  }

  private func later(_ delay: Duration, _ input: Input) {
    order += 1
    pending.append((now + delay, order, input))
  }

  func carryOut(_ commands: [Command]) {
    for command in commands {
      switch command {
      case .page, .endPrograms: break
      case .say(let message): messages.append(message)
      case .answer(let token, let outcome): answers[token] = outcome
      case .poll(let workload, let watch, let request): poll(workload, watch, request)
      case .ask(let workload, let task, let actions):
        let replies = actions.map { action -> CloudReply in
          if action.changes { acts.append((action, isRecorded(action))) }
          return perform(action)
        }
        later(.milliseconds(100), .answered(workload: workload, task, replies))
      }
    }
  }

  private func isRecorded(_ action: CloudAction) -> Bool {
    ledger.entries.contains { entry in
      guard let record = try? codec.decode(entry.payload) else { return false }
      switch record {
      case .intent(_, action, _, _): return true
      case .rollbackBegun, .stepOwed: return true
      default: return false
      }
    }
  }

  private func perform(_ action: CloudAction) -> CloudReply {
    networkWorks
      ? cloud.perform(action, at: now)
      : .failed(CloudFailure(.unreachable, code: "timeout", message: "no network"))
  }

  private func poll(_ workload: String, _ watch: Watch, _ request: PollRequest) {
    let delay: Duration = .milliseconds(20)
    switch request {
    case .veto(let question):
      vetoQuestions.append(question)
      if let veto { later(delay, .sighted(workload: workload, watch, .veto(veto), startedAt: now)) }
    case .ask(let action):
      later(delay, .sighted(workload: workload, watch, .reply(perform(action)), startedAt: now))
    case .probe(let site):
      let outcome =
        networkWorks ? (site == .primary ? primaryNow : dr) : .failure(.timeout, status: nil, detail: "")
      let took = site == .primary && outcome != .success(status: 200) ? failureTakes : delay
      later(
        took,
        .sighted(
          workload: workload, watch, .observation(Observation(at: now, took: took, outcome: outcome)), startedAt: now))
    case .reach:
      let outcome: ProbeOutcome = networkWorks ? .success(status: 200) : .failure(.timeout, status: nil, detail: "")
      later(
        delay,
        .sighted(
          workload: workload, watch, .observation(Observation(at: now, took: delay, outcome: outcome)), startedAt: now))
    }
  }

  private var primaryNow: ProbeOutcome {
    if lossShare > 0, dice.unit() < lossShare { return .failure(.timeout, status: nil, detail: "lost") }
    guard let flapping else { return primary }
    let into = (now - flapping.since).nanoseconds % flapping.period.nanoseconds
    return into < flapping.down.nanoseconds ? flapping.outcome : .success(status: 200)
  }

  /// SIGSTOP, SIGCONT: nothing is handled meanwhile, and what came is handled at once.
  func freeze(_ pause: Duration) {
    now = now + pause
    carryOut(engine.handle(.tick, at: now))
  }

  /// The primary region dies: load balancer, API and database.
  /// The region is lost and comes back, the old primary is fenced: a failback is what comes next.
  static func afterAFailover() throws -> Night {
    let night = try Night()
    night.run(.minutes(5))
    night.regionDies()
    night.run(.minutes(60)) { $0.phase == .drActive }
    night.regionReturns()
    night.run(.minutes(5)) { $0.workload.machine.state.debts.isEmpty }
    night.order(.reviewLoss)
    return night
  }

  func regionDies() {
    primary = .failure(.timeout, status: nil, detail: "no answer")
    cloud.dark.insert("eu-west-1")
  }

  func regionReturns() {
    primary = .success(status: 200)
    cloud.dark.remove("eu-west-1")
  }
}
