// What a look at a cluster of a global database means for each step that waits for its role.

import PilotlightCore
import Testing

private let new = aurora.dr.database.ref
private let old = aurora.primary.database.ref
private let (newARN, oldARN) = ("arn:aws:rds:us-west-2:1:cluster:dr-db", "arn:aws:rds:eu-west-1:1:cluster:app-db")

private func state(
  _ status: String = "available", source: String? = oldARN, sync: String? = "replicating", instances: Int = 1,
  version: String = "16.4", isMember: Bool = true, operation: GlobalOperation? = nil
) -> CloudReply {
  .database(
    DatabaseState(
      status: status, source: source, arn: newARN, address: nil, engine: "aurora-postgresql", replication: sync,
      cluster: ClusterState(
        instances: instances, version: version, globalVersion: "16.4", isMember: isMember, operation: operation)))
}

private func moving(to arn: String, loses: Bool) -> GlobalOperation {
  GlobalOperation(status: "pending", to: arn, allowsLoss: loses)
}

private func word(_ work: Work, _ replies: CloudReply..., asked: Bool = false, denied: Bool = false) -> String {
  var step = StepRun(Step("s", work, forecast: .zero))
  if asked { step.intentAt = .distantPast }
  step.didNotHappen = denied
  let run = Run(
    incident: "i", kind: .failover, startedAt: .distantPast, outageStart: nil, orderedBy: nil, plan: [step.step])
  let context = StepContext(now: .distantPast, run: run, step: step, primaryServing: nil, drServing: nil)
  return switch work.read(replies, context) {
  case .done: "done"
  case .underway: "under way"
  case .held: "held"
  case .overtaken: "overtaken"
  case .needed(let action, let undo, _): "\(undo == nil ? "one-way " : "")\(action.apiName) in \(action.region)"
  case .repeated: "again"
  case .asks: "asks"
  case .impossible: "impossible"
  case .unclear: "unclear"
  }
}

@Suite struct GlobalReadingTests {
  private let failover = Work.promote(new, whileHeld: nil)
  private let switchover = Work.switchOver(new, from: old)
  private let failOver = "one-way rds:FailoverGlobalCluster in us-west-2"
  private let switchOver = "one-way rds:SwitchoverGlobalCluster in eu-west-1"

