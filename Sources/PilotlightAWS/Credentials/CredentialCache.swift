// Keeps credentials fresh: renewed before they end, by one caller at a time, and kept in use when renewing fails (F48).

/// Time as the AWS client needs it.
package struct AWSClock: Sendable {
  /// Unix seconds.
  package var wallSeconds: @Sendable () -> Double
  /// Time since any fixed moment, from a clock that nobody sets (F54): what is left of a timeout is counted on it.
  package var steady: @Sendable () -> Duration
  /// Sleeps in the clock's own time.
  package var sleep: @Sendable (Duration) async -> Void
  /// Returns when a caller has waited so long for somebody else; sooner when its task is cancelled.
  package var patience: @Sendable (Duration) async -> Void

  /// - Parameters:
  ///   - steady: nil takes `wallSeconds` for a clock that nobody sets.
  ///   - patience: real time, unless a test has another.
  package init(
    wallSeconds: @escaping @Sendable () -> Double, steady: (@Sendable () -> Duration)? = nil,
    sleep: @escaping @Sendable (Duration) async -> Void,
    patience: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
  ) {
    self.wallSeconds = wallSeconds
    self.steady = steady ?? { .seconds(wallSeconds()) }
    self.sleep = sleep
    self.patience = patience
  }
}

actor CredentialCache {
  /// Renewal begins this long before the end, give or take a fifth: many daemons must not knock together.
  private static let early: Double = 300
  /// When renewing fails, credentials at their end are used this much longer: IMDS is known to serve stale ones (F48).
  private static let grace: Double = 600
  /// A source that has not answered so long before the end is not slow: somebody must look at it.
  private static let alarm: Double = 180

  private let chain: CredentialChain
  private let clock: AWSClock
  private let random: @Sendable () -> Double
  private let onNotice: @Sendable (AWSNotice) -> Void
  private var current: Credentials?
  private var renewAt: Double = 0
  /// A service refused these. Others may take them, and they are given for as long as no others can be had.
  private var rejected: SigningKeys?
  /// For the sake of a refusal the source is not asked again before: it was, just now.
  private var askAgainAt: Double = 0
  /// When the ones that last longest end; the alarm is of these.
  private var newestEnd: Double = 0
  private var isAlarmed = false
  private var renewal: Task<Result<Credentials, CredentialError>, Never>?
  private var waiting: [Int: CheckedContinuation<Result<Credentials, CredentialError>, Never>] = [:]
  private var lastWaiter = 0

  init(
    chain: CredentialChain, clock: AWSClock, random: @escaping @Sendable () -> Double,
    onNotice: @escaping @Sendable (AWSNotice) -> Void
  ) {
    self.chain = chain
    self.clock = clock
    self.random = random
    self.onNotice = onNotice
  }

  /// Keys to sign with. Ones that still hold are given at once while the new ones are fetched.
  ///
  /// - Parameter patience: how long the caller can wait. Fetching goes on without it: STS in many regions, one after the other, may
  ///   take longer than any call, and the next caller finds the keys.
  func keys(within patience: Duration) async throws(CredentialError) -> SigningKeys {
    let now = clock.wallSeconds()
    if let current {
      let isRejected = current.keys == rejected
      // Renewal that failed is not tried at every call, but neither are keys used beyond their grace.
      if now < (isRejected ? askAgainAt : renewAt), isWithinGrace(current, now) { return current.keys }
      if !isRejected, let expires = current.expires, now < expires - 30 {
        beginRenewal()
        return current.keys
      }
    }
    return try await renewed(within: patience).keys
  }

  /// The service said that these keys are no good any more: get others (F49).
  func reject(_ keys: SigningKeys) {
    if current?.keys == keys { rejected = keys }
  }

  /// Returns when no renewal is under way.
  func renewalEnded() async { _ = await renewal?.value }

  private func renewed(within patience: Duration) async throws(CredentialError) -> Credentials {
    beginRenewal()
    switch await outcome(within: patience) {
    case .success(let credentials): return credentials
    case .failure(let error):
      guard let current, isWithinGrace(current, clock.wallSeconds()) else { throw error }
      return current
    }
  }

  /// Of the renewal that is under way.
  private func outcome(within patience: Duration) async -> Result<Credentials, CredentialError> {
    lastWaiter += 1
    let (me, clock) = (lastWaiter, clock)
    let alarm = Task {
      await clock.patience(patience)
      self.dismiss(me)
    }
    defer { alarm.cancel() }
    return await withCheckedContinuation { waiting[me] = $0 }
  }

  private func dismiss(_ waiter: Int) {
    waiting.removeValue(forKey: waiter)?.resume(
      returning: .failure(.unavailable("the source of the credentials has not answered in the time there was")))
  }

  private func beginRenewal() {
    guard renewal == nil else { return }
    let chain = chain
    renewal = Task { () -> Result<Credentials, CredentialError> in
      let result: Result<Credentials, CredentialError>
      do throws(CredentialError) {
        result = .success(try await chain.obtain())
      } catch {
        result = .failure(error)
      }
      self.finish(result)
      return result
    }
  }

  private func finish(_ result: Result<Credentials, CredentialError>) {
    renewal = nil
    let now = clock.wallSeconds()
    switch result {
    case .success(let credentials):
      if rejected != nil { askAgainAt = now + pause() }
      if credentials.keys != rejected { rejected = nil }
      current = credentials
      let lead = CredentialCache.early * (0.8 + 0.4 * random())
      renewAt = credentials.expires.map { max(now + 60, $0 - lead) } ?? .infinity
      // IMDS is known to give the same ones for hours when it cannot have new ones.
      guard let end = credentials.expires else { break }
      if end > newestEnd {
        (newestEnd, isAlarmed) = (end, false)
      } else {
        notice("their source gives the same again", end: end, now)
      }
    case .failure(let error):
      // Not again at every call: an endpoint that is down is asked every half minute.
      renewAt = now + pause()
      askAgainAt = renewAt
      notice(error.text, end: current?.expires, now)
    }
    for waiter in waiting.values { waiter.resume(returning: result) }
    waiting = [:]
  }

  private func isWithinGrace(_ credentials: Credentials, _ now: Double) -> Bool {
    now < (credentials.expires ?? .infinity) + CredentialCache.grace
  }

  private func pause() -> Double { 30 * (0.8 + 0.4 * random()) }

  /// Somebody is called for it once, when little is left; else it is remarked upon.
  private func notice(_ why: String, end: Double?, _ now: Double) {
    let left = end.map { $0 - now }
    let text = "credentials cannot be renewed: \(why)" + (left.map { "; those in use end in \(Int($0)) s" } ?? "")
    guard let left, left <= CredentialCache.alarm, !isAlarmed else { return onNotice(.remark(text)) }
    isAlarmed = true
    onNotice(.credentialsEnding(text))
  }
}
