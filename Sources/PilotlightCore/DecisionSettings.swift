// What the operator decided about deciding.

/// What is done about a confirmed outage.
package struct DecisionSettings: Equatable, Sendable, Codable {
  package var onRpoBreach: RpoBreachPolicy
  /// After a failover none starts automatically for this long, unless acknowledged.
  package var holdDown: Duration
  /// Size the primary's group to standby before promoting, so that the old primary takes no writes.
  package var fencePrimary: Bool
  /// Answer 503 at the primary's load balancer before promoting; nil, as in settings of before: no.
  package var fenceListener: Bool?
  /// Stop the old primary's database behind the promotion; nil, as in settings of before: no.
  package var fenceDatabase: Bool?
  /// Take a failover's reversible steps as soon as the primary is down, before that is confirmed.
  package var prepareWhenDegraded: Bool
  /// Who is asked before the one-way step; nil when nobody is.
  package var veto: VetoSettings?
  /// Not being able to fail over for longer than this is an alarm; nil: it is only shown.
  package var alertUnarmedAfter: Duration?

  package var closesListener: Bool { fenceListener == true }
  package var stopsOldDatabase: Bool { fenceDatabase == true }

  package init(
    onRpoBreach: RpoBreachPolicy = .hold, holdDown: Duration = .hours(1), fencePrimary: Bool = true,
    fenceListener: Bool? = false, fenceDatabase: Bool? = false, prepareWhenDegraded: Bool = false,
    veto: VetoSettings? = nil, alertUnarmedAfter: Duration? = .minutes(15)
  ) {
    self.onRpoBreach = onRpoBreach
    self.holdDown = holdDown
    self.fencePrimary = fencePrimary
    self.fenceListener = fenceListener
    self.fenceDatabase = fenceDatabase
    self.prepareWhenDegraded = prepareWhenDegraded
    self.veto = veto
    self.alertUnarmedAfter = alertUnarmedAfter
  }
}

/// The operator's command that may forbid the one-way step of a failover.
package struct VetoSettings: Hashable, Sendable, Codable {
  /// Absolute path of the program, then its arguments. Exit status 0 lets the failover go on, every other one vetoes.
  package var command: [String]
  /// It is killed after this long, and has given no answer then.
  package var timeout: Duration
  package var onFailure: VetoFailurePolicy

  package init(command: [String], timeout: Duration = .seconds(10), onFailure: VetoFailurePolicy = .veto) {
    self.command = command
    self.timeout = timeout
    self.onFailure = onFailure
  }
}

/// What a veto command means that gives no answer: it could not be started, was killed or took too long.
package enum VetoFailurePolicy: String, Hashable, Sendable, Codable, CaseIterable {
  case veto
  case pass
}

/// What happens when promotion would lose more than the RPO, or an unknown amount.
package enum RpoBreachPolicy: String, Equatable, Sendable, Codable, CaseIterable {
  /// Page and wait for `approve --accept-data-loss`.
  case hold
  /// Promote all the same.
  case promote
  /// Hold until the commit deadline, then promote.
  case promoteAtDeadline
}
