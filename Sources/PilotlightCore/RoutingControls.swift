// Routing controls of Amazon Application Recovery Controller (ARC): switches in a cluster of five regions, that Route 53 follows. They need
// no control plane and no single region.

/// Two switches of one cluster: users are led where the switch is on.
package struct RoutingControls: Hashable, Sendable, Codable {
  /// ARN.
  package var primary: String
  /// ARN.
  package var dr: String
  /// Of the cluster, in the order in which they are asked: AWS keeps at least three of the five answering (ARC developer guide, "Getting
  /// and updating routing control states using the ARC API").
  package var endpoints: [ClusterEndpoint]

  package init(primary: String, dr: String, endpoints: [ClusterEndpoint]) {
    self.primary = primary
    self.dr = dr
    self.endpoints = endpoints
  }

  /// The states that lead users to `site`.
  package static func leading(to site: Site) -> RoutingState {
    RoutingState(primary: site == .primary, dr: site == .dr)
  }
}

/// One of a cluster's five.
package struct ClusterEndpoint: Hashable, Sendable, Codable {
  package var region: String
  package var host: String

  package init(region: String, host: String) {
    self.region = region
    self.host = host
  }
}

/// What the cluster agrees on: true for On.
package struct RoutingState: Hashable, Sendable, Codable {
  package var primary: Bool
  package var dr: Bool

  package init(primary: Bool, dr: Bool) {
    self.primary = primary
    self.dr = dr
  }

  package var text: String {
    "the routing control of the primary region is \(primary ? "on" : "off"), that of the DR region \(dr ? "on" : "off")"
  }
}

extension CloudAction {
  /// Where it may be asked, any of which is enough.
  package var regions: [String] {
    switch self {
    case .readControls(let controls), .turnControls(let controls, _): controls.endpoints.map(\.region)
    default: [region]
    }
  }
}
