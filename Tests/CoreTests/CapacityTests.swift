// The size at which a region takes over: a share of what the other one was wanted at, at its peak of 24 hours.

import PilotlightCore
import Testing

private let start = Instant(nanoseconds: 1_800_000_000_000_000_000)

private func group(_ ofPeak: Int?, desired: Int = 2, max: Int = 10) -> GroupSettings {
  GroupSettings(
    ref: GroupRef(region: "us-west-2", name: "dr"), serving: GroupSize(min: 1, desired: desired, max: max),
    standby: GroupSize(min: 0, desired: 0, max: max), acceptMinimum: 1, ofPeak: ofPeak)
}

/// What is left of levels, each with the hour from which on it was wanted.
private func state(_ levels: [(hour: Double, desired: Int)]) -> DurableState {
  DurableState(
    levels.map { .capacitySeen(.primary, desired: $0.desired, at: start + .milliseconds(Int64($0.hour * 3_600_000))) })
}

@Suite struct CapacityTests {
  @Test(arguments: [
    (100, 7, 7), (50, 7, 4), (150, 5, 8), (1, 1, 2), (100, 0, 2), (100, 1, 2), (100, 25, 10), (200, 6, 10), (33, 9, 3),
  ])
  func `a share of the peak, rounded up, at least what is configured and at most the group's maximum`(
    _ share: Int, _ peak: Int, _ desired: Int
  ) {
    #expect(group(share).size(peak: peak) == GroupSize(min: 1, desired: desired, max: 10))
  }

  @Test func `without a share or a peak it is what is configured`() {
    #expect(group(nil).size(peak: 9) == GroupSize(min: 1, desired: 2, max: 10))
    #expect(group(100).size(peak: nil) == GroupSize(min: 1, desired: 2, max: 10))
  }

  @Test func `a peak counts for 24 h after it ended, and what lasts counts for ever`() {
    let state = state([(0, 3), (1, 9), (2, 4), (5, 6), (6, 2)])
    func peak(_ hour: Double) -> Int? {
      state.capacity[.primary]?.peak(at: start + .milliseconds(Int64(hour * 3_600_000)))
    }
    #expect([6, 25.9, 26.1, 29.9, 30.1, 1000].map(peak) == [9, 9, 6, 6, 2, 2])
  }

  @Test func `nothing was seen, nothing is known`() {
    #expect(state([]).capacity[.primary]?.peak(at: start) == nil)
  }

  /// Counted in another way: the most of all levels that held at any moment of the last 24 h.
  @Test func `any course of a fortnight has the peak that a list of all of it has`() {
    var dice = Dice(seed: 7)
    var levels: [(hour: Double, desired: Int)] = []
    var hour = 0.0
    while hour < 336 {
      levels.append((hour, Int(dice.unit() * 12)))
      hour += dice.unit() * 5 + 0.01
      let known = state(levels).capacity[.primary]
      for later in [hour, hour + 10, hour + 23.5] {
        let now = start + .milliseconds(Int64(later * 3_600_000))
        let most = levels.indices.filter { $0 + 1 == levels.count || levels[$0 + 1].hour > later - 24 }
          .map { levels[$0].desired }.max()
        #expect(known?.peak(at: now) == most, "hour \(later)")
      }
    }
  }

  @Test func `a failover and its preparation give the DR group the size, a failback the primary's`() {
    var settings = settings
    settings.dr.group.serving.max = 9
    settings.dr.group.ofPeak = 100
    let state = DurableState([.capacitySeen(.primary, desired: 7, at: start)])
    let machine = Machine(settings, state: state, seed: 1)
    let plan = machine.failoverPlan(at: start + .hours(1))
    #expect(plan["scale-up-dr"] == .scaleUp(settings.dr.group.ref, GroupSize(min: 1, desired: 7, max: 9)))
    #expect(Plan.preparation(of: plan).map(\.name) == ["repoint-dr-secret", "scale-up-dr"])
    let home = machine.failbackPlan(incident: "i", at: start)
    #expect(home["scale-up-primary"] == .scaleUp(settings.primary.group.ref, settings.primary.group.serving))
  }
}

@Suite struct LateDemandTests {
  /// What was read a moment ago is not remembered yet where other things were recorded meanwhile.
  @Test func `a run that begins is as large as what was read last, and remembers it`() throws {
    var settings = settings
    settings.dr.group.serving.max = 9
    settings.dr.group.ofPeak = 100
    let now = start + .hours(1)
    var machine = Machine(
      settings, state: DurableState([.capacitySeen(.primary, desired: 3, at: start)]), seed: 1)
    let situation = Situation(
      now: now, assessment: Assessment(verdict: .down, since: now, outageStart: now), primaryServing: false,
      drServing: nil, lag: LagTracker(staleAfter: .minutes(3), meaning: .sinceReplayed), evidenceAt: now, obstacles: [],
      brake: nil, desired: Demand(primary: 7))
    let order = Order(.failover(acceptDataLoss: false), reason: "a test", by: "alice (1000)")
    let records = machine.react(to: .ordered(order), situation).records
    let begun = try #require(records.firstIndex { if case .runBegun = $0 { true } else { false } }, "\(records)")
    #expect(records[..<begun].contains(.capacitySeen(.primary, desired: 7, at: now)))
    let size = GroupSize(min: 1, desired: 7, max: 9)
    #expect(machine.state.phase.run?["scale-up-dr"]?.step.work == .scaleUp(settings.dr.group.ref, size))
  }
}

