// Trials drawn from a seed: settings, faults, crashes, orders. What goes wrong in earnest goes wrong together, so most worlds have
// several faults, and they overlap.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

extension Trial {
  /// What a random world is to show.
  package enum Kind: String, Sendable, CaseIterable {
    /// Of everything, as it comes.
    case any
    /// A primary that is out for less than the confirmation: nothing may be changed.
    case blip
    /// A primary that serves, and much that looks as if it did not: nothing may be changed.
    case noise
    /// A real outage and nothing else: dr-active within the RTO.
    case outage
  }

  /// The trial of a seed; the same on every machine.
  package static func random(seed: UInt64, _ kind: Kind = .any) -> Trial {
    var draw = Draw(seed: seed)
    let settings = (0..<draw.pick([1, 1, 1, 1, 1, 1, 1, 2, 3])).map { draw.settings("app-\($0 + 1)") }
    let brakes = Brakes(maximum: draw.pick([1, 1, 2]), window: .hours(1))
    let drawn: Kind = draw.pick([.any, .any, .any, .any, .any, .any, .blip, .noise, .outage])
    var trial: Trial
    switch kind == .any ? drawn : kind {
    case .blip: trial = draw.blip(settings)
    case .noise: trial = draw.noise(settings)
    case .outage: trial = draw.outage(settings)
    case .any: trial = Trial(seed: seed, workloads: settings, scenario: draw.trouble(settings))
    }
    trial.seed = draw.dice.next()
    trial.brakes = brakes
    trial.operatorFailsBack = draw.chance(0.4)
    trial.engine = draw.chance(0.3) ? .mysql : nil
    trial.scenario.name = "seed \(seed)"
    draw.drift(&trial)
    draw.watchdogs(&trial)
    draw.reviews(&trial)
    draw.demand(&trial)
    draw.switchover(&trial)
    draw.ownSteps(&trial)
    draw.pages(&trial)
    draw.replicaSecrets(&trial)
    draw.fences(&trial)
    draw.names(&trial)
    draw.aurora(&trial)
    draw.routingControls(&trial)
    draw.secondThoughts(&trial)
    draw.weightedPairs(&trial)
    draw.brokenReplicas(&trial)
    draw.cutLinks(&trial)
    draw.lyingDisks(&trial)
    if draw.chance(0.1) { trial.isLeftClosed = true }
    draw.liftedHolds(&trial)
    return trial
  }
}

/// The dice with words for what is drawn.
struct Draw {
  var dice: Dice
  let seed: UInt64

  init(seed: UInt64) {
    self.seed = seed
    // Scrambled by the generator itself: a multiple of its increment would make each seed's draws those of the seed before, moved by one.
    var scrambler = Dice(seed: ~seed)
    dice = Dice(seed: scrambler.next())
  }

