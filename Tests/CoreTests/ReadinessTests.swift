// What the answers mean for a failover that has not begun, as dialogues.

import PilotlightCore
import Testing

private let start = Instant(nanoseconds: 1_800_000_000_000_000_000)

private func settings(_ traffic: TrafficSettings? = nil) -> WorkloadSettings {
  func site(_ region: String, _ name: String) -> SiteSettings {
    SiteSettings(
      region: region, probe: ProbeSettings(url: "http://\(name).test/"),
      group: GroupSettings(
        ref: GroupRef(region: region, name: "\(name)-asg"), serving: GroupSize(min: 1, desired: 2, max: 3),
        standby: GroupSize(min: 0, desired: 0, max: 3), acceptMinimum: 1),
      targetGroup: TargetGroupRef(region: region, arn: "arn:tg"), listener: nil,
      database: DatabaseSettings(ref: DatabaseRef(region: region, identifier: "\(name)-db")),
      secret: SecretSettings(ref: SecretRef(region: region, id: "\(name)-secret")))
  }
  return WorkloadSettings(
    name: "app", mode: .automatic, objectives: Objectives(rto: .minutes(30), rpo: .minutes(5)),
    primary: site("eu-west-1", "app"), dr: site("us-west-2", "dr"), detection: DetectionSettings(),
    replication: ReplicationSettings(), decision: DecisionSettings(),
    traffic: traffic ?? .objectSwitch(ObjectRef(region: "us-west-2", bucket: "b", key: "k")), announcement: nil,
    failback: FailbackSettings())
}

private func failed(_ kind: CloudFailure.Kind, _ code: String) -> CloudReply {
  .failed(CloudFailure(kind, code: code, message: "no"))
}

private func database(
  _ status: String = "available", source: String? = "arn:aws:rds:eu-west-1:1:db:app-db"
) -> CloudReply {
  .database(DatabaseState(status: status, source: source, arn: "arn", address: nil, engine: "postgres"))
}

private func judged(_ item: ReadinessItem, _ reply: CloudReply, _ traffic: TrafficSettings? = nil) -> Finding {
  item.judge(reply, settings(traffic), at: start)
}

@Suite struct FindingTests {
  @Test(arguments: ["storage-full", "incompatible-network", "incompatible-parameters", "deleting", "stopped"])
  func `F33 a replica that is broken is red with its cause, and a failover refuses`(_ status: String) {
    #expect(judged(.database, database(status)) == .notReady("replica dr-db is \(status)", pointless: true))
  }

