// Every kind of record survives being written down and read back, and its bytes are the same every time.

import PilotlightCore
import PilotlightLedger
import Testing

private let then = Instant(nanoseconds: 1_764_000_000_123_456_789)
private let group = GroupRef(region: "us-west-2", name: "dr-asg")
private let size = GroupSize(min: 1, desired: 2, max: 3)
private let database = DatabaseRef(region: "us-west-2", identifier: "dr-db")
private let cluster = DatabaseRef(
  region: "us-west-2", identifier: "dr-db", global: GlobalDatabase(identifier: "app-global", peer: "eu-west-1"))
private let oldCluster = DatabaseRef(
  region: "eu-west-1", identifier: "db", global: GlobalDatabase(identifier: "app-global", peer: "us-west-2"))
private let listener = ListenerRef(region: "us-west-2", arn: "arn:aws:listener/1")
private let object = ObjectRef(region: "us-west-2", bucket: "switch", key: "dr/active")
private let hostile = "quote \" backslash \\ newline \n nul \0 é ✓ \u{202E} </script>"

private func outage() -> Outage {
  var outage = Outage(start: then, noticedAt: then + .seconds(10), why: hostile)
  outage.wouldFailOverAt = then + .seconds(70)
  return outage
}

private func run() -> Run {
  let plan = [
    Step("scale-up-dr", .scaleUp(group, size), forecast: .milliseconds(5500)),
    Step("gate", .gate, needs: ["scale-up-dr"], forecast: .seconds(5)),
    Step("fence-primary", .fence(group, size), needs: ["gate"], forecast: .seconds(20), bound: .seconds(20)),
    Step("promote-replica", .promote(database, whileHeld: listener), needs: ["fence-primary"], forecast: .seconds(450)),
    Step("promote-cluster", .promote(cluster, whileHeld: nil), forecast: .seconds(300)),
    Step("promote-primary", .switchOver(cluster, from: oldCluster), forecast: .seconds(180)),
    Step("await-old-primary", .awaitDemoted(oldCluster), forecast: .seconds(20), bound: .seconds(120)),
    Step("confirm", .confirmByHand(hostile), forecast: .zero),
  ]
  var run = Run(
    incident: "20261123T173515-django-app", kind: .failover, startedAt: then, outageStart: nil,
    orderedBy: "alice (1000)",
    plan: plan)
  run.approvals = ["gate": "bob (1001)", "confirm": "alice (1000)"]
  run.lossAcceptedBy = "carol (1002)"
  run.lossAtGate = LossWindow(window: .nanoseconds(1), confidence: .atMost)
  run.rollback = "the primary is back"
  run.steps[0].state = .owed
  run.steps[0].startedAt = then
  run.steps[0].finishedAt = then + .seconds(1)
  run.steps[0].intentAt = then
  run.steps[0].attempts = 3
  run.steps[0].undo = .resizeGroup(group, GroupSize(min: 0, desired: 0, max: 3))
  run.steps[0].didNotHappen = true
  run.steps[0].receipt = "receipt"
  run.steps[0].detail = hostile
  return run
}

private let debt = FenceDebt(
  incident: "i", step: "fence-primary", fence: .group(group, size), since: then, why: "no answer")
private let loss = LossEntry(
  window: LossWindow(window: .seconds(12), confidence: .atMost), outageStart: then, promoted: database,
  arn: "arn:aws:rds:x",
  address: DatabaseAddress(host: "dr-db.us-west-2.rds", port: 5432),
  left: DatabaseRef(region: "eu-west-1", identifier: "db"))
private let unknownLoss = LossWindow(window: nil, confidence: .unknown)

