// How users find a site: Route 53 records, the switch object, the switched health check, the routing controls, and what DNS says of it.

package import PilotlightCore

extension SandboxWorld {
  func readRecords(_ ref: RecordRef) -> CloudReply {
    guard knows(zone: ref.zone) else { return unknownZone(ref) }
    return .records(find(ref).map { workloads[$0].records } ?? [])
  }

  /// How they are at first: a pair leads to the primary by its weights, and each set is checked by something of its owner's.
  func records(_ primary: RecordTarget, _ dr: RecordTarget) -> [RecordState] {
    guard primary.setIdentifier != nil else { return [record(primary, weight: nil)] }
    return [record(primary, weight: 100), record(dr, weight: 0)]
  }

  private func record(_ target: RecordTarget, weight: Int?) -> RecordState {
    RecordState(
      host: target.host.lowercased(), aliasZone: target.aliasZone, setIdentifier: target.setIdentifier, weight: weight,
      text: "<HealthCheckId>\(target.host)</HealthCheckId>")
  }

  mutating func pointRecords(
    _ ref: RecordRef, to: RecordTarget, from: RecordTarget, _ sets: [RecordState]?
  ) -> CloudReply {
    guard knows(zone: ref.zone) else { return unknownZone(ref) }
    guard let index = find(ref), case .route53(_, let primary, _) = workloads[index].settings.traffic else {
      return failed(
        .invalid, "InvalidChangeBatch", "RRSet \(ref.name) \(ref.type) is not permitted in zone \(ref.zone)")
    }
    if (to.setIdentifier == nil) != (primary.setIdentifier == nil) {
      return failed(
        .invalid, "InvalidChangeBatch",
        "RRSet \(ref.name) \(ref.type) cannot be created as other RRSets exist with the same name and type")
    }
    if (ref.type == "A") != (to.aliasZone != nil) {
      return failed(
        .invalid, "InvalidChangeBatch", "An A record here is an alias and names its hosted zone; a CNAME does not")
    }
    if let last = changes.last(where: { zone(of: $0.workload) == ref.zone }), now - last.at < .seconds(1) {
      return failed(
        .throttled, "PriorRequestNotComplete",
        "The request was rejected because Route 53 was still processing a prior request")
    }
    for set in sets ?? RecordMove(workloads[index].records, to: to, from: from).sets { upsert(set, workload: index) }
    let leading = workloads[index].records.filter { $0.weight != 0 }
    let id = "C\(String(random.next() >> 4, radix: 36, uppercase: true))"
    let host = leading.count == 1 ? leading[0].host : ""
    changes.append(RecordChange(id: id, workload: index, at: now, host: host))
    schedule(.changeInSync(change: changes.count - 1), in: random.between(30 * second, minute), region: nil)
    return .accepted(receipt: id)
  }

  /// The whole set is replaced: what is not repeated is gone.
  private mutating func upsert(_ set: RecordState, workload: Int) {
    let position = workloads[workload].records.firstIndex { $0.setIdentifier == set.setIdentifier }
    guard let position else { return workloads[workload].records.append(set) }
    if let owners = workloads[workload].records[position].text, owners != set.text {
      note(.forgottenByRecord, workload, "\(owners) of \(set.setIdentifier ?? "the record set") is gone")
    }
    workloads[workload].records[position] = set
  }

  func readChange(_ id: String) -> CloudReply {
    guard let change = changes.last(where: { $0.id == id }) else {
      return failed(.notFound, "NoSuchChange", "No change with the id \(id)")
    }
    return .change(change.status)
  }

  mutating func changeInSync(_ index: Int) {
    changes[index].status = .insync
    let workload = changes[index].workload
    guard case .route53(let ref, let primary, let dr) = workloads[workload].settings.traffic else { return }
    let host = changes[index].host
    let site: SandboxSite? = host == primary.host.lowercased() ? .primary : host == dr.host.lowercased() ? .dr : nil
    shift(workload, to: site, ttl: .seconds(Int64(primary.aliasZone == nil ? ref.ttl : 60)))
  }

  /// Users ask DNS again one cohort after the other within the TTL.
  private mutating func shift(_ workload: Int, to site: SandboxSite?, ttl: Int64) {
    workloads[workload].pointedAt = site
    guard workloads[workload].traffic.contains(where: { $0 != site }) else { return }
    workloads[workload].trafficGeneration += 1
    let region = site.map { groups[workloads[workload].groups[$0.rawValue]].region }
    if site.map({ siteService(workload, $0).working == 0 }) ?? true || region.map({ regionDown[$0] }) ?? true {
      note(
        .trafficToDeadSite, workload,
        "users are led to \(site.map { "\($0)" } ?? "an unknown host"), which serves nobody", site: site)
    }
    for cohort in 0..<Self.cohorts {
      schedule(
        .cohortMoves(
          workload: workload, cohort: cohort, to: site, generation: workloads[workload].trafficGeneration),
        in: ttl * Int64(cohort + 1) / Int64(Self.cohorts), region: nil)
    }
  }

  /// What an operator does whose traffic settings are `manual`: users of a workload find `site` within a minute.
  package mutating func moveTraffic(of name: String, to site: SandboxSite, at time: Instant) {
    advance(to: time)
    guard let index = workloads.firstIndex(where: { $0.settings.name == name }) else { return }
    shift(index, to: site, ttl: minute)
  }

  func readObject(_ ref: ObjectRef) -> CloudReply {
    guard knows(bucket: ref) else { return unknownBucket(ref) }
    return .object(present: find(ref).map { workloads[$0].switchPresent } ?? false)
  }

