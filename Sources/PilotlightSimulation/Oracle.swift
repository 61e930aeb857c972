// What must always be so, checked while a world lives: the product's invariants, by number, against the truth that only the world
// knows. The oracle reads records, acts and facts; it never asks the code under test whether it was right.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

/// Watches one simulation.
struct Oracle {
  private(set) var violations: [Violation] = []
  private(set) var failovers = 0
  private(set) var failbacks = 0
  private(set) var switchovers = 0
  var deceived = 0
  /// When a failover was first begun by the daemon itself.
  var firstBegun: Instant?
  var firstAct: Instant?
  var firstPromotion: Instant?
  var workloads: [String: Watched] = [:]
  let trial: Trial
  /// When the process last came out of a freeze, or is going to.
  private(set) var thawedAt: Instant?
  /// When the process that lives was started.
  private(set) var bornAt = Simulation.start
  /// Nothing was ever wrong with the watchdog's own network, disk and clock.
  private(set) var isLineSound = true
  /// What lies to every vantage at once, and since when no lie holds.
  var lies = Lies()
  /// How long nothing but drift has been going on.
  private(set) var quiet = Quiet()
  /// The cloud's faults and when they held.
  private(set) var troubles: [(fault: SandboxFault, from: Instant, to: Instant)] = []
  /// What the databases were when the story began.
  private(set) var firstInstances: [DatabaseRef: InstanceState] = [:]
  /// World violations already judged.
  var judged = 0
  /// Two databases took writes at some time.
  var sawTwoWriters = false
  /// When records of something done that were said to be durable were last found to be gone: nobody knows of it any more.
  private(set) var forgotAt: Instant?
  /// Starts of automatic failovers, for the brake.
  private var begun: [(workload: String, at: Instant)] = []

  /// What the oracle knows of one workload; a class, for it is changed at every probe.
  final class Watched {
    let settings: WorkloadSettings
    var state = DurableState()
    /// Acts whose intent is durable and which were not sent yet.
    var intents: [CloudAction: Int] = [:]
    /// Undos that may be sent, any number of times.
    var undos: Set<CloudAction> = []
    /// The newest failed probe's start, and the first of its run; nil after a success.
    var firstFailure: Instant?
    var lastFailure: Instant?
    /// The newest failed probes: their start, and when their result was here.
    var failures: [(start: Instant, told: Instant)] = []
    var lastSuccess: Instant?
    /// The first success since the newest failure.
    var servingSince: Instant?
    /// Promotions sent, by incident.
    var promotions: [String: Int] = [:]
    var twoWritersSince: Instant?
    /// When last something was done to a primary of which nobody could tell that it served again.
    var misledAt: Instant?
    /// The daemon said that two primaries serve.
    var wasWarned = false
    /// When the newest pause ended.
    var unpausedAt: Instant?
    /// When the run's gate was reached, or was opened again.
    var gateReached: Instant?
    /// What the veto command said since then.
    var vetoWord: VetoWord?
    /// The newest failover had a fence that nobody waived.
    var isFenceDue = false
    var reachedDR: Instant?
    var acted = 0
    var told: [Site: [Told]] = [:]
    /// Steps that got stuck, and nobody was called for yet.
    var uncalled: [String] = []
    /// A failover began, or it was said what holds it back.
    var hasAnswered = false
    /// What stands in the table of leases.
    var lease: LeaseRecord?
    /// Since when the phase is healthy; nil while it is not.
    var healthySince: Instant? = Simulation.start

    init(settings: WorkloadSettings) { self.settings = settings }
  }

  init(_ trial: Trial, _ world: SandboxWorld) {
    self.trial = trial
    for site in trial.workloads.flatMap({ [$0.primary, $0.dr] }) {
      firstInstances[site.database.ref] = world.instance(site.database.ref)
    }
    for settings in trial.workloads { workloads[settings.name] = Watched(settings: settings) }
  }

  mutating func violate(_ rule: String, _ at: Instant, _ detail: String) {
    // One broken promise tends to break others; the first few tell enough.
    if violations.count < 8 { violations.append(Violation(rule: rule, at: at, detail: detail)) }
  }

  // MARK: What happens