  @Test func `F33 a replica that was deleted, or is none, is red`() {
    #expect(
      judged(.database, failed(.notFound, "DBInstanceNotFound"))
        == .notReady("replica dr-db does not exist", pointless: true))
    #expect(
      judged(.database, database(source: nil))
        == .notReady("dr-db is not a replica: roles may be swapped, or it was promoted already", pointless: true))
  }

  @Test func `a replica of another database, or one that is not yet, is no pilot light, and holds nothing back`() {
    #expect(
      judged(.database, database(source: "arn:aws:rds:eu-west-1:1:db:shop-db"))
        == .notReady("replica dr-db follows arn:aws:rds:eu-west-1:1:db:shop-db, not app-db"))
    #expect(judged(.database, database("creating")) == .notReady("replica dr-db is still being created"))
    #expect(judged(.database, database("backing-up")) == .ready("dr-db follows app-db and is backing-up"))
    #expect(judged(.database, database(source: "App-DB")) == .ready("dr-db follows app-db and is available"))
    guard case .database(var bare) = database() else { return #expect(Bool(false)) }
    bare.instance = InstanceState(backupRetention: 0)
    #expect(judged(.database, .database(bare)).sentence.contains("may make a full one in its promotion"))
  }

  @Test func `F38 a maximum below the capacity wanted is no trouble: the scale-up raises it`() {
    let group = CloudReply.group(GroupState(size: GroupSize(min: 0, desired: 0, max: 0), inService: 0, instances: 0))
    #expect(judged(.group, group) == .ready("group dr-asg is at 0/0/0"))
    let dr = settings().dr.group
    let run = StepRun(Step("scale-up-dr", .scaleUp(dr.ref, dr.serving), forecast: .zero))
    let context = StepContext(
      now: start,
      run: Run(incident: "i", kind: .failover, startedAt: start, outageStart: start, orderedBy: nil, plan: [run.step]),
      step: run, primaryServing: nil, drServing: nil)
    guard case .needed(.resizeGroup(_, let size), _, _) = run.step.work.read([group], context) else {
      return #expect(Bool(false))
    }
    #expect(size == dr.serving)
  }

  @Test func `a group that is gone, cannot launch, or whose instances would never serve, is red`() {
    #expect(
      judged(.group, failed(.notFound, "NotFound")) == .notReady("group dr-asg does not exist", pointless: true))
    func suspended(_ process: String) -> CloudReply {
      .group(
        GroupState(size: GroupSize(min: 0, desired: 0, max: 3), inService: 0, instances: 0, suspended: [process]))
    }
    #expect(
      judged(.group, suspended("Launch"))
        == .notReady("group dr-asg has its Launch process suspended", pointless: true))
    #expect(
      judged(.group, suspended("AddToLoadBalancer"))
        == .notReady("group dr-asg has its AddToLoadBalancer process suspended"))
    #expect(judged(.group, suspended("AZRebalance")) == .ready("group dr-asg is at 0/0/3"))
  }

  @Test func `F92 a launch template that is gone is red; one that may not be looked at is unknown`() {
    let gone = LaunchSource(.template, name: "lt-1", version: "$Default", isPresent: false)
    #expect(
      judged(.launch, .launchSource(gone))
        == .notReady("group dr-asg launches from launch template lt-1, version $Default, which does not exist"))
    #expect(judged(.launch, failed(.denied, "UnauthorizedOperation")) == .unknown("UnauthorizedOperation: no"))
  }

  @Test(arguments: [
    (1, ["a"], "one instance type in a only: it has nothing to turn to when that is short there"),
    (1, ["a", "b"], "one instance type in 2 zones"), (3, ["a"], "any of 3 instance types in a only"),
    (nil, ["a", "b"], "whatever meets its requirements in 2 zones"),
  ])
  func `a group that has nothing to turn to in a shortage is told months before`(
    _ types: Int?, _ zones: [String], _ words: String
  ) {
    let source = LaunchSource(
      .template, name: "lt-1", isPresent: true, choice: LaunchChoice(types: types, zones: zones))
    #expect(
      judged(.launch, .launchSource(source))
        == .ready("group dr-asg launches from launch template lt-1, \(words)"))
  }

  @Test func `a load balancer of the DR region that was left closed is told, and opened by the failover`() {
    var settings = settings
    let listener = ListenerRef(region: settings.dr.region, arn: "dr-listener")
    settings.dr.listener = listener
    let held = ReadinessItem.passage.judge(.writeHold(present: true), settings, at: .distantPast)
    #expect(
      held == .ready("listener dr-listener of the DR region still holds writes of an earlier run; a failover opens it"))
    #expect(Plan.failover(settings).contains { $0.work == .releaseWrites(listener) })
  }

  @Test func `a replica secret that nothing detaches, and one that was detached, are told before they matter`() {
    var settings = settings
    func told(_ source: String?) -> Finding {
      ReadinessItem.secretSource.judge(.secretSource(region: source), settings, at: .distantPast)
    }
    guard case .notReady(let why, false) = told("eu-west-1"), case .ready = told(nil) else {
      Issue.record("\(told("eu-west-1")), \(told(nil))")
      return
    }
    #expect(why.contains("set `isReplica: true`"))
    settings.dr.secret?.isReplica = true
    guard case .unknown(let gone) = told(nil), case .ready = told("eu-west-1") else {
      Issue.record("\(told("eu-west-1")), \(told(nil))")
      return
    }
    #expect(gone.contains("replicate it again"))
  }

  @Test func `a listener whose first place is taken cannot be closed, and says so`() {
    var settings = settings
    settings.dr.listener = ListenerRef(region: settings.dr.region, arn: "dr-listener")
    let taken = CloudReply.writeHold(present: false, foreign: "arn:rule has priority 1")
    guard case .notReady(let why, false) = ReadinessItem.listener.judge(taken, settings, at: .distantPast),
      case .ready(let note) = ReadinessItem.passage.judge(taken, settings, at: .distantPast)
    else {
      Issue.record("it is not told")
      return
    }
    #expect(
      why.contains("could not be closed: arn:rule has priority 1") && note.contains("a failback could not hold writes"))
  }

  @Test func `a secret that is gone, marked for deletion or unreadable is red; a throttled one is unknown`() {
    #expect(judged(.secret, failed(.notFound, "X")) == .notReady("secret dr-secret does not exist"))
    #expect(
      judged(.secret, failed(.wrongState, "InvalidRequestException"))
        == .notReady("secret dr-secret cannot be used: InvalidRequestException: no"))
    #expect(
      judged(.secret, failed(.denied, "AccessDenied"))
        == .notReady("secret dr-secret cannot be read: AccessDenied: no"))
    #expect(judged(.secret, failed(.throttled, "Throttling")) == .unknown("Throttling: no"))
  }

  @Test func `the switch needs its bucket, and no object while the primary serves`() {
    #expect(
      judged(.traffic, .object(present: false)) == .ready("bucket b answers, the switch object is absent"))
    #expect(
      judged(.traffic, .object(present: true))
        == .notReady("the switch object s3://b/k is present: it does not lead users to the primary"))
    #expect(
      judged(.traffic, failed(.notFound, "NoSuchBucket"))
        == .notReady("bucket b of the traffic switch does not exist"))
    #expect(
      judged(.traffic, failed(.denied, "AccessDenied"))
        == .notReady("traffic switch s3://b/k cannot be read: AccessDenied: no"))
  }

  @Test func `record sets must be there and lead to one of the two regions`() {
    let record = RecordRef(zone: "Z1", name: "app.example.com", type: "CNAME")
    let route = TrafficSettings.route53(
      record, primary: RecordTarget(host: "P.example.com"), dr: RecordTarget(host: "d.example.com"))
    func found(_ states: [RecordState]) -> Finding { judged(.traffic, .records(states), route) }
    #expect(found([RecordState(host: "p.example.com")]) == .ready("app.example.com is there"))
    #expect(found([]) == .notReady("there is no record set app.example.com of type CNAME"))
    #expect(
      found([RecordState(host: "other.example.com")])
        == .notReady("app.example.com leads to other.example.com, which is neither region's load balancer"))
    let weighted = TrafficSettings.route53(
      record, primary: RecordTarget(host: "p.example.com", setIdentifier: "p"),
      dr: RecordTarget(host: "d.example.com", setIdentifier: "d"))
    #expect(
      judged(.traffic, .records([RecordState(host: "p.example.com", setIdentifier: "p", weight: 100)]), weighted)
        == .notReady("app.example.com has no record set d that leads to d.example.com"))
    #expect(
      found([RecordState(host: "d.example.com")])
        == .notReady("app.example.com leads to d.example.com: it does not lead users to the primary alone"))
    #expect(
      found([RecordState(host: "p.example.com"), RecordState(host: "p.example.com", type: "AAAA")])
        == .ready("app.example.com is there; its AAAA records are not moved"))
    #expect(
      found([RecordState(host: "p.example.com"), RecordState(host: "d.example.com", setIdentifier: "d")])
        == .notReady("app.example.com has 2 record sets, and the configuration names no set identifiers"))
  }

  @Test func `a pair that does not lead users to the primary alone is red, and so is one that is not weighted`() {
    let weighted = TrafficSettings.route53(
      RecordRef(zone: "Z1", name: "app.example.com", type: "CNAME"),
      primary: RecordTarget(host: "p.example.com", setIdentifier: "p"),
      dr: RecordTarget(host: "d.example.com", setIdentifier: "d"))
    func found(_ primary: Int?, _ dr: Int?, policy: String? = nil) -> Finding {
      let sets = [("p", primary), ("d", dr)].map {
        RecordState(host: "\($0.0).example.com", setIdentifier: $0.0, weight: $0.1, policy: policy)
      }
      return judged(.traffic, .records(sets), weighted)
    }
    #expect(found(1, 0) == .ready("app.example.com is there"))
    let third = ["p": 100, "d": 0, "canary": 50].map {
      RecordState(host: $0.key == "d" ? "d.example.com" : "p.example.com", setIdentifier: $0.key, weight: $0.value)
    }
    #expect(
      judged(.traffic, .records(third), weighted)
        == .notReady(
          "record set canary of app.example.com has weight 50, and the configuration does not name it: nobody would move it"
        ))
    for (primary, dr) in [(0, 0), (0, 100), (100, 1)] {
      #expect(
        found(primary, dr)
          == .notReady(
            "app.example.com leads to p.example.com (weight \(primary)), d.example.com (weight \(dr)): "
              + "it does not lead users to the primary alone"))
    }
    #expect(
      found(nil, nil, policy: "latency") == .notReady("record set p of app.example.com is not weighted but latency"))
  }

  @Test func `a change that IAM denies is red; a simulation that is not allowed proves nothing`() {
    func permission(_ decision: Permission.Decision) -> CloudReply {
      .permissions([Permission(action: "rds:PromoteReadReplica", resource: "arn:x", decision: decision)])
    }
    #expect(judged(.permissions, permission(.denied)) == .notReady("IAM denies rds:PromoteReadReplica on arn:x"))
    #expect(judged(.permissions, permission(.allowed)) == .ready("IAM allows all 1 changes of a failover"))
    #expect(
      judged(.permissions, permission(.undecided("why")))
        == .unknown("the simulation leaves open rds:PromoteReadReplica on arn:x (why)"))
    #expect(
      judged(.permissions, failed(.denied, "AccessDenied"))
        == .unknown("the simulation says nothing: AccessDenied: no"))
  }

  @Test func `a load balancer that the fence would close is looked for, and only then`() {
    let listener = ListenerRef(region: "eu-west-1", arn: "arn:listener")
    var closing = settings()
    closing.primary.listener = listener
    #expect(ReadinessItem.listener.action(closing) == nil)
    closing.decision.fenceListener = true
    #expect(ReadinessItem.listener.action(closing) == .readWriteHold(listener))
    func told(_ reply: CloudReply) -> Finding { ReadinessItem.listener.judge(reply, closing, at: start) }
    #expect(told(.writeHold(present: false)) == .ready("listener arn:listener is there"))
    #expect(
      told(failed(.notFound, "ListenerNotFound"))
        == .notReady("listener arn:listener, which the fence would close, does not exist"))
    // A fence that cannot be built is owed, and the region may be gone.
    #expect(told(failed(.unreachable, "timeout")) == .unknown("timeout: no"))
    #expect(!ReadinessItem.listener.isNeeded)
  }

  @Test func `a topic of pages that reaches nobody is red, before anybody has to be called`() {
    var paging = settings()
    paging.page = TopicRef(region: "us-west-2", arn: "arn:pager")
    func told(_ reply: CloudReply) -> Finding { ReadinessItem.page.judge(reply, paging, at: .distantPast) }
    #expect(ReadinessItem.page.action(paging) == .readTopic(TopicRef(region: "us-west-2", arn: "arn:pager")))
    #expect(ReadinessItem.page.action(settings()) == nil)
    #expect(told(.subscribers(confirmed: 2, pending: 0)) == .ready("2 subscriber(s) of arn:pager are called"))
    #expect(
      told(.subscribers(confirmed: 0, pending: 1))
        == .notReady(
          "nobody would be called: topic arn:pager of `page` has no confirmed subscriber; 1 have not confirmed that they want to"
        ))
    #expect(
      told(failed(.notFound, "NotFound"))
        == .notReady("topic arn:pager of `page` does not exist: nobody would be called"))
    // Who may publish need not be allowed to look.
    #expect(told(failed(.denied, "AuthorizationError")) == .unknown("AuthorizationError: no"))
    #expect(!ReadinessItem.page.isNeeded)
  }

  @Test func `a clock that is more than a minute off is red`() {
    #expect(
      judged(.clock, .clock(behind: .seconds(61))) == .notReady("this host's clock is 61 s behind AWS's"))
    #expect(
      judged(.clock, .clock(behind: .minutes(-5))) == .notReady("this host's clock is 5 min ahead of AWS's"))
    #expect(judged(.clock, .clock(behind: .seconds(-60))) == .ready("this host's clock agrees with AWS's to 60 s"))
  }
}

