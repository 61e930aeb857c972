// How users get to the region that serves, and how it is made sure that they do.

import PilotlightCore
import PilotlightEngine
import Testing

private let check = HealthCheckRef(id: "check-1")

private let controls = RoutingControls(
  primary: "arn:control:primary", dr: "arn:control:dr",
  endpoints: ["us-east-1", "us-west-2", "eu-west-1"].map { ClusterEndpoint(region: $0, host: "\($0).test") })

private let asked = WorkloadSettings.reference {
  $0.traffic = .healthCheck(check)
  $0.names = NameSettings(name: "app.example", primary: "primary.example", dr: "dr.example")
}

extension Night {
  fileprivate func state(_ step: String) -> StepState? { workload.machine.state.phase.run?[step]?.state }
}

@Suite struct TrafficNights {
  @Test func `a health check is made unhealthy for the failover, and follows its endpoint again at home`() throws {
    let night = try Night(.reference { $0.traffic = .healthCheck(check) })
    night.run(.minutes(5))
    #expect(night.workload.machine.unarmed(night.workload.situation) == [])
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.unhealthyByWord == [check] && night.everyActWasRecorded)
    night.regionReturns()
    #expect(night.run(.minutes(5)) { $0.workload.machine.state.debts.isEmpty })
    night.order(.reviewLoss)
    night.order(.failback)
    #expect(night.run(.hours(3)) { $0.phase == .healthy })
    #expect(night.cloud.unhealthyByWord.isEmpty)
  }

  @Test
  func `a health check that somebody switched while the primary serves is told before the night on which it matters`()
    throws
  {
    let night = try Night(.reference { $0.traffic = .healthCheck(check) })
    night.cloud.unhealthyByWord = [check]
    night.run(.minutes(5))
    let unarmed = night.workload.machine.unarmed(night.workload.situation)
    #expect(unarmed.contains { $0.contains("disabled and inverted") }, "\(unarmed)")
  }

  @Test func `record sets are led to DR and home, each as it was but for where it leads`() throws {
    let primary = RecordTarget(host: "primary.example", setIdentifier: "p")
    let dr = RecordTarget(host: "dr.example", setIdentifier: "d")
    let record = RecordRef(zone: "Z1", name: "app.example", type: "CNAME")
    let night = try Night(.reference { $0.traffic = .route53(record, primary: primary, dr: dr) })
    let sets = [
      RecordState(host: "primary.example", setIdentifier: "p", weight: 3, text: "a health check"),
      RecordState(host: "dr.example", setIdentifier: "d", weight: 0, text: "another"),
    ]
    night.cloud.records = sets
    night.run(.minutes(5))
    #expect(night.workload.machine.unarmed(night.workload.situation) == [])
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(RecordMove(night.cloud.records, to: dr, from: primary).isDone && night.everyActWasRecorded)
    // Where users are led is judged while the primary serves.
    night.run(.minutes(20))
    #expect(!night.messages.contains { $0.kind == .notArmed })
    night.regionReturns()
    #expect(night.run(.minutes(5)) { $0.workload.machine.state.debts.isEmpty })
    night.order(.reviewLoss)
    night.order(.failback)
    #expect(night.run(.hours(3)) { $0.phase == .healthy })
    #expect(Set(night.cloud.records) == Set(sets))
    night.cloud.records[0].weight = 0
    night.cloud.records[1].weight = 0
    night.run(.minutes(6))
    let unarmed = night.workload.machine.unarmed(night.workload.situation)
    #expect(unarmed.contains { $0.hasSuffix("it does not lead users to the primary alone") }, "\(unarmed)")
  }

  @Test func `routing controls are turned to DR, and home`() throws {
    let night = try Night(.reference { $0.traffic = .routingControl(controls) })
    night.run(.minutes(5))
    #expect(night.workload.machine.unarmed(night.workload.situation) == [])
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.controls == RoutingControls.leading(to: .dr) && night.everyActWasRecorded)
    night.regionReturns()
    #expect(night.run(.minutes(5)) { $0.workload.machine.state.debts.isEmpty })
    night.order(.reviewLoss)
    night.order(.failback)
    #expect(night.run(.hours(3)) { $0.phase == .healthy })
    #expect(night.cloud.controls == RoutingControls.leading(to: .primary))
  }

  @Test func `F44 what a safety rule says is shown verbatim, people are told, and it goes on once the rule allows it`()
    throws
  {
    let night = try Night(.reference { $0.traffic = .routingControl(controls) })
    let words = "safety rule arn:aws:route53-recovery-control::123456789012:controlpanel/c/safetyrule/d: gate is off"
    night.run(.minutes(5))
    night.cloud.safetyRule = words
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.messages.contains { $0.kind == .stillRunning && $0.step == "shift-traffic" } })
    let step = try #require(night.workload.machine.state.phase.run?["shift-traffic"])
    #expect(night.workload.machine.note(of: step)?.contains(words) == true)
    #expect(night.messages.contains { $0.kind == .stillRunning && $0.text.contains(words) })
    #expect(night.cloud.controls == RoutingControls.leading(to: .primary))
    night.cloud.safetyRule = nil
    #expect(night.run(.minutes(2)) { $0.phase == .drActive })
  }

  @Test(arguments: [(true, true), (false, false), (false, true)])
  func `controls that do not lead to the primary alone are told before the night on which it matters`(
    primary: Bool, dr: Bool
  ) throws {
    let night = try Night(.reference { $0.traffic = .routingControl(controls) })
    night.cloud.controls = RoutingState(primary: primary, dr: dr)
    night.run(.minutes(5))
    let unarmed = night.workload.machine.unarmed(night.workload.situation)
    #expect(unarmed.contains { $0.contains("do not lead users to the primary alone") }, "\(unarmed)")
  }

  @Test func `a failover ends when the resolvers have forgotten the primary`() throws {
    let night = try Night(asked)
    night.run(.minutes(6))
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.state("verify-dns") == .running })
    night.run(.minutes(2))
    #expect(night.state("verify-dns") == .running && night.state("announce") == .waiting)
    let step = try #require(night.workload.machine.state.phase.run?["verify-dns"])
    #expect(night.workload.machine.note(of: step)?.contains("still leads to primary.example") == true)
    night.cloud.leadsTo = "dr.example"
    #expect(night.run(.minutes(1)) { $0.phase == .drActive })
    let done = night.workload.machine.state.phase.residence?.failover["verify-dns"]
    #expect(done?.detail == "all 2 servers lead app.example to dr.example", "\(done?.detail ?? "")")
  }

  @Test(arguments: ["primary.example", nil])
  func `F43 where DNS does not follow, it is told, and the failover ends all the same`(
    leads: String?
  ) throws {
    let night = try Night(asked)
    night.run(.minutes(6))
    night.cloud.leadsTo = leads
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.state("verify-dns") == .running })
    let since = night.now
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
    #expect(night.now - since >= .minutes(15))
    #expect(night.messages.contains { $0.kind == .stillRunning && $0.step == "verify-dns" })
    let done = night.workload.machine.state.phase.residence?.failover["verify-dns"]
    #expect(done?.detail.hasPrefix("given up") == true)
  }

  @Test func `a failback scales nothing down while anybody is led to the DR region`() throws {
    let night = try Night(asked)
    night.run(.minutes(6))
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.state("verify-dns") == .running })
    night.cloud.leadsTo = "dr.example"
    #expect(night.run(.minutes(2)) { $0.phase == .drActive })
    night.regionReturns()
    #expect(night.run(.minutes(5)) { $0.workload.machine.state.debts.isEmpty })
    night.order(.reviewLoss)
    night.order(.failback)
    #expect(night.run(.hours(3)) { $0.state("verify-dns-home") == .running })
    night.run(.hours(2))
    #expect(night.state("verify-dns-home") == .running)
    #expect((night.cloud.groups[night.settings.dr.group.ref]?.desired ?? 0) > 0)
    night.cloud.leadsTo = "primary.example"
    #expect(night.run(.hours(3)) { $0.phase == .healthy })
  }

  @Test func `DNS that says something else in a quiet hour is shown, and disarms nothing`() throws {
    let night = try Night(asked)
    night.cloud.leadsTo = "elsewhere.example"
    night.run(.minutes(6))
    #expect(night.workload.machine.unarmed(night.workload.situation) == [])
    let found = night.workload.situation.readiness.findings(at: night.now).first { $0.item == .names }
    #expect(found?.finding.sentence.contains("0 of 2 servers lead") == true, "\(String(describing: found))")
  }
}