  mutating func begins(_ what: Occurrence, at now: Instant) {
    // Who is scaled in meanwhile may lose those that serve, and keep those that do not.
    if case .cloud(let fault) = what, case .demand = fault { troubles.append((fault, now, now + .minutes(2))) }
    if what.isOrdinary { return }
    lies.begins(what, trial)
    quiet.begins(what, at: now)
    switch what {
    case .network, .disk, .clockBehind, .freeze: isLineSound = false
    case .cloud, .crash, .veto, .rival, .order: break
    }
    if case .cloud(let fault) = what { troubles.append((fault, now, .distantFuture)) }
  }

  mutating func ends(_ what: Occurrence, at now: Instant) {
    // Instances that served are gone with the demand for them, and the rest may not be ready yet.
    if case .cloud(let fault) = what, case .demand = fault { troubles.append((fault, now, now + .minutes(2))) }
    if what.isOrdinary { return }
    lies.ends(what, trial, at: now)
    quiet.ends(what, at: now)
    guard case .cloud(let fault) = what else { return }
    for index in troubles.indices where troubles[index].fault == fault && troubles[index].to > now {
      troubles[index].to = now
    }
  }

  /// Whether a fault held at that moment that may keep the site from serving.
  ///
  /// - Parameter aftermath: how long databases take to start, and targets to be found healthy, once it is over.
  func wasTroubled(
    _ site: SandboxSite, of settings: WorkloadSettings, at time: Instant, aftermath: Duration = .zero
  ) -> Bool {
    troubles.contains { $0.from <= time && time - $0.to <= aftermath && $0.fault.mayBreak(site, of: settings) }
  }

  func hasJustLostInstances(at time: Instant) -> Bool {
    troubles.contains {
      if case .headless = $0.fault { $0.from <= time && time - $0.from <= .seconds(90) } else { false }
    }
  }

  /// What happened while nobody watched is reported from now on.
  mutating func booted(at now: Instant) {
    bornAt = now
    // A process that died frozen stood still until now, and no longer.
    thawedAt = thawedAt.map { min($0, now) }
    quiet.disturb(at: now)
    for watched in workloads.values { watched.forgetNewlyTold(at: now) }
    for name in workloads.keys where workloads[name]?.twoWritersSince != nil { workloads[name]?.twoWritersSince = now }
  }

  mutating func froze(for pause: Duration, until thaw: Instant) {
    if pause > trial.workloads[0].detection.timeGap { thawedAt = thaw }
    quiet.disturb(at: thaw)
  }

  /// A probe begins now, and its result will be here `took` later.
  mutating func probed(_ name: String, _ outcome: ProbeOutcome, took: Duration, _ simulation: Simulation) {
    let now = simulation.now
    guard let watched = workloads[name] else { return }
    let policy = watched.settings.detection.grey.policy
    switch outcome {
    case let served where served.serves(late: policy == .alert):
      watched.lastSuccess = now
      if watched.servingSince == nil { watched.servingSince = now }
      watched.firstFailure = nil
    case .failure(let failure, _, _)
    where failure.countsAsDown
      || (failure == .slow && policy == .countAsDown):
      if watched.firstFailure == nil { watched.firstFailure = now }
      watched.lastFailure = now
      watched.failures.append((now, now + took))
      if watched.failures.count > 8 { watched.failures.removeFirst(watched.failures.count - 8) }
      watched.servingSince = nil
    case .success, .failure: break
    }
  }

  mutating func heard(_ message: Message) {
    guard message.kind == .oldPrimaryServes, let name = message.workload else { return }
    workloads[name]?.wasWarned = true
  }

  mutating func vetoAnswered(_ word: VetoWord, of name: String) { workloads[name]?.vetoWord = word }

  // MARK: Records