/// One of each case at least; `name` below makes the compiler ask for a new one here.
private let records: [Record] = [
  .armed(fingerprint: "ab12"), .account("123456789012"), .degraded(outage()),
  .degraded(Outage(start: nil, noticedAt: then, why: "slow")),
  .recovered(hostile), .wouldFailOver("why", at: then), .runBegun(run(), why: "down for 60 s"),
  .stepStarted("gate", at: then),
  .intent(step: "promote-replica", .promoteReplica(database), undo: nil, at: then),
  .intent(step: "scale-up-dr", .resizeGroup(group, size), undo: .resizeGroup(group, size), at: then),
  .intent(step: "shift", .putObject(object, body: hostile), undo: .removeObject(object), at: then),
  .intent(
    step: "shift",
    .pointRecords(
      RecordRef(zone: "Z1", name: "app.example", type: "A"), to: RecordTarget(host: "a", setIdentifier: "a"),
      from: RecordTarget(host: "b", setIdentifier: "b"),
      sets: [RecordState(host: "a", setIdentifier: "a", weight: 1, policy: "latency", type: "AAAA", text: hostile)]),
    undo: nil, at: then),
  .accepted(step: "shift-traffic", receipt: "/change/C1"), .accepted(step: "x", receipt: nil),
  .didNotHappen(step: "x", "AccessDenied"),
  .gatePassed(step: "gate", LossWindow(window: .seconds(2), confidence: .measured), "all holds", at: then),
  .vetoed(step: "gate", hostile), .heldBack(.contradicted, hostile, at: then), .stepDone("gate", "passed", at: then),
  .stepOwed("fence-primary", debt, at: then),
  .stepStuck("x", hostile),
  .stepReopened("x", "retry"), .stepSkipped("x", by: "alice (1000)", reason: hostile, at: then),
  .approved(step: "gate", by: "alice (1000)", reason: "seen"), .lossAccepted(unknownLoss, by: "alice", reason: "yes"),
  .lossNoted(loss), .lossReviewed(LossReview(by: "alice (1000)", reason: hostile, at: then)),
  .rollbackBegun("back", by: nil), .stepUndone("x"), .rolledBack("done"), .runFinished(at: then),
  .debtIncurred(debt), .debtPaid(debt, "fenced"), .debtWaived(debt, by: "alice (1000)", reason: hostile),
  .debtIncurred(
    FenceDebt(incident: "i", step: "fence-listener", fence: .listener(listener), since: then, why: hostile)),
  .debtIncurred(
    FenceDebt(incident: "i", step: "stop-old-database", fence: .database(database), since: then, why: hostile)),
  .debtIncurred(
    FenceDebt(incident: "i", step: "await-old-primary", fence: .demoted(oldCluster), since: then, why: hostile)),
  .intent(step: "promote-cluster", .failOverCluster(cluster, arn: "arn:c"), undo: nil, at: then),
  .intent(step: "promote-primary", .switchOverCluster(oldCluster, arn: "arn:o", from: cluster), undo: nil, at: then),
  .acknowledged(by: "alice", reason: "seen"),
  .paused(Pause(reason: hostile, by: "alice", since: then, expires: then + .hours(1))),
  .paused(Pause(reason: "no end", by: "alice", since: then, expires: nil)), .unpaused(by: "alice", reason: "over"),
  .capacitySeen(.primary, desired: 7, at: then),
  .backupsSeen(days: 35, at: then),
  .ordered(Order(.pause(expires: nil), reason: "r", by: "a"), .accepted("paused")),
  .ordered(Order(.pause(expires: then), reason: "r", by: "a"), .accepted("paused")),
  .ordered(Order(.resume, reason: "r", by: "a"), .refused("not paused")),
  .ordered(Order(.failover(acceptDataLoss: true), reason: "r", by: "a"), .accepted("begun")),
  .ordered(Order(.failback, reason: "r", by: "a"), .failed("the ledger cannot be written")),
  .ordered(Order(.approve(acceptDataLoss: false), reason: "r", by: "a"), .accepted("x")),
  .ordered(Order(.retry(step: nil), reason: "r", by: "a"), .accepted("x")),
  .ordered(Order(.retry(step: "gate"), reason: "r", by: "a"), .accepted("x")),
  .ordered(Order(.skip(step: "gate"), reason: "r", by: "a"), .accepted("x")),
  .ordered(Order(.abort, reason: "r", by: "a"), .accepted("x")),
  .ordered(Order(.ack, reason: "r", by: "a"), .accepted("x")),
  .ordered(Order(.reviewLoss, reason: "r", by: "a"), .accepted("x")),
]

