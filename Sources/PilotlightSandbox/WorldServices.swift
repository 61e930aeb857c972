// Load balancers that hold writes, secrets that say where the database is, and topics.

package import PilotlightCore

extension SandboxWorld {
  func readWriteHold(_ ref: ListenerRef) -> CloudReply {
    guard let (workload, site) = find(ref) else { return unknownListener(ref) }
    return .writeHold(present: workloads[workload].held[site.rawValue])
  }

  /// Whether the load balancer answers 503 by our rule.
  package func isHeld(_ ref: ListenerRef) -> Bool {
    find(ref).map { workloads[$0.0].held[$0.1.rawValue] } ?? false
  }

  mutating func openByHand(_ name: String, _ site: SandboxSite) {
    guard let workload = workloads.firstIndex(where: { $0.settings.name == name }) else { return }
    workloads[workload].held[site.rawValue] = false
  }

  mutating func setWriteHold(_ ref: ListenerRef, _ held: Bool) -> CloudReply {
    guard let (workload, site) = find(ref) else { return unknownListener(ref) }
    if held, isOpen(workload, site), workloads[workload].traffic.contains(site),
      siteService(workload, site).working > 0
    {
      note(.closedServingSite, workload, "the load balancer was serving users and was closed")
      letFinish(workload, site)
    }
    workloads[workload].held[site.rawValue] = held
    return .accepted(receipt: nil)
  }

  /// A rule does not take effect at once, and requests that got past it are completed (Elastic Load Balancing user guide, "Edit a listener
  /// rule for your Application Load Balancer"): for 10 s to 29 s some of them still write.
  private mutating func letFinish(_ workload: Int, _ site: SandboxSite) {
    let rest = 10 * second + SandboxRandom.noise(3, now.nanoseconds, below: 19 * second)
    workloads[workload].finishing[site.rawValue] = now.adding(rest)
    schedule(
      .requestsFinished(workload: workload), in: rest, region: groups[workloads[workload].groups[site.rawValue]].region)
  }

  func readSecret(_ ref: SecretRef) -> CloudReply {
    guard let index = find(ref) else { return unknownSecret(ref) }
    if isDeleted(ref) { return deletedSecret(ref) }
    if now < secrets[index].staleUntil, let stale = secrets[index].stale { return .secret(stale) }
    return .secret(secrets[index].state)
  }

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

  /// PutSecretValue: a token is a version; the same token with the same content is the same request. A new version may be read some time
  /// later (Secrets Manager user guide, "uses an eventual consistency model").
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
    secrets[index].stale = secrets[index].state
    secrets[index].staleUntil = now.adding(random.between(0, 2 * second))
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

extension SandboxWorld {
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

  private func unknownListener(_ ref: ListenerRef) -> CloudReply {
    failed(.notFound, "ListenerNotFound", "Listener '\(ref.arn)' not found")
  }

  private func unknownSecret(_ ref: SecretRef) -> CloudReply {
    failed(.notFound, "ResourceNotFoundException", "Secrets Manager can't find the specified secret \(ref.id)")
  }
}
