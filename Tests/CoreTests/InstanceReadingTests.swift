// A database that is built anew is like the one whose place it takes, and one that is promoted keeps its backups.

import PilotlightCore
import Testing

private let home = DatabaseRef(region: "eu-west-1", identifier: "app-db")
private let kept = DatabaseRef(region: "eu-west-1", identifier: "app-db-kept-1")
private let source = DatabaseRef(region: "us-west-2", identifier: "dr-db")

private func seen(_ instance: InstanceState?, _ status: String = "available", from: String? = "dr-db") -> CloudReply {
  .database(
    DatabaseState(status: status, source: from, arn: "a", address: nil, engine: "postgres", instance: instance))
}

private let missing = CloudReply.failed(CloudFailure(.notFound, code: "DBInstanceNotFound", message: "no"))
private let late = CloudReply.failed(CloudFailure(.transient, code: "timeout", message: "no answer"))

private let production = InstanceState(
  instanceClass: "db.r6g.large", subnetGroup: "private", securityGroups: ["sg-1"], kmsKey: "key",
  parameterGroup: "app-postgres16", backupRetention: 35,
  options: InstanceOptions(multiAZ: true, deletionProtection: true, copyTagsToSnapshot: true, tags: ["team": "a"]),
  others: ["StorageType": "io2"])

private func read(
  _ work: Work, _ replies: CloudReply..., behind steps: [StepRun] = [], asked: Bool = false,
  after wait: Duration = .minutes(2)
) -> Reading {
  var step = StepRun(Step("s", work, forecast: .zero))
  step.startedAt = .distantPast
  if asked { (step.intentAt, step.wasTaken) = (.distantPast, true) }
  var run = Run(
    incident: "i", kind: .failback, startedAt: .distantPast, outageStart: nil, orderedBy: "me", plan: [])
  run.steps = steps + [step]
  return work.read(
    replies,
    StepContext(now: .distantPast + wait, run: run, step: step, primaryServing: nil, drServing: nil))
}

/// What is asked for; nil: nothing is.
private func act(_ reading: Reading) -> CloudAction? {
  if case .needed(let action, _, _) = reading { action } else { nil }
}

@Suite struct InstanceReadingTests {
  private let rebuild = Work.replicate(
    ReplicaSpec(settings: DatabaseSettings(ref: home), source: source, predecessor: kept))
  private let settle = Work.reinstate(home, like: kept, parameterGroup: nil)

  @Test func `a replica is created where the one was whose place it takes, unless the operator says otherwise`() {
    #expect(rebuild.looks(StepRun(Step("s", rebuild, forecast: .zero))).count == 2)
    guard case .createReplica(let spec)? = act(read(rebuild, missing, seen(production, from: nil))) else {
      Issue.record("nothing is asked for")
      return
    }
    #expect(spec.instanceClass == "db.r6g.large" && spec.subnetGroup == "private" && spec.securityGroups == ["sg-1"])
    // What may be refused comes afterwards.
    #expect(spec.kmsKey == "key" && spec.parameterGroup == nil)
    var said = DatabaseSettings(
      ref: home, instanceClass: "db.t3.micro", subnetGroup: "mine", kmsKey: "mine", parameterGroup: "mine")
    func created() -> ReplicaSpec? {
      let own = Work.replicate(ReplicaSpec(settings: said, source: source, predecessor: kept))
      guard case .createReplica(let spec)? = act(read(own, missing, seen(production, from: nil))) else { return nil }
      return spec
    }
    #expect(created()?.instanceClass == "db.t3.micro" && created()?.kmsKey == "mine")
    // Security groups of another network are refused.
    #expect(created()?.subnetGroup == "mine" && created()?.securityGroups == [] && created()?.parameterGroup == "mine")
    said.subnetGroup = "private"
    #expect(created()?.securityGroups == ["sg-1"])
    said.securityGroups = ["sg-2"]
    #expect(created()?.securityGroups == ["sg-2"])
  }