@Suite struct ReadinessTests {
  private let missing = CloudReply.launchSource(LaunchSource(.template, name: "lt-1", isPresent: false))
  private let present = CloudReply.launchSource(LaunchSource(.template, name: "lt-1", isPresent: true))

  private func filled(_ change: (inout Readiness) -> Void = { _ in }) -> Readiness {
    var readiness = Readiness(settings())
    let good: [(ReadinessItem, CloudReply)] = [
      (.credentials, .identity(account: "1", arn: "arn")), (.database, database()),
      (.group, .group(GroupState(size: GroupSize(min: 0, desired: 0, max: 3), inService: 0, instances: 0))),
      (.launch, present), (.targets, .targets(TargetHealth(healthy: 0, unhealthy: 0, other: 0))),
      (.secret, .secret(SecretState(address: DatabaseAddress(host: "h", port: 1), version: "1"))),
      (.secretSource, .secretSource(region: nil)),
      (.traffic, .object(present: false)), (.permissions, .permissions([])), (.clock, .clock(behind: .zero)),
    ]
    for (item, reply) in good { readiness.read(reply, of: item, at: start) }
    change(&readiness)
    return readiness
  }

  @Test func `nothing is missing when all was read and is well`() {
    let readiness = filled()
    #expect(readiness.isComplete && readiness.lacks(at: start) == [] && readiness.unproven(at: start) == [])
  }

