// The loss window. Every valid sample (lag L at time s) proves that the replica had replayed everything up to s - L, less what the
// engine's way of measuring leaves open; the best proof ever seen is kept. Promoting now would lose what was written between that
// proof and the start of the outage, at most.
//
// -1, absent, stale and error readings prove nothing. They never lower the proof and never count as zero.

/// What promoting now would lose.
package struct LossWindow: Hashable, Sendable, Codable {
  package enum Confidence: String, Hashable, Sendable, Codable, CaseIterable {
    /// The lag was known when the outage began.
    case measured
    /// An upper bound: the newest proof is older than it should be.
    case atMost = "at most"
    case unknown
  }
  /// nil when unknown.
  package var window: Duration?
  package var confidence: Confidence
  /// The start of the outage that it was counted to; nil when unknown. It may be later than the incident's: seen anew after a blindness.
  package var countedTo: Instant?

  package init(window: Duration?, confidence: Confidence, countedTo: Instant? = nil) {
    self.window = window
    self.confidence = confidence
    self.countedTo = countedTo
  }

  /// `measured 2 s`, `at most 4 min`, `unknown`.
  package var text: String { window.map { "\(confidence.rawValue) \($0.text)" } ?? "unknown" }

  /// True when it is proven to be within the objective.
  package func isWithin(_ rpo: Duration) -> Bool { window.map { $0 <= rpo } ?? false }
}

/// What the promotion of a failover lost, for whoever has to look for it.
package struct LossEntry: Hashable, Sendable, Codable {
  package var window: LossWindow
  /// T0 of the outage, or when the failover was ordered.
  package var outageStart: Instant
  /// The promoted database, with its ARN and address as they were when the promotion was seen done; nil when a person said that it is.
  package var promoted: DatabaseRef
  package var arn: String?
  package var address: DatabaseAddress?
  /// Where the missing writes may still be, and what that was called; nil when it was not read since the start.
  package var left: DatabaseRef
  package var leftName: DatabaseName?
  /// Writes were held, and replayed, before the promotion; nil: no.
  package var isDrained: Bool?
  /// The hold was seen gone behind the promotion, before what was held was left for good; nil: it was not.
  package var isLetThrough: Bool?

  package init(
    window: LossWindow, outageStart: Instant, promoted: DatabaseRef, arn: String?, address: DatabaseAddress?,
    left: DatabaseRef, leftName: DatabaseName? = nil, isDrained: Bool? = nil,
    isLetThrough: Bool? = nil
  ) {
    self.window = window
    self.outageStart = outageStart
    self.promoted = promoted
    self.arn = arn
    self.address = address
    self.left = left
    self.leftName = leftName
    self.isDrained = isDrained
    self.isLetThrough = isLetThrough
  }

  /// Everything written before this moment is on the promoted database; nil when that is not known.
  package var proof: Instant? { window.window.map { (window.countedTo ?? outageStart) - $0 } }
  /// Nothing was written at the old primary after this moment, as far as our probes could see.
  package var end: Instant { max(window.countedTo ?? outageStart, outageStart) }

  package var sentence: String {
    if isDrained == true {
      return "nothing that was written to \(left.identifier) is missing from \(promoted.identifier)"
    }
    if isLetThrough == true {
      return
        "users may have written to \(left.identifier) behind the promotion of \(promoted.identifier), which has none of it"
    }
    guard let proof else {
      return "how much of \(left.identifier) is missing from \(promoted.identifier) is unknown\(kept)"
    }
    let rest = "what was written to \(left.identifier) from \(proof.text)"
    return "\(rest) to \(end.text) may be missing from \(promoted.identifier): \(window.text)\(kept)"
  }

  /// Aurora keeps what it left behind before it rebuilds the cluster, as a system snapshot, which goes with the old cluster's backups
  /// (Aurora user guide, "Performing managed cross-Region failovers").
  private var kept: String {
    guard left.global != nil else { return "" }
    return
      "; Aurora keeps it, where it can, in cluster snapshot rds:unplanned-global-failover-\(left.identifier)-… in \(left.region) until "
      + "that cluster's backup retention ends: copy it"
  }
}

/// Somebody has looked for what was lost.
package struct LossReview: Hashable, Sendable, Codable {
  package var by: String
  package var reason: String
  package var at: Instant

  package init(by: String, reason: String, at: Instant) {
    self.by = by
    self.reason = reason
    self.at = at
  }
}

/// What the engine of a replica measures as its lag.
package enum LagMeaning: String, Hashable, Sendable, Codable, CaseIterable {
  /// Time since the newest replayed transaction (RDS for PostgreSQL: `now() - pg_last_xact_replay_timestamp()`): an idle primary makes it
  /// drift for up to five minutes, and it never says less than the truth.
  case sinceReplayed
  /// How far the applying is behind what has *arrived* (MySQL, MariaDB: `Seconds_Behind_Source`): once all that came is applied it says
  /// zero, also on a link that has gone silent, until `replica_net_timeout` ends the connection and it says -1.
  case behindArrived

  /// - Parameter engine: as RDS names it. What is not known to be better is taken for the worse; so are clusters of a global database,
  ///   of whose metrics AWS does not say what they show once the link is cut.
  package init(engine: String?) {
    self = engine?.hasPrefix("postgres") == true ? .sinceReplayed : .behindArrived
  }

  /// What may be missing beyond the lag: a minute of silence, MySQL's default of `replica_net_timeout` (MySQL 8.0 Reference Manual,
  /// "Replica Server Options and Variables"), and what was on its way when it began, for which 5 s are a lot. A link that is alive and
  /// too slow for the writes is not seen by this metric at all.
  var margin: Duration { self == .sinceReplayed ? .zero : .seconds(65) }
}

