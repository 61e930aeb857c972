// Several watchdogs over one workload, on hosts of their own: a lease in the DR region says which one acts. All of them look.
//
// The lease is one record that is only ever replaced as it was last read. Its holder renews it and counts its own right from the
// moment it began to ask, on its own clock; another watchdog may take it when it has seen the same record, unchanged, for as long as
// the holder claimed it, on its own clock again. No two clocks are ever compared, only their pace: a holder stops a quarter before
// its time is over, which is more than clocks drift apart and longer than a request that was given up stays on its way.
// (C. Gray, D. Cheriton, "Leases: an efficient fault-tolerant mechanism", SOSP 1989; the watching of an unchanged record as in
// Amazon's DynamoDB lock client.)

/// An item of a DynamoDB table whose partition key is the text `workload`.
package struct LeaseRef: Hashable, Sendable, Codable {
  package var region: String
  package var table: String
  /// Value of the partition key.
  package var key: String
  package init(region: String, table: String, key: String) {
    self.region = region
    self.table = table
    self.key = key
  }
}

/// What stands in the store.
package struct LeaseRecord: Hashable, Sendable, Codable {
  /// How a watchdog signs, for people.
  package var holder: String
  /// One process, `LEDGER.PROCESS`: who has the same ledger comes after it, for two cannot have it open.
  package var life: String
  /// The fencing number: one more with every process that takes the lease, 1 and up.
  package var number: Int
  /// One more with every renewal, 0 and up.
  package var renewal: Int
  /// For how long it was claimed.
  package var lasting: Duration
  package init(holder: String, life: String, number: Int, renewal: Int, lasting: Duration) {
    self.holder = holder
    self.life = life
    self.number = number
    self.renewal = renewal
    self.lasting = lasting
  }
}

/// Where the lease is, and how it is held.
package struct LeaseSettings: Hashable, Sendable, Codable {
  package var ref: LeaseRef
  /// How this watchdog signs; every one its own way, or people cannot tell them apart.
  package var holder: String
  /// For how long the lease is claimed at a time, 15 s and up; a dead holder is followed after that.
  package var lasting: Duration

  /// A dead watchdog costs this much of a recovery, and a lost call no failover.
  package static let usual: Duration = .seconds(60)

  package init(ref: LeaseRef, holder: String = "", lasting: Duration = LeaseSettings.usual) {
    self.ref = ref
    self.holder = holder
    self.lasting = lasting
  }
}

