// Every place that the machine can come to, in a world without numbers: any answer to any question, any view, any order, a crash or a
// freeze between any two events, answers that come late, requests that arrive although nobody heard so. What the simulation meets by
// chance is met here for certain, for a plan of the smallest shape. What only multiplies the places is left to the simulation: a pause,
// a second workload, the steps that differ from another one in name alone.
//
// The way home has so many steps that what can go wrong in all of them, in all orders, is more than a machine can hold. There a bound
// says how many things go wrong in one life: each at every place.
//
// Each move is checked against the invariants (`Passage`), and at the end every place must have a way out.

package import PilotlightCore

/// A search through all reachable places.
package struct Exploration {
  /// What was found.
  package struct Report: Sendable {
    package var places = 0
    package var moves = 0
    /// Places from which neither healthy nor dr-active can be reached by any orders.
    package var deadEnds = 0
    /// Broken promises, the first of each rule, with the way that leads there.
    package var violations: [Violation] = []
    /// Places by phase.
    package var phases: [PhaseName: Int] = [:]
    /// The limit was reached before everything was seen.
    package var isPartial = false
  }

  private let settings: WorkloadSettings
  private let start: Start
  private let limit: Int
  private let disturbances: Int?
  private var places: [Place?] = []
  private var known: [PlaceKey: Int32] = [:]
  /// How each place was first come to.
  private var arrival: [(from: Int32, move: Move)] = []
  private var edges: [(from: Int32, to: Int32)] = []
  private var goals: [Int32] = []
  private var report = Report()
  private var rules: Set<String> = []

  private init(_ settings: WorkloadSettings, _ start: Start, disturbances: Int?, limit: Int) {
    self.settings = settings
    self.start = start
    self.disturbances = disturbances
    self.limit = limit
  }

  /// - Parameters:
  ///   - disturbances: how many things go wrong on the way to a place at most; nil: any number.
  ///   - limit: the most places that are looked at.
  package static func run(
    _ settings: WorkloadSettings, from start: Start, disturbances: Int? = nil, limit: Int = .max
  ) -> Report {
    var exploration = Exploration(settings, start, disturbances: disturbances, limit: limit)
    exploration.explore()
    return exploration.report
  }

  private mutating func explore() {
    _ = enter(start.place(settings), from: -1, by: .begin)
    var next = 0
    while next < places.count {
      guard let place = places[next] else { break }
      places[next] = nil
      var after: Set<Int32> = []
      let orders = start.orders(in: place.machine.state.phase)
      for move in orders.map({ Move.all(from: place, ordering: $0) }) ?? [] {
        let isDisturbed = move.disturbs(place)
        if isDisturbed, let disturbances, place.disturbances >= disturbances { continue }
        var passage = Passage(place, move)
        if isDisturbed, disturbances != nil { passage.after.disturbances += 1 }
        report.moves += 1
        for violation in passage.violations { note(violation, at: next, move) }
        let to = enter(passage.after, from: Int32(next), by: move)
        if let to, to != next { after.insert(to) }
      }
      edges += after.map { (Int32(next), $0) }
      next += 1
    }
    report.places = places.count
    findDeadEnds()
  }

  /// - Returns: the place's number; nil once the limit is reached.
  private mutating func enter(_ place: Place, from: Int32, by move: Move) -> Int32? {
    let key = PlaceKey(place)
    if let number = known[key] { return number }
    guard places.count < limit else {
      report.isPartial = true
      return nil
    }
    let number = Int32(places.count)
    known[key] = number
    places.append(place)
    arrival.append((from, move))
    let phase = place.machine.state.phase.name
    report.phases[phase, default: 0] += 1
    if phase == .healthy || phase == .drActive { goals.append(number) }
    return number
  }

  private mutating func note(_ violation: Violation, at place: Int, _ move: Move) {
    guard rules.insert(violation.rule).inserted else { return }
    var told = violation
    told.detail += "; the way there: " + tell(way(to: place) + [move])
    report.violations.append(told)
  }

  private func way(to place: Int) -> [Move] {
    var way: [Move] = []
    var step = arrival[place]
    while step.from >= 0 {
      way.append(step.move)
      step = arrival[Int(step.from)]
    }
    return way.reversed()
  }

  /// Each move and what the machine recorded at it.
  private func tell(_ way: [Move]) -> String {
    var place = start.place(settings)
    return way.map { move in
      let passage = Passage(place, move)
      place = passage.after
      let records = passage.records.map { "\($0.kind.rawValue)\($0.step.map { " " + $0 } ?? "")" }
      return "\n  \(move)" + (records.isEmpty ? "" : " -> " + records.joined(separator: ", "))
    }.joined()
  }

  /// Walks backwards from everything good.
  private mutating func findDeadEnds() {
    guard !report.isPartial else { return }
    var into: [[Int32]] = Array(repeating: [], count: report.places)
    for edge in edges { into[Int(edge.to)].append(edge.from) }
    var leadsOut = Array(repeating: false, count: report.places)
    var open = goals
    for goal in goals { leadsOut[Int(goal)] = true }
    while let place = open.popLast() {
      for before in into[Int(place)] where !leadsOut[Int(before)] {
        leadsOut[Int(before)] = true
        open.append(before)
      }
    }
    let dead = leadsOut.indices.filter { !leadsOut[$0] && (disturbances == nil || !leadsOutUnbounded(of: $0)) }
    report.deadEnds = dead.count
    if let first = dead.first {
      note(Violation(rule: "dead-end", at: .distantPast, detail: "no orders lead out"), at: first, .begin)
    }
  }

  /// Where the bound leaves no more orders.
  private func leadsOutUnbounded(of number: Int) -> Bool {
    let place = way(to: number).reduce(start.place(settings)) { Passage($0, $1).after }
    return WayOut.exists(from: place, of: start)
  }
}

