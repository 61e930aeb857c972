// The table of leases, in a region whose outages it shares.

package import PilotlightCore

extension SandboxWorld {
  /// As somebody on another host asks: what is wrong with the watchdog's own way to the cloud does not concern him.
  package mutating func performElsewhere(
    _ action: CloudAction, at time: Instant
  ) -> (reply: CloudReply, latency: Duration) {
    advance(to: time)
    let isGone =
      faultSet.contains(.regionOutage(region: action.region)) || faultSet.contains(.apiOutage(region: action.region))
    if isGone { return (failed(.unreachable, "connect-timeout", "no connection to the endpoint"), .seconds(5)) }
    return (execute(action), .nanoseconds(aside.between(50_000_000, 300_000_000)))
  }

  /// What stands in the table.
  package func lease(_ ref: LeaseRef) -> LeaseRecord? { leases[ref] }

  mutating func claimLease(_ ref: LeaseRef, _ record: LeaseRecord, over known: LeaseRecord?) -> CloudReply {
    guard leases[ref] == known else {
      return failed(.wrongState, "ConditionalCheckFailedException", "The conditional request failed")
    }
    leases[ref] = record
    return .leased(record)
  }
}