/// No default: a new kind of record does not compile until it stands here, and fails the test until it stands above.
private func name(_ record: Record) -> String {
  switch record {
  case .armed: "armed"
  case .account: "account"
  case .degraded: "degraded"
  case .recovered: "recovered"
  case .wouldFailOver: "wouldFailOver"
  case .runBegun: "runBegun"
  case .stepStarted: "stepStarted"
  case .intent: "intent"
  case .accepted: "accepted"
  case .didNotHappen: "didNotHappen"
  case .gatePassed: "gatePassed"
  case .vetoed: "vetoed"
  case .heldBack: "heldBack"
  case .stepDone: "stepDone"
  case .stepOwed: "stepOwed"
  case .stepStuck: "stepStuck"
  case .stepReopened: "stepReopened"
  case .stepSkipped: "stepSkipped"
  case .approved: "approved"
  case .lossAccepted: "lossAccepted"
  case .lossNoted: "lossNoted"
  case .lossReviewed: "lossReviewed"
  case .capacitySeen: "capacitySeen"
  case .backupsSeen: "backupsSeen"
  case .rollbackBegun: "rollbackBegun"
  case .stepUndone: "stepUndone"
  case .rolledBack: "rolledBack"
  case .runFinished: "runFinished"
  case .debtIncurred: "debtIncurred"
  case .debtPaid: "debtPaid"
  case .debtWaived: "debtWaived"
  case .acknowledged: "acknowledged"
  case .paused: "paused"
  case .unpaused: "unpaused"
  case .ordered: "ordered"
  }
}

@Suite struct CodecTests {
  let codec = JSONRecordCodec()

  @Test(arguments: records) func `a record is read back as it was written`(record: Record) throws {
    let text = codec.encode(record)
    #expect(try codec.decode(text) == record)
    #expect(try codec.encode(codec.decode(text)) == text)
    // One line, and the case's name is the schema.
    #expect(!text.contains("\n") && !text.contains("\0"))
    #expect(text.hasPrefix("{\"\(name(record))\":"))
  }

  @Test func `every kind of record is among those tried`() {
    #expect(Set(records.map(name)).count == 35)
  }

  @Test(arguments: RunKind.allCases) func `a run of every default plan is read back`(kind: RunKind) throws {
    for traffic in [
      TrafficSettings.objectSwitch(object),
      .route53(
        RecordRef(zone: "Z1", name: "app.example", type: "CNAME"), primary: RecordTarget(host: "primary.example"),
        dr: RecordTarget(host: "dr.example", aliasZone: "Z2", setIdentifier: "dr")),
    ] {
      let record = Record.runBegun(
        Run(
          incident: "i", kind: kind, startedAt: then, outageStart: then, orderedBy: nil,
          plan: [Step("shift", .shift(traffic, to: .dr), forecast: .seconds(60))]), why: "w")
      #expect(try codec.decode(codec.encode(record)) == record)
    }
  }

  @Test func `F68 a debt of a ledger from when a group was all that could be owed is understood`() throws {
    let old =
      #"{"debtIncurred":{"_0":{"group":{"name":"dr-asg","region":"us-west-2"},"incident":"i","#
      + #""since":1764000000123456789,"size":{"desired":2,"max":3,"min":1},"step":"fence-primary","why":"no answer"}}}"#
    #expect(try codec.decode(old) == .debtIncurred(debt))
  }

  @Test func `F68 a move of record sets from before they were written as they were read is understood`() throws {
    let (name, to) = (RecordRef(zone: "Z1", name: "app.example", type: "CNAME"), RecordTarget(host: "dr.example"))
    let from = RecordTarget(host: "primary.example")
    let old =
      #"{"intent":{"_1":{"pointRecords":{"_0":{"name":"app.example","region":"us-east-1","ttl":60,"type":"CNAME","#
      + #""zone":"Z1"},"from":{"host":"primary.example"},"to":{"host":"dr.example"}}},"at":1764000000123456789,"#
      + #""step":"shift-traffic"}}"#
    let action = CloudAction.pointRecords(name, to: to, from: from)
    #expect(try codec.decode(old) == .intent(step: "shift-traffic", action, undo: nil, at: then))
  }

  @Test func `the schema of an intent is this text`() {
    let record = Record.intent(step: "promote-replica", .promoteReplica(database), undo: nil, at: then)
    #expect(
      codec.encode(record)
        == #"{"intent":{"_1":{"promoteReplica":{"_0":{"identifier":"dr-db","region":"us-west-2"}}},"#
        + #""at":1764000000123456789,"step":"promote-replica"}}"#)
  }

  @Test(arguments: [
    "", "null", "{}", "[]", "{\"armed\":{}}", "{\"unheardOf\":{}}", "{\"armed\":{\"fingerprint\":1}}",
    "{\"armed\":{\"fingerprint\":\"a\"}", "\u{0}",
  ])
  func `F68 text that is no record is an error`(text: String) {
    let error = #expect(throws: UnknownRecord.self) { try codec.decode(text) }
    #expect(error?.description.contains("a newer one has written it") == true)
  }
}
