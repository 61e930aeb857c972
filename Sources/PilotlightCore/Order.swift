// What an operator tells the daemon, always with a reason.

/// An order as it arrived on the control socket.
package struct Order: Hashable, Sendable, Codable {
  package var kind: OrderKind
  /// Why, in the operator's words; 1...500 characters.
  package var reason: String
  /// Who: the name and uid of the peer on the control socket, e.g. `alice (1000)`.
  package var by: String
  package init(_ kind: OrderKind, reason: String, by: String) {
    self.kind = kind
    self.reason = reason
    self.by = by
  }
}

/// The closed list of orders.
package enum OrderKind: Hashable, Sendable, Codable {
  /// Stop acting. `expires` nil lasts until `resume`.
  case pause(expires: Instant?)
  /// Act again, after a fresh confirmation window.
  case resume
  /// Fail over now, without waiting for the confirmation of an outage. `acceptDataLoss` accepts a loss above the RPO or unknown.
  case failover(acceptDataLoss: Bool)
  case failback
  /// Move to the DR region while the primary serves, without loss.
  case switchover
  /// Let the waiting gate pass. `acceptDataLoss` accepts, for this incident only, a loss above the RPO or unknown.
  case approve(acceptDataLoss: Bool)
  /// Try the stuck step again.
  case retry(step: String?)
  /// Take the stuck step as done. `acceptDataLoss` goes for the step that keeps everything: what is not replayed is left behind.
  case skip(step: String?, acceptDataLoss: Bool? = nil)
  /// Roll the run back; refused once a one-way step has begun.
  case abort
  /// Acknowledge a failover: ends the hold-down.
  case ack
  /// Somebody has looked for what the promotion of a failover lost: a failback may begin. The hold-down stays.
  case reviewLoss
}

/// What became of an order.
package enum OrderOutcome: Hashable, Sendable, Codable {
  /// It is done, or under way; the sentence says which.
  case accepted(String)
  /// The state does not allow it; the sentence says why and what would.
  case refused(String)
  /// It could not be carried out (the ledger cannot be written).
  case failed(String)
}
