// Route 53, API version 2013-04-01, REST-XML. Its control plane is in one region and may be down when it is needed most.

import PilotlightCore

extension AWSCloud {
  private static let route53 = "/2013-04-01"

  /// The record sets of exactly this name and type.
  func readRecords(_ ref: RecordRef, _ deadline: Deadline) async throws(CloudFailure) -> [RecordState] {
    let wanted = DNSName(ref.name)
    var found: [RecordState] = []
    var query = [
      (name: "name", value: absolute(ref.name)), (name: "type", value: ref.type), (name: "maxitems", value: "100"),
    ]
    for _ in 0..<20 {
      let operation = Operation(
        .route53, region: ref.region, name: "ListResourceRecordSets", method: "GET",
        path: "\(AWSCloud.route53)/hostedzone/\(identifier(ref.zone))/rrset", query: query)
      let page = try xml(try await run(operation, deadline).body, operation)
      guard page["ResourceRecordSets"] != nil else { throw garbled(operation, "no ResourceRecordSets in the answer") }
      let sets = page.list("ResourceRecordSets", of: "ResourceRecordSet")
      for set in sets where DNSName(set["Name"]?.text ?? "") == wanted && set["Type"]?.text == ref.type {
        found.append(state(of: set))
      }
      // Sorted by name: once another name comes, all of ours were seen.
      let isPast = sets.contains { DNSName($0["Name"]?.text ?? "") != wanted }
      guard page["IsTruncated"]?.text == "true", !isPast, let next = page["NextRecordName"]?.text else { return found }
      query = [(name: "name", value: next), (name: "type", value: page["NextRecordType"]?.text ?? ref.type)]
      if let id = page["NextRecordIdentifier"]?.text { query.append((name: "identifier", value: id)) }
    }
    return found
  }

  private func state(of set: XMLElement) -> RecordState {
    let alias = set["AliasTarget"]
    let value = alias?["DNSName"]?.text ?? set.list("ResourceRecords", of: "ResourceRecord").first?["Value"]?.text ?? ""
    return RecordState(
      host: DNSName(value).ofLoadBalancer, aliasZone: alias?["HostedZoneId"]?.text,
      setIdentifier: set["SetIdentifier"]?.text,
      weight: set["Weight"]?.number)
  }

  func point(
    _ ref: RecordRef, to: RecordTarget, from: RecordTarget, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    let isPair = to.setIdentifier != nil
    // A weighted set beside a simple one of the same name is refused by Route 53; half a pair is our configuration's fault.
    guard isPair == (from.setIdentifier != nil) else {
      throw CloudFailure(
        .invalid, code: "HalfAPair",
        message: oneLine("\(ref.name): one target has a set identifier, the other has none"))
    }
    let changes =
      isPair
      ? change(ref, to, weight: 100) + change(ref, from, weight: 0)
      : change(ref, to, weight: nil)
    let operation = posting(
      "ChangeResourceRecordSets", "/hostedzone/\(identifier(ref.zone))/rrset/", ref.region,
      "<ChangeBatch><Comment>pilotlight</Comment><Changes>\(changes)</Changes></ChangeBatch>")
    let root = try xml(try await run(operation, deadline).body, operation)
    guard let id = root["ChangeInfo"]?.value("Id"), let last = id.split(separator: "/").last else {
      throw garbled(operation, "no ChangeInfo in the answer")
    }
    return .accepted(receipt: String(last))
  }

  /// One UPSERT, elements in the order of the schema.
  private func change(_ ref: RecordRef, _ target: RecordTarget, weight: Int?) -> String {
    var set = "<Name>\(escaped(absolute(ref.name)))</Name><Type>\(escaped(ref.type))</Type>"
    if let identifier = target.setIdentifier, let weight {
      set += "<SetIdentifier>\(escaped(identifier))</SetIdentifier><Weight>\(weight)</Weight>"
    }
    if let zone = target.aliasZone {
      set +=
        "<AliasTarget><HostedZoneId>\(escaped(zone))</HostedZoneId><DNSName>\(escaped(absolute(target.host)))</DNSName>"
      set += "<EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>"
    } else {
      set += "<TTL>\(ref.ttl)</TTL><ResourceRecords><ResourceRecord><Value>\(escaped(target.host))</Value>"
      set += "</ResourceRecord></ResourceRecords>"
    }
    return "<Change><Action>UPSERT</Action><ResourceRecordSet>\(set)</ResourceRecordSet></Change>"
  }