  /// A record became durable.
  mutating func recorded(_ record: Record, of name: String, at now: Instant, _ world: SandboxWorld) {
    guard let watched = workloads[name] else { return }
    let before = watched.state
    watched.state.apply(record)
    let (from, to) = (before.phase.name, watched.state.phase.name)
    if from != to { watched.healthySince = to == .healthy ? now : nil }
    if from != to, Edge.sentence(from: from, to: to) == nil {
      violate("illegal-edge", now, "\(name) went from \(from.rawValue) to \(to.rawValue)")
    }
    switch record {
    case .intent(_, let action, let undo, _):
      watched.intents[action, default: 0] += 1
      if let undo { watched.undos.insert(undo) }
    case .heldBack: watched.hasAnswered = true
    case .runBegun(let run, _):
      if run.kind == .failover { watched.hasAnswered = true }
      judgeSize(run, watched, at: now)
      watched.isFenceDue = false
      watched.gateReached = nil
      judgeBeginning(run, before, watched.settings, at: now)
    case .stepDone(let name, _, _):
      // A hold that was there, and is opened by who takes the run back.
      if let undo = watched.state.phase.run?[name]?.undo { watched.undos.insert(undo) }
    case .unpaused: watched.unpausedAt = now
    case .stepStuck(let step, _): if watched.isCalling { watched.uncalled.append(step) }
    case .stepStarted("gate", _), .stepReopened("gate", _):
      watched.gateReached = now
      watched.vetoWord = nil
    case .stepOwed(let step, _, _) where step == "fence-primary": watched.isFenceDue = true
    case .stepSkipped(let step, _, _, _) where step == "fence-primary": watched.isFenceDue = false
    case .lossNoted(let loss):
      // Who looks for the missing writes later is told from when on.
      if let proof = loss.proof, let oldest = world.oldestLost(of: watched.settings.dr.database.ref),
        oldest + .seconds(1) < proof
      {
        violate("loss-looked-for-too-late", now, "from \(proof.text) on, but \(oldest.text) is missing")
      }
    case .runFinished where to == .drActive:
      judgeLeft(before.phase.run, now, world)
      watched.forgetTold(of: .dr)
      watched.reachedDR = now
      if from == .failingOver, before.phase.run?.loss == nil { violate("promoted-without-a-word", now, name) }
    case .runFinished where to == .healthy:
      judgeLeft(before.phase.run, now, world)
      watched.forgetTold(of: .primary)
    default: break
    }
  }

  private mutating func judgeBeginning(
    _ run: Run, _ before: DurableState, _ settings: WorkloadSettings, at now: Instant
  ) {
    switch run.kind {
    case .failback:
      failbacks += 1
      // Invariant 6.
      if run.orderedBy == nil { violate("automatic-failback", now, run.incident) }
      if case .drActive(let residence) = before.phase, residence.failover.lossReview == nil {
        violate("went-home-over-lost-writes", now, run.incident)
      }
      return
    case .switchover:
      switchovers += 1
      if run.orderedBy == nil { violate("automatic-switchover", now, run.incident) }
      return
    case .preparation:
      if !settings.decision.prepareWhenDegraded { violate("prepared-unasked", now, run.incident) }
    case .failover: failovers += 1
    }
    guard run.orderedBy == nil else { return }
    if before.pause != nil { violate("began-while-paused", now, run.incident) }
    if settings.mode == .observe { violate("began-while-observing", now, run.incident) }
    if before.abortedBy != nil { violate("began-after-abort", now, run.incident) }
    if let watched = workloads[settings.name], !isHolding(watched) {
      violate("began-without-the-lease", now, run.incident)
    }
    guard run.kind == .failover else { return }
    if let last = before.lastFailover, !before.isRearmed, now < last.ended + settings.decision.holdDown {
      violate("began-in-hold-down", now, "the last failover ended \(last.ended.text)")
    }
    if let end = workloads[settings.name]?.unpausedAt, now - end < settings.detection.confirmFor {
      violate("surprise-after-a-pause", now, "the pause ended \((now - end).text) before")
    }
    let start = workloads[settings.name]?.firstFailure ?? now
    if troubles.contains(where: { $0.fault == .observerIsolated && $0.from < start && $0.to > now }) {
      violate("began-while-cut-off", now, "no probe failed before our own network was gone")
    }
    let others = begun.filter { $0.workload != settings.name && now - $0.at <= trial.brakes.window }
    if others.count >= trial.brakes.maximum {
      violate("brake-ignored", now, "\(others.count) failover(s) of others began within \(trial.brakes.window.text)")
    }
    firstBegun = firstBegun ?? now
    begun.append((settings.name, now))
  }

  // MARK: State

