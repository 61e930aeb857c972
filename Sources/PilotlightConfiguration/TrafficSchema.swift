// How users are moved: exactly one of `route53`, `objectSwitch`, `healthCheck`, `routingControl` and `manual`; and what DNS is asked then.

import PilotlightCore

func readTraffic(_ traffic: Section, primary: String, dr: String) -> TrafficSettings {
  let partition = partition(ofRegion: primary)
  let record = traffic.optional(
    "route53", absent: "another way",
    "A Route 53 record set (or a weighted pair) is changed, and what else its owner has put into it, health check and TTL, "
      + "stays; needs its control plane."
  ) { readRoute53($0, partition: partition) }
  let object = traffic.optional(
    "objectSwitch", absent: "another way",
    "An S3 object in the DR region, watched by an inverted health check: present sends traffic to DR, absent to the "
      + "primary. Works without the Route 53 control plane. Beside `s3:GetObject`, `s3:PutObject` and `s3:DeleteObject` it needs `s3:ListBucket`: "
      + "else S3 says of an absent object that it is forbidden."
  ) { object in
    TrafficSettings.objectSwitch(
      ObjectRef(
        region: dr, bucket: object.required("bucket", .bucket, "Bucket in the DR region."),
        key: object.required("key", .objectKey, "Key of the switch object.")))
  }
  let check = traffic.optional(
    "healthCheck", absent: "another way",
    "The health check of the primary's failover record set is made unhealthy (disabled and inverted), so that Route 53 answers with the "
      + "secondary; needs its control plane."
  ) { check in
    TrafficSettings.healthCheck(
      HealthCheckRef(
        id: check.required("id", .healthCheckID, "Id of the health check; no other record set should hang on it."),
        region: route53Region(forPartition: partition)))
  }
  let controls = traffic.optional(
    "routingControl", absent: "another way",
    "Two routing controls of Amazon Application Recovery Controller are turned in one update, so that Route 53 leads users to the region "
      + "whose control is on. Works without a control plane and without any single region; safety rules are obeyed, never overridden."
  ) { readControls($0, primaryRegion: primary) }
  let byHand = traffic.optional(
    "manual", .boolean, absent: "another way",
    "The operator moves traffic, or clients find the region themselves. A failover waits for neither; a switchover and a failback ask "
      + "before they take the instances of the region that users leave.")
  let chosen = [record, object, check, controls, byHand == true ? .manual : nil].compactMap { $0 }
  guard let choice = chosen.first, chosen.count == 1 else {
    traffic.refuseChoice(
      among: ["route53", "objectSwitch", "healthCheck", "routingControl", "manual"], lack: "says no way to move traffic"
    )
    return chosen.first ?? .manual
  }
  return choice
}

/// DNS, asked whether it leads users where the plan has led them.
func readNames(_ dns: Section, _ traffic: TrafficSettings, primary: SiteSettings, dr: SiteSettings) -> NameSettings {
  var known = (name: "", primary: host(of: primary), dr: host(of: dr))
  if case .route53(let record, let primary, let dr) = traffic { known = (record.name, primary.host, dr.host) }
  let name = dns.optional(
    "name", .recordName, absent: "the record of `route53`", "The name that users resolve; required without `route53`.")
  let first = dns.optional(
    "primary", .host, absent: "that of `route53`, else of `alb.url`", "Host name of the primary's load balancer.")
  let second = dns.optional(
    "dr", .host, absent: "that of `route53`, else of `alb.url`", "Host name of the DR load balancer.")
  return NameSettings(
    name: canonicalHost(name ?? known.name), primary: canonicalHost(first ?? known.primary),
    dr: canonicalHost(second ?? known.dr), servers: readServers(dns))
}

private func readServers(_ dns: Section) -> NameServers {
  NameServers(
    resolvers: dns.optional(
      "resolvers", .list(of: .nameServer, 0...8), default: [],
      "Recursive resolvers whose answers users get, e.g. `1.1.1.1` or `[2606:4700:4700::1111]:53`; none: this host's own."
    ),
    authoritative: dns.optional(
      "servers", .list(of: .nameServer, 0...8), default: [],
      "The zone's own servers; none: those that its NS records name."),
    isPrivate: dns.optional(
      "private", .boolean, default: false,
      "The name is in a private hosted zone, whose servers answer nobody: resolvers alone are asked, those of the VPCs that see it."
    ))
}

/// The primary region's endpoint is asked last: it is the likeliest to be away.
private func readControls(_ section: Section, primaryRegion: String) -> TrafficSettings {
  let primary = section.required(
    "primary", .routingControl, "ARN of the control that leads users to the primary region.")
  let dr = section.required("dr", .routingControl, "ARN of the control that leads users to the DR region.")
  let endpoints = section.required(
    "endpoints", .list(of: .clusterEndpoint, 3...5),
    "The cluster's endpoints, one a region, as `aws route53-recovery-control-config describe-cluster` shows them. AWS keeps three of the "
      + "five answering, so that all five are best."
  ).compactMap(ClusterEndpoint.init(url:))
  return .routingControl(
    RoutingControls(
      primary: primary, dr: dr,
      endpoints: endpoints.filter { $0.region != primaryRegion } + endpoints.filter { $0.region == primaryRegion }))
}

private func host(of site: SiteSettings) -> String { (try? ProbeURL(site.probe.url))?.host ?? "" }

private func readRoute53(_ route53: Section, partition: String) -> TrafficSettings {
  let type = route53.required(
    "type", .word("CNAME", "A"), "`CNAME` points at a load balancer's name, `A` is an alias of one.")
  let record = RecordRef(
    zone: route53.required("zone", .hostedZone, "Hosted zone of the record."),
    name: canonicalHost(route53.required("record", .recordName, "Fully qualified name that users resolve.")),
    type: type,
    ttl: route53.optional(
      "ttl", .integer(1...86_400), default: 60,
      "Seconds resolvers keep a CNAME that has to be made: one that is there keeps its own, an alias has none."),
    region: route53Region(forPartition: partition))
  return .route53(
    record, primary: route53.section("primary", "Where the name leads in normal times.", readTarget),
    dr: route53.section("dr", sameAs: "primary", "Where it leads after a failover; same keys as `primary`.", readTarget)
  )
}

private func readTarget(_ target: Section) -> RecordTarget {
  RecordTarget(
    host: canonicalHost(target.required("host", .host, "DNS name of the load balancer.")),
    aliasZone: target.optional(
      "aliasZone", .hostedZone, absent: "for a CNAME", "Hosted zone of the load balancer; required for type A."),
    setIdentifier: target.optional(
      "setIdentifier", .text(maximum: 128), absent: "the name is one record set",
      "Set identifier, when the name is a weighted pair: traffic moves as the two exchange their weights, e.g. 100 and 0."
    ))
}

/// Lower case and without the dot at the end, as the rest of the product compares names.
private func canonicalHost(_ name: String) -> String {
  let lower = name.lowercased()
  return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
}