  @Test func `a reader is failed over to, whatever passing status it has once its writer is gone`() {
    for status in ["available", "backing-up", "modifying", "never-heard-of"] {
      #expect(word(failover, state(status)) == failOver, "\(status)")
      #expect(word(switchover, state(status)) == switchOver, "\(status)")
    }
    for work in [failover, switchover] {
      #expect(word(work, state("creating")) == "under way" && word(work, state("migration-failed")) == "impossible")
      #expect(word(work, state(instances: 0)) == "impossible")
      #expect(
        word(work, .database(DatabaseState(status: "available", source: nil, arn: "a", address: nil, engine: "mysql")))
          == "unclear")
    }
  }

  @Test func `the writer is there once it is available, although the operation is still told`() {
    for work in [failover, switchover] {
      #expect(word(work, state(source: nil)) == "done")
      #expect(word(work, state(source: nil, operation: moving(to: newARN, loses: true))) == "done")
      #expect(word(work, state("promoting", source: nil)) == "under way")
      // It takes writes while a snapshot is taken.
      #expect(word(work, state("backing-up", source: nil)) == "done")
      #expect(word(work, state("backing-up", source: nil, isMember: false)) != "done")
      #expect(word(work, state(source: nil, instances: 0)) == "impossible")
    }
  }

  @Test func `an operation towards us is under way, and nobody else's is taken for ours`() {
    #expect(word(failover, state("failing-over", operation: moving(to: newARN, loses: true))) == "under way")
    #expect(word(failover, state(operation: moving(to: newARN, loses: false))) == "under way")
    #expect(word(switchover, state(operation: moving(to: newARN.uppercased(), loses: false))) == "under way")
    #expect(word(switchover, state(operation: moving(to: "", loses: false))) == "under way")
    #expect(word(switchover, state(operation: moving(to: newARN, loses: true))) == "overtaken")
    // A switchover that hangs on a dead writer is nobody's failover.
    let hangs = GlobalOperation(status: "switching-over", to: newARN, allowsLoss: false)
    #expect(word(failover, state(operation: hangs), asked: true) == "overtaken")
    #expect(word(switchover, state(operation: hangs), asked: true) == "under way")
    for work in [failover, switchover] {
      #expect(word(work, state(operation: moving(to: oldARN, loses: true))) == "overtaken")
    }
  }

  @Test func `a cluster that was detached writes, which is what a failover wants and a switchover does not`() {
    #expect(word(failover, state(source: nil, isMember: false)) == "done")
    #expect(word(failover, state("modifying", source: nil, isMember: false)) == "under way")
    #expect(word(switchover, state(source: nil, isMember: false)) == "impossible")
  }

  @Test func `a third region that somebody made the writer of is left alone, and one that is not told is no third`() {
    for work in [failover, switchover] {
      #expect(word(work, state(source: "arn:aws:rds:ap-southeast-1:1:cluster:app-db")) == "overtaken")
    }
    for source in ["arn:aws:rds:EU-WEST-1:1:cluster:app-db", "arn:aws:rds::1:global-cluster:app-global", "app-global"] {
      #expect(word(failover, state(source: source)) == failOver)
      #expect(word(switchover, state(source: source)) == switchOver)
    }
  }

  @Test func `what becomes of a switchover to a silent region is known by who wrote until then`() {
    let silent = CloudReply.failed(CloudFailure(.unreachable, code: "timeout", message: "dark"))
    func left(_ source: String?, isMember: Bool = true, _ operation: GlobalOperation? = nil) -> CloudReply {
      .database(
        DatabaseState(
          status: "available", source: source, arn: oldARN, address: nil, engine: "aurora-postgresql",
          cluster: ClusterState(
            instances: 1, version: "16.4", globalVersion: "16.4", isMember: isMember, operation: operation)))
    }
    #expect(switchover.looksInTrouble == [.describeDatabase(old)] && failover.looksInTrouble.isEmpty)
    for asked in [true, false] {
      #expect(word(switchover, silent, left(newARN), asked: asked) == "under way")
      #expect(word(switchover, silent, left(nil, moving(to: newARN, loses: false)), asked: asked) == "under way")
      #expect(word(switchover, silent, left(oldARN, moving(to: newARN, loses: false)), asked: asked) == "under way")
      #expect(word(switchover, silent, left(nil, moving(to: newARN, loses: true)), asked: asked) == "overtaken")
      let third = left("arn:aws:rds:ap-southeast-1:1:cluster:third")
      #expect(word(switchover, silent, third, asked: asked) == "overtaken")
      #expect(word(switchover, silent, silent, asked: asked) == "unclear" && word(switchover, silent) == "unclear")
      // The target's own word goes first.
      #expect(word(switchover, state(source: nil), left(nil), asked: asked) == "done")
      #expect(word(switchover, state(source: nil), silent, asked: asked) == "done")
    }
    // It still writes. What was asked for has lapsed, and nothing more is asked of a region that does not answer.
    #expect(word(switchover, silent, left(nil), asked: true) == switchOver)
    #expect(word(switchover, silent, left(nil, isMember: false), asked: true) == switchOver)
    #expect(word(switchover, silent, left(nil), asked: true, denied: true) == "unclear")
    #expect(word(switchover, silent, left(nil)) == "unclear")
    let denied = CloudReply.failed(CloudFailure(.denied, code: "AccessDenied", message: "no"))
    #expect(word(switchover, denied, left(nil), asked: true) == "impossible")
  }

  @Test func `a look at a cluster takes leave for two calls, and at an instance for one`() {
    #expect(CloudAction.describeDatabase(new).apiNames == ["rds:DescribeDBClusters", "rds:DescribeGlobalClusters"])
    #expect(CloudAction.describeDatabase(settings.dr.database.ref).apiNames == ["rds:DescribeDBInstances"])
    #expect(CloudAction.failOverCluster(new, arn: newARN).apiNames == ["rds:FailoverGlobalCluster"])
  }

  @Test func `where versions differ the way out is in the words`() {
    let step = StepRun(Step("s", failover, forecast: .zero))
    let run = Run(
      incident: "i", kind: .failover, startedAt: .distantPast, outageStart: nil, orderedBy: nil, plan: [step.step])
    let context = StepContext(now: .distantPast, run: run, step: step, primaryServing: nil, drServing: nil)
    guard case .needed(_, _, let note) = failover.read([state(version: "16.3")], context) else {
      return #expect(Bool(false))
    }
    #expect(
      note.contains("aws rds remove-from-global-cluster --region us-west-2 --global-cluster-identifier app-global"))
  }

  @Test func `the old writer is a reader again when it follows, is synchronised, and is available`() {
    let demoted = Work.awaitDemoted(old)
    #expect(
      word(demoted, state(source: newARN)) == "done" && word(demoted, state("backing-up", source: newARN)) == "done")
    #expect(word(demoted, state(source: newARN, sync: "pending-resync")) == "under way")
    #expect(word(demoted, state(source: newARN, sync: nil)) == "under way")
    #expect(word(demoted, state("resyncing", source: newARN)) == "under way")
    #expect(word(demoted, state("promoting", source: newARN)) == "under way")
    // Housekeeping of a reader that was proven to be one raises no debt.
    #expect(word(demoted, state("modifying", source: newARN)) == "done")
    #expect(word(demoted, state(source: newARN, operation: moving(to: newARN, loses: true))) == "under way")
    #expect(word(demoted, state(source: nil)) == "under way")
    #expect(word(demoted, state(source: nil, isMember: false)) == "under way")
    #expect(word(demoted, .failed(CloudFailure(.notFound, code: "DBClusterNotFoundFault", message: "gone"))) == "done")
    #expect(word(demoted, .failed(CloudFailure(.unreachable, code: "timeout", message: "dark"))) == "unclear")
    #expect(demoted.kind == .readOnly && Fence.demoted(old).act == nil && !demoted.needsClearance)
  }

  @Test func `lag of a cluster is taken for the worse`() {
    #expect(LagMeaning(engine: "aurora-postgresql") == .behindArrived)
  }
}
