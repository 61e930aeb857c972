// Steps of the operator's, and steps left out: what becomes of the order.

import PilotlightCore
import Testing

private func changed(_ change: PlanChange) -> WorkloadSettings {
  var settings = settings
  settings.plans = PlanChanges(failover: change)
  return settings
}

private func order(_ plan: [Step]) -> [String] { plan.map { "\($0.name) <- \($0.needs.joined(separator: ", "))" } }

private let warmUp = OwnStep(
  name: "warm-up", after: "scale-up-dr",
  kind: .command(CommandSpec(command: ["/bin/warm"], undo: ["/bin/cool"], timeout: .minutes(1))))
private let ask = OwnStep(name: "ask-payments", after: "warm-up", kind: .confirm("ask the payments team"))

@Suite struct PlanChangesTests {
  @Test func `own steps come right behind theirs, and what waited for that one waits for them`() {
    #expect(
      order(Plan.failover(changed(PlanChange(steps: [warmUp, ask])))).prefix(5) == [
        "repoint-dr-secret <- ", "scale-up-dr <- repoint-dr-secret", "warm-up <- scale-up-dr",
        "ask-payments <- warm-up",
        "gate <- ask-payments",
      ])
  }

  @Test func `what is left out leaves its place to what it waited for`() {
    let plan = Plan.failover(changed(PlanChange(without: ["scale-up-dr", "verify-dr-targets", "announce"])))
    #expect(
      order(plan) == [
        "repoint-dr-secret <- ", "gate <- repoint-dr-secret", "fence-primary <- gate",
        "promote-replica <- fence-primary", "release-dr-writes <- fence-primary",
        "verify-dr-application <- promote-replica, release-dr-writes", "shift-traffic <- verify-dr-application",
      ])
  }

  @Test func `what keeps data whole stays, whatever is said`() {
    let all = Plan.failover(settings).map(\.name)
    #expect(
      Plan.failover(changed(PlanChange(without: all))).map(\.name) == [
        "repoint-dr-secret", "gate", "fence-primary", "promote-replica", "release-dr-writes", "shift-traffic",
      ])
    var home = settings
    home.plans = PlanChanges(failback: PlanChange(without: Plan.failback(settings, incident: "i").map(\.name)))
    let kept = Plan.failback(home, incident: "i").map(\.name)
    for name in ["set-aside-old-database", "hold-writes", "drain", "promote-primary", "recreate-dr-replica"] {
      #expect(kept.contains(name))
    }
  }

  @Test func `a preparation goes as far as everything can be taken back`() {
    let plan = Plan.preparation(of: Plan.failover(changed(PlanChange(steps: [warmUp, ask]))))
    #expect(plan.map(\.name) == ["repoint-dr-secret", "scale-up-dr", "warm-up"])
    var forGood = warmUp
    forGood.kind = .command(CommandSpec(command: ["/bin/flip"], timeout: .minutes(1)))
    let shorter = Plan.preparation(of: Plan.failover(changed(PlanChange(steps: [forGood, ask]))))
    #expect(shorter.map(\.name) == ["repoint-dr-secret", "scale-up-dr"])
  }

  @Test func `a program is told the run, and runs again until it has ended well`() throws {
    let step = try #require(Plan.failover(changed(PlanChange(steps: [warmUp]))).first { $0.name == "warm-up" })
    let now = Instant(nanoseconds: 1_800_000_000_000_000_000)
    let run = Run(
      incident: "i-1", kind: .failover, startedAt: now, outageStart: now, orderedBy: nil, plan: [step])
    func read(_ change: (inout StepRun) -> Void = { _ in }) -> Reading {
      var state = StepRun(step)
      change(&state)
      return step.work.read([], StepContext(now: now, run: run, step: state, primaryServing: nil, drServing: nil))
    }
    guard case .needed(.runCommand(let call), undo: .runCommand(let undo)?, _) = read() else {
      Issue.record("it is not needed")
      return
    }
    #expect(call.command == ["/bin/warm"] && undo.command == ["/bin/cool"])
    #expect(
      call.environment.keys.sorted() == [
        "PILOTLIGHT_DR_REGION", "PILOTLIGHT_INCIDENT", "PILOTLIGHT_OUTAGE_START", "PILOTLIGHT_PRIMARY_REGION",
        "PILOTLIGHT_RUN", "PILOTLIGHT_STEP", "PILOTLIGHT_WORKLOAD",
      ])
    #expect(read { $0.receipt = "warm" } == .done("it ended well: warm"))
  }

  @Test func `a program of a failback is told where both databases are, as far as they are`() throws {
    var settings = changed(PlanChange())
    settings.plans?.failback.steps = [
      OwnStep(
        name: "compare", after: "drain",
        kind: .command(CommandSpec(command: ["/bin/compare"], undo: ["/bin/true"], timeout: .minutes(1))))
    ]
    let plan = Plan.failback(settings, incident: "i-1")
    let step = try #require(plan.first { $0.name == "compare" })
    #expect(plan.first { $0.name == "promote-primary" }?.needs == ["compare"])
    let now = Instant(nanoseconds: 1_800_000_000_000_000_000)
    let run = Run(incident: "i-1", kind: .failback, startedAt: now, outageStart: nil, orderedBy: nil, plan: [step])
    let context = StepContext(now: now, run: run, step: StepRun(step), primaryServing: nil, drServing: nil)
    #expect(
      step.work.looks(StepRun(step)) == [
        .describeDatabase(settings.primary.database.ref), .describeDatabase(settings.dr.database.ref),
      ])
    let there = CloudReply.database(
      DatabaseState(
        status: "available", source: nil, arn: "arn", address: DatabaseAddress(host: "db.example.com", port: 5432),
        engine: "postgres"))
    let gone = CloudReply.failed(CloudFailure(.notFound, code: "DBInstanceNotFound", message: "gone"))
    guard case .needed(.runCommand(let call), undo: .runCommand(let undo)?, _) = step.work.read([there, gone], context)
    else {
      Issue.record("it is not needed")
      return
    }
    #expect(call.environment["PILOTLIGHT_PRIMARY_DATABASE_HOST"] == "db.example.com")
    #expect(call.environment["PILOTLIGHT_PRIMARY_DATABASE_PORT"] == "5432")
    #expect(call.environment["PILOTLIGHT_DR_DATABASE_HOST"] == nil)
    #expect(undo.environment == call.environment)
    let silent = CloudReply.failed(CloudFailure(.unreachable, code: "Timeout", message: "no answer"))
    guard case .unclear = step.work.read([there, silent], context) else {
      Issue.record("what was not read is not there")
      return
    }
    var done = StepRun(step)
    done.receipt = "same"
    #expect(step.work.looks(done).isEmpty)
  }
}