  @Test func `nothing is created before it is known what the predecessor was, or that there is none`() {
    if case .unclear = read(rebuild, missing, late) {} else { Issue.record("created without having looked") }
    // A new name takes a while to show.
    var renamed = StepRun(Step("set-aside", .setAside(home, as: kept.identifier), forecast: .zero))
    renamed.intentAt = .distantPast
    #expect(
      read(rebuild, missing, missing, behind: [renamed], after: .minutes(4))
        == .underway("app-db-kept-1 is not there yet"))
    guard case .createReplica(let spec)? = act(read(rebuild, missing, missing)) else {
      Issue.record("nothing is asked for")
      return
    }
    #expect(spec.subnetGroup == nil && spec.instanceClass == nil)
  }

  @Test func `what a replica was not given is asked for afterwards`() {
    guard case .modifyInstance(home, let change)? = act(read(settle, seen(InstanceState()), seen(production))) else {
      Issue.record("nothing is asked for")
      return
    }
    #expect(
      change.sentence
        == "DeletionProtection, MultiAZ, CopyTagsToSnapshot, DBParameterGroupName app-postgres16, tags team")
    #expect(read(settle, seen(InstanceState(), "modifying"), seen(production)) == .underway("app-db is modifying"))
    if case .impossible = read(settle, seen(InstanceState(), "incompatible-parameters"), seen(production)) {
    } else {
      Issue.record("waits for what does not pass")
    }
    if case .unclear = read(settle, seen(InstanceState()), late) {} else { Issue.record("settled unseen") }
  }

  @Test func `what somebody switched on meanwhile stays, and what is not asked for is told`() {
    var (now, old) = (production, production)
    now.backupRetention = 0
    #expect(read(settle, seen(now), seen(old)) == .done("app-db is like app-db-kept-1"))
    // Somebody is about to delete what was kept.
    old.options = InstanceOptions()
    now.options.tags["team"] = "b"
    #expect(read(settle, seen(now), seen(old)) == .done("app-db is like app-db-kept-1"))
    now.others = ["StorageType": "gp3", "MonitoringInterval": "60"]
    #expect(
      read(settle, seen(now), seen(old))
        == .done("app-db is like app-db-kept-1 but for: MonitoringInterval 60, was none; StorageType gp3, was io2"))
  }

  @Test func `an engine's own parameter group belongs to its version, the operator's goes first`() {
    var old = InstanceState(parameterGroup: "default.postgres15")
    let new = InstanceState(parameterGroup: "default.postgres16")
    #expect(act(read(settle, seen(new), seen(old))) == nil)
    old.parameterGroup = "app-postgres15"
    let own = Work.reinstate(home, like: kept, parameterGroup: "app-postgres16")
    guard case .modifyInstance(_, let change)? = act(read(own, seen(new), seen(old))) else {
      Issue.record("nothing is asked for")
      return
    }
    #expect(change.sentence == "DBParameterGroupName app-postgres16")
    #expect(read(own, seen(production), missing) == .done("app-db-kept-1 is not there to compare with"))
    guard case .modifyInstance? = act(read(own, seen(new), missing)) else {
      Issue.record("the operator's word needs no predecessor")
      return
    }
  }

  @Test func `a replica whose parameters wait is restarted, and a writer never`() {
    let apply = Work.applyParameters(home)
    var waiting = production
    waiting.parameterStatus = "pending-reboot"
    #expect(act(read(apply, seen(waiting))) == .rebootInstance(home))
    #expect(read(apply, seen(waiting, "rebooting")) == .underway("app-db is rebooting"))
    #expect(read(apply, seen(production)) == .done("parameters of app-db are in-sync"))
    #expect(read(apply, seen(waiting, from: nil)) == .done("app-db is no replica, and not ours to restart"))
    // Once: what waits for longer, waits for something else.
    let note = "parameters of app-db still wait after its restart"
    #expect(read(apply, seen(waiting), asked: true) == .underway(note))
    #expect(read(apply, seen(waiting), asked: true, after: .minutes(10)) == .done(note))
    waiting.parameterStatus = "applying"
    #expect(read(apply, seen(waiting)) == .underway("parameters of app-db are applied"))
  }

  @Test func `a promotion keeps backups for as long as was said, and never for less than they are kept already`() {
    let ask = Work.promote(home, whileHeld: nil, backups: 7)
    #expect(act(read(ask, seen(InstanceState()))) == .promoteReplica(home, backups: 7))
    #expect(act(read(ask, seen(InstanceState(backupRetention: 14)))) == .promoteReplica(home, backups: 14))
    #expect(act(read(ask, seen(nil))) == .promoteReplica(home, backups: 7))
    // RDS refuses any other number where AWS Backup keeps them.
    let managed = InstanceState(backupRetention: 3, hasBackupPlan: true)
    #expect(act(read(ask, seen(managed))) == .promoteReplica(home, backups: 3))
    // A plan that keeps none of its own would have the promotion switch backups off.
    #expect(act(read(ask, seen(InstanceState(hasBackupPlan: true)))) == .promoteReplica(home, backups: 7))
    // It was promoted without: somebody has to know.
    #expect(
      read(ask, seen(InstanceState(backupRetention: 1), from: nil), asked: true)
        == .done("app-db is standalone and available; its backups are kept for 1 day(s), not 7"))
    // A run that an older version began says nothing.
    #expect(act(read(.promote(home, whileHeld: nil), seen(InstanceState()))) == .promoteReplica(home))
  }

  @Test func `backups are kept for as long as the primary's were, which is remembered, or as the operator says`() {
    var settings = aurora
    settings.primary.database.ref.global = nil
    settings.dr.database.ref.global = nil
    func days(_ records: [Record]) -> [Int?] {
      let machine = Machine(settings, state: DurableState(records), seed: 1)
      let plans = [
        machine.failoverPlan(at: .distantPast), machine.switchoverPlan(at: .distantPast),
        machine.failbackPlan(incident: "i", at: .distantPast),
      ]
      return plans.flatMap { $0 }.compactMap { step in
        if case .promote(_, _, let backups) = step.work { .some(backups) } else { nil }
      }
    }
    let seen: [Record] = [.backupsSeen(days: 7, at: .distantPast), .backupsSeen(days: 35, at: .distantPast)]
    #expect(days([]) == [7, 7, 7] && days(seen) == [35, 35, 35])
    settings.dr.database.backupRetention = 14
    #expect(days(seen) == [14, 14, 35])
  }
}
