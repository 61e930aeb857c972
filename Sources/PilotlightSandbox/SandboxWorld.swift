// The sandbox cloud: two regions of AWS, the application in them and its users, as one value. It has no clock, no
// thread and no dice but those of its seed: time comes in with each call, and the same calls on the same seed give the
// same bytes. The daemon's demo runs it in compressed real time, simulation runs it millions of times on a virtual
// clock.
//
// Between two events nothing changes pace, so nothing is simulated there either: writes, replay and lag are closed
// formulas over the stretch since the last event, settled only when someone asks or something changes. A year in which
// nothing happens costs as much as its daily backups.

package import PilotlightCore

/// A world of one or more workloads. A value: a copy is another world that goes on by itself.
package struct SandboxWorld: Sendable {
  /// Answered by a load balancer whose writes are held, as the body of a 503.
  package static let writeHoldText = "Writes are held while Pilotlight moves this application; try again in a moment."
  /// The account everything lives in.
  package static let account = "111122223333"
  /// Parts the users of one workload are split into: they notice a DNS change one after the other within its TTL.
  static let cohorts = 4
  /// Share of one cohort; divisible by small numbers of instances.
  static let shareUnit: Int64 = 5040
  /// One in so many requests is still under way when the load balancer is closed.
  static let finishingPart: Int64 = 10
  /// Users of one workload write once per 100 ms in all.
  static let writePeriod: Int64 = second / 10

  /// The world's present: what `perform` and `advance` were last told.
  package internal(set) var now: Instant
  /// Faults that hold, oldest first.
  package var faults: [SandboxFault] { faultSet.active }
  /// What a careful operator would not have done, oldest first.
  package internal(set) var violations: [SandboxViolation] = []
  /// Published messages, oldest first.
  package internal(set) var published: [PublishedMessage] = []

  let began: Instant
  var random: SandboxRandom
  /// For questions that must not disturb the story.
  var aside: SandboxRandom
  var faultSet = FaultSet()
  var agenda = Agenda()
  var regions: [String] = []
  var regionDown: [Bool] = []
  /// Events halted by an outage of their region, with the time they had left.
  var halted: [(left: Int64, what: Happening, region: Int)] = []
  var workloads: [WorkloadWorld] = []
  var groups: [Group] = []
  var databases: [Database] = []
  var histories: [History] = []
  var secrets: [Secret] = []
  var changes: [RecordChange] = []
  var snapshots: [Snapshot] = []
  var leases: [LeaseRef: LeaseRecord] = [:]
  var programs: Set<String> = []

  let engine: SandboxEngine
  let replicaCreation: ClosedRange<Duration>

  /// A world in its steady state at `start`: each primary serves from a healthy group, each DR group is at standby
  /// size, its database replicates, its secret still names the primary's database, as a replicated secret does.
  /// - Parameter replicaCreation: how long a cross-region replica takes; it grows with the database.
  package init(
    settings: [WorkloadSettings], seed: UInt64, start: Instant,
    engine: SandboxEngine = .postgres, replicaCreation: ClosedRange<Duration> = .minutes(20)...(.minutes(45))
  ) {
    self.engine = engine
    self.replicaCreation = replicaCreation
    now = start
    began = start
    random = SandboxRandom(seed: seed)
    aside = SandboxRandom(seed: ~seed)
    for one in settings { addWorkload(one) }
    for index in workloads.indices {
      sampleLag(index)
      refresh(index)
    }
  }

  /// Lets the world go on until `time`; an earlier time changes nothing.
  package mutating func advance(to time: Instant) {
    while let event = agenda.next(by: time) {
      now = max(now, event.at)
      happen(event.what)
    }
    now = max(now, time)
  }

  /// Makes something go wrong from `time` on. A fault that holds already changes nothing.
  package mutating func inject(_ fault: SandboxFault, at time: Instant) {
    advance(to: time)
    change { world in
      world.faultSet.insert(fault)
      if case .regionOutage(let region) = fault { world.setRegion(region, down: true) }
      if case .backupRunning(let ref) = fault { world.beginForcedBackup(ref) }
      if case .databaseRestarts(let ref) = fault { world.restartStopped(ref) }
      if case .holdLifted(let name, let site) = fault { world.openByHand(name, site) }
      if case .demand(let name, let site, let desired) = fault { world.want(desired, of: name, site) }
    }
  }

  /// Ends a fault, given as it was injected. One that does not hold changes nothing.
  package mutating func clear(_ fault: SandboxFault, at time: Instant) {
    advance(to: time)
    change { world in
      guard world.faultSet.remove(fault) else { return }
      if case .regionOutage(let region) = fault { world.setRegion(region, down: false) }
      if case .backupRunning(let ref) = fault { world.endForcedBackup(ref) }
      if case .demand(let name, let site, _) = fault { world.want(nil, of: name, site) }
    }
  }

  /// Ends all faults.
  package mutating func clearFaults(at time: Instant) {
    for fault in faults { clear(fault, at: time) }
  }

  /// Settles every workload, applies `body`, and lets all consequences show.
  private mutating func change(_ body: (inout SandboxWorld) -> Void) {
    for index in workloads.indices { settle(index) }
    body(&self)
    for index in workloads.indices { refresh(index) }
  }

  private mutating func setRegion(_ name: String, down: Bool) {
    guard let region = regions.firstIndex(of: name), regionDown[region] != down else { return }
    regionDown[region] = down
    if down {
      halted += agenda.withdraw(region: region).map { ($0.at.nanoseconds - now.nanoseconds, $0.what, region) }
    } else {
      let woken = halted.filter { $0.region == region }
      halted.removeAll { $0.region == region }
      for event in woken { schedule(event.what, in: event.left, region: region) }
    }
  }

  /// Plans an event `delay` nanoseconds from now, or that long after its region's outage ends.
  mutating func schedule(_ what: Happening, in delay: Int64, region: Int?) {
    if let region, regionDown[region] {
      halted.append((delay, what, region))
    } else {
      agenda.add(what, at: now.adding(delay), region: region)
    }
  }

  func failed(_ kind: CloudFailure.Kind, _ code: String, _ message: String) -> CloudReply {
    .failed(CloudFailure(kind, code: code, message: message))
  }

  mutating func note(_ kind: SandboxViolation.Kind, _ workload: Int, _ detail: String, site: SandboxSite? = nil) {
    let about = workloads[workload]
    violations.append(
      SandboxViolation(
        kind: kind, workload: about.settings.name, at: now, servedSince: about.servesSince, site: site,
        detail: detail))
  }
}

