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
}