  func readChange(_ id: String, _ region: String, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let operation = Operation(
      .route53, region: region, name: "GetChange", method: "GET",
      path: "\(AWSCloud.route53)/change/\(identifier(id))")
    let root = try xml(try await run(operation, deadline).body, operation)
    guard let status = root.at("ChangeInfo", "Status")?.text, let known = ChangeStatus(rawValue: status.lowercased())
    else {
      throw garbled(operation, "no known Status in the answer")
    }
    return .change(known)
  }

  /// What the checkers say now. A report that is neither a success nor a failure (a checker that has just begun) is not counted.
  func readHealthCheck(_ ref: HealthCheckRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let operation = Operation(
      .route53, region: ref.region, name: "GetHealthCheckStatus", method: "GET",
      path: "\(AWSCloud.route53)/healthcheck/\(identifier(ref.id))/status")
    let root = try xml(try await run(operation, deadline).body, operation)
    guard root["HealthCheckObservations"] != nil else {
      throw garbled(operation, "no HealthCheckObservations in the answer")
    }
    var health = CheckerHealth(healthy: 0, unhealthy: 0)
    for observation in root.list("HealthCheckObservations", of: "HealthCheckObservation") {
      let status = observation.at("StatusReport", "Status")?.text.trimmed ?? ""
      if status.hasPrefix("Success") { health.healthy += 1 }
      if status.hasPrefix("Failure") { health.unhealthy += 1 }
    }
    return .checkers(health)
  }

  /// What is absent is not set: both are false unless somebody says otherwise.
  func readCheckSwitch(_ ref: HealthCheckRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let operation = Operation(
      .route53, region: ref.region, name: "GetHealthCheck", method: "GET",
      path: "\(AWSCloud.route53)/healthcheck/\(identifier(ref.id))")
    let root = try xml(try await run(operation, deadline).body, operation)
    guard let config = root.at("HealthCheck", "HealthCheckConfig") else {
      throw garbled(operation, "no HealthCheckConfig in the answer")
    }
    return .checkSwitch(
      CheckSwitch(
        disabled: config["Disabled"]?.text.trimmed == "true", inverted: config["Inverted"]?.text.trimmed == "true"))
  }

  func switchCheck(
    _ ref: HealthCheckRef, _ unhealthy: Bool, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    let operation = posting(
      "UpdateHealthCheck", "/healthcheck/\(identifier(ref.id))", ref.region,
      "<Inverted>\(unhealthy)</Inverted><Disabled>\(unhealthy)</Disabled>")
    let root = try xml(try await run(operation, deadline).body, operation)
    guard root["HealthCheck"] != nil else { throw garbled(operation, "no HealthCheck in the answer") }
    return .accepted(receipt: nil)
  }

  /// A change: the document's root is named after the operation.
  private func posting(_ name: String, _ path: String, _ region: String, _ content: String) -> Operation {
    let body =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
      + "<\(name)Request xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\(content)</\(name)Request>"
    return Operation(
      .route53, region: region, name: name, path: AWSCloud.route53 + path,
      headers: [("Content-Type", "application/xml")], body: Array(body.utf8), changes: true)
  }

  /// Ids come as `/hostedzone/Z1` and `/change/C1` too; the path wants the last part alone.
  private func identifier(_ id: String) -> String {
    (id.split(separator: "/").last.map(String.init) ?? id).percentEncoded()
  }

  private func absolute(_ name: String) -> String { name.hasSuffix(".") ? name : name + "." }

  private func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      default: result.append(character)
      }
    }
  }
}

/// A DNS name as names compare: lower case, no final dot, Route 53's octal escapes undone.
struct DNSName: Equatable {
  let text: String

  init(_ raw: String) {
    var name = raw.trimmed.lowercased()
    while name.hasSuffix(".") { name.removeLast() }
    text = DNSName.unescaped(name)
  }

  /// Without the `dualstack.` that the Route 53 console puts before a load balancer's name: both lead to the same one.
  var ofLoadBalancer: String {
    text.hasPrefix("dualstack.") ? String(text.dropFirst("dualstack.".count)) : text
  }

  /// `\052` is `*` (DNS domain name format, Route 53 developer guide).
  private static func unescaped(_ name: String) -> String {
    var result: [UInt8] = []
    var rest = Array(name.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == 92, rest.count >= 3, let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
        result.append(value)
        rest.removeFirst(3)
      } else {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
