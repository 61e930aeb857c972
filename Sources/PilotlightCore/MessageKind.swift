// The closed list of things the daemon says. Each has a stable id for journald's MESSAGE_ID and the catalog (`journalctl -x`).

/// Every kind of message.
package enum MessageKind: String, Hashable, Sendable, Codable, CaseIterable {
  case daemonStarted
  case daemonStopping
  case configurationReloaded
  case configurationRefused
  case ledgerBroken
  case ledgerMended
  case timeGap
  case armed
  case notArmed
  case armedAgain
  case accountKnown
  case degraded
  case recovered
  case nearMiss
  case blind
  case sighted
  case heldBack
  case lagHigh
  case wouldFailOver
  case wouldHaveBeenWrong
  case runBegun
  case stepStarted
  case acting
  case accepted
  case didNotHappen
  case gatePassed
  case stepDone
  case stepOwed
  case fenceUnderway
  case stepStuck
  case stepReopened
  case stepSkipped
  case waiting
  case stillRunning
  case troubled
  case approved
  case lossAccepted
  case lossNoted
  case lossReviewed
  case rollbackBegun
  case stepUndone
  case rolledBack
  case runFinished
  case debtIncurred
  case debtPaid
  case debtWaived
  case debtUnpaid
  case acknowledged
  case paused
  case unpaused
  case ordered
  case servingDown
  case turnedAway
  case oldPrimaryServes
  case rtoAtRisk
  case cloudNotice
  case recordingStopped
  case recordingResumed
  case preparing
  case preparationHeld
  case vetoed
  case blindSpot
  case leaseHeld
  case leaseForeign
  case leaseTroubled
  case capacitySeen
  case backupsSeen
  case stepGivenUp
  case wedged
  case turnsAgain
  case invariantBroken
  case diskStalled
  case cannotStart
  case credentialsEnding
}

/// What a kind of message means, the same for every message of the kind.
package struct MessageMeaning: Sendable {
  /// 128-bit id, 32 lower-case hex digits; never changes once released.
  package let id: String
  package let level: MessageLevel
  package let meaning: String
  /// What the reader does next.
  package let next: String
}