/// What is known of the replica's lag.
package struct LagTracker: Equatable, Sendable {
  package enum State: String, Hashable, Sendable, Codable, CaseIterable {
    case replicating
    /// CloudWatch says -1: replication is not active.
    case inactive
    /// The newest sample is too old.
    case stale
    /// No sample, or the reading failed.
    case unknown
  }

  let staleAfter: Duration
  /// Known once the replica's engine was read.
  package var meaning: LagMeaning
  /// The newest valid sample.
  package private(set) var newest: LagSample?
  /// The latest moment of a sample less its lag.
  private var replayed: Instant?
  /// Everything written before this moment is known to be on the replica.
  package var proof: Instant? { replayed.map { $0 - meaning.margin } }
  /// Since when there is nothing but -1.
  private var inactiveSince: Instant?
  private var failure: String?
  /// Since when readings fail or bring nothing, without a break.
  private var failingSince: Instant?

  package init(staleAfter: Duration, meaning: LagMeaning) {
    self.staleAfter = staleAfter
    self.meaning = meaning
  }

  /// The same datapoint read twice lies at most this far apart: half its minute.
  private static let jitter: Duration = .seconds(30)

  /// Samples as CloudWatch gave them, in any order. An answer older than one that was taken before can only add proof.
  package mutating func take(_ samples: [LagSample], at now: Instant) {
    note(samples.isEmpty ? "no datapoint in the last 15 minutes" : nil, at: now)
    var valid: LagSample?
    var inactive: Instant?
    for sample in samples.sorted(by: { $0.at < $1.at }) {
      let at = min(sample.at, now)
      guard sample.seconds >= 0, sample.seconds < 1e9 else {
        inactive = inactive ?? at
        continue
      }
      (valid, inactive) = (LagSample(at: at, seconds: sample.seconds), nil)
      let proven = at - .nanoseconds(Int64(sample.seconds * 1e9))
      replayed = max(replayed ?? proven, proven)
    }
    let known = max(newest?.at ?? .distantPast, inactiveSince ?? .distantPast)
    guard let last = inactive ?? valid?.at, last > known - LagTracker.jitter else { return }
    if let valid { newest = valid }
    inactiveSince = inactive.map { min($0, inactiveSince ?? $0) }
  }

  /// The reading failed; what was proven stays proven.
  package mutating func failed(_ why: String, at now: Instant) { note(why, at: now) }

  private mutating func note(_ failure: String?, at now: Instant) {
    self.failure = failure
    failingSince = failure == nil ? nil : failingSince ?? now
  }

  package func state(at now: Instant) -> State {
    if failure != nil, newest == nil { return .unknown }
    if inactiveSince != nil { return .inactive }
    guard let newest else { return .unknown }
    return now - newest.at > staleAfter ? .stale : .replicating
  }

  /// Neither read now nor for so long that somebody should look.
  package func isUnread(at now: Instant) -> Bool {
    switch state(at: now) {
    case .replicating, .inactive: false
    case .stale: true
    case .unknown: failingSince.map { now - $0 > staleAfter } ?? false
    }
  }

  /// The lag as it is now, nil unless known.
  package func lag(at now: Instant) -> Duration? {
    guard state(at: now) == .replicating, let newest else { return nil }
    return .nanoseconds(Int64(newest.seconds * 1e9))
  }

  /// What promoting would lose, for an outage that began at `outageStart` (now, when there is none).
  package func loss(outageStart: Instant) -> LossWindow {
    guard let proof, let newest else { return LossWindow(window: nil, confidence: .unknown) }
    let fresh = outageStart - newest.at <= staleAfter && (inactiveSince.map { $0 >= outageStart } ?? true)
    let isMeasured = fresh && meaning == .sinceReplayed
    return LossWindow(
      window: max(outageStart - proof, .zero), confidence: isMeasured ? .measured : .atMost, countedTo: outageStart)
  }

  /// One sentence: the state and how old the newest sample is.
  package func sentence(at now: Instant) -> String {
    let age = newest.map {
      "newest sample \(Duration.nanoseconds(Int64($0.seconds * 1e9)).text), \((now - $0.at).text) old"
    }
    switch state(at: now) {
    case .replicating: return "replicating, \(age ?? "")"
    case .inactive: return "replication is not active (ReplicaLag is -1)\(age.map { "; \($0)" } ?? "")"
    case .stale: return "stale: \(age ?? "")"
    case .unknown: return "unknown: \(failure ?? "not read yet")"
    }
  }
}
