// How long steps really took, learned from the ledger. The forecast of a plan rests on them as soon as there are any.

/// The newest durations of each step, by its name and what is alike in its work, oldest first.
package struct StepDurations: Equatable, Sendable {
  /// Of each step so many are kept.
  package static let kept = 32
  /// With fewer, the default stands unless a run took longer.
  package static let enough = 3

  private var samples: [String: [Duration]] = [:]

  package init() {}

  /// A step was finished and nothing unusual (a person, a pause, an error that stuck) was in between.
  package mutating func learn(_ step: Step, _ took: Duration) {
    let step = step.durationKey
    var known = samples[step] ?? []
    if known.count == StepDurations.kept { known.removeFirst() }
    known.append(max(took, .zero))
    samples[step] = known
  }

  /// How many durations of a step are known.
  package func count(_ step: String) -> Int { samples[step]?.count ?? 0 }

  /// The nearest-rank percentile of a step's durations; nil before the first.
  package func percentile(_ share: Double, of step: String) -> Duration? {
    guard let known = samples[step]?.sorted(), !known.isEmpty else { return nil }
    let rank = Int((share * Double(known.count)).rounded(.up))
    return known[min(max(rank, 1), known.count) - 1]
  }

  /// What to expect of a step: the 95th percentile of what was measured; the default stands in until there is enough of that.
  package func expected(_ step: Step) -> Duration {
    guard let measured = percentile(0.95, of: step.durationKey) else { return step.forecast }
    return count(step.durationKey) < StepDurations.enough ? max(step.forecast, measured) : measured
  }

  /// The same steps, each with what is to be expected of it.
  package func informed(_ plan: [Step]) -> [Step] {
    samples.isEmpty
      ? plan
      : plan.map { step in
        var step = step
        step.forecast = expected(step)
        return step
      }
  }
}

extension Step {
  /// A switchover of Aurora's tells nothing of how long its failover takes, although both make the same cluster the writer.
  var durationKey: String { if case .switchOver = work { "\(name) by switchover" } else { name } }
}
