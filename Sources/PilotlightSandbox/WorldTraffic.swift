// How users find a site: Route 53 records, the switch object, write holds; and the secret that says where the database
// is.

package import PilotlightCore

extension SandboxWorld {
  func readRecords(_ ref: RecordRef) -> CloudReply {
    guard knows(zone: ref.zone) else { return unknownZone(ref) }
    guard let index = find(ref), case .route53(_, let primary, let dr) = workloads[index].settings.traffic else {
      return .records([])
    }
    let host = workloads[index].recordHost
    if primary.setIdentifier != nil {
      return .records(
        [primary, dr].map {
          RecordState(
            host: $0.host.lowercased(), aliasZone: $0.aliasZone, setIdentifier: $0.setIdentifier,
            weight: $0.host == host ? 100 : 0)
        })
    }
    let zone = [primary, dr].first { $0.host == host }?.aliasZone
    return .records([RecordState(host: host.lowercased(), aliasZone: zone)])
  }

  mutating func pointRecords(_ ref: RecordRef, to: RecordTarget, from: RecordTarget) -> CloudReply {
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
    workloads[index].recordHost = to.host
    let id = "C\(String(random.next() >> 4, radix: 36, uppercase: true))"
    changes.append(RecordChange(id: id, workload: index, at: now, host: to.host))
    schedule(.changeInSync(change: changes.count - 1), in: random.between(30 * second, minute), region: nil)
    return .accepted(receipt: id)
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
    let site: SandboxSite? = host == primary.host ? .primary : host == dr.host ? .dr : nil
    shift(workload, to: site, ttl: .seconds(Int64(primary.aliasZone == nil ? ref.ttl : 60)))
  }