  @Test func `before the first reading what is needed is missing, and the rest not proven`() {
    let readiness = Readiness(settings())
    #expect(!readiness.isComplete)
    #expect(readiness.lacks(at: start).contains("secret not proven: not read yet"))
    #expect(
      readiness.unproven(at: start) == [
        "launch not proven: not read yet", "secretSource not proven: not read yet",
        "permissions not proven: not read yet", "clock not proven: not read yet",
      ])
  }

  @Test func `what was told stands while readings fail, for eleven minutes`() {
    let silent = filled { $0.read(failed(.throttled, "Throttling"), of: .secret, at: start + .minutes(5)) }
    #expect(silent.lacks(at: start + .minutes(11)) == [])
    let late = silent.lacks(at: start + .minutes(12)).filter { $0.hasPrefix("secret") }
    #expect(
      late == [
        "secret not proven: Throttling: no; last known 12 min ago: secret dr-secret can be read and holds an address"
      ])
  }

  @Test func `bad news is told at once and stands until there is better`() {
    var readiness = filled { $0.read(missing, of: .launch, at: start + .minutes(1)) }
    #expect(readiness.lacks(at: start + .minutes(1)).count == 1)
    readiness.read(present, of: .launch, at: start + .minutes(2))
    #expect(readiness.lacks(at: start + .minutes(2)) == [])
  }

  @Test func `a simulation that is not allowed is shown and keeps nothing from being armed`() {
    var readiness = Readiness(settings())
    readiness.read(failed(.denied, "AccessDenied"), of: .permissions, at: start)
    let unproven = readiness.unproven(at: start + .minutes(3)).filter { $0.hasPrefix("permissions") }
    #expect(
      unproven == ["permissions not proven: the simulation says nothing: AccessDenied: no, for 3 min"])
    #expect(!readiness.lacks(at: start).contains { $0.hasPrefix("permissions") })
  }
}

extension Readiness {
  fileprivate mutating func read(_ reply: CloudReply, of item: ReadinessItem, at now: Instant) {
    take(item.judge(reply, settings(), at: now), of: item, at: now)
  }
}