  /// After each turn while there may be two databases that take writes.
  mutating func watchTwoWriters(_ world: SandboxWorld, at now: Instant) {
    sawTwoWriters = false
    for name in trial.workloads.map(\.name) {
      if world.writerCount(name) < 2 {
        workloads[name]?.twoWritersSince = nil
        continue
      }
      sawTwoWriters = true
      guard let watched = workloads[name], let since = watched.twoWritersSince else { continue }
      // Invariant 8: reported means a debt that shows, or a run that is still at it. A group that was to be fenced and is not is no
      // surprise: its debt shows from the start. Others are noticed within two minutes.
      let isFenceMissing = watched.isFenceDue && (world.size(of: watched.settings.primary.group.ref)?.desired ?? 0) > 0
      guard now - since > (isFenceMissing ? .seconds(45) : .minutes(2)) else { continue }
      if watched.state.debts.isEmpty, watched.state.phase.run == nil, !watched.wasWarned {
        violate("two-writers-unreported", now, "\(name): two databases take writes since \(since.text)")
        workloads[name]?.twoWritersSince = nil
      }
    }
  }

  /// Records are gone that were said to be durable.
  mutating func forgets(_ records: [Record], _ disk: SimulatedDisk, at now: Instant) {
    let acted = records.contains { record in
      switch record {
      case .intent, .runBegun: true
      default: false
      }
    }
    if acted { forgotAt = now }
    begun.removeAll { one in
      let state = disk.state(of: one.workload)
      return (state.phase.run ?? state.lastRun).map { $0.startedAt < one.at } ?? true
    }
    for (name, watched) in workloads {
      watched.state = disk.state(of: name)
      if watched.state.phase.name != .healthy { watched.healthySince = nil }
    }
  }

  /// What is remembered after a crash is what was durable before: live state changes in no other way.
  mutating func compareWithLedger(_ engine: Engine, _ disk: SimulatedDisk, at now: Instant) {
    for workload in engine.guards where disk.state(of: workload.settings.name) != workload.machine.state {
      // A process that died while its disk took the record, but before it knew, may be one record behind.
      if case .broken? = engine.halted { continue }
      violate("state-is-not-the-ledger", now, workload.settings.name)
    }
  }
}

/// The faults under which every vantage the daemon has agrees on something false.
struct Lies {
  /// Hiding faults that hold, by workload or region.
  private var hidden = 0
  private var dark = 0
  /// Until when both held at once, `distantFuture` while they do; nil when they never did.
  private(set) var until: Instant?
  /// Until when our own eyes were lied to, in the same way.
  private var hiddenUntil: Instant?

  mutating func begins(_ what: Occurrence, _ trial: Trial) {
    count(what, trial, by: 1)
    if hidden > 0 { hiddenUntil = .distantFuture }
    if hidden > 0, dark > 0 { until = .distantFuture }
  }

  mutating func ends(_ what: Occurrence, _ trial: Trial, at now: Instant) {
    count(what, trial, by: -1)
    if hiddenUntil == .distantFuture, hidden == 0 { hiddenUntil = now }
    if until == .distantFuture, hidden == 0 || dark == 0 { until = now }
  }

  private mutating func count(_ what: Occurrence, _ trial: Trial, by step: Int) {
    switch what {
    case .cloud(let fault) where trial.workloads.contains { fault.hidesService(fromProbesOf: $0.primary.probe.timeout) }:
      hidden += step
    case .cloud(.apiOutage), .cloud(.checkersLie): dark += step
    // Lost or unreadable answers leave the primary region's API without a voice, and our own probes too.
    case .cloud(.lostRequests), .cloud(.slowAPI): dark += step
    // A line that loses or delays so much loses all that would tell us of it, too. One that carries no answer leaves us blind.
    case .network(.packetLoss(let share)) where share > 0.3: hideAll(step)
    case .network(.slow(let pause))
    where trial.workloads.contains { pause * 2 + .seconds(1) > $0.primary.probe.timeout }:
      hideAll(step)
    default: break
    }
  }

  private mutating func hideAll(_ step: Int) {
    hidden += step
    dark += step
  }

  /// Our own eyes are lied to.
  var areHidden: Bool { hidden > 0 }

  /// Whether somebody lied to all vantages within the last while.
  func hold(at now: Instant, within memory: Duration) -> Bool { isRecent(until, now, memory) }

  /// Whether our own eyes were, which is enough where nobody else is asked.
  func wereHidden(at now: Instant, within memory: Duration) -> Bool { isRecent(hiddenUntil, now, memory) }

  private func isRecent(_ end: Instant?, _ now: Instant, _ memory: Duration) -> Bool {
    end.map { $0 == .distantFuture || now - $0 < memory } ?? false
  }
}