extension [Step] {
  fileprivate subscript(name: String) -> Work? { first { $0.name == name }?.work }
}

@Suite struct ScaledInTests {
  private let ref = GroupRef(region: "us-west-2", name: "dr")

  private func read(
    _ work: Work, _ replies: [CloudReply], scaledTo size: GroupSize?, isScaled: Bool = true
  ) -> Reading {
    let scaleUp = size.map { [Step("scale-up-dr", .scaleUp(ref, $0), forecast: .zero)] } ?? []
    var run = Run(
      incident: "i", kind: .failover, startedAt: start, outageStart: start, orderedBy: nil,
      plan: scaleUp + [Step("wait", work, forecast: .zero)])
    run.update("scale-up-dr") { $0.state = isScaled ? .done : .waiting }
    let context = StepContext(
      now: start, run: run, step: run["wait"] ?? StepRun(run.steps[0].step), primaryServing: nil, drServing: nil)
    return work.read(replies, context)
  }

  private func group(_ desired: Int, min: Int = 0, max: Int = 3) -> CloudReply {
    .group(GroupState(size: GroupSize(min: min, desired: desired, max: max), inService: 0, instances: 0))
  }

  private let given = GroupSize(min: 1, desired: 3, max: 4)
  private let none = CloudReply.targets(TargetHealth(healthy: 0, unhealthy: 0, other: 0))

  @Test func `a group that is scaled in while it is waited for is brought back to what the run gave it`() {
    for (work, replies) in [
      (Work.awaitInService(ref, atLeast: 2), [group(1)]),
      (.awaitTargets(TargetGroupRef(region: "us-west-2", arn: "t"), of: ref, atLeast: 2), [none, group(1)]),
    ] {
      guard case .needed(.resizeGroup(ref, let size), undo: nil, let why) = read(work, replies, scaledTo: given) else {
        Issue.record("\(read(work, replies, scaledTo: given))")
        continue
      }
      #expect(size == given && why.contains("was scaled in to 1 meanwhile"))
    }
  }

  @Test func `F39 a part of what is wanted is served with, and told in percent, with what keeps the rest away`() {
    var state = GroupState(size: GroupSize(min: 0, desired: 3, max: 4), inService: 1, instances: 1)
    state.trouble = "InsufficientInstanceCapacity"
    let work = Work.awaitTargets(TargetGroupRef(region: "us-west-2", arn: "t"), of: ref, atLeast: 1)
    let one = CloudReply.targets(TargetHealth(healthy: 1, unhealthy: 0, other: 0))
    #expect(
      read(work, [one, .group(state)], scaledTo: given)
        == .done(
          "1 healthy, 0 unhealthy, 0 other target(s): 33 % of the 3 instance(s) that are wanted; InsufficientInstanceCapacity"
        ))
    let all = CloudReply.targets(TargetHealth(healthy: 3, unhealthy: 0, other: 0))
    #expect(
      read(work, [all, .group(state)], scaledTo: given) == .done("3 healthy, 0 unhealthy, 0 other target(s)"))
  }

  @Test func `a fence does not hold while instances live that it told to go, and says what keeps them`() {
    let fence = Fence.group(ref, GroupSize(min: 0, desired: 0, max: 3))
    var state = GroupState(size: GroupSize(min: 0, desired: 0, max: 3), inService: 0, instances: 0)
    #expect(fence.read(.group(state)) == .done("\(ref.name) is at 0/0/3"))
    state.instances = 2
    #expect(fence.read(.group(state)) == .underway("\(ref.name) is at 0/0/3, 2 instance(s) still run"))
    (state.suspended, state.protected) = (["Terminate"], 1)
    #expect(
      fence.read(.group(state))
        == .underway(
          "\(ref.name) is at 0/0/3, 2 instance(s) still run: its Terminate process is suspended; 1 of them protected from scale-in"
        ))
  }

  @Test func `what was not scaled up yet was not scaled in`() {
    let reading = read(.awaitInService(ref, atLeast: 2), [group(0)], scaledTo: given, isScaled: false)
    #expect(reading == .underway("0 of 0 instance(s) in service"))
  }

  @Test func `never below what it is wanted at, never without a size of the run's, never where enough are wanted`() {
    let work = Work.awaitInService(ref, atLeast: 2)
    for (replies, size) in [([group(2)], given), ([group(5, max: 9)], given), ([group(1)], nil)]
      as [([CloudReply], GroupSize?)]
    {
      guard case .underway = read(work, replies, scaledTo: size) else {
        Issue.record("\(read(work, replies, scaledTo: size))")
        continue
      }
    }
  }
}
