// The operator who comes when everything is mended and follows the daemon's own advice: resume, approve, retry, skip what cannot be,
// fail back. From every state some order must lead out; this is who tries.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

/// Looks every other minute, orders at most one thing per workload and look.
struct PatientOperator {
  /// A world that has not come to rest this long after its mending never will.
  static let bound: Duration = .hours(6)
  /// Looks in a row at which everything was well.
  private(set) var restful = 0
  private(set) var isDone = false
  /// How often a step was retried, by incident and step.
  var retries: [String: Int] = [:]
  /// Steps taken as done by this operator, so that the world is not what the plan says.
  private(set) var skips = 0
  var hasFailedBack = false
  private(set) var lastRefusal = ""
  /// The daemon has warned; an operator who follows its advice is on the way, or there.
  private(set) var isPaged = false

  mutating func answered(_ token: Int, _ outcome: OrderOutcome) {
    if case .refused(let why) = outcome { lastRefusal = why }
  }

  mutating func looked(isWell: Bool) {
    restful = isWell ? restful + 1 : 0
    if restful >= 3 { isDone = true }
  }

  mutating func skipped() { skips += 1 }

  mutating func paged() { isPaged = true }
  mutating func left() { isPaged = false }
}

extension Simulation {
  /// Where the trial says so, a warning brings an operator, who stays until nothing is under way.
  func page(_ message: Message) {
    guard case .asItStands(let delay?) = trial.ending, !patient.isPaged,
      message.kind.meaning.level.rawValue <= MessageLevel.warning.rawValue
    else { return }
    patient.paged()
    journal.note(now, .order("an operator is paged, and comes in \(delay.text)"))
    due.add(.operatorLooks, at: now + delay)
  }

  func letOperatorLook() {
    guard engine != nil, now >= busyUntil else { return due.add(.operatorLooks, at: now + .minutes(1)) }
    var isWell = true
    for settings in trial.workloads {
      guard let workload = engine?.guards.first(where: { $0.settings.name == settings.name }) else { continue }
      lendAHand(workload.machine.state, settings)
      if let kind = advice(for: workload) {
        isWell = false
        order(kind, settings.name)
      } else if !isAtRest(workload) {
        isWell = false
      }
    }
    patient.looked(isWell: isWell)
    if trial.ending != .mended, isQuiet {
      patient.left()
      return journal.note(now, .order("the operator leaves"))
    }
    due.add(.operatorLooks, at: now + .minutes(2))
  }

  /// No run, no outage and no pause: nothing for which an operator would stay.
  private var isQuiet: Bool {
    engine?.guards.allSatisfy { workload in
      switch workload.machine.state.phase {
      case .healthy, .drActive: workload.machine.state.pause == nil
      case .degraded: workload.machine.state.pause == nil && workload.situation.assessment.verdict == .up
      case .failingOver, .failingBack: false
      }
    } ?? false
  }

  /// Nothing is under way and nothing is owed.
  func isAtRest(_ workload: WorkloadGuard) -> Bool {
    let state = workload.machine.state
    guard state.debts.isEmpty, state.pause == nil else { return false }
    switch state.phase {
    case .healthy, .drActive: return true
    // Its replica was promoted by a run that is forgotten, which is told; building another one is a person's work.
    case .degraded:
      return oracle.forgotAt != nil && workload.situation.assessment.verdict == .up
        && !world.isReplica(workload.settings.dr.database.ref)
    case .failingOver, .failingBack: return false
    }
  }

  /// What the daemon's own words would have an operator do now.
  private func advice(for workload: WorkloadGuard) -> OrderKind? {
    let (state, name) = (workload.machine.state, workload.settings.name)
    if state.pause != nil { return .resume }
    // What is observed only is moved by nobody; its watcher has the last word.
    if workload.settings.mode == .observe { return nil }
    switch state.phase {
    case .healthy: return nil
    case .degraded(_, let preparation?) where preparation.stuck != nil || preparation.rollback != nil:
      return advice(for: preparation, of: workload)
    case .degraded(let outage, _):
      guard workload.situation.assessment.verdict == .down, now - (outage.start ?? now) > .minutes(10) else {
        return nil
      }
      return .failover(acceptDataLoss: true)
    case .failingOver(let run): return advice(for: run, of: workload)
    case .failingBack(let run, _):
      patient.hasFailedBack = trial.workloads.count == 1
      return advice(for: run, of: workload)
    case .drActive:
      guard trial.operatorFailsBack, !patient.hasFailedBack, state.debts.isEmpty else { return nil }
      if workload.machine.unreviewedLoss != nil { return .reviewLoss }
      journal.note(now, .order("the operator brings \(name) home"))
      return .failback
    }
  }

  private func advice(for run: Run, of workload: WorkloadGuard) -> OrderKind? {
    if run.rollback == nil { oracle.lookedAt(run, of: workload.settings.name, self) }
    if let stuck = run.stuck {
      let key = "\(run.incident) \(stuck.step.name)"
      patient.retries[key, default: 0] += 1
      if patient.retries[key] ?? 0 <= 5 { return .retry(step: stuck.step.name) }
      if !run.isCommitted, run.rollback == nil { return .abort }
      patient.skipped()
      return .skip(step: stuck.step.name)
    }
    if run.rollback != nil {
      // What was promoted by a request that is forgotten cannot be taken back: each step is left as it is.
      guard oracle.forgotAt != nil, let step = run.undoable.first else { return nil }
      patient.retries["undo \(run.incident)", default: 0] += 1
      guard patient.retries["undo \(run.incident)"] ?? 0 > 5 else { return nil }
      patient.skipped()
      return .skip(step: step.step.name)
    }
    let isByHand = workload.settings.traffic == .manual
    switch workload.machine.asking(workload.situation) {
    case nil: return nil
    case "gate": return .approve(acceptDataLoss: true)
    case "hold-writes":
      // The hand that stops every writer of the DR region.
      world.inject(.albRefused(workload: workload.settings.name, site: .dr), at: now)
    case "shift-traffic" where isByHand: world.moveTraffic(of: workload.settings.name, to: .dr, at: now)
    case "shift-traffic-home" where isByHand: world.moveTraffic(of: workload.settings.name, to: .primary, at: now)
    default: break
    }
    return .approve(acceptDataLoss: false)
  }

  /// Where traffic is moved and writers are stopped by hand, this is the hand.
  private func lendAHand(_ state: DurableState, _ settings: WorkloadSettings) {
    if state.phase.name == .healthy { world.clear(.albRefused(workload: settings.name, site: .dr), at: now) }
    guard settings.traffic == .manual else { return }
    let run: Run?
    switch state.phase {
    case .drActive(let residence): run = residence.failover
    case .failingOver(let present), .failingBack(let present, _): run = present
    case .healthy, .degraded: run = state.lastRun
    }
    guard let run, run.rollback == nil else { return }
    if run["shift-traffic"]?.state.isFinished == true { world.moveTraffic(of: settings.name, to: .dr, at: now) }
    if run["shift-traffic-home"]?.state.isFinished == true {
      world.moveTraffic(of: settings.name, to: .primary, at: now)
    }
  }
}
