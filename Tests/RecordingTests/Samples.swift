import PilotlightCore
import PilotlightRecording
import PilotlightSimulation

/// Sightings of every kind, from a seed.
struct Samples {
  private var dice: Dice
  private var now = noon

  init(seed: UInt64) { dice = Dice(seed: seed) }

  static let watches: [Watch] = [
    .primaryProbe, .drProbe, .reference("one.one"), .reference("naïve ✓"), .drAPI, .primaryAPI, .primaryTargets,
    .replicaLag, .drDatabase, .primaryDatabase, .drGroup, .healthCheck,
  ]

  private mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[Int(dice.next() % UInt64(choices.count))]
  }

  private mutating func number(_ bound: UInt64) -> Int { Int(dice.next() % bound) }

  private mutating func text() -> String { pick(["", "a", "read timeout\n\u{1b}[31m", "żółć ☂ \0", "x" + "y"]) }

  private mutating func maybe<Value>(_ value: Value) -> Value? { dice.next() & 1 == 0 ? nil : value }

  mutating func seen() -> Seen {
    now = now + dice.duration(upTo: pick([.milliseconds(1), .seconds(5), .minutes(2)]))
    let start = now - dice.duration(upTo: .seconds(15))
    let watch = pick(Samples.watches)
    if number(3) == 0 {
      let observation = Observation(
        at: start + .nanoseconds(number(2000)), took: dice.duration(upTo: .seconds(6)), outcome: outcome())
      return Seen(watch, .observation(observation), startedAt: start, arrivedAt: now)
    }
    return Seen(watch, .reply(reply()), startedAt: start, arrivedAt: now)
  }

  mutating func outcome() -> ProbeOutcome {
    number(2) == 0
      ? .success(status: pick([200, 204, 0, -1, 599]))
      : .failure(pick(FailureClass.allCases), status: maybe(number(600)), detail: text())
  }

  mutating func reply() -> CloudReply {
    switch number(7) {
    case 0: return .identity(account: text(), arn: text())
    case 1:
      return .group(
        GroupState(
          size: GroupSize(min: number(3), desired: number(9), max: number(100)), inService: number(9), instances: -1,
          trouble: maybe(text()), suspended: pick([[], ["Launch"], ["Launch", "Terminate", ""]])))
    case 2:
      return .database(
        DatabaseState(
          status: text(), source: maybe(text()), arn: text(),
          address: maybe(DatabaseAddress(host: text(), port: number(70_000))), engine: text(),
          replication: maybe(text()), cluster: maybe(cluster()))
      )
    case 3: return .lag(samples())
    case 4: return .targets(TargetHealth(healthy: number(5), unhealthy: Int.max, other: Int.min))
    case 5: return .checkers(CheckerHealth(healthy: number(20), unhealthy: number(20)))
    default: return .failed(CloudFailure(pick(CloudFailure.Kind.allCases), code: text(), message: text()))
    }
  }

  private mutating func cluster() -> ClusterState {
    ClusterState(
      instances: number(4), version: text(), globalVersion: text(), isMember: number(2) == 0,
      operation: maybe(GlobalOperation(status: text(), to: text(), allowsLoss: number(2) == 0)))
  }

  /// As CloudWatch tells them, or as it never would.
  private mutating func samples() -> [LagSample] {
    let shift = dice.duration(upTo: .seconds(1))
    let all = (0..<number(17)).map { index in
      LagSample(
        at: noon + .minutes(index) + shift, seconds: pick([0, 1, -1, 2.5, -0.0, .infinity, 1e300, 4_294_967_296]))
    }
    return number(4) == 0 ? all.reversed() : all
  }

  mutating func mark() -> Mark {
    now = now + .seconds(1)
    switch number(7) {
    case 0: return .begins(at: now, wallAhead: .milliseconds(number(10_000) - 5000))
    case 1: return .started(at: now)
    case 2: return .stopped(at: now)
    case 3: return .gap(at: now, lasted: dice.duration(upTo: .hours(40)))
    case 4: return .run(workload: text(), pick(RunMoment.allCases), at: now)
    case 5: return .missed(count: number(1_000_000), at: now)
    default:
      return .viewpoint(
        workload: text(),
        Viewpoint(.reference { $0.detection.references = [ReferenceSettings(name: "one", url: "https://1.1.1.1")] }),
        at: now)
    }
  }
}

/// A recording with one frame for each, and where the frames end.
func frames(_ all: [Recorded]) -> (bytes: [UInt8], ends: [Int]) {
  var recorder = Recorder()
  var bytes = recorder.preamble(at: noon, wallAhead: .zero)
  var ends: [Int] = []
  for recorded in all {
    recorder.take(recorded)
    for cut in recorder.frames(at: noon, everything: true) { bytes += cut.bytes }
    ends.append(bytes.count)
  }
  return (bytes, ends)
}