extension Exploration {
  /// Where a search begins.
  package enum Start: String, CaseIterable, Sendable {
    /// The primary was seen serving.
    case healthy
    /// The DR region serves, the primary region has come back.
    case drActive = "dr-active"
    /// The primary serves, and is left all the same.
    case switchover

    /// What may be ordered; nil where the search ends.
    func orders(in phase: Phase) -> [OrderKind]? {
      var orders: [OrderKind] = [
        .abort, .approve(acceptDataLoss: true), .retry(step: nil), .skip(step: nil), .ack, .reviewLoss,
      ]
      if let running = phase.run?.ready.first {
        var accepts: Bool?
        if case .awaitDrained = running.step.work { accepts = true }
        orders.append(.skip(step: running.step.name, acceptDataLoss: accepts))
      }
      switch self {
      case .healthy: return phase.name == .drActive ? nil : orders + [.failover(acceptDataLoss: false)]
      case .switchover: return phase.name == .drActive ? nil : orders + [.switchover]
      case .drActive: return phase.name == .healthy ? nil : orders + [.failback]
      }
    }

    func place(_ settings: WorkloadSettings) -> Place {
      let now = Instant(nanoseconds: 1_764_000_000_000_000_000)
      var cloud = BareCloud(settings)
      var records: [Record] = [.armed(fingerprint: settings.fingerprint), .account("1")]
      if self == .drActive {
        let (primary, dr) = (settings.primary, settings.dr)
        cloud.databases[dr.database.ref] = .standalone
        if dr.database.ref.global != nil { cloud.databases[primary.database.ref] = .demoting(of: dr.database.ref) }
        cloud.groups[dr.group.ref] = dr.group.serving
        cloud.groups[primary.group.ref] = primary.group.standby
        if case .objectSwitch(let object) = settings.traffic { cloud.objects = [object] }
        let run = Run(
          incident: "before", kind: .failover, startedAt: now - .hours(9), outageStart: now - .hours(9), orderedBy: nil,
          plan: Plan.failover(settings))
        records.append(.runBegun(run, why: "an outage"))
        records += run.steps.map { .stepDone($0.step.name, "done", at: now - .hours(8)) }
        records.append(.runFinished(at: now - .hours(8)))
      }
      let machine = Machine(settings, state: DurableState(records), seed: 1)
      return Place(machine: machine, cloud: cloud, now: now)
    }
  }
}

extension WorkloadSettings {
  /// The smallest deployment with every kind of step that can hold a run up, but for the fence.
  package static func smallest(_ change: (inout WorkloadSettings) -> Void = { _ in }) -> WorkloadSettings {
    reference("app") { settings in
      settings.primary.secret = nil
      settings.dr.secret = nil
      settings.primary.targetGroup = nil
      settings.dr.targetGroup = nil
      settings.announcement = nil
      settings.traffic = .manual
      settings.decision.fencePrimary = false
      change(&settings)
    }
  }
}
