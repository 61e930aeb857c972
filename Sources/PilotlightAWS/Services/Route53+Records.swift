// Record sets: read whole, and written whole. An UPSERT that does not repeat a health check takes it away.

import PilotlightCore

extension AWSCloud {
  /// The record sets of exactly this name and type; beside an A record those of type AAAA, too.
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
      for set in sets where DNSName(set["Name"]?.text ?? "") == wanted {
        let type = set.value("Type")
        guard type == ref.type || (ref.type == "A" && type == "AAAA") else { continue }
        let parts = RecordParts(set)
        guard parts.text.utf8.count <= RecordParts.sizeLimit else { throw garbled(operation, "a record set too large") }
        var state = parts.state
        if type != ref.type { state.type = type }
        found.append(state)
      }
      // Sorted by name: once another name comes, all of ours were seen.
      let isPast = sets.contains { DNSName($0["Name"]?.text ?? "") != wanted }
      guard page["IsTruncated"]?.text == "true", !isPast, let next = page["NextRecordName"]?.text else { return found }
      query = [(name: "name", value: next), (name: "type", value: page["NextRecordType"]?.text ?? ref.type)]
      if let id = page["NextRecordIdentifier"]?.text { query.append((name: "identifier", value: id)) }
    }
    return found
  }

  func point(
    _ ref: RecordRef, to: RecordTarget, from: RecordTarget, _ sets: [RecordState]?, _ deadline: Deadline
  ) async throws(CloudFailure) -> CloudReply {
    // A weighted set beside a simple one of the same name is refused by Route 53; half a pair is our configuration's fault.
    guard (to.setIdentifier != nil) == (from.setIdentifier != nil) else {
      throw CloudFailure(
        .invalid, code: "HalfAPair",
        message: oneLine("\(ref.name): one target has a set identifier, the other has none"))
    }
    let written = if let sets { sets } else { try await moved(ref, to, from, deadline) }
    var changes = ""
    for set in written {
      let text = try RecordParts(set, of: ref).text
      changes += "<Change><Action>UPSERT</Action><ResourceRecordSet>\(text)</ResourceRecordSet></Change>"
    }
    let operation = posting(
      "ChangeResourceRecordSets", "/hostedzone/\(identifier(ref.zone))/rrset/", ref.region,
      "<ChangeBatch><Comment>pilotlight</Comment><Changes>\(changes)</Changes></ChangeBatch>")
    let root = try xml(try await run(operation, deadline).body, operation)
    guard let id = root["ChangeInfo"]?.value("Id"), let last = id.split(separator: "/").last else {
      throw garbled(operation, "no ChangeInfo in the answer")
    }
    return .accepted(receipt: String(last))
  }

  private func moved(
    _ ref: RecordRef, _ to: RecordTarget, _ from: RecordTarget, _ deadline: Deadline
  ) async throws(CloudFailure) -> [RecordState] {
    let move = RecordMove(try await readRecords(ref, deadline), to: to, from: from)
    if let obstacle = move.obstacle(ref) {
      throw CloudFailure(.invalid, code: "RoutingPolicy", message: oneLine(obstacle))
    }
    return move.sets
  }
}

/// The elements of a record set, each as XML.
private struct RecordParts {
  /// Bytes. The values of one set may have 32,000 characters (Route 53 quotas).
  static let sizeLimit = 128 << 10
  /// In which they must come (API reference, ChangeResourceRecordSets); what is not named here comes behind.
  private static let order = [
    "Name", "Type", "SetIdentifier", "Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer", "TTL",
    "ResourceRecords", "AliasTarget", "HealthCheckId", "TrafficPolicyInstanceId", "CidrRoutingConfig",
    "GeoProximityLocation",
  ]
  private static let policies = [
    ("Region", "latency"), ("GeoLocation", "geolocation"), ("Failover", "failover"),
    ("MultiValueAnswer", "multivalue answer"), ("CidrRoutingConfig", "IP-based"),
    ("GeoProximityLocation", "geoproximity"),
  ]
  private var parts: [(name: String, text: String)]
  private let set: XMLElement

  init(_ set: XMLElement) {
    self.set = set
    parts = set.children.map { ($0.name, $0.written) }
  }

  /// As it is to be written: what was read, with this weight, and leading there if it led elsewhere.
  init(_ state: RecordState, of ref: RecordRef) throws(CloudFailure) {
    guard let text = state.text else {
      self.init(XMLElement(name: "ResourceRecordSet"))
      self["Name"] = escaped(ref.name.hasSuffix(".") ? ref.name : ref.name + ".")
      self["Type"] = escaped(ref.type)
      self["SetIdentifier"] = state.setIdentifier.map(escaped)
      self["Weight"] = state.weight.map(String.init)
      lead(to: state, ref.ttl)
      return
    }
    guard let read = try? XMLDocument.parse(Array("<ResourceRecordSet>\(text)</ResourceRecordSet>".utf8)) else {
      throw CloudFailure(.invalid, code: "RecordSet", message: oneLine("\(ref.name): what was read of it is no XML"))
    }
    self.init(read)
    if let weight = state.weight { self["Weight"] = String(weight) }
    if self.state.host != DNSName(state.host).ofLoadBalancer { lead(to: state, ref.ttl) }
  }

  private mutating func lead(to state: RecordState, _ ttl: Int) {
    guard let zone = state.aliasZone else {
      self["AliasTarget"] = nil
      self["TTL"] = set.value("TTL").map(escaped) ?? String(ttl)
      self["ResourceRecords"] = "<ResourceRecord><Value>\(escaped(state.host))</Value></ResourceRecord>"
      return
    }
    self["TTL"] = nil
    self["ResourceRecords"] = nil
    let host = state.host.hasSuffix(".") ? state.host : state.host + "."
    let evaluates = set.at("AliasTarget", "EvaluateTargetHealth")?.text.trimmed == "true"
    self["AliasTarget"] =
      "<HostedZoneId>\(escaped(zone))</HostedZoneId><DNSName>\(escaped(host))</DNSName>"
      + "<EvaluateTargetHealth>\(evaluates)</EvaluateTargetHealth>"
  }

  private subscript(name: String) -> String? {
    get { parts.first { $0.name == name }?.text }
    set {
      parts.removeAll { $0.name == name }
      if let newValue { parts.append((name, "<\(name)>\(newValue)</\(name)>")) }
    }
  }

  var text: String {
    func place(_ name: String) -> Int { RecordParts.order.firstIndex(of: name) ?? RecordParts.order.count }
    let sorted = parts.enumerated().sorted {
      (place($0.element.name), $0.offset) < (place($1.element.name), $1.offset)
    }
    return sorted.map(\.element.text).joined()
  }

  var state: RecordState {
    let alias = set["AliasTarget"]
    let value =
      alias?["DNSName"]?.text ?? set.list("ResourceRecords", of: "ResourceRecord").first?["Value"]?.text ?? ""
    return RecordState(
      host: DNSName(value).ofLoadBalancer, aliasZone: alias?["HostedZoneId"]?.text,
      setIdentifier: set["SetIdentifier"]?.text, weight: set["Weight"]?.number,
      policy: RecordParts.policies.first { set.value($0.0) != nil || set[$0.0]?.children.isEmpty == false }?.1,
      text: text)
  }
}

extension XMLElement {
  /// As XML; white space between elements is nobody's.
  fileprivate var written: String {
    "<\(name)>\(children.isEmpty ? escaped(text) : children.map(\.written).joined())</\(name)>"
  }
}

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