extension SandboxWorld {
  /// One event. The workload it touches is settled before and refreshed after.
  private mutating func happen(_ what: Happening) {
    let workload = workload(of: what)
    settle(workload)
    switch what {
    case .reconcileGroup(let group): reconcile(group)
    case .machineInService(let group, let machine): machineInService(group, machine)
    case .machineReady(let group, let machine): machineReady(group, machine)
    case .machineGone(let group, let machine): groups[group].machines.removeAll { $0.id == machine }
    case .targetVerdict(let group, let machine, let generation): targetVerdict(group, machine, generation)
    case .databaseStage(let database, let generation): databaseStage(database, generation)
    case .sourceForgotten(let database): databases[database].source = nil
    case .backupWindow(let database): backupWindow(database)
    case .globalMoves(let workload, let generation): globalMoves(workload, generation)
    case .resynchronised(let database): resynchronised(database)
    case .snapshotDone(let snapshot): snapshots[snapshot].done = true
    case .changeInSync(let change): changeInSync(change)
    case .switchFollowed(let workload, let generation): switchFollowed(workload, generation)
    case .cohortMoves(let workload, let cohort, let site, let generation):
      if generation == workloads[workload].trafficGeneration { workloads[workload].traffic[cohort] = site }
    case .requestsFinished: break
    }
    refresh(workload)
  }

  private func workload(of what: Happening) -> Int {
    switch what {
    case .reconcileGroup(let group), .machineInService(let group, _), .machineReady(let group, _),
      .machineGone(let group, _), .targetVerdict(let group, _, _):
      groups[group].workload
    case .databaseStage(let database, _), .sourceForgotten(let database), .backupWindow(let database),
      .resynchronised(let database):
      databases[database].workload
    case .snapshotDone(let snapshot): databases[snapshots[snapshot].database].workload
    case .changeInSync(let change): changes[change].workload
    case .switchFollowed(let workload, _), .cohortMoves(let workload, _, _, _), .globalMoves(let workload, _),
      .requestsFinished(let workload):
      workload
    }
  }
}
