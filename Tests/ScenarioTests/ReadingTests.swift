import PilotlightConfiguration
import PilotlightCore
import PilotlightSandbox
import PilotlightSimulation
import Testing

@testable import PilotlightScenarios

@Suite struct ReadingTests {
  private func entry(_ event: String, for workload: WorkloadSettings = .reference()) throws -> Scenario.Entry {
    let text = "name: n\nduration: 1h\nevents:\n  - {at: 5m, \(event)}\n"
    return try #require(ScenarioFile.parse(text, file: "s").get().scenario(for: workload).entries.first)
  }

  @Test(arguments: [
    ("regionOutage: primary", Occurrence.cloud(.regionOutage(region: "eu-west-1"))),
    ("apiOutage: dr", .cloud(.apiOutage(region: "us-west-2"))),
    ("throttling: {region: dr, percent: 70}", .cloud(.throttling(region: "us-west-2", share: 0.7))),
    ("answers: {fault: requestsLost, percent: 5}", .cloud(.lostRequests(share: 0.05))),
    ("slowAPI: 10", .cloud(.slowAPI(factor: 10))),
    ("accessDenied: rds:PromoteReadReplica", .cloud(.accessDenied(apiName: "rds:PromoteReadReplica"))),
    ("applicationDown: dr", .cloud(.applicationDown(workload: "app", site: .dr))),
    ("loadBalancer: {site: primary, fault: silent}", .cloud(.albBlackhole(workload: "app", site: .primary))),
    ("slowAnswers: {site: primary, delay: 3s}", .cloud(.albSlow(workload: "app", site: .primary, delay: .seconds(3)))),
    ("capacityShortage: {site: dr, available: 0}", .cloud(.capacityShortage(workload: "app", site: .dr, available: 0))),
    ("commands: fail", .cloud(.commandsFail(workload: "app"))),
    ("demand: {site: primary, desired: 5}", .cloud(.demand(workload: "app", site: .primary, desired: 5))),
    ("launchesSuspended: dr", .cloud(.launchesSuspended(workload: "app", site: .dr))),
    ("launchTemplateMissing: dr", .cloud(.launchTemplateMissing(workload: "app", site: .dr))),
    ("secretDeleted: primary", .cloud(.secretDeleted(workload: "app", site: .primary))),
    ("replication: stopped", .cloud(.replicationStopped(workload: "app"))),
    ("replication: unmeasured", .cloud(.lagMissing(workload: "app"))),
    ("replicaLag: 4m", .cloud(.lagSpike(workload: "app", lag: .minutes(4)))),
    ("promotion: stuck", .cloud(.promotionStuck(workload: "app"))),
    ("backup: dr", .cloud(.backupRunning(DatabaseRef(region: "us-west-2", identifier: "app-dr")))),
    (
      "database: {site: dr, status: stopped}",
      .cloud(.databaseTrouble(DatabaseRef(region: "us-west-2", identifier: "app-dr"), status: "stopped"))
    ),
    ("watchdog: cutOff", .cloud(.observerIsolated)), ("watchdog: answersLost", .network(.answersLost)),
    ("packetLoss: 10", .network(.packetLoss(share: 0.1))), ("slowNetwork: 1s", .network(.slow(.seconds(1)))),
    ("disk: full", .disk(.full)), ("disk: failing", .disk(.ioError(written: false))),
    ("slowDisk: 2s", .disk(.slow(.seconds(2)))), ("clockBehind: 1h", .clockBehind(.hours(1))),
    ("clockAhead: 1h", .clockBehind(.zero - .hours(1))), ("crash: {}", .crash(.now, restartAfter: .seconds(5))),
    (
      "crash: {step: promote-replica, moment: after, restartAfter: 1m}",
      .crash(.kind(.acting, step: "promote-replica", .after), restartAfter: .minutes(1))
    ),
    ("order: {what: failover, acceptDataLoss: true}", .order(.failover(acceptDataLoss: true), workload: "app")),
    ("order: {what: retry, step: gate}", .order(.retry(step: "gate"), workload: "app")),
  ])
  func `roles become what they are for a workload`(_ event: String, _ occurrence: Occurrence) throws {
    #expect(try entry(event, for: .reference("app")) == Scenario.Entry(at: .minutes(5), occurrence))
  }

  @Test func `events come in the order of their times, whatever the order in the file`() throws {
    let text = """
      name: n
      duration: 1h
      events:
        - {at: 9m, watchdog: cutOff, lasting: 1m}
        - {at: 3m, watchdog: noNames}
      """
    let file = try ScenarioFile.parse(text, file: "s").get()
    let scenario = file.scenario(for: .reference())
    #expect(scenario.entries.map(\.at) == [.minutes(3), .minutes(9)])
    #expect(scenario.entries.map(\.lasting) == [nil, .minutes(1)])
    #expect(scenario.duration == .hours(1) && file.operatorAfter == nil)
  }

  @Test func `every key is declared once and means something`() {
    let all = ScenarioFile.kind.declarations()
    #expect(Set(all.map(\.path)).count == all.count)
    #expect(all.count > 50)
    for declaration in all { #expect(declaration.meaning.hasSuffix("."), "\(declaration.path)") }
  }

  @Test func `an exercise is the same twice, and another day is another`() throws {
    let file = try shipped("api-throttled")
    func lived(_ seed: UInt64) throws -> String {
      "\(try play(file, on: exampleWorkloads(), seed: seed, recording: true))"
    }
    #expect(try lived(7) == lived(7))
    #expect(try lived(7) != lived(8))
  }

  @Test func `F21 what befalls a region befalls every workload in it, and the brake lets one go`() throws {
    let file = try shipped("region-outage")
    let exercise = try play(file, on: [.reference("a"), .reference("b")])
    #expect(exercise.workloads.map(\.verdict).sorted() == [.met, .notRecovered])
    let held = exercise.workloads.first { $0.verdict == .notRecovered }?.belief?.explanation ?? []
    #expect(held.contains { $0.contains("failover(s) of other workloads") }, "\(held)")
    #expect(exercise.verdict == .notRecovered)
  }

  @Test func `an application whose health page is its own is simulated all the same`() throws {
    let file = try shipped("region-outage")
    let settings = WorkloadSettings.reference { settings in
      settings.primary.probe.expectedStatus = [StatusRange(204, 204)]
      settings.dr.probe.expectedStatus = [StatusRange(204, 204)]
      settings.primary.probe.bodyContains = "UP"
    }
    #expect(try play(file, on: [settings]).verdict == .met)
  }
}
