// A probe looks; an observation is what it saw, when, and how long it took.

/// Everything a workload keeps an eye on. Each is polled at its own interval.
package enum Watch: Hashable, Sendable, Codable {
  /// The primary's load balancer, over HTTP.
  case primaryProbe
  /// The DR load balancer, over HTTP.
  case drProbe
  /// A reference URL, by its name in the configuration.
  case reference(String)
  /// STS at the DR region: does our own network, and AWS, answer?
  case drAPI
  /// STS at the primary region: is the region's API within reach?
  case primaryAPI
  /// The primary's target group.
  case primaryTargets
  /// The checkers of the primary's Route 53 health check.
  case healthCheck
  /// ReplicaLag of the DR database in CloudWatch.
  case replicaLag
  /// The DR database in RDS.
  case drDatabase
  /// The primary database in RDS.
  case primaryDatabase
  /// The DR Auto Scaling Group.
  case drGroup
  /// The operator's veto command; asked when the gate asks, never by itself.
  case veto
  /// The lease that says which of several watchdogs acts.
  case lease
  /// What a failover stands on and no decision needs.
  case readiness(ReadinessItem)
}

extension Watch {
  /// Whether it tells about the world that is watched.
  package var isEvidence: Bool {
    switch self {
    case .readiness, .lease: false
    case .primaryProbe, .drProbe, .reference, .drAPI, .primaryAPI, .primaryTargets, .healthCheck, .replicaLag,
      .drDatabase, .primaryDatabase, .drGroup, .veto:
      true
    }
  }

  /// Whether its answering proves that our own network works.
  var isReference: Bool {
    switch self {
    case .drAPI, .drProbe, .reference: true
    case .primaryProbe, .primaryAPI, .primaryTargets, .healthCheck, .replicaLag, .drDatabase, .primaryDatabase,
      .drGroup, .veto, .lease, .readiness:
      false
    }
  }
}

/// One HTTP look at something.
package struct Observation: Hashable, Sendable, Codable {
  /// When the probe started.
  package var at: Instant
  package var took: Duration
  package var outcome: ProbeOutcome
  package init(at: Instant, took: Duration, outcome: ProbeOutcome) {
    self.at = at
    self.took = took
    self.outcome = outcome
  }
}

/// What a probe saw.
package enum ProbeOutcome: Hashable, Sendable, Codable {
  case success(status: Int)
  case failure(FailureClass, status: Int?, detail: String)
}

/// Classes of failure. Which of them can justify a failover is decided by `countsAsDown`.
package enum FailureClass: String, Hashable, Sendable, Codable, CaseIterable {
  /// The connection was refused or the network said unreachable.
  case refused
  /// Nothing, or not everything, came before the deadline.
  case timeout
  /// The connection broke after it stood.
  case reset
  /// HTTP 5xx: the load balancer answers, the application does not.
  case serverError
  /// Another status than expected, redirects included.
  case wrongStatus
  /// The right status with the wrong body, or bytes that are not HTTP.
  case wrongContent
  /// The right answer, later than `slowAfter`.
  case slow
  /// Certificate or handshake.
  case tls
  /// The name did not resolve.
  case dns
  /// A fault of this host or program: no descriptors, no memory, a file that cannot be read.
  case local
  /// One of several addresses does not serve, and another does: users are served (F12).
  case address

  /// Slow, TLS and DNS degrade and alert; both regions may share their cause, so they never justify a failover alone. Our own
  /// faults say nothing about the primary, and one dead address is no outage.
  package var countsAsDown: Bool {
    switch self {
    case .refused, .timeout, .reset, .serverError, .wrongStatus, .wrongContent: true
    case .slow, .tls, .dns, .local, .address: false
    }
  }

  /// Nothing came that could be called an answer.
  package var isSilence: Bool {
    switch self {
    case .refused, .timeout, .reset: true
    case .serverError, .wrongStatus, .wrongContent, .slow, .tls, .dns, .local, .address: false
    }
  }
}

extension ProbeOutcome {
  /// Whether users are served: whatever else is wrong, it is no outage.
  ///
  /// - Parameter late: whether the right answer serves them when it comes late (F6); not where that counts as down.
  package func serves(late: Bool) -> Bool {
    switch self {
    case .success, .failure(.address, _, _): true
    case .failure(.slow, _, _): late
    case .failure: false
    }
  }
}
