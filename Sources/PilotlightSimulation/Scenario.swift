// What happens to a simulated world from outside. A scenario is data: random ones are drawn from a seed, written ones are read from a
// file, failing ones are cut down entry by entry.

package import PilotlightCore
package import PilotlightSandbox

/// One thing that goes wrong, or is ordered.
package enum Occurrence: Hashable, Sendable, Codable {
  /// In the cloud, the application or its users' way to it.
  case cloud(SandboxFault)
  /// On the watchdog's own way to the world.
  case network(NetworkFault)
  /// In the ledger's disk.
  case disk(DiskFault)
  /// The host's wall clock is this much behind the world's; negative is ahead.
  case clockBehind(Duration)
  /// The process dies at that point and is started again `restartAfter` later.
  case crash(CrashPoint, restartAfter: Duration)
  /// The process stands still (SIGSTOP, a stolen processor, a suspended machine) for the entry's `lasting`.
  case freeze
  /// The veto command says no, or never answers.
  case veto(hangs: Bool)
  /// Another watchdog over the workload, on another host, lives and wants the lease. It only holds it.
  case rival(workload: String)
  /// An operator orders something.
  case order(OrderKind, workload: String)
}

/// What is wrong with the watchdog's network. Everything else goes on.
package enum NetworkFault: Hashable, Sendable, Codable {
  /// Requests arrive and take effect; no answer ever comes back.
  case answersLost
  /// This share of round trips is lost, 0...1; a probe that meets it times out, an API call is re-sent and comes late.
  case packetLoss(share: Double)
  /// Every request takes this long to arrive, and its answer as long to come back.
  case slow(Duration)
  /// This host resolves no names.
  case noNames
}

/// What is wrong with the disk under the ledger.
package enum DiskFault: Hashable, Sendable, Codable {
  /// ENOSPC: nothing is taken.
  case full
  /// EROFS: nothing is taken.
  case readOnly
  /// The next write or fsync fails with EIO; `written` says whether the record is there all the same after a restart.
  case ioError(written: Bool)
  /// A write takes this long, and the loop with it.
  case slow(Duration)
  /// It says that a record is durable and has it in a cache: when the process dies, the machine loses its power, and what was written in the
  /// last so long is gone, although what follows from it was done.
  case forgetful(Duration)
}

/// Where the process dies.
package enum CrashPoint: Hashable, Sendable, Codable {
  case now
  /// At the `count`th record from here, 1 and up.
  case record(count: Int, CrashMoment)
  /// At the first record of this kind that names this step (nil: any), from here on.
  case kind(MessageKind, step: String?, CrashMoment)
}

/// On which side of a record.
package enum CrashMoment: String, Hashable, Sendable, Codable, CaseIterable {
  /// The record was not written.
  case before
  /// It is durable, nothing was done about it.
  case after
  /// What follows from it was sent, no answer came back.
  case sent
}

/// Entries in the order of their times.
package struct Scenario: Equatable, Sendable, Codable {
  package struct Entry: Equatable, Sendable, Codable {
    /// Since the beginning of the world.
    package var at: Duration
    package var what: Occurrence
    /// nil: until everything is mended. Without meaning for orders and crashes.
    package var lasting: Duration?

    package init(at: Duration, _ what: Occurrence, lasting: Duration? = nil) {
      self.at = at
      self.what = what
      self.lasting = lasting
    }
  }
  package var name: String
  package var entries: [Entry]
  /// Then everything is mended.
  package var duration: Duration

  package init(name: String, entries: [Entry], duration: Duration) {
    self.name = name
    self.entries = entries
    self.duration = duration
  }
}

extension SandboxFault {
  /// Whether a probe with this deadline may fail, time after time, although users are served: our eyes lie.
  func hidesService(fromProbesOf timeout: Duration) -> Bool {
    switch self {
    case .albHidden, .observerIsolated: true
    case .albSlow(_, _, let delay): delay + .seconds(1) > timeout
    case .albAddressDead, .albFlapping, .checkersLie, .regionOutage, .apiOutage, .throttling, .unknownOutcomes,
      .lostRequests,
      .garbledReplies,
      .captivePortal,
      .slowAPI, .accessDenied, .credentialsLost, .applicationDown, .albBlackhole, .albRefused, .albWrongContent,
      .replicationStopped, .lagMissing, .lagSpike, .capacityShortage, .launchesSuspended, .launchTemplateMissing,
      .secretDeleted, .promotionStuck, .backupRunning, .databaseRestarts, .holdLifted, .databaseTrouble, .demand,
      .commandsFail,
      .safetyRule, .writeFencingFails, .resyncStalls, .switchoverCancelled, .headless:
      false
    }
  }

  /// The site may be unable to serve because of it. What only keeps the watchdog from seeing that, or from acting, is none of these.
  func mayBreak(_ site: SandboxSite, of settings: WorkloadSettings) -> Bool {
    let region = site == .primary ? settings.primary.region : settings.dr.region
    return switch self {
    case .regionOutage(let gone): gone == region
    case .applicationDown(let name, let broken), .albBlackhole(let name, let broken), .albRefused(let name, let broken),
      .albWrongContent(let name, let broken), .albFlapping(let name, let broken), .albSlow(let name, let broken, _),
      .capacityShortage(let name, let broken, _), .demand(let name, let broken, _),
      .launchesSuspended(let name, let broken),
      .launchTemplateMissing(let name, let broken), .secretDeleted(let name, let broken):
      name == settings.name && broken == site
    case .databaseTrouble(let database, _), .databaseRestarts(let database), .backupRunning(let database):
      database.region == region
    case .headless(let database): database.region == region
    case .apiOutage, .throttling, .unknownOutcomes, .lostRequests, .garbledReplies, .captivePortal, .slowAPI,
      .accessDenied, .credentialsLost, .observerIsolated, .albHidden, .albAddressDead, .checkersLie,
      .replicationStopped,
      .lagMissing, .lagSpike, .commandsFail, .holdLifted, .promotionStuck, .safetyRule, .writeFencingFails,
      .resyncStalls,
      .switchoverCancelled:
      false
    }
  }
}
