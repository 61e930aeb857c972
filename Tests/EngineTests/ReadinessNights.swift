// Readiness in whole nights: what is read, how often, what follows and what does not.

import PilotlightCore
import PilotlightEngine
import Testing

@Suite struct ReadinessNights {
  private func unarmed(_ night: Night) -> [String] {
    night.workload.machine.unarmed(night.workload.look(at: night.now))
  }
  private func said(_ night: Night, _ kind: MessageKind) -> [String] {
    night.messages.filter { $0.kind == kind }.map(\.text)
  }

  @Test func `F92 a launch template that is tidied away is known within six minutes, and mended within two`() throws {
    let night = try Night()
    night.run(.minutes(20))
    #expect(unarmed(night) == [])
    night.cloud.launchSource?.isPresent = false
    #expect(night.run(.minutes(6)) { !self.unarmed($0).isEmpty })
    #expect(
      unarmed(night) == ["group dr-asg launches from launch template lt-1, version $Default, which does not exist"])
    night.cloud.launchSource?.isPresent = true
    #expect(night.run(.minutes(2)) { self.unarmed($0).isEmpty })
    #expect(night.acts.isEmpty)
  }

  @Test func `a revoked permission and a wrong clock are reasons; a simulation that is not allowed is none`() throws {
    let night = try Night()
    night.cloud.denied = ["rds:PromoteReadReplica"]
    night.cloud.clockBehind = .seconds(90)
    night.run(.minutes(2))
    #expect(
      unarmed(night) == ["IAM denies rds:PromoteReadReplica on arn:some", "this host's clock is 90 s behind AWS's"])
    night.cloud.denied = []
    night.cloud.clockBehind = .zero
    night.cloud.failures["iam:SimulatePrincipalPolicy"] = Array(
      repeating: CloudFailure(.denied, code: "AccessDenied", message: "no"), count: 100)
    night.run(.minutes(30))
    #expect(unarmed(night) == [])
    let unproven = night.workload.machine.unproven(night.workload.look(at: night.now))
    #expect(unproven.count == 1 && unproven[0].contains("AccessDenied"))
    #expect(said(night, .notArmed) == [])
  }

  @Test func `what is missing or unread holds no failover back`() throws {
    let night = try Night()
    night.cloud.denied = ["sns:Publish"]
    night.cloud.clockBehind = .hours(1)
    night.cloud.failures["iam:SimulatePrincipalPolicy"] = [CloudFailure(.throttled, code: "Throttling", message: "")]
    night.run(.minutes(30))
    night.regionDies()
    #expect(night.run(.minutes(30)) { $0.phase == .drActive })
    #expect(night.cloud.promotions == 1)
  }

  @Test func `F33 a broken replica is red before any disaster, and the failover refuses with its cause`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.cloud.databases[night.settings.dr.database.ref]?.status = "storage-full"
    #expect(night.run(.minutes(1)) { self.unarmed($0).contains("replica dr-db is storage-full") })
    night.regionDies()
    night.run(.minutes(30))
    #expect(night.phase == .degraded && night.acts.isEmpty)
    #expect(said(night, .heldBack).contains { $0.contains("replica dr-db is storage-full") })
  }

  // MARK: The alarm

  @Test func `not armed for longer than the bound is said once, again after a day, and when it is over`() throws {
    let night = try Night()
    night.run(.minutes(20))
    night.cloud.launchSource?.isPresent = false
    night.run(.minutes(14))
    #expect(said(night, .notArmed) == [])
    night.run(.hours(23))
    #expect(said(night, .notArmed).count == 1)
    #expect(said(night, .notArmed)[0].hasPrefix("not armed for 15 min: group dr-asg launches from"))
    night.run(.hours(24))
    #expect(said(night, .notArmed).count == 2)
    night.cloud.launchSource?.isPresent = true
    night.run(.minutes(5))
    #expect(said(night, .armedAgain).count == 1)
    night.run(.hours(30))
    #expect(said(night, .notArmed).count == 2 && said(night, .armedAgain).count == 1)
  }

  @Test func `nothing is said at the start, of an observer, of a pause with an end or of a running DR region`() throws {
    let quiet = try Night()
    quiet.run(.hours(2))
    #expect(said(quiet, .notArmed) == [])
    let observer = try Night(.reference { $0.mode = .observe })
    observer.run(.hours(2))
    #expect(said(observer, .notArmed) == [] && !unarmed(observer).isEmpty)
    let paused = try Night()
    paused.run(.minutes(5))
    paused.order(.pause(expires: paused.now + .hours(3)))
    paused.run(.hours(2))
    #expect(said(paused, .notArmed) == [])
    let moved = try Night()
    moved.run(.minutes(5))
    moved.regionDies()
    moved.run(.hours(3))
    #expect(moved.phase == .drActive && said(moved, .notArmed) == [])
  }

  @Test func `a pause without an end is forgotten easily: it is said`() throws {
    let night = try Night()
    night.run(.minutes(5))
    night.order(.pause(expires: nil), reason: "for a moment")
    night.run(.minutes(30))
    #expect(said(night, .notArmed).count == 1)
    #expect(said(night, .notArmed)[0].contains("for a moment"))
    night.order(.resume)
    night.run(.minutes(5))
    #expect(said(night, .armedAgain).count == 1)
  }

  @Test func `an observer whose footing drifts is told, and an alarm that is off is not`() throws {
    let observer = try Night(.reference { $0.mode = .observe })
    observer.cloud.launchSource = nil
    observer.run(.hours(1))
    #expect(said(observer, .notArmed).count == 1)
    #expect(!said(observer, .notArmed)[0].contains("observe"))
    let off = try Night(.reference { $0.decision.alertUnarmedAfter = nil })
    off.cloud.launchSource = nil
    off.run(.hours(1))
    #expect(said(off, .notArmed) == [])
  }

  @Test func `eight questions in five minutes, a little apart, and the probes come as ever`() throws {
    let settings = WorkloadSettings.reference()
    let guarded = WorkloadGuard(settings, at: Instant(nanoseconds: 1_800_000_000_000_000_000), seed: 3)
    var now = Instant(nanoseconds: 1_800_000_000_000_000_000)
    var (asked, probes) = (0, 0)
    let end = now + .hours(1)
    var cloud = TinyCloud(settings)
    while now < end {
      for case .poll(let watch, let request) in guarded.startPolls(at: now) {
        if case .readiness = watch { asked += 1 }
        if watch == .primaryProbe { probes += 1 }
        switch request {
        case .ask(let action):
          guarded.take(.reply(cloud.perform(action, at: now)), of: watch, startedAt: now, at: now)
        case .veto: Issue.record("nobody asked for it")
        case .probe, .reach:
          let seen = Observation(at: now, took: .zero, outcome: .success(status: 200))
          guarded.take(.observation(seen), of: watch, startedAt: now, at: now)
        }
      }
      now = max(guarded.nextWake ?? end, now + .milliseconds(10))
    }
    #expect((96...112).contains(asked), "\(asked)")
    #expect((719...721).contains(probes), "\(probes)")
  }
}
