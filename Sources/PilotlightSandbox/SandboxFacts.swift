// What really happened, which no observer inside the world can know: the yardstick for tests, simulation and the demo.

package import PilotlightCore

/// The truth about one workload so far.
package struct SandboxFacts: Equatable, Sendable, Codable {
  /// Writes that were acknowledged to a user, in any database.
  package var writesAccepted: Int
  /// Acknowledged writes that are not in the database which is now the workload's own.
  package var lostWrites: Int
  /// From the oldest to the newest lost write of the widest lost range; zero when nothing is lost.
  package var lossWindow: Duration
  /// How long two databases with separate histories took writes at once.
  package var doubleWriters: Duration
  /// Databases that take writes at this moment.
  package var writers: [DatabaseRef]
  /// Time users were served; a moment at which half of them are counts half.
  package var served: Duration
  /// The first moment of the newest outage at which not all users were served; nil before there was one.
  package var outageStart: Instant?
  /// When all users were served again; nil while the newest outage lasts, or without one.
  package var serviceRestoredAt: Instant?
  /// Outages so far, the present one included; holding writes is one too.
  package var outages: Int
  /// Promotions the cloud carried out, all databases of the workload together.
  package var promotions: Int
  /// Where all users go; nil while they are spread over both sites, or go nowhere.
  package var traffic: SandboxSite?
  /// Whether every user is served at this moment.
  package var serving: Bool
}

/// A time in which not all users of a workload were served.
package struct ServiceOutage: Equatable, Sendable {
  package var start: Instant
  /// nil while it lasts.
  package var restoredAt: Instant?
  /// Where they were all served from when it ended; nil while it lasts, or when they were spread over both sites.
  package var restoredFrom: SandboxSite?
}

/// Something that a careful operator would not have done, or that must not stay unnoticed.
package struct SandboxViolation: Equatable, Sendable, Codable {
  /// The closed list of what is noted. Whether it was wrong is for the observer to say: an ordered failover stops a
  /// serving site on purpose.
  package enum Kind: String, Equatable, Sendable, Codable, CaseIterable {
    /// Two databases with separate histories began to take writes at once.
    case twoWriters
    /// A promotion was asked of an instance that is no replica; the cloud refused.
    case promotedStandalone
    /// A promotion was asked of an instance that is being promoted; the cloud refused.
    case promotedAgain
    /// A replica was promoted while its source was serving users, so that writes go on behind its back.
    case promotedBesideServingPrimary
    /// A group that was serving users was made smaller than what served them, down to none.
    case stoppedServingSite
    /// A load balancer that was serving users was made to answer 503.
    case closedServingSite
    /// Traffic was led to a site that could not serve it.
    case trafficToDeadSite
    /// A record set was written without what its owner had put into it.
    case forgottenByRecord
    /// A promotion lost acknowledged writes although the source could be reached.
    case avoidableLoss
    /// A promotion lost acknowledged writes that could not be reached any more.
    case loss
    /// A cluster without instances was made the writer.
    case promotedHeadless
    /// A switchover was asked of a region that does not write; the cloud refused.
    case askedInTheWrongRegion
    /// What only an instance can do was asked of a cluster; the cloud refused.
    case clusterTakenForInstance
  }
  package var kind: Kind
  /// Name of the workload.
  package var workload: String
  /// When it began.
  package var at: Instant
  /// Since when users were served then, be it some of them; nil while nobody was.
  package var servedSince: Instant?
  /// Where users were led; nil: nowhere, or it is about something else.
  package var site: SandboxSite?
  /// One sentence.
  package var detail: String
}

/// What the load balancer of a site does with a request.
package enum ALBAnswer: Equatable, Sendable {
  /// An HTTP answer after `delay` of world time.
  case answer(status: Int, body: String, delay: Duration)
  /// The connection is refused.
  case refused
  /// The connection stands and nothing ever comes.
  case timeout
}

/// A message that was published.
package struct PublishedMessage: Equatable, Sendable {
  package var topic: TopicRef
  package var subject: String
  package var message: String
  package var at: Instant
  /// The receipt.
  package var id: String
}
