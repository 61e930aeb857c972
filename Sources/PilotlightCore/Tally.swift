// Counts what one probe saw in a row. The start of a run of failures is the start of the outage, not the moment a threshold
// was crossed: RTO and loss are measured from there.

/// Consecutive results of one HTTP target.
package struct Tally: Equatable, Sendable {
  let fallAfter: Int
  let riseAfter: Int
  /// Whether the right answer, late, is a success with a concern. Otherwise it neither counts towards an outage nor ends one.
  let lateServes: Bool

  /// What the counts say; nil until enough was seen in a row.
  package private(set) var serving: Bool?
  /// Since when it is so: the first result of the run that settled it.
  package private(set) var since: Instant?
  /// Start of the first probe in the present run of failures that count as down.
  package private(set) var firstFailure: Instant?
  /// Start of the newest of them.
  package private(set) var lastFailure: Instant?
  /// Failures that count as down, in a row.
  package private(set) var failures = 0
  /// Failures of any class in a row, those that only alert included.
  package private(set) var concerns = 0
  package private(set) var successes = 0
  /// Failures in a row that do not count as down.
  private var unclear = 0
  private var firstSuccess: Instant?
  /// The newest result, of any class.
  package private(set) var last: Observation?

  package init(fallAfter: Int, riseAfter: Int, lateServes: Bool = true) {
    self.fallAfter = fallAfter
    self.riseAfter = riseAfter
    self.lateServes = lateServes
  }

  /// Takes one result in. Results that started before the newest one are ignored: late answers do not rewrite history.
  package mutating func take(_ observation: Observation) {
    if let last, observation.at < last.at { return }
    last = observation
    if serves(observation.outcome) {
      if successes == 0 { firstSuccess = observation.at }
      successes += 1
      (failures, firstFailure, lastFailure) = (0, nil, nil)
      if successes >= riseAfter { settle(true, since: firstSuccess) }
    } else {
      successes = 0
    }
    guard case .failure(let failure, _, _) = observation.outcome else {
      (concerns, unclear) = (0, 0)
      return
    }
    concerns += 1
    // TLS and DNS neither count towards an outage nor end one; but who has seen nothing else for a while begins to count anew.
    guard failure.countsAsDown else {
      unclear += 1
      if unclear >= fallAfter, serving != false { (failures, firstFailure, lastFailure) = (0, nil, nil) }
      return
    }
    unclear = 0
    if failures == 0 { firstFailure = observation.at }
    lastFailure = observation.at
    failures += 1
    if failures >= fallAfter { settle(false, since: firstFailure) }
  }

  private mutating func settle(_ verdict: Bool, since: Instant?) {
    if serving != verdict { self.since = since }
    serving = verdict
  }

  /// Throws all evidence away, as after a time gap.
  package mutating func forget() { self = Tally(fallAfter: fallAfter, riseAfter: riseAfter, lateServes: lateServes) }

  func serves(_ outcome: ProbeOutcome) -> Bool { outcome.serves(late: lateServes) }

  /// Whether the newest result is a failure that counts as down: what an older one proved may have passed.
  var isFailingNow: Bool {
    guard case .failure(let failure, _, _) = last?.outcome else { return false }
    return failure.countsAsDown || (failure == .slow && !lateServes)
  }

  /// The class that alerts without counting as down, once it was seen `fallAfter` times in a row.
  package var concern: FailureClass? {
    guard concerns >= fallAfter, case .failure(let failure, _, _) = last?.outcome else { return nil }
    return failure
  }

  /// True while the counts could still tip: re-checks come sooner then.
  package var unsettled: Bool {
    guard last != nil, let serving else { return last != nil }
    return serving ? failures > 0 || (1..<fallAfter).contains(concerns) : successes > 0
  }

  /// The newest result in words, e.g. `503 serverError 3 times in a row`.
  package var sentence: String {
    guard let last else { return "no answer seen yet" }
    switch last.outcome {
    case .success(let status): return "HTTP \(status) in \(last.took.text), \(successes) in a row"
    case .failure(let failure, let status, let detail):
      let code = status.map { "HTTP \($0), " } ?? ""
      let more = detail.isEmpty ? "" : " (\(detail))"
      return "\(code)\(failure.rawValue) \(concerns) in a row\(more)"
    }
  }
}