  /// Users ask DNS again one cohort after the other within the TTL.
  private mutating func shift(_ workload: Int, to site: SandboxSite?, ttl: Int64) {
    guard workloads[workload].traffic.contains(where: { $0 != site }) else { return }
    workloads[workload].trafficGeneration += 1
    let region = site.map { groups[workloads[workload].groups[$0.rawValue]].region }
    if site.map({ siteService(workload, $0).working == 0 }) ?? true || region.map({ regionDown[$0] }) ?? true {
      note(
        .trafficToDeadSite, workload,
        "users are led to \(site.map { "\($0)" } ?? "an unknown host"), which serves nobody")
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
    guard let index = find(ref), workloads[index].switchPresent != present else { return .accepted(receipt: nil) }
    workloads[index].switchPresent = present
    workloads[index].switchGeneration += 1
    schedule(
      .switchFollowed(workload: index, generation: workloads[index].switchGeneration),
      in: random.between(30 * second, 90 * second), region: region(ref.region))
    return .accepted(receipt: nil)
  }

  mutating func switchFollowed(_ workload: Int, _ generation: Int) {
    guard workloads[workload].switchGeneration == generation else { return }
    shift(workload, to: workloads[workload].switchPresent ? .dr : .primary, ttl: minute)
  }

  func readWriteHold(_ ref: ListenerRef) -> CloudReply {
    guard let (workload, site) = find(ref) else { return unknownListener(ref) }
    return .writeHold(present: workloads[workload].held[site.rawValue])
  }

  /// Whether the load balancer answers 503 by our rule.
  package func isHeld(_ ref: ListenerRef) -> Bool {
    find(ref).map { workloads[$0.0].held[$0.1.rawValue] } ?? false
  }

  mutating func setWriteHold(_ ref: ListenerRef, _ held: Bool) -> CloudReply {
    guard let (workload, site) = find(ref) else { return unknownListener(ref) }
    if held, isOpen(workload, site), workloads[workload].traffic.contains(site),
      siteService(workload, site).working > 0
    {
      note(.closedServingSite, workload, "the load balancer was serving users and was closed")
    }
    workloads[workload].held[site.rawValue] = held
    return .accepted(receipt: nil)
  }

  func readSecret(_ ref: SecretRef) -> CloudReply {
    guard let index = find(ref) else { return unknownSecret(ref) }
    if isDeleted(ref) { return deletedSecret(ref) }
    return .secret(SecretState(address: secrets[index].address, version: secrets[index].version))
  }

  /// PutSecretValue: a token is a version; the same token with the same content is the same request.
  func readSecretSource(_ ref: SecretRef) -> CloudReply {
    guard let index = find(ref) else { return unknownSecret(ref) }
    return isDeleted(ref) ? deletedSecret(ref) : .secretSource(region: secrets[index].source)
  }

  mutating func detachSecret(_ ref: SecretRef) -> CloudReply {
    guard let index = find(ref) else { return unknownSecret(ref) }
    if isDeleted(ref) { return deletedSecret(ref) }
    secrets[index].source = nil
    return .accepted(receipt: nil)
  }

  mutating func repointSecret(_ ref: SecretRef, _ address: DatabaseAddress, _ token: String) -> CloudReply {
    guard let index = find(ref) else { return unknownSecret(ref) }
    if isDeleted(ref) { return deletedSecret(ref) }
    if secrets[index].source != nil {
      return failed(.invalid, "InvalidRequestException", "Operation not permitted on a replica secret.")
    }
    guard !token.isEmpty else { return failed(.invalid, "InvalidParameterException", "ClientRequestToken is empty") }
    if let known = secrets[index].written.first(where: { $0.token == token }) {
      if known.address == address { return .accepted(receipt: token) }
      return failed(
        .exists, "ResourceExistsException",
        "You can't use ClientRequestToken \(token) because that value is already in use")
    }
    if secrets[index].written.count >= 100 { secrets[index].written.removeFirst() }
    secrets[index].written.append((token, address))
    secrets[index].address = address
    secrets[index].version = token
    return .accepted(receipt: token)
  }

  mutating func publish(_ ref: TopicRef, _ subject: String, _ message: String) -> CloudReply {
    guard workloads.contains(where: { $0.settings.announcement == ref }) else {
      return failed(.notFound, "NotFound", "Topic \(ref.arn) does not exist")
    }
    // SNS: a subject has at most 100 characters, a message 256 KiB.
    if subject.isEmpty || subject.utf8.count > 100 || message.isEmpty || message.utf8.count > 262_144 {
      return failed(.invalid, "InvalidParameter", "Invalid parameter: subject or message is empty or too long")
    }
    let id = "sandbox-\(String(random.next(), radix: 16))"
    published.append(PublishedMessage(topic: ref, subject: subject, message: message, at: now, id: id))
    return .accepted(receipt: id)
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

  private func knows(bucket ref: ObjectRef) -> Bool {
    workloads.contains {
      guard case .objectSwitch(let own) = $0.settings.traffic else { return false }
      return own.bucket == ref.bucket && own.region == ref.region
    }
  }

  private func find(_ ref: ListenerRef) -> (workload: Int, site: SandboxSite)? {
    for (index, workload) in workloads.enumerated() {
      if workload.settings.primary.listener == ref { return (index, .primary) }
      if workload.settings.dr.listener == ref { return (index, .dr) }
    }
    return nil
  }

  private func find(_ ref: SecretRef) -> Int? {
    secrets.firstIndex { $0.ref.id == ref.id && $0.ref.region == ref.region }
  }

  private func unknownZone(_ ref: RecordRef) -> CloudReply {
    failed(.notFound, "NoSuchHostedZone", "No hosted zone found with ID: \(ref.zone)")
  }

  private func unknownBucket(_ ref: ObjectRef) -> CloudReply {
    failed(.notFound, "NoSuchBucket", "The specified bucket \(ref.bucket) does not exist in \(ref.region)")
  }

  private func unknownListener(_ ref: ListenerRef) -> CloudReply {
    failed(.notFound, "ListenerNotFound", "Listener '\(ref.arn)' not found")
  }

  private func unknownSecret(_ ref: SecretRef) -> CloudReply {
    failed(.notFound, "ResourceNotFoundException", "Secrets Manager can't find the specified secret \(ref.id)")
  }
}
