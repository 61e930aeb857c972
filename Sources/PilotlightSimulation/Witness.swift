// Somebody who looks over the daemon's shoulder and changes nothing.

package import PilotlightCore
package import PilotlightEngine

/// Is told what the simulated daemon takes in and what it makes durable, at the moment it does.
package protocol Witness: AnyObject {
  func booted(at now: Instant)
  /// - Parameter gap: how long the process had stood still before, when that counts as a time gap.
  func turns(_ input: Input, at now: Instant, gap: Duration?)
  func recorded(_ record: Record, of workload: String, at now: Instant)
}
