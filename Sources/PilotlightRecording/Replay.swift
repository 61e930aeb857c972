// The real guard (detector, lag tracker, machine) over what was recorded, on the recorded time. It is run in mode observe
// whatever the configuration says: that is the machine's own "what if", which goes through everything that decides and stops
// where it would act; and once the primary serves again the next outage is judged from a healthy state. Hold-downs, pauses and
// orders therefore have no part in it; the brake across workloads is applied at the end, when all beginnings are known.

package import PilotlightCore
package import PilotlightEngine

/// Feeds a recording to one guard for each workload.
package final class Replay {
  private let brakes: Brakes
  private var replays: [WorkloadReplay]
  private let places: [String: Int]
  private var findings = Findings()
  private var strangers: Set<String> = []
  private var wallAhead: Duration = .zero
  /// The engine forgets at the shortest of all workloads' gaps.
  private let timeGap: Duration
  private let from: Instant

  /// - Parameter from: what was recorded before this wall time is left out.
  package init(_ workloads: [WorkloadSettings], brakes: Brakes, from: Instant = .distantPast) {
    self.brakes = brakes
    self.from = from
    replays = workloads.map(WorkloadReplay.init)
    places = Dictionary(workloads.enumerated().map { ($1.name, $0) }) { first, _ in first }
    timeGap = workloads.map(\.detection.timeGap).min() ?? .seconds(5)
  }

  /// Takes one thing after the other, in the order of the recording.
  package func take(_ recorded: Recorded) {
    switch recorded {
    case .sighted(let name, let seen):
      guard isWanted(seen.arrivedAt) else { return }
      findings.sightings += 1
      guard let place = places[name] else {
        strangers.insert(name)
        return
      }
      replays[place].take(seen)
    case .mark(let mark): take(mark)
    }
  }

  private func take(_ mark: Mark) {
    switch mark {
    case .begins(_, let ahead):
      wallAhead = ahead
      for index in replays.indices { replays[index].wallAhead = ahead }
      return
    case .viewpoint(let name, let viewpoint, _):
      // It counts for what is seen from there, however old it is itself.
      if let place = places[name] { replays[place].look(from: viewpoint) }
      return
    case .started, .stopped, .gap, .run, .missed: break
    }
    guard isWanted(mark.at) else { return }
    switch mark {
    case .begins, .viewpoint, .stopped: break
    case .started(let at):
      findings.starts += 1
      for index in replays.indices { replays[index].restart(at: at) }
    case .gap(let at, let lasted):
      findings.gaps.add(lasted)
      if lasted > timeGap { for index in replays.indices { replays[index].wake(at: at, after: lasted) } }
    case .run(let name, let moment, let at):
      if let place = places[name] { replays[place].note(moment, at: at) }
    case .missed(let count, _): findings.missed += max(count, 0)
    }
  }

  private func isWanted(_ at: Instant) -> Bool {
    let wall = at + wallAhead
    guard wall >= from else { return false }
    let span = findings.span ?? wall...wall
    findings.span = min(span.lowerBound, wall)...max(span.upperBound, wall)
    return true
  }

  /// After the last of it.
  package func finish() -> Findings {
    findings.workloads = replays.map { $0.finish() }
    findings.strangers = strangers.sorted()
    applyBrake()
    return findings
  }

  /// Of failovers that would have begun within one window only so many begin by themselves, the first ones.
  private func applyBrake() {
    let beginnings = findings.workloads.enumerated().flatMap { place, workload in
      workload.failovers.enumerated().map { (place: place, index: $0.offset, at: $0.element.begunAt) }
    }
    var begun: [(place: Int, at: Instant)] = []
    for next in beginnings.sorted(by: { ($0.at, $0.place) < ($1.at, $1.place) }) {
      let others = begun.count { $0.place != next.place && next.at - $0.at <= brakes.window }
      if others >= brakes.maximum {
        findings.workloads[next.place].failovers[next.index].brake =
          "\(others) failover(s) of other workloads began in the \(brakes.window.text) before; more need an order"
      } else {
        begun.append((next.place, next.at))
      }
    }
  }
}