  /// Writes or removes the switch object; Route 53's health check follows after its interval and threshold.
  mutating func setObject(_ ref: ObjectRef, present: Bool) -> CloudReply {
    guard knows(bucket: ref) else { return unknownBucket(ref) }
    if let index = find(ref) { setSwitch(index, present, region: region(ref.region)) }
    return .accepted(receipt: nil)
  }

  private mutating func setSwitch(_ index: Int, _ sendsToDR: Bool, region: Int?) {
    guard workloads[index].switchPresent != sendsToDR else { return }
    workloads[index].switchPresent = sendsToDR
    workloads[index].switchGeneration += 1
    schedule(
      .switchFollowed(workload: index, generation: workloads[index].switchGeneration),
      in: random.between(30 * second, 90 * second), region: region)
  }

  func readCheckSwitch(_ ref: HealthCheckRef) -> CloudReply {
    guard let index = find(ref) else { return unknownCheck(ref) }
    let isSwitched = workloads[index].switchPresent
    return .checkSwitch(CheckSwitch(disabled: isSwitched, inverted: isSwitched))
  }

  mutating func switchCheck(_ ref: HealthCheckRef, _ unhealthy: Bool) -> CloudReply {
    guard let index = find(ref) else { return unknownCheck(ref) }
    setSwitch(index, unhealthy, region: nil)
    return .accepted(receipt: nil)
  }

  func readControls(_ controls: RoutingControls) -> CloudReply {
    guard let index = find(controls) else { return unknownControl(controls) }
    return .controls(RoutingControls.leading(to: workloads[index].switchPresent ? .dr : .primary))
  }

  mutating func turnControls(_ controls: RoutingControls, to site: Site) -> CloudReply {
    guard let index = find(controls) else { return unknownControl(controls) }
    if faultSet.contains(.safetyRule(workload: workloads[index].settings.name)) {
      return failed(.wrongState, "ConflictException", "the safety rule of the sandbox does not allow it")
    }
    setSwitch(index, site == .dr, region: nil)
    return .accepted(receipt: nil)
  }

  /// Whether anybody is led to the site.
  package func leads(_ name: String, to site: SandboxSite) -> Bool {
    workloads.first { $0.settings.name == name }?.traffic.contains(site) ?? false
  }

  /// The zone's servers know at once where users are led, resolvers when their users do: one for the first cohort, one for the last.
  func askNames(_ question: NameQuestion) -> CloudReply {
    guard let workload = workloads.first(where: { $0.settings.names?.name == question.name }),
      let names = workload.settings.names
    else { return .names(NameReport(answers: [])) }
    func answer(_ server: String, _ site: SandboxSite?, isAuthoritative: Bool) -> NameAnswer {
      let host = site.map { $0 == .primary ? names.primary : names.dr }
      let outcome = host.map { NameOutcome.leads(chain: [$0], addresses: [$0]) } ?? .absent
      return NameAnswer(server: server, isAuthoritative: isAuthoritative, outcome: outcome, ttl: 60)
    }
    return .names(
      NameReport(
        answers: [
          answer("the zone's server", workload.pointedAt, isAuthoritative: true),
          answer("resolver 1", workload.traffic.first ?? nil, isAuthoritative: false),
          answer("resolver 2", workload.traffic.last ?? nil, isAuthoritative: false),
        ], target: [question.target], other: [question.other]))
  }

  mutating func switchFollowed(_ workload: Int, _ generation: Int) {
    guard workloads[workload].switchGeneration == generation else { return }
    shift(workload, to: workloads[workload].switchPresent ? .dr : .primary, ttl: minute)
  }
}

// Finding things by the names the settings gave them.
extension SandboxWorld {
  private func find(_ ref: RecordRef) -> Int? {
    workloads.firstIndex {
      guard case .route53(let own, _, _) = $0.settings.traffic else { return false }
      return own.zone == ref.zone && own.name == ref.name && own.type == ref.type
    }
  }

  private func zone(of workload: Int) -> String? {
    guard case .route53(let ref, _, _) = workloads[workload].settings.traffic else { return nil }
    return ref.zone
  }

  private func knows(zone name: String) -> Bool { workloads.indices.contains { zone(of: $0) == name } }

  private func find(_ ref: ObjectRef) -> Int? {
    workloads.firstIndex {
      guard case .objectSwitch(let own) = $0.settings.traffic else { return false }
      return own == ref
    }
  }

  private func find(_ ref: HealthCheckRef) -> Int? {
    workloads.firstIndex { $0.settings.traffic == .healthCheck(ref) }
  }

  private func find(_ controls: RoutingControls) -> Int? {
    workloads.firstIndex { $0.settings.traffic == .routingControl(controls) }
  }

  private func unknownControl(_ controls: RoutingControls) -> CloudReply {
    failed(.notFound, "ResourceNotFoundException", "there is no routing control \(controls.dr)")
  }

  private func unknownCheck(_ ref: HealthCheckRef) -> CloudReply {
    failed(.notFound, "NoSuchHealthCheck", "A health check with id \(ref.id) does not exist")
  }

  private func knows(bucket ref: ObjectRef) -> Bool {
    workloads.contains {
      guard case .objectSwitch(let own) = $0.settings.traffic else { return false }
      return own.bucket == ref.bucket && own.region == ref.region
    }
  }

  private func unknownZone(_ ref: RecordRef) -> CloudReply {
    failed(.notFound, "NoSuchHostedZone", "No hosted zone found with ID: \(ref.zone)")
  }

  private func unknownBucket(_ ref: ObjectRef) -> CloudReply {
    failed(.notFound, "NoSuchBucket", "The specified bucket \(ref.bucket) does not exist in \(ref.region)")
  }
}
