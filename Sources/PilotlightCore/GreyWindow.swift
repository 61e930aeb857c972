// Grey failure: neither up nor down. Some requests fail, or all are late, and no count of consecutive results ever tips.

/// Whether the probes of the last while were too often wrong or too late.
package struct GreyWindow: Equatable, Sendable {
  /// What is wrong with a primary that still answers.
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Right answers, late.
    case slow
    /// Some requests fail and others do not.
    case partial
  }

  private struct Mark: Equatable, Sendable {
    var at: Instant
    var isFailed: Bool
    var isSlow: Bool
    var isBad: Bool { isFailed || isSlow }
  }

  /// A share of fewer probes than this says nothing.
  private static let fewest = 5
  /// A window of ten minutes at the quickest pace; beyond it the oldest are dropped.
  private static let most = 1200

  private let settings: GreySettings
  private var marks: [Mark] = []
  /// Since when it is grey: the first bad probe of the window in which the share was reached.
  package private(set) var since: Instant?
  package private(set) var kind: Kind = .partial
  /// Start of the newest failed or late probe.
  package private(set) var lastBad: Instant?

  package init(_ settings: GreySettings) { self.settings = settings }

  /// Failed or late probes, and all, of the window.
  package var counts: (bad: Int, total: Int) { (marks.count { $0.isBad }, marks.count) }

  /// Takes one result in, newest last. What may be our own fault or both regions' (TLS, DNS) says nothing here, and lets what was seen
  /// before grow old all the same.
  package mutating func take(_ observation: Observation) {
    if let last = marks.last, observation.at < last.at { return }
    if let mark = mark(of: observation) { marks.append(mark) }
    let oldest = observation.at - settings.window
    marks.removeAll { $0.at < oldest }
    if marks.count > GreyWindow.most { marks.removeFirst() }
    judge()
  }

  private mutating func mark(of observation: Observation) -> Mark? {
    guard case .failure(let failure, _, _) = observation.outcome, failure != .address else {
      return Mark(at: observation.at, isFailed: false, isSlow: false)
    }
    guard failure.countsAsDown || failure == .slow else { return nil }
    lastBad = observation.at
    return Mark(at: observation.at, isFailed: failure.countsAsDown, isSlow: failure == .slow)
  }

  package mutating func forget() { self = GreyWindow(settings) }

  private mutating func judge() {
    let (bad, total) = counts
    let share = total == 0 ? 0 : Double(bad) / Double(total)
    if since == nil, isLongEnough, share >= settings.share, isMixed {
      since = marks.first { $0.isBad }?.at
      kind = marks.count { $0.isSlow } * 2 >= bad ? .slow : .partial
    } else if share < settings.share / 2 {
      since = nil
    }
  }

  /// Half the window was looked at, and not by a handful of probes.
  private var isLongEnough: Bool {
    guard let first = marks.first, let last = marks.last, marks.count >= GreyWindow.fewest else { return false }
    return last.at - first.at >= settings.window / 2
  }

  /// One run of failures in a row is an outage that ended, and the counts have judged it. Grey comes again and again, or is late.
  private var isMixed: Bool {
    if marks.count(where: { $0.isSlow }) * 2 >= counts.bad { return true }
    let runs = zip(marks, marks.dropFirst()).count { !$0.isBad && $1.isBad } + (marks.first?.isBad == true ? 1 : 0)
    return runs >= 3
  }
}
