// One night as a row of a table: what happens, second by second, and the decision an expert would defend in the morning.

import PilotlightCore
import PilotlightEngine
import Testing

/// What the daemon makes of it in the end.
enum Decision: Sendable {
  /// Nothing worth a line happened: healthy throughout, nothing changed.
  case nothing
  /// It is told, nothing is changed, and it ends by itself.
  case toldAndOver(Diagnosis?)
  /// It is told and stays so, nothing is changed.
  case told(Diagnosis?)
  /// A failover would begin and is held back by this; nothing is changed.
  case heldBack(String)
  /// Our own view is broken: nothing moves.
  case blind
  /// A failover begins so many seconds after the first failure, and ends in dr-active with one promotion.
  case failsOver(after: ClosedRange<Double>)
  /// A failover begins and its gate asks a person about this; nothing one-way is done.
  case asks(String)
  /// A failover begins and is taken back when the primary returns; the cloud is as it was.
  case takenBack
  /// A failover was begun and taken back by order; this keeps another one from beginning.
  case stopped(String)
  /// Mode observe: it says that it would, and later whether that was wrong.
  case wouldFailOver(wrong: Bool)
}

/// What happens at some second.
enum Turn: Sendable {
  case fails(FailureClass, status: Int? = nil)
  case serves
  /// Fails for the first so many seconds of each period.
  case flaps(every: Double, for: Double, FailureClass)
  /// This share of the probes is lost, by chance.
  case loses(Double)
  case apiDark
  case apiAnswers
  case targets(healthy: Int, unhealthy: Int)
  case checkers(healthy: Int)
  case drFails
  case drServes
  case networkGone
  case networkBack
  case lag(Double?)
  case replicaIs(String)
  case freeze(Double)
  case crash
  case order(OrderKind)
  case throttled(Int)
}

struct Episode: Sendable, CustomTestStringConvertible {
  let name: String
  let decision: Decision
  /// Seconds after five minutes of peace, in order.
  let script: [(at: Double, Turn)]
  let lasts: Double
  let change: @Sendable (inout WorkloadSettings) -> Void

  init(
    _ name: String, _ decision: Decision, _ script: [(Double, Turn)], lasts: Double = 1800,
    with change: @escaping @Sendable (inout WorkloadSettings) -> Void = { _ in }
  ) {
    self.name = name
    self.decision = decision
    // What is written at the same second happens in the order in which it is written.
    self.script = script.enumerated().sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }
      .map { (at: $0.element.0, $0.element.1) }
    self.lasts = lasts
    self.change = change
  }

  var testDescription: String { name }

  /// The region is gone from one second on, until another; nothing is replicated meanwhile.
  static func regionGone(_ from: Double, until: Double? = nil) -> [(Double, Turn)] {
    [(from, .apiDark), (from, .fails(.timeout)), (from, .lag(-1))]
      + (until.map { [($0, .apiAnswers), ($0, .serves), ($0, .lag(1))] } ?? [])
  }

  /// The application answers 503 and its targets are unhealthy.
  static func applicationDown(_ from: Double, until: Double? = nil) -> [(Double, Turn)] {
    [(from, .fails(.serverError, status: 503)), (from, .targets(healthy: 0, unhealthy: 2))]
      + (until.map { [($0, .serves), ($0, .targets(healthy: 2, unhealthy: 0))] } ?? [])
  }
}

extension Episode {
  /// Lives through it.
  func live() throws -> Night {
    let night = try Night(.reference(change))
    night.run(.minutes(5))
    let began = night.now
    for (at, turn) in script {
      night.run(.seconds(at) - (night.now - began))
      try night.take(turn)
    }
    night.run(.seconds(lasts) - (night.now - began))
    return night
  }

