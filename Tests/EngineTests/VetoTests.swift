// Who is asked before the one-way step: the veto command, and people. Who has answered one question has not answered another.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct VetoTests {
  private func night(_ onFailure: VetoFailurePolicy = .veto) throws -> Night {
    let night = try Night(
      .reference { $0.decision.veto = VetoSettings(command: ["/usr/local/bin/may-promote"], onFailure: onFailure) })
    night.run(.minutes(5))
    return night
  }

  private func gate(_ night: Night) -> StepRun? { night.workload.machine.state.phase.run?["gate"] }

  @Test func `consent lets it promote, is asked for once the rest speaks for it, and is recorded`() throws {
    let night = try night()
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive }, "\(night.messages.suffix(5).map(\.text))")
    #expect(night.messages.contains { $0.kind == .gatePassed && $0.text.contains("the veto command allows it: go") })
    let question = try #require(night.vetoQuestions.first)
    #expect(question.command == ["/usr/local/bin/may-promote"])
    #expect(question.environment["PILOTLIGHT_WORKLOAD"] == "django-app")
    #expect(question.environment["PILOTLIGHT_INCIDENT"] == night.workload.machine.state.lastRun?.incident)
    #expect(question.environment["PILOTLIGHT_LOSS_SECONDS"].flatMap { Int($0) } != nil)
  }

  @Test func `a veto holds it, with what was printed, is asked again, and is over when its reason is`() throws {
    let night = try night()
    night.veto = .vetoed("exit status 1, a migration is running")
    night.regionDies()
    night.run(.minutes(10))
    #expect(night.phase == .failingOver && night.cloud.promotions == 0)
    #expect(night.messages.filter { $0.kind == .vetoed }.count == 1)
    #expect(gate(night)?.detail.contains("a migration is running") ?? false)
    #expect(night.workload.machine.asking(night.workload.look(at: night.now)) == "gate")
    #expect((5...20).contains(night.vetoQuestions.count), "\(night.vetoQuestions.count)")
    night.veto = .allowed("")
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test func `a person overrules a veto, and is recorded`() throws {
    let night = try night()
    night.veto = .vetoed("exit status 1")
    night.regionDies()
    night.run(.minutes(5))
    night.order(.approve(acceptDataLoss: false), reason: "I know")
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
    #expect(night.messages.contains { $0.kind == .approved && $0.text.hasPrefix("gate.veto: approved by") })
  }

  @Test func `a veto is overruled while the command is being asked again, too`() throws {
    let night = try night()
    night.veto = .vetoed("exit status 1")
    night.regionDies()
    #expect(night.run(.minutes(5)) { $0.messages.contains { $0.kind == .vetoed } })
    // From now on it hangs: whoever has read the veto finds the gate waiting for the next word.
    night.veto = nil
    night.run(.seconds(45))
    #expect(
      night.workload.machine.gateVerdict(night.workload.look(at: night.now))
        == .wait("the veto command has not answered"))
    night.order(.approve(acceptDataLoss: false), reason: "I have read it")
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
  }

  @Test func `an approval given before the veto does not overrule it`() throws {
    let night = try night()
    night.veto = .vetoed("exit status 1")
    night.regionDies()
    #expect(night.run(.minutes(3)) { $0.phase == .failingOver })
    night.order(.approve(acceptDataLoss: false))
    night.run(.minutes(5))
    #expect(night.phase == .failingOver && night.cloud.promotions == 0)
  }

  @Test(arguments: [VetoFailurePolicy.veto, .pass]) func `no answer means what the policy says`(
    _ policy: VetoFailurePolicy
  ) throws {
    let night = try night(policy)
    night.veto = .failed("no answer in 10 s")
    night.regionDies()
    night.run(.minutes(20))
    #expect((night.phase == .drActive) == (policy == .pass), "\(night.phase)")
  }

  @Test func `an answer that never comes is asked for again, and nothing is promoted without`() throws {
    let night = try night()
    night.veto = nil
    night.regionDies()
    night.run(.minutes(10))
    #expect(night.phase == .failingOver && night.cloud.promotions == 0)
    night.veto = .allowed("")
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
  }

  @Test func `an approval in mode approve does not answer for a vantage that sees the primary serve`() throws {
    let night = try Night(.reference { $0.mode = .approve })
    night.run(.minutes(5))
    night.regionDies()
    #expect(night.run(.minutes(5)) { $0.messages.contains { $0.text.contains("mode is approve") } })
    // Somebody approves just as the region's API and its target group are heard again; only our probes still fail.
    night.cloud.dark.remove("eu-west-1")
    night.cloud.primaryTargets = TargetHealth(healthy: 2, unhealthy: 0, other: 0)
    night.run(.seconds(20))
    guard case .ask(.contradicted, _)? = night.workload.machine.gateVerdict(night.workload.look(at: night.now)) else {
      Issue.record("the gate does not ask about the contradiction")
      return
    }
    #expect(night.cloud.promotions == 0)
    night.order(.approve(acceptDataLoss: false), reason: "the targets lie")
    #expect(night.run(.minutes(20)) { $0.phase == .drActive })
  }
}
