// The real world that a workload lives in: AWS, and the DNS that leads users to it.

import PilotlightAWS
import PilotlightCore
import PilotlightDNS
import PilotlightEngine

/// Asks AWS for what is AWS's, and name servers for the rest.
struct AWSAndNames: Cloud {
  let aws: AWSCloud
  let names: NameInquiry

  func perform(_ action: CloudAction, timeout: Duration) async -> CloudReply {
    guard case .askNames(let question) = action else { return await aws.perform(action, timeout: timeout) }
    return .names(await names.answer(question, patience: timeout))
  }
}