  func judge(_ night: Night) {
    let story = night.messages.map { "\($0.kind.rawValue): \($0.text)" }.suffix(12).joined(separator: "\n")
    let kinds = Set(night.messages.map(\.kind))
    switch decision {
    case .nothing:
      #expect(night.phase == .healthy && night.acts.isEmpty && !kinds.contains(.degraded), "\(story)")
    case .toldAndOver(let diagnosis):
      #expect(night.phase == .healthy && night.acts.isEmpty && kinds.contains(.degraded), "\(story)")
      #expect(night.tells(diagnosis), "\(story)")
    case .told(let diagnosis):
      #expect(night.phase == .degraded && night.acts.isEmpty, "\(night.phase)\n\(story)")
      #expect(!kinds.contains(.runBegun) && night.tells(diagnosis), "\(story)")
    case .heldBack(let why):
      #expect(night.acts.isEmpty && !kinds.contains(.runBegun), "\(story)")
      #expect(night.messages.contains { $0.kind == .heldBack && $0.text.contains(why) }, "\(story)")
    case .blind:
      #expect(night.acts.isEmpty && kinds.contains(.blind) && !kinds.contains(.runBegun), "\(story)")
    case .failsOver(let range):
      #expect(night.phase == .drActive && night.cloud.promotions == 1 && night.everyActWasRecorded, "\(story)")
      let waited = night.beganAfter ?? -1
      #expect(range.contains(waited), "a failover began \(waited) s after the first failure\n\(story)")
    case .asks(let what):
      #expect(night.phase == .failingOver && night.cloud.promotions == 0, "\(night.phase)\n\(story)")
      #expect(night.messages.contains { $0.kind == .waiting && $0.text.contains(what) }, "\(story)")
    case .takenBack:
      #expect(kinds.contains(.rollbackBegun) && night.cloud.promotions == 0, "\(story)")
      // Who is about to be taken back has nothing to ask.
      #expect(!night.messages.contains { $0.text.contains("does not show the outage any more") }, "\(story)")
      #expect(night.phase == .healthy && night.isAsItWas, "\(night.phase)\n\(story)")
    case .stopped(let why):
      #expect(night.phase == .degraded && night.cloud.promotions == 0 && night.isAsItWas, "\(story)")
      #expect(night.messages.contains { $0.kind == .heldBack && $0.text.contains(why) }, "\(story)")
    case .wouldFailOver(let wrong):
      #expect(night.acts.isEmpty && night.messages.filter { $0.kind == .wouldFailOver }.count == 1, "\(story)")
      #expect(kinds.contains(.wouldHaveBeenWrong) == wrong, "\(story)")
    }
  }
}

extension Night {
  func take(_ turn: Turn) throws {
    switch turn {
    case .fails(let failure, let status):
      (flapping, lossShare, primary) = (nil, 0, .failure(failure, status: status, detail: "seen"))
    case .serves: (flapping, lossShare, primary) = (nil, 0, .success(status: 200))
    case .flaps(let period, let down, let failure):
      flapping = (now, .seconds(period), .seconds(down), .failure(failure, status: nil, detail: "seen"))
    case .loses(let share): lossShare = share
    case .apiDark: cloud.dark.insert("eu-west-1")
    case .apiAnswers: cloud.dark.remove("eu-west-1")
    case .targets(let healthy, let unhealthy):
      cloud.primaryTargets = TargetHealth(healthy: healthy, unhealthy: unhealthy, other: 0)
    case .checkers(let healthy): cloud.checkers = CheckerHealth(healthy: healthy, unhealthy: 16 - healthy)
    case .drFails: dr = .failure(.refused, status: nil, detail: "seen")
    case .drServes: dr = .success(status: 200)
    case .networkGone: networkWorks = false
    case .networkBack: networkWorks = true
    case .lag(let seconds): cloud.lagSeconds = seconds
    case .replicaIs(let status): cloud.databases[settings.dr.database.ref]?.status = status
    case .freeze(let seconds): freeze(.seconds(seconds))
    case .crash: try crash()
    case .order(let kind): order(kind)
    case .throttled(let calls):
      let failure = CloudFailure(.throttled, code: "Throttling", message: "Rate exceeded")
      for action in ["autoscaling:UpdateAutoScalingGroup", "rds:PromoteReadReplica", "cloudwatch:GetMetricData"] {
        cloud.failures[action] = Array(repeating: failure, count: calls)
      }
    }
  }

  func tells(_ diagnosis: Diagnosis?) -> Bool {
    guard let diagnosis else { return true }
    return messages.contains { $0.kind == .degraded && $0.text.contains(diagnosis.sentence) }
  }

  /// From the first failure of the outage to the beginning of the newest failover, seconds.
  var beganAfter: Double? {
    guard let run = workload.machine.state.phase.run ?? workload.machine.state.lastRun, let start = run.outageStart
    else { return nil }
    return (run.startedAt - start).seconds
  }

  var isAsItWas: Bool {
    cloud.groups[settings.dr.group.ref] == settings.dr.group.standby
      && cloud.groups[settings.primary.group.ref] == settings.primary.group.serving
      && cloud.hosts[SecretRef(region: "us-west-2", id: "dr-secret")]?.host == "nowhere"
  }
}
