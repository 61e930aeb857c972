// Route 53, API version 2013-04-01, REST-XML. Its control plane is in one region and may be down when it is needed most.

import PilotlightCore

extension AWSCloud {
  static let route53 = "/2013-04-01"

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
  func posting(_ name: String, _ path: String, _ region: String, _ content: String) -> Operation {
    let body =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
      + "<\(name)Request xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\(content)</\(name)Request>"
    return Operation(
      .route53, region: region, name: name, path: AWSCloud.route53 + path,
      headers: [("Content-Type", "application/xml")], body: Array(body.utf8), changes: true)
  }

  /// Ids come as `/hostedzone/Z1` and `/change/C1` too; the path wants the last part alone.
  func identifier(_ id: String) -> String {
    (id.split(separator: "/").last.map(String.init) ?? id).percentEncoded()
  }

  func absolute(_ name: String) -> String { name.hasSuffix(".") ? name : name + "." }
}

/// A DNS name as names compare: lower case, no final dot, Route 53's octal escapes undone.
struct DNSName: Equatable {
  let text: String

  init(_ raw: String) {
    var name = raw.trimmed.lowercased()
    while name.hasSuffix(".") { name.removeLast() }
    text = DNSName.unescaped(name)
  }

  var ofLoadBalancer: String { text.ofLoadBalancer }

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
