// How users find the region that serves, and how it is made sure that they do.

/// How users are moved to the other region.
package enum TrafficSettings: Hashable, Sendable, Codable {
  /// One Route 53 record set (or a weighted pair) that is changed.
  case route53(RecordRef, primary: RecordTarget, dr: RecordTarget)
  /// An object in the DR region watched by an inverted health check: present = traffic to DR, absent = to the primary.
  case objectSwitch(ObjectRef)
  /// The health check of the primary's failover record set: made unhealthy, Route 53 answers with the other one.
  case healthCheck(HealthCheckRef)
  /// Two routing controls of ARC, turned together.
  case routingControl(RoutingControls)
  /// Nothing to do: the operator moves traffic, or clients find the region themselves.
  case manual
}

/// What DNS is asked after the traffic was moved.
package struct NameSettings: Hashable, Sendable, Codable {
  /// The name that users resolve.
  package var name: String
  /// Host names of the load balancers.
  package var primary: String
  package var dr: String
  package var servers: NameServers

  package init(name: String, primary: String, dr: String, servers: NameServers = NameServers()) {
    self.name = name
    self.primary = primary
    self.dr = dr
    self.servers = servers
  }

  /// Does the name lead to this site?
  package func question(leadingTo site: Site) -> NameQuestion {
    NameQuestion(
      name: name, target: site == .primary ? primary : dr, other: site == .primary ? dr : primary, servers: servers)
  }
}