/// What one watchdog knows of the lease. A value without a clock: whoever holds it says what time it is.
package struct LeaseTracker: Equatable, Sendable {
  private enum Standing: Equatable {
    case unread
    /// There is none, and was none since that moment. Somebody may have deleted it while it was held.
    case free(since: Instant)
    /// Ours, or our predecessor's on this ledger; nil: not claimed by this process yet.
    case own(LeaseRecord, until: Instant?)
    /// First seen so at that moment, and never otherwise since.
    case foreign(LeaseRecord, since: Instant)
  }
  private let settings: LeaseSettings
  private let life: String
  private var standing = Standing.unread
  /// This process held it at some time.
  private var hasHeld = false
  /// The highest number ever seen.
  private var highest = 0
  /// A claim has no answer that tells what became of it.
  private var mustRead = false
  /// When the newest answer taken in was asked for.
  private var askedAt: Instant?
  /// Why nothing is known of the store, and since when; nil when its newest answer told.
  private var silence: String?
  private var silentSince: Instant?

  /// - Parameter life: `LEDGER.PROCESS`, different in every process and equal up to the dot on one ledger.
  package init(_ settings: LeaseSettings, life: String) {
    self.settings = settings
    self.life = life
  }

  // MARK: Asking

  /// What to ask of the store now.
  ///
  /// - Parameter mayClaim: false for a watchdog that is not to act: it reads, and lets what it has lapse.
  package func request(at now: Instant, mayClaim: Bool) -> CloudAction {
    guard mayClaim, !mustRead else { return .readLease(settings.ref) }
    switch standing {
    case .unread: return .readLease(settings.ref)
    case .free(let since):
      guard now - since >= settings.lasting else { return .readLease(settings.ref) }
      return .claimLease(settings.ref, mine(number: highest + 1, renewal: 0), over: nil)
    case .own(let record, _) where record.life == life:
      return .claimLease(settings.ref, mine(number: record.number, renewal: record.renewal + 1), over: record)
    case .own(let record, _):
      return .claimLease(settings.ref, mine(number: record.number + 1, renewal: 0), over: record)
    case .foreign(let record, let since):
      guard now - since >= record.lasting else { return .readLease(settings.ref) }
      return .claimLease(settings.ref, mine(number: record.number + 1, renewal: 0), over: record)
    }
  }

  private func mine(number: Int, renewal: Int) -> LeaseRecord {
    LeaseRecord(holder: settings.holder, life: life, number: number, renewal: renewal, lasting: settings.lasting)
  }

  /// The pause until it is asked next.
  package var pause: Duration {
    let usual = settings.lasting / 10
    if silence != nil { return usual }
    if mustRead { return min(usual, .seconds(1)) }
    switch standing {
    case .unread, .own(_, nil): return min(usual, .seconds(1))
    case .free, .own, .foreign: return usual
    }
  }

  // MARK: Being answered

  /// Takes in an answer; `start` is when it was asked for. One that was asked for before the newest is too late to tell anything.
  package mutating func take(_ reply: CloudReply, askedAt start: Instant, at now: Instant) {
    if let askedAt, start < askedAt { return }
    askedAt = start
    switch reply {
    case .leased(let record):
      heard()
      // A claim of before a reload.
      guard record.life == life else { return mustRead = true }
      hasHeld = true
      highest = max(highest, record.number)
      standing = .own(record, until: start + settings.lasting * 3 / 4)
    case .lease(let record):
      heard()
      read(record, at: now)
    case .failed(let failure) where failure.kind == .wrongState:
      // Somebody has replaced it.
      heard()
      standing = .unread
    case .failed(let failure): noteSilence(failure.text, since: start)
    default: noteSilence("an answer to something else", since: start)
    }
  }

  private mutating func heard() {
    mustRead = false
    silence = nil
    silentSince = nil
  }

  private mutating func noteSilence(_ why: String, since start: Instant) {
    mustRead = true
    silence = why
    silentSince = silentSince ?? start
    // Nobody knows what stood there meanwhile.
    if case .free = standing { standing = .unread }
  }

  private mutating func read(_ record: LeaseRecord?, at now: Instant) {
    guard let record else {
      if case .free = standing { return }
      standing = .free(since: now)
      return
    }
    highest = max(highest, record.number)
    if isOurs(record) {
      if case .own(_, let until) = standing, record.life == life {
        standing = .own(record, until: until)
      } else {
        standing = .own(record, until: nil)
      }
      return
    }
    if case .foreign(record, _) = standing { return }
    standing = .foreign(record, since: now)
  }

  /// Of this process, or of one before it on this ledger. Who comes with the same ledger when this process had it already has a copy.
  private func isOurs(_ record: LeaseRecord) -> Bool {
    if record.life == life { return true }
    return !hasHeld && record.holder == settings.holder && record.life.prefix { $0 != "." } == life.prefix { $0 != "." }
  }

  // MARK: Knowing

  /// Until when this watchdog may act; nil when it may not.
  package func held(at now: Instant) -> Instant? {
    guard case .own(_, let until?) = standing, now < until else { return nil }
    return until
  }

  /// In one word, for whoever tells about changes.
  package enum Word: Equatable, Sendable {
    case unknown
    case held(number: Int)
    case foreign(String)
    /// Another process signs as this one does.
    case twin(String)
    case silent
  }

  package func word(at now: Instant) -> Word {
    switch standing {
    case .own(let record, let until?) where now < until: return .held(number: record.number)
    case .foreign(let record, _) where silence == nil:
      return record.holder == settings.holder ? .twin(record.holder) : .foreign(record.holder)
    case .unread, .free, .own, .foreign: return silence == nil ? .unknown : .silent
    }
  }

  /// Another watchdog's lease, as last read.
  package var foreign: LeaseRecord? {
    if case .foreign(let record, _) = standing { record } else { nil }
  }

  /// Ours, and not renewed: nobody else has it.
  func isLapsed(at now: Instant) -> Bool {
    if case .own = standing { silence == nil && held(at: now) == nil } else { false }
  }

  /// Nobody's, or another's who has let it lapse.
  func isFree(at now: Instant) -> Bool {
    guard silence == nil else { return false }
    switch standing {
    case .unread, .own: return false
    case .free(let since): return now - since >= settings.lasting
    case .foreign(let record, let since): return now - since >= record.lasting
    }
  }

  /// The number under which this watchdog holds it; nil when it does not.
  package func number(at now: Instant) -> Int? {
    if case .own(let record, let until?) = standing, now < until { record.number } else { nil }
  }

  /// Why the store tells nothing at present, in a sentence; nil when it does.
  package func silence(at now: Instant) -> String? {
    guard let silence, let since = silentSince else { return nil }
    return "the lease in \(settings.ref.table) cannot be read or claimed for \((now - since).text): \(silence)"
  }

  /// Why nothing may be changed; nil while the lease is held.
  package func whyNotHeld(at now: Instant) -> String? {
    guard held(at: now) == nil else { return nil }
    return silence(at: now) ?? unheld
  }

  private var unheld: String {
    switch standing {
    case .foreign(let record, _) where record.holder == settings.holder:
      "another watchdog signs as \(record.holder) and holds the lease: give each a `daemon.name` of its own"
    case .foreign(let record, _): "\(record.holder) holds the lease, number \(record.number)"
    case .unread: "the lease has not been read yet"
    case .free: "nobody holds the lease; it is taken after \(settings.lasting.text)"
    case .own: "the lease is not held yet"
    }
  }

  /// Why no failover begins: without a store that answers none would get far (F26).
  package func whyNotBegin(at now: Instant) -> String? { whyNotHeld(at: now) ?? silence(at: now) }
}