  mutating func chance(_ share: Double) -> Bool { dice.unit() < share }
  mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(dice.unit() * Double(values.count))] }
  mutating func seconds(_ low: Double, _ high: Double) -> Duration {
    .milliseconds(Int64((low + (high - low) * dice.unit()) * 1000))
  }

  // MARK: Settings

  mutating func settings(_ name: String) -> WorkloadSettings {
    let record = RecordRef(zone: "Z-\(name)", name: "\(name).example.com", type: "CNAME")
    let route = TrafficSettings.route53(
      record, primary: RecordTarget(host: "primary.\(name).example.com"),
      dr: RecordTarget(host: "dr.\(name).example.com"))
    return .reference(name) { settings in
      settings.mode = pick([.automatic, .automatic, .automatic, .automatic, .approve, .observe])
      settings.decision.onRpoBreach = pick([.hold, .hold, .hold, .promote, .promoteAtDeadline])
      settings.decision.fencePrimary = chance(0.8)
      settings.decision.prepareWhenDegraded = chance(0.4)
      if chance(0.3) {
        settings.decision.veto = VetoSettings(command: ["/veto"], onFailure: pick([.veto, .veto, .pass]))
      }
      settings.decision.holdDown = pick([.hours(1), .minutes(10), .hours(6)])
      settings.detection.corroborate = pick([.any, .any, .any, .all, .none])
      settings.detection.confirmFor = pick([.seconds(60), .seconds(60), .seconds(30), .minutes(3)])
      settings.detection.pollInterval = pick([.seconds(15), .seconds(30), .seconds(60)])
      settings.primary.probe.interval = pick([.seconds(5), .seconds(10), .seconds(20)])
      settings.primary.probe.fallAfter = pick([2, 3, 3, 5])
      settings.dr.probe.interval = settings.primary.probe.interval
      if chance(0.3) { settings.detection.references = [ReferenceSettings(name: "site", url: "http://example.net/")] }
      if chance(0.4) { settings.detection.healthCheck = HealthCheckRef(id: "check-\(name)") }
      if chance(0.15) { settings.detection.grey.policy = .countAsDown }
      if chance(0.3) { settings.traffic = route } else if chance(0.1) { settings.traffic = .manual }
      if chance(0.1) { settings.primary.targetGroup = nil }
      if chance(0.1) { settings.dr.targetGroup = nil }
      if chance(0.1) { settings.dr.listener = nil }
      if chance(0.1) { settings.announcement = nil }
      if chance(0.1) {
        settings.primary.secret = nil
        settings.dr.secret = nil
      }
    }
  }

  // MARK: Worlds with a promise

  /// Less than the confirmation: nothing may be changed.
  mutating func blip(_ settings: [WorkloadSettings]) -> Trial {
    let workload = settings[0]
    let probe = workload.primary.probe
    // The last failed probe can start just before the end: it must not have started `confirmFor` after the first.
    let longest = (workload.detection.confirmFor - probe.timeout).seconds
    let fault: SandboxFault = pick([
      .regionOutage(region: workload.primary.region), .albBlackhole(workload: workload.name, site: .primary),
      .albRefused(workload: workload.name, site: .primary), .albHidden(workload: workload.name, site: .primary),
    ])
    let entry = Scenario.Entry(at: seconds(120, 400), .cloud(fault), lasting: seconds(1, longest))
    return Trial(
      seed: seed, workloads: [workload], scenario: Scenario(name: "", entries: [entry], duration: .minutes(20)),
      expectation: .nothingActs)
  }

  /// A serving primary and much noise: nothing may be changed.
  mutating func noise(_ settings: [WorkloadSettings]) -> Trial {
    if chance(0.1) { return grey(settings[0]) }
    var workload = settings[0]
    if workload.detection.corroborate == .none { workload.detection.corroborate = .any }
    // One vantage that lies while our probes see nothing is what `all` is for; late answers as an outage are somebody's wish.
    if chance(0.5) { workload.detection.corroborate = .all } else { workload.detection.healthCheck = nil }
    let isStrict = workload.detection.corroborate == .all
    if !isStrict { workload.detection.grey.policy = .alert }
    var entries: [Scenario.Entry] = []
    for _ in 0..<pick([2, 4, 6]) {
      let fault: Occurrence = pick([
        .cloud(.observerIsolated), .cloud(.throttling(region: workload.primary.region, share: 0.5)),
        .cloud(.throttling(region: workload.dr.region, share: 0.9)),
        .cloud(.albSlow(workload: workload.name, site: .primary, delay: .seconds(3))),
        .cloud(.albHidden(workload: workload.name, site: .primary)), .cloud(.garbledReplies(share: 0.3)),
        .cloud(.albAddressDead(workload: workload.name, site: .primary)),
        .cloud(.checkersLie(workload: workload.name)), .network(.packetLoss(share: pick([0.1, 0.3]))),
        .cloud(.captivePortal(share: 1)), .cloud(.replicationStopped(workload: workload.name)),
        .cloud(.lagSpike(workload: workload.name, lag: .minutes(20))), .cloud(.credentialsLost),
        .cloud(.lagMissing(workload: workload.name)), .network(.noNames), .clockBehind(.hours(1)),
        .clockBehind(.hours(-1)), .freeze, .crash(.now, restartAfter: seconds(0.1, 60)),
      ])
      entries.append(Scenario.Entry(at: seconds(60, 1800), fault, lasting: seconds(5, 900)))
    }
    if chance(0.2) {
      // Only our probes do not see it, and our line loses just the calls that would tell us so, or our names do not resolve for a
      // while. Two lossy lines on top of each other would lose more than F24 speaks of.
      entries.removeAll { if case .network(.packetLoss) = $0.what { true } else { false } }
      let (at, lasting) = (seconds(200, 900), seconds(300, 900))
      entries.append(
        Scenario.Entry(at: at, .cloud(.albHidden(workload: workload.name, site: .primary)), lasting: lasting))
      if chance(0.5) {
        entries.append(Scenario.Entry(at: at + .seconds(5), .network(.packetLoss(share: 0.3)), lasting: lasting))
      } else {
        entries.append(Scenario.Entry(at: at + seconds(30, 280), .network(.noNames), lasting: seconds(8, 30)))
      }
    }
    // Without credentials the checkers are the only vantage that speaks; when they lie too, everybody who can speak does.
    if entries.contains(where: { $0.what == .cloud(.checkersLie(workload: workload.name)) }) {
      entries.removeAll { $0.what == .cloud(.credentialsLost) }
    }
    entries.sort { $0.at < $1.at }
    return Trial(
      seed: seed, workloads: [workload], scenario: Scenario(name: "", entries: entries, duration: .minutes(45)),
      expectation: .nothingActs)
  }

  /// A real outage and nothing else: it must end in dr-active within the RTO.
  mutating func outage(_ settings: [WorkloadSettings]) -> Trial {
    var workload = settings[0]
    workload.mode = .automatic
    workload.decision.onRpoBreach = .hold
    if workload.detection.corroborate == .all { workload.detection.corroborate = .any }
    if workload.traffic == .manual {
      workload.traffic = .objectSwitch(ObjectRef(region: "us-west-2", bucket: "b", key: "k"))
    }
    let fault: SandboxFault = pick([
      .regionOutage(region: workload.primary.region), .applicationDown(workload: workload.name, site: .primary),
    ])
    let entry = Scenario.Entry(at: seconds(300, 900), .cloud(fault))
    return Trial(
      seed: seed, workloads: [workload], scenario: Scenario(name: "", entries: [entry], duration: .minutes(50)),
      expectation: .failsOver)
  }

  // MARK: Worlds with trouble

  mutating func trouble(_ settings: [WorkloadSettings]) -> Scenario {
    let length: Double = pick([900, 1200, 1800, 3000])
    var entries: [Scenario.Entry] = []
    if chance(0.8) { entries.append(disaster(settings, within: length)) }
    for _ in 0..<pick([0, 1, 1, 2, 2, 3, 5, 8]) {
      let lasting = chance(0.15) ? nil : chance(0.4) ? seconds(1, 60) : seconds(30, length / 2)
      entries.append(Scenario.Entry(at: seconds(60, length * 0.9), occurrence(settings), lasting: lasting))
    }
    if chance(0.2) { entries += conspiracy(pick(settings)) }
    if settings.contains(where: { $0.decision.veto != nil }), chance(0.5) {
      let at = seconds(60, length * 0.6)
      entries.append(Scenario.Entry(at: at, .veto(hangs: chance(0.3)), lasting: seconds(60, 1200)))
    }
    for _ in 0..<pick([0, 0, 0, 1, 1, 2]) { entries.append(crash(within: length)) }
    for _ in 0..<pick([0, 0, 0, 0, 1, 3]) {
      entries.append(Scenario.Entry(at: seconds(60, length), .order(order(), workload: pick(settings).name)))
    }
    entries.sort { $0.at < $1.at }
    let duration = max(.seconds(Int(length)), (entries.last?.at ?? .zero) + .minutes(15))
    return Scenario(name: "", entries: entries, duration: duration)
  }

  /// What failovers are made for.
  private mutating func disaster(_ settings: [WorkloadSettings], within length: Double) -> Scenario.Entry {
    let (name, region) = (pick(settings).name, settings[0].primary.region)
    let fault: SandboxFault = pick([
      .regionOutage(region: region), .regionOutage(region: region), .applicationDown(workload: name, site: .primary),
      .albBlackhole(workload: name, site: .primary), .albRefused(workload: name, site: .primary),
      .databaseTrouble(pick(settings).primary.database.ref, status: "failed"),
    ])
    return Scenario.Entry(
      at: seconds(120, length / 3), .cloud(fault), lasting: chance(0.5) ? nil : seconds(20, length * 0.8))
  }

  /// Faults that are harmless alone and that independent draws seldom bring together.
  private mutating func conspiracy(_ workload: WorkloadSettings) -> [Scenario.Entry] {
    let region = SandboxFault.regionOutage(region: workload.primary.region)
    let application = SandboxFault.applicationDown(workload: workload.name, site: .primary)
    let outage = seconds(300, 700)
    switch pick([0, 0, 1, 1, 2, 2, 2, 3, 3, 4]) {
    case 0:
      // The replica falls behind, this host's clock would hide it, then the region is gone.
      return [
        Scenario.Entry(at: outage - .seconds(200), .cloud(.replicationStopped(workload: workload.name))),
        Scenario.Entry(at: outage + seconds(-100, 60), .clockBehind(seconds(60, 3600)), lasting: seconds(300, 1500)),
        Scenario.Entry(at: outage + seconds(0, 400), .cloud(region)),
      ]
    case 1:
      // The region comes back when the DR region serves already.
      return [Scenario.Entry(at: outage, .cloud(region), lasting: seconds(420, 1500))]
    case 2:
      // The primary comes back while the run is on its way.
      return [Scenario.Entry(at: outage, .cloud(pick([region, application])), lasting: seconds(60, 480))]
    case 3:
      // The promotion is refused for a while; meanwhile the primary serves again and only our probes do not see it.
      return [
        Scenario.Entry(at: outage, .cloud(application), lasting: seconds(420, 700)),
        Scenario.Entry(
          at: outage, .cloud(.accessDenied(apiName: "rds:PromoteReadReplica")), lasting: seconds(700, 1000)),
        Scenario.Entry(
          at: outage + .seconds(10), .cloud(.albHidden(workload: workload.name, site: .primary)),
          lasting: .seconds(1500)),
      ]
    default:
      // Home again, and down again.
      return [
        Scenario.Entry(at: outage, .cloud(application), lasting: seconds(900, 1200)),
        Scenario.Entry(at: .seconds(2000), .order(.failback, workload: workload.name)),
        Scenario.Entry(at: seconds(5000, 7000), .cloud(application)),
      ]
    }
  }

  private mutating func occurrence(_ settings: [WorkloadSettings]) -> Occurrence {
    let workload = pick(settings)
    switch Int(dice.unit() * 10) {
    case 0: return network()
    case 1: return disk()
    case 2: return pick([.freeze, .clockBehind(seconds(-7200, 7200)), .clockBehind(.hours(1))])
    default: return .cloud(fault(workload))
    }
  }

  private mutating func network() -> Occurrence {
    .network(
      pick([.answersLost, .packetLoss(share: 0.3), .packetLoss(share: 0.1), .slow(seconds(0.1, 4)), .noNames]))
  }

  private mutating func disk() -> Occurrence {
    .disk(
      pick([.full, .readOnly, .ioError(written: true), .ioError(written: false), .slow(seconds(0.01, 8))]))
  }

  private mutating func fault(_ workload: WorkloadSettings) -> SandboxFault {
    let name = workload.name
    let region = pick([workload.primary.region, workload.dr.region])
    let site: SandboxSite = pick([.primary, .dr])
    let database = pick([workload.primary.database.ref, workload.dr.database.ref])
    return pick([
      .regionOutage(region: workload.primary.region), .apiOutage(region: region),
      .throttling(region: region, share: pick([0.3, 0.9, 1])), .unknownOutcomes(share: pick([0.3, 1])),
      .lostRequests(share: 0.3), .garbledReplies(share: pick([0.2, 1])), .captivePortal(share: pick([0.3, 1])),
      .slowAPI(factor: pick([10, 100, 300])), .credentialsLost, .observerIsolated, .observerIsolated,
      .accessDenied(
        apiName: pick([
          "rds:PromoteReadReplica", "autoscaling:UpdateAutoScalingGroup", "secretsmanager:PutSecretValue",
          "s3:PutObject", "rds:AddTagsToResource", "rds:RebootDBInstance",
          "rds:DescribeDBInstances", "cloudwatch:GetMetricData", "elasticloadbalancing:DescribeTargetHealth",
        ])),
      .applicationDown(workload: name, site: site), .albBlackhole(workload: name, site: site),
      .albRefused(workload: name, site: site), .albHidden(workload: name, site: site),
      .albAddressDead(workload: name, site: site),
      .albSlow(workload: name, site: site, delay: pick([.seconds(3), .seconds(8)])),
      .checkersLie(workload: name),
      .albWrongContent(workload: name, site: site), .replicationStopped(workload: name), .lagMissing(workload: name),
      .lagSpike(workload: name, lag: pick([.seconds(30), .minutes(4), .minutes(20)])),
      .capacityShortage(workload: name, site: .dr, available: pick([0, 1])),
      .launchesSuspended(workload: name, site: .dr), .promotionStuck(workload: name), .backupRunning(database),
      .databaseTrouble(database, status: pick(["storage-full", "incompatible-network", "stopped"])),
    ])
  }

  private mutating func crash(within length: Double) -> Scenario.Entry {
    let moment: CrashMoment = pick(CrashMoment.allCases)
    let kind: MessageKind = pick([.runBegun, .acting, .accepted, .stepDone, .gatePassed, .runFinished, .degraded])
    let point: CrashPoint = pick([
      .now, .record(count: Int(dice.unit() * 60) + 1, moment), .kind(kind, step: nil, moment),
      .kind(.acting, step: pick(["promote-replica", "promote-primary"]), moment),
    ])
    return Scenario.Entry(
      at: seconds(60, length * 0.9), .crash(point, restartAfter: pick([seconds(0.1, 3), seconds(3, 600)])))
  }

  private mutating func order() -> OrderKind {
    pick([
      .pause(expires: nil), .pause(expires: Simulation.start + seconds(600, 4000)), .resume, .resume,
      .failover(acceptDataLoss: chance(0.5)), .failback, .failback, .approve(acceptDataLoss: chance(0.5)),
      .approve(acceptDataLoss: true), .retry(step: nil), .abort, .abort, .ack,
    ])
  }
}
