// The data plane of ARC's routing controls (Route 53 Recovery Cluster, API version 2019-12-02), JSON 1.0. A cluster answers in five
// regions, of which two may be away at any time; whichever answers tells what all agree on.

import FoundationEssentials
import PilotlightCore
import Synchronization

extension AWSCloud {
  func readControls(_ controls: RoutingControls, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    try await atSomeEndpoint(of: controls, AWSCloud.look, deadline) { endpoint, deadline throws(CloudFailure) in
      // At once: one that is slow shall not need the time of two.
      async let primary = isOn(controls.primary, endpoint, deadline)
      async let dr = isOn(controls.dr, endpoint, deadline)
      let states = await (primary, dr)
      return .controls(RoutingState(primary: try states.0.get(), dr: try states.1.get()))
    }
  }

  private static let look = "GetRoutingControlState"

  private func isOn(_ arn: String, _ endpoint: ClusterEndpoint, _ deadline: Deadline) async -> Result<
    Bool, CloudFailure
  > {
    struct State: Decodable { var RoutingControlState: String }
    do throws(CloudFailure) {
      let body = try await recovery(AWSCloud.look, endpoint, ["RoutingControlArn": arn], changes: false, deadline)
      guard let state = try? JSONDecoder().decode(State.self, from: Data(body)).RoutingControlState,
        state == "On" || state == "Off"
      else { throw missing(AWSCloud.look, "a state of \(arn)", endpoint.region) }
      return .success(state == "On")
    } catch {
      return .failure(error)
    }
  }

  /// Both in one update: one after the other there would be a moment without either, and safety rules judge the whole.
  func turnControls(
    _ controls: RoutingControls, to site: Site, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    struct Entry: Encodable {
      var RoutingControlArn: String
      var RoutingControlState: String
      init(_ arn: String, _ isOn: Bool) { (RoutingControlArn, RoutingControlState) = (arn, isOn ? "On" : "Off") }
    }
    let name = "UpdateRoutingControlStates"
    let state = RoutingControls.leading(to: site)
    let entries = [Entry(controls.primary, state.primary), Entry(controls.dr, state.dr)]
    return try await atSomeEndpoint(of: controls, name, deadline) { endpoint, deadline throws(CloudFailure) in
      _ = try await recovery(name, endpoint, ["UpdateRoutingControlStateEntries": entries], changes: true, deadline)
      return .accepted(receipt: nil)
    }
  }

  /// One endpoint after the other, in turn from the one that answered last. What one of them decides holds for all: only silence and
  /// trouble of its own lead to the next. An update that may have been carried out is looked for before it is asked again, and of another
  /// endpoint.
  private func atSomeEndpoint(
    of controls: RoutingControls, _ name: String, _ deadline: Deadline,
    ask: (ClusterEndpoint, Deadline) async throws(CloudFailure) -> CloudReply
  ) async throws(CloudFailure) -> CloudReply {
    let known = answering.withLock { $0[controls.dr] }
    let first = controls.endpoints.firstIndex { $0.host == known } ?? 0
    let order = controls.endpoints[first...] + controls.endpoints[..<first]
    var failures: [(region: String, failure: CloudFailure)] = []
    for (index, endpoint) in order.enumerated() {
      let share = deadline.left / (order.count - index)
      do throws(CloudFailure) {
        let reply = try await ask(endpoint, Deadline(after: min(share, .seconds(3)), steady: steady))
        answering.withLock { $0[controls.dr] = endpoint.host }
        return reply
      } catch {
        let next = controls.endpoints[(first + index + 1) % order.count]
        if error.kind == .unknownOutcome { answering.withLock { $0[controls.dr] = next.host } }
        guard error.isOfOneEndpoint else { throw error }
        failures.append((endpoint.region, error))
      }
    }
    let told = failures.map { "\($0.region) \($0.failure.code)" }.joined(separator: ", ")
    throw CloudFailure(
      failures.last?.failure.kind ?? .unreachable, code: failures.last?.failure.code ?? "NoEndpoint",
      message: oneLine("\(name): no endpoint of the cluster answered: \(told)"))
  }

  private func recovery(
    _ name: String, _ endpoint: ClusterEndpoint, _ question: some Encodable, changes: Bool, _ deadline: Deadline
  ) async throws(CloudFailure) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let body = try? encoder.encode(question) else {
      throw CloudFailure(.invalid, code: "Unwritable", message: oneLine("\(name): no JSON can say it"))
    }
    let operation = Operation(
      .routingControl, region: endpoint.region, name: name, path: "/v1", host: endpoint.host,
      headers: [("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "ToggleCustomerAPI.\(name)")],
      // A second update may be refused where the first was carried out.
      body: Array(body), changes: changes, declarative: !changes)
    let answer = try await run(operation, deadline)
    // Something else than the cluster may have answered, such as a portal. An update has nothing to tell.
    guard answer.body.first == UInt8(ascii: "{") || (changes && answer.body.isEmpty) else {
      throw garbled(operation, "no answer of a cluster")
    }
    return answer.body
  }
}

extension CloudFailure {
  /// Another endpoint of the same cluster may do better.
  fileprivate var isOfOneEndpoint: Bool {
    switch kind {
    case .throttled, .transient, .unreachable, .garbled: true
    case .unknownOutcome, .notFound, .denied, .credentials, .wrongState, .exists, .invalid: false
    }
  }
}
