// From observations to an assessment. Four questions, in this order: do our probes reach the primary? If not, does our own
// network work? Do others see what we see? Has it lasted long enough? Each answer is a short pure function.
//
// A success before the outage proves nothing about our network during it, and a vantage that was read before the outage says
// nothing about it: only readings that started at or after T0 count.

/// Sees one primary through probes, references and vantages.
package struct Detector: Equatable, Sendable {
  let settings: DetectionSettings
  /// How often references and vantages are read while probes fail: several answers have to fit into a confirmation.
  let pace: Duration
  package private(set) var tally: Tally
  package private(set) var grey: GreyWindow
  /// When evidence was last thrown away, or the start.
  private var begun: Instant
  /// Start of the newest good and newest failed reading of each reference.
  private var references: [Reference]
  package private(set) var targets = Reading<TargetHealth>()
  package private(set) var primaryAPI = Reading<Bool>()
  /// When the primary region's API was asked in vain, the newest `believedMisses` of them; empty after an answer.
  private var misses: [Instant] = []
  /// On a line that loses 30 % of its packets one call in forty is lost (F24): four in a row are no accident.
  private static let believedMisses = 4
  /// When the region's API last answered, whatever it was asked.
  private var answeredAt: Instant?
  package private(set) var checkers = Reading<CheckerHealth>()
  /// Start of the newest probe that users would have been served at, whatever was forgotten since: an outage that began before it is over.
  package private(set) var lastSuccess: Instant?
  /// From here on an outage has to last: a pause has ended.
  private var confirmingSince: Instant
  /// The verdict last given and since when: `since` must not move while the verdict stands.
  private var standing: (verdict: Verdict, since: Instant)

  struct Reference: Equatable, Sendable {
    let watch: Watch
    var good: Instant?
    var failed: Instant?
    /// Start of the first good reading since the newest failed one.
    var goodSince: Instant?
  }

  package struct Reading<Value: Equatable & Sendable>: Equatable, Sendable {
    var value: Value?
    var at: Instant?
  }

  package init(_ settings: WorkloadSettings, at now: Instant) {
    self.settings = settings.detection
    pace = min(settings.detection.pollInterval, settings.primary.probe.interval, .seconds(5))
    tally = Tally(
      fallAfter: settings.primary.probe.fallAfter, riseAfter: settings.primary.probe.riseAfter,
      lateServes: settings.detection.grey.policy == .alert)
    grey = GreyWindow(settings.detection.grey)
    begun = now
    confirmingSince = now
    let watches: [Watch] = [.drAPI, .drProbe] + settings.detection.references.map { .reference($0.name) }
    references = watches.map { Reference(watch: $0) }
    standing = (.unknown, now)
  }

  package static func == (a: Detector, b: Detector) -> Bool {
    a.tally == b.tally && a.grey == b.grey && a.begun == b.begun && a.references == b.references
      && a.targets == b.targets && a.primaryAPI == b.primaryAPI && a.misses == b.misses
      && a.answeredAt == b.answeredAt
      && a.checkers == b.checkers
      && a.lastSuccess == b.lastSuccess && a.confirmingSince == b.confirmingSince && a.standing == b.standing
  }

  // MARK: Taking evidence in

  /// A result of the primary's probe. What started before evidence was last thrown away is ignored.
  package mutating func probed(_ observation: Observation) {
    guard observation.at >= begun else { return }
    tally.take(observation)
    grey.take(observation)
    if tally.serves(observation.outcome) { lastSuccess = max(lastSuccess ?? observation.at, observation.at) }
  }

  /// Whether a reference answered at all; `at` is when it was asked.
  package mutating func reached(_ watch: Watch, _ answered: Bool, at: Instant) {
    guard at >= begun, let index = references.firstIndex(where: { $0.watch == watch }) else { return }
    if answered {
      references[index].good = max(references[index].good ?? at, at)
      references[index].goodSince = references[index].goodSince ?? at
    } else {
      references[index].failed = max(references[index].failed ?? at, at)
      references[index].goodSince = nil
    }
  }

  /// What the load balancer says of its targets; nil when it could not be asked.
  package mutating func sawTargets(_ health: TargetHealth?, at: Instant) {
    guard at >= begun else { return }
    if health == nil, targets.value.map({ $0.healthy > 0 }) ?? false, isRemembered(targets.at, at: at) { return }
    targets = Reading(value: health, at: at)
    // It was the region's API that brought it.
    if health != nil { answeredAt = max(answeredAt ?? at, at) }
  }

  /// Whether the primary region's API answered; nil when that could not be told.
  package mutating func sawPrimaryAPI(_ answered: Bool?, at: Instant) {
    guard at >= begun else { return }
    if answered == true { answeredAt = max(answeredAt ?? at, at) }
    misses = answered == false ? (misses + [at]).suffix(Detector.believedMisses) : []
    primaryAPI = Reading(value: answered, at: at)
  }

  /// What Route 53's checkers say; nil when they could not be asked.
  package mutating func sawCheckers(_ health: CheckerHealth?, at: Instant) {
    guard at >= begun else { return }
    if health == nil, checkers.value?.isHealthy ?? false, isRemembered(checkers.at, at: at) { return }
    checkers = Reading(value: health, at: at)
  }

  /// A pause ended: what was seen meanwhile stands, but whatever fails has to last as long as a new outage would.
  package mutating func confirmAfresh(at now: Instant) { confirmingSince = now }

  /// Throws all evidence away: the process was frozen.
  package mutating func forget(at now: Instant) {
    closeEyes(at: now)
    for index in references.indices { references[index] = Reference(watch: references[index].watch) }
    standing = (.unknown, now)
  }

  /// Sight is back. What failed while nothing could be seen says nothing about the primary: it is looked at from the beginning.
  private mutating func openEyes(at now: Instant) {
    closeEyes(at: now)
    standing = (.unknown, now)
  }

  private mutating func closeEyes(at now: Instant) {
    tally.forget()
    grey.forget()
    begun = now
    confirmingSince = now
    targets = Reading()
    primaryAPI = Reading()
    (misses, answeredAt) = ([], nil)
    checkers = Reading()
  }

  // MARK: Concluding

  /// The conclusion as of now. Mutating only because `since` is remembered.
  package mutating func assess(at now: Instant) -> Assessment {
    if standing.verdict == .blind, isFailing, network(at: now) == .up { openEyes(at: now) }
    let verdict = judge(at: now)
    if verdict != standing.verdict { standing = (verdict, since(verdict, now: now)) }
    let agreement = agree()
    let concern = verdict == .up || verdict == .unknown ? tally.concern : nil
    let isGrey = grey.since != nil && verdict == .up
    return Assessment(
      verdict: verdict, since: standing.since, outageStart: outage?.start, lasted: hasLasted,
      witnessed: isWitnessed, answersAgain: verdict == .down && tally.successes > 0, isSilent: isSilent,
      confirmed: verdict == .down && network(at: now) == .up && isAgreed(agreement) && hasLasted && isWitnessed,
      agreement: agreement,
      concern: concern, grey: isGrey ? grey.kind : nil, diagnosis: diagnose(verdict, agreement, concern),
      lastSuccess: lastSuccess, basis: basis)
  }

  private func diagnose(_ verdict: Verdict, _ agreement: Agreement, _ concern: FailureClass?) -> Diagnosis? {
    var failure: FailureClass?
    if case .failure(let seen, _, _) = tally.last?.outcome { failure = seen }
    return Diagnosis(
      Symptoms(
        verdict: verdict, failure: failure, concern: concern, grey: grey.since == nil ? nil : grey.kind,
        targets: current(targets), primaryAPI: primaryAPIOpinion, agreement: agreement))
  }

  /// T0 and the newest failed probe of the present outage: a run of failures, or a grey failure that counts as one.
  private var outage: (start: Instant, last: Instant)? {
    let run = tally.firstFailure.flatMap { first in tally.lastFailure.map { (start: first, last: $0) } }
    guard countsGrey, let since = grey.since, let last = grey.lastBad else { return run }
    return (min(since, run?.start ?? since), max(last, run?.last ?? last))
  }

  private var countsGrey: Bool { settings.grey.policy == .countAsDown }

  /// Enough failures in a row, or a grey failure that counts as down.
  private var isFailing: Bool { tally.serving == false || (countsGrey && grey.since != nil) }

  /// Something is wrong, or not known yet: whoever can tell more is asked more often.
  var isTense: Bool { outage != nil || grey.since != nil }

  private func judge(at now: Instant) -> Verdict {
    guard tally.serving != nil else { return .unknown }
    if !isFailing { return .up }
    switch network(at: now) {
    case .up: return .down
    case .down: return .blind
    case .unknown: return standing.verdict == .down || standing.verdict == .blind ? standing.verdict : .unknown
    }
  }

  private func since(_ verdict: Verdict, now: Instant) -> Instant {
    switch verdict {
    case .up: tally.since ?? now
    case .down: tally.serving == false ? tally.since ?? now : grey.since ?? now
    case .blind, .unknown: now
    }
  }

  /// Does our own network work? One reference that answered during the outage, and recently, proves it.
  func network(at now: Instant) -> Opinion {
    guard let outageStart = outage?.start else { return .up }
    // While probes fail, references are read at the probe's pace: three rounds without an answer are too old to prove anything.
    let horizon = max(outageStart, now - max(pace * 3, .seconds(5)))
    if references.contains(where: { ($0.good ?? .distantPast) >= horizon && newestIsGood($0) }) { return .up }
    return references.allSatisfy { ($0.failed ?? .distantPast) >= outageStart && !newestIsGood($0) } ? .down : .unknown
  }

  private func newestIsGood(_ reference: Reference) -> Bool {
    (reference.good ?? .distantPast) >= (reference.failed ?? .distantPast)
  }

  /// When a probe has to start, and fail, to prove that the present outage has lasted; nil without one.
  var confirmationDue: Instant? { outage.map { max($0.start, confirmingSince) + settings.confirmFor } }

  /// The proof that an outage lasted is a probe that *started* `confirmFor` after T0 and failed too.
  private var hasLasted: Bool {
    guard let outage, let due = confirmationDue else { return false }
    return outage.last >= due
  }

  /// Whether the newest probe shows the outage: TLS and DNS may be our own or both regions' trouble, and tell nothing of what was there
  /// before them. A grey failure is shown by its window, until
  /// enough answers in a row say that it may be over.
  private var isWitnessed: Bool {
    tally.isFailingNow || (countsGrey && grey.since != nil && tally.successes < tally.riseAfter)
  }

  private var isSilent: Bool {
    guard case .failure(let failure, _, _) = tally.last?.outcome, let miss = misses.last else { return false }
    return failure.isSilence && answeredAt ?? .distantPast < miss
  }

  // MARK: Vantages

  /// The load balancer's own opinion, read since the outage began.
  package var targetsOpinion: Opinion {
    guard let health = targets.value, isCurrent(targets.at) else { return .unknown }
    if health.healthy > 0 { return .up }
    // No target at all is a definite answer too; `initial` and `unavailable` are not.
    return health.unhealthy > 0 || health.other == 0 ? .down : .unknown
  }

  /// That it does not answer is believed once it was asked often enough, since calls are lost on a bad line (F24), and when one
  /// reference answered from before the first of them until after the last: our own network may have been broken just then.
  package var primaryAPIOpinion: Opinion {
    guard let at = primaryAPI.at, isCurrent(at) else { return .unknown }
    guard misses.count == Detector.believedMisses, isCurrent(misses[0]), answeredAt ?? .distantPast < misses[0] else {
      return isCurrent(answeredAt) && isRemembered(answeredAt, at: at) ? .up : .unknown
    }
    let isProven = references.contains { reference in
      guard let since = reference.goodSince, let good = reference.good else { return false }
      return since <= misses[0] && good >= at
    }
    return isProven ? .down : .unknown
  }

  /// Route 53's checkers look from many places in the world; by its own rule.
  package var checkersOpinion: Opinion {
    guard let health = checkers.value, isCurrent(checkers.at), health.healthy + health.unhealthy > 0 else {
      return .unknown
    }
    return health.isHealthy ? .up : .down
  }

  /// A 5xx comes from the load balancer itself: it is the primary saying that it cannot serve.
  package var answerOpinion: Opinion {
    guard case .failure(.serverError, _, _) = tally.last?.outcome else { return .unknown }
    return .down
  }

  /// The word "up" stands this long over answers that are lost or cannot be read: they say nothing, and one that lies would be alone for
  /// a moment. "Down" does not: unknown is never down.
  private static let memory: Duration = .minutes(2)

  private func isRemembered(_ said: Instant?, at now: Instant) -> Bool {
    said.map { now - $0 <= Detector.memory } ?? false
  }

  /// What was read since the outage began; older words say nothing about it, and shown beside it they would mislead.
  private func current<Value>(_ reading: Reading<Value>) -> Value? { isCurrent(reading.at) ? reading.value : nil }

  private func isCurrent(_ at: Instant?) -> Bool {
    guard let at else { return false }
    return at >= (outage?.start ?? .distantPast)
  }

  private func agree() -> Agreement {
    guard outage != nil else { return .missing }
    if settings.corroborate == .none { return .agreed("no corroboration asked for") }
    if settings.corroborate == .all, let up = vantages(.up) { return .contradicted(up) }
    return vantages(.down).map { .agreed($0) } ?? vantages(.up).map { .contradicted($0) } ?? .missing
  }

  /// Those that think so; nil where none does.
  private func vantages(_ opinion: Opinion) -> String? {
    var names: [String] = []
    if targetsOpinion == opinion { names.append("target health") }
    if primaryAPIOpinion == opinion { names.append("the primary region's API") }
    if checkersOpinion == opinion { names.append("Route 53's checkers") }
    if answerOpinion == opinion { names.append("the load balancer's own 5xx") }
    return names.isEmpty ? nil : names.joined(separator: " and ")
  }

  private func isAgreed(_ agreement: Agreement) -> Bool {
    if case .agreed = agreement { true } else { false }
  }

  private var basis: Basis {
    Basis(
      tally: tally, targets: current(targets), primaryAPI: current(primaryAPI), checkers: current(checkers),
      grey: grey.since.map { _ in (grey.counts.bad, grey.counts.total) },
      references: outage.map { _ in
        (references.count { $0.good != nil && newestIsGood($0) }, references.count)
      })
  }
}
