// Keeps credentials fresh: renewed before they end, by one caller at a time, and kept in use when renewing fails (F48).

/// Time as the AWS client needs it.
package struct AWSClock: Sendable {
  /// Unix seconds.
  package var wallSeconds: @Sendable () -> Double
  /// Time since any fixed moment, from a clock that nobody sets (F54): what is left of a timeout is counted on it.
  package var steady: @Sendable () -> Duration
  /// Sleeps in the clock's own time.
  package var sleep: @Sendable (Duration) async -> Void

  /// - Parameter steady: nil takes `wallSeconds` for a clock that nobody sets.
  package init(
    wallSeconds: @escaping @Sendable () -> Double, steady: (@Sendable () -> Duration)? = nil,
    sleep: @escaping @Sendable (Duration) async -> Void
  ) {
    self.wallSeconds = wallSeconds
    self.steady = steady ?? { .seconds(wallSeconds()) }
    self.sleep = sleep
  }
}

actor CredentialCache {
  /// Renewal begins this long before the end, give or take a fifth: many daemons must not knock together.
  private static let early: Double = 300
  /// When renewing fails, credentials at their end are used this much longer: IMDS is known to serve stale ones (F48).
  private static let grace: Double = 600

  private let chain: CredentialChain
  private let clock: AWSClock
  private let random: @Sendable () -> Double
  private let onNotice: @Sendable (String) -> Void
  private var current: Credentials?
  private var renewAt: Double = 0
  private var renewal: Task<Result<Credentials, CredentialError>, Never>?

  init(
    chain: CredentialChain, clock: AWSClock, random: @escaping @Sendable () -> Double,
    onNotice: @escaping @Sendable (String) -> Void
  ) {
    self.chain = chain
    self.clock = clock
    self.random = random
    self.onNotice = onNotice
  }

  /// Keys to sign with. Ones that still hold are given at once while the new ones are fetched.
  func keys() async throws(CredentialError) -> SigningKeys {
    let now = clock.wallSeconds()
    if let current {
      // Renewal that failed is not tried at every call, but neither are keys used beyond their grace.
      if now < renewAt, now < (current.expires ?? .infinity) + CredentialCache.grace { return current.keys }
      if let expires = current.expires, now < expires - 30 {
        beginRenewal()
        return current.keys
      }
    }
    return try await renewed().keys
  }

  /// The service said that these keys are no good any more: get others (F49).
  func reject(_ keys: SigningKeys) {
    if current?.keys == keys { current = nil }
  }

  /// Returns when no renewal is under way.
  func renewalEnded() async { _ = await renewal?.value }

  private func renewed() async throws(CredentialError) -> Credentials {
    let task = beginRenewal()
    switch await task.value {
    case .success(let credentials): return credentials
    case .failure(let error):
      guard let current, let expires = current.expires, clock.wallSeconds() < expires + CredentialCache.grace else {
        throw error
      }
      return current
    }
  }

  @discardableResult
  private func beginRenewal() -> Task<Result<Credentials, CredentialError>, Never> {
    if let renewal { return renewal }
    let chain = chain
    let task = Task { () -> Result<Credentials, CredentialError> in
      let result: Result<Credentials, CredentialError>
      do throws(CredentialError) {
        result = .success(try await chain.obtain())
      } catch {
        result = .failure(error)
      }
      self.finish(result)
      return result
    }
    renewal = task
    return task
  }

  private func finish(_ result: Result<Credentials, CredentialError>) {
    renewal = nil
    let now = clock.wallSeconds()
    switch result {
    case .success(let credentials):
      current = credentials
      let lead = CredentialCache.early * (0.8 + 0.4 * random())
      renewAt = credentials.expires.map { max(now + 60, $0 - lead) } ?? .infinity
    case .failure(let error):
      // Not again at every call: an endpoint that is down is asked every half minute.
      renewAt = now + 30 * (0.8 + 0.4 * random())
      let left = current?.expires.map { "; those in use end in \(Int($0 - now)) s" } ?? ""
      onNotice("credentials cannot be renewed: \(error.text)\(left)")
    }
  }
}
