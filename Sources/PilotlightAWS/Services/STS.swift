// Security Token Service, API version 2011-06-15; always the region's own endpoint.

import PilotlightCore

extension AWSCloud {
  func callerIdentity(_ region: String, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let result = try await query(.sts, region, "GetCallerIdentity", version: "2011-06-15", [], deadline)
    guard let account = result.value("Account"), let arn = result.value("Arn") else {
      throw missing("GetCallerIdentity", "Account and Arn", region)
    }
    return .identity(account: account, arn: arn)
  }

  /// Date has whole seconds and was written between sending and receiving: the middle of that is compared.
  func readClock(_ region: String, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let sent = hostSeconds()
    let answer = try await datedQuery(.sts, region, "GetCallerIdentity", version: "2011-06-15", [], deadline)
    guard let date = answer.date else { throw missing("GetCallerIdentity", "a Date header", region) }
    let behind = Double(date) + 0.5 - (sent + hostSeconds()) / 2
    return .clock(behind: .seconds(max(-1e9, min(behind, 1e9)).rounded()))
  }
}
