// The DR region's load balancer answers 503 when it is needed: a failback was left in the middle.

import PilotlightCore
import PilotlightEngine
import Testing

extension Night {
  fileprivate var failover: Run? { workload.machine.state.phase.run }
}

@Suite struct ClosedNights {
  private let step = "release-dr-writes"

  /// The primary's region is gone; the rule of an earlier run is still there.
  private func closed() throws -> (night: Night, listener: ListenerRef) {
    let night = try Night()
    let listener = try #require(night.settings.dr.listener)
    night.cloud.held.insert(listener)
    night.run(.minutes(5))
    night.regionDies()
    return (night, listener)
  }

  private func failure(_ kind: CloudFailure.Kind) -> CloudFailure {
    CloudFailure(kind, code: "Injected", message: "no")
  }

  @Test func `a failover opens it beside the promotion, and not before its fence`() throws {
    let (night, listener) = try closed()
    #expect(night.run(.minutes(60)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    #expect(!night.cloud.held.contains(listener))
    let acts = night.acts.map(\.action)
    let opening = try #require(acts.firstIndex(of: .releaseWrites(listener)))
    let fence = acts.firstIndex {
      if case .resizeGroup(night.settings.primary.group.ref, _) = $0 { true } else { false }
    }
    #expect(fence.map { $0 < opening } ?? true)
    #expect(night.everyActWasRecorded)
  }

  @Test func `a switchover opens it before users are held`() throws {
    let night = try Night()
    let listener = try #require(night.settings.dr.listener)
    let primary = try #require(night.settings.primary.listener)
    night.cloud.held.insert(listener)
    night.run(.minutes(5))
    night.order(.switchover)
    #expect(night.run(.minutes(60)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    let acts = night.acts.map(\.action)
    let opening = try #require(acts.firstIndex(of: .releaseWrites(listener)))
    #expect(try opening < #require(acts.firstIndex(of: .holdWrites(primary))))
  }

  /// What is known to be dead is the primary's region: its neighbour is asked again.
  @Test(arguments: [CloudFailure.Kind.unreachable, .throttled])
  func `F29 a look that is lost on the way does not leave it closed`(_ kind: CloudFailure.Kind) throws {
    let (night, listener) = try closed()
    night.dr = .failure(.serverError, status: 503, detail: "held")
    night.cloud.failures["elasticloadbalancing:DescribeRules"] = Array(repeating: failure(kind), count: 9)
    #expect(night.run(.minutes(60)) { !$0.cloud.held.contains(listener) }, "\(night.workload.machine.state.phase)")
    night.dr = .success(status: 200)
    #expect(night.run(.minutes(60)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    #expect(!night.messages.contains { $0.kind == .stepGivenUp })
  }

  @Test func `F46 seen closed and not ours to open, it is a person's, while the promotion goes on`() throws {
    let (night, listener) = try closed()
    night.cloud.failures["elasticloadbalancing:DeleteRule"] = [failure(.denied)]
    #expect(night.run(.minutes(60)) { $0.failover?.stuck?.step.name == step }, "\(night.workload.machine.state.phase)")
    #expect(night.run(.minutes(20)) { $0.failover?["promote-replica"]?.state == .done })
    night.order(.retry(step: nil))
    #expect(night.run(.minutes(20)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    #expect(!night.cloud.held.contains(listener))
  }

  @Test
  func
    `F46 where it cannot be seen whether it is closed, the failover goes on once our own probe shows that it is not`()
    throws
  {
    let (night, listener) = try closed()
    night.cloud.held.remove(listener)
    night.cloud.failures["elasticloadbalancing:DescribeRules"] = Array(repeating: failure(.denied), count: 99)
    #expect(night.run(.minutes(60)) { $0.phase == .drActive }, "\(night.workload.machine.state.phase)")
    #expect(!night.messages.contains { $0.kind == .stepGivenUp })
  }
}

@Suite struct StillnessTests {
  private let start = Instant(nanoseconds: 1_800_000_000_000_000_000)

  @Test func `a poll that begins leaves the machine alone for two seconds, and not longer`() {
    let guarded = WorkloadGuard(.reference(), at: start, seed: 3)
    _ = guarded.react(to: .assessed, at: start, brake: nil)
    #expect(!guarded.mustTurn(at: start + .milliseconds(1_900)))
    #expect(guarded.mustTurn(at: start + .seconds(2)))
  }

  @Test func `what the ledger refused is tried again before that`() {
    let guarded = WorkloadGuard(.reference(), at: start, seed: 3)
    let before = guarded.machine
    _ = guarded.react(to: .assessed, at: start, brake: nil)
    guarded.takeBack(to: before)
    #expect(guarded.mustTurn(at: start + .seconds(1)))
  }
}
