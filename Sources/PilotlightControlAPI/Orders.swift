// Orders as they travel, and the checks that both ends make: pilotlightctl to answer at once, the daemon because
// anything may be at the other end of its socket.

/// The orders there are, by the name of their command.
package enum OrderName: String, Codable, Hashable, Sendable, CaseIterable {
  case pause, resume, failover, failback, switchover, approve, retry, skip, abort, ack

  /// Destructive orders name the workload again in `confirm`.
  package var needsConfirmation: Bool { self == .failover || self == .failback || self == .switchover }
}

/// `POST /v1/orders`.
package struct OrderRequest: Codable, Hashable, Sendable {
  package var workload: String
  package var order: OrderName
  /// Why, in the operator's words: one line of 1...500 characters.
  package var reason: String
  /// The workload's name again, for destructive orders.
  package var confirm: String?
  /// For `failover` and `approve`: a loss beyond the RPO, or an unknown one, is accepted for this incident.
  package var acceptDataLoss: Bool?
  /// For `pause`: it ends by itself after this many seconds, 1...2,592,000 (30 days).
  package var expiresSeconds: Double?
  /// For `retry` and `skip`: which step.
  package var step: String?
  /// For `ack`: somebody has looked for what the promotion lost.
  package var lossReviewed: Bool?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case workload, order, reason, confirm, acceptDataLoss, expiresSeconds, step, lossReviewed
  }

  package init(
    workload: String, order: OrderName, reason: String, confirm: String? = nil, acceptDataLoss: Bool? = nil,
    expiresSeconds: Double? = nil, step: String? = nil, lossReviewed: Bool? = nil
  ) {
    self.workload = workload
    self.order = order
    self.reason = reason
    self.confirm = confirm
    self.acceptDataLoss = acceptDataLoss
    self.expiresSeconds = expiresSeconds
    self.step = step
    self.lossReviewed = lossReviewed
  }

  /// What is wrong with the order in itself, in one sentence; nil when nothing is.
  package var fault: String? {
    if !isWorkloadName(workload) { return "workload: expected 1 to 64 letters, digits, '-' or '_'" }
    if let fault = OrderRequest.fault(inReason: reason) { return fault }
    if order.needsConfirmation, confirm != workload {
      return "\(order.rawValue) changes which region serves: repeat the workload's name in confirm"
    }
    if acceptDataLoss != nil, order != .failover, order != .approve, order != .skip {
      return "acceptDataLoss belongs to failover, approve and skip"
    }
    if lossReviewed != nil, order != .ack { return "lossReviewed belongs to ack" }
    if let expiresSeconds {
      if order != .pause { return "expiresSeconds belongs to pause" }
      if !(1...OrderRequest.longestPause).contains(expiresSeconds) { return "expiresSeconds: expected 1 to 2592000" }
    }
    if let step {
      if order != .retry, order != .skip { return "step belongs to retry and skip" }
      if !isToken(step) { return "step: expected the name of a step, without spaces" }
    }
    return nil
  }

  /// What is wrong with a reason; nil when nothing is. It ends up in the journal, so it is one line.
  package static func fault(inReason reason: String) -> String? {
    if !reason.contains(where: { !$0.isWhitespace }) { return "reason: say why, in 1 to 500 characters" }
    // Scalars, not characters: one character can carry any number of combining marks.
    if reason.unicodeScalars.count > 500 { return "reason: at most 500 characters" }
    if reason.unicodeScalars.contains(where: \.isUnprintable) { return "reason: one line without control characters" }
    return nil
  }

  /// Seconds of the longest pause, 30 days: a workload forgotten in a pause is one that nobody guards.
  package static let longestPause: Double = 2_592_000
}

/// What became of an order.
package struct OrderAnswer: Codable, Hashable, Sendable {
  package enum Outcome: String, Codable, Hashable, Sendable, CaseIterable {
    /// Done, or under way.
    case accepted
    /// The state does not allow it.
    case refused
    /// It could not be carried out.
    case failed
    /// The order itself makes no sense: unknown workload, missing confirmation.
    case usage

    /// The HTTP status it travels with.
    package var httpStatus: Int {
      switch self {
      case .accepted: 200
      case .refused: 409
      case .failed: 500
      case .usage: 422
      }
    }
  }
  package var outcome: Outcome
  /// One sentence: what happens now, or why not and what would help.
  package var message: String
  package init(outcome: Outcome, message: String) {
    self.outcome = outcome
    self.message = message
  }
}

/// `POST /v1/sandbox`.
package struct SandboxRequest: Codable, Hashable, Sendable {
  package enum Action: String, Codable, Hashable, Sendable, CaseIterable {
    case `break`, mend
  }
  package enum Target: String, Codable, Hashable, Sendable, CaseIterable {
    case primary
  }
  package var action: Action
  package var target: Target

  enum CodingKeys: String, CodingKey, CaseIterable {
    case action, target
  }

  package init(action: Action, target: Target) {
    self.action = action
    self.target = target
  }
}

/// The shape of a workload's name: 1...64 ASCII letters, digits, `-` and `_`.
package func isWorkloadName(_ name: String) -> Bool {
  (1...64).contains(name.utf8.count)
    && name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
}

/// The shape of a step's name and an incident's id: 1...128 visible ASCII characters without spaces.
package func isToken(_ text: String) -> Bool {
  (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
}

extension Unicode.Scalar {
  /// Control characters, line separators and the marks that reorder text: nothing a terminal or a log should be handed
  /// raw.
  package var isUnprintable: Bool {
    switch value {
    case 0...0x1F, 0x7F...0x9F, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
  }
}
