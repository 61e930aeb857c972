// Judging what name servers said. A CNAME names its load balancer, and the name is proof. An alias shows addresses alone, and a load
// balancer shows at most 8 of its own at a time, in any order: one that is the target's alone is enough, one that is the other's alone is
// too many. One that is both's is nobody's: a resolver that answers every name alike, as a captive portal's does, would prove itself right.

/// A question, what was answered, and what follows.
package struct NameVerdict: Hashable, Sendable {
  package let question: NameQuestion
  package let report: NameReport

  package init(_ question: NameQuestion, _ report: NameReport) {
    self.question = question
    self.report = report
  }

  /// Where this answer leads its users.
  package func lead(of answer: NameAnswer) -> NameLead {
    guard case .leads(let chain, let addresses) = answer.outcome else {
      return answer.outcome == .absent ? .nowhere : .unknown
    }
    // The last one counts: what a load balancer's name is led on to is what users get.
    switch chain.last(where: { isTarget($0) || isOther($0) }) {
    case let name? where !isTarget(name): return .other
    // An authoritative server says no more than the name; from a resolver users need an address, too.
    case .some: return addresses.isEmpty && !answer.isAuthoritative ? .nowhere : .target
    case nil: return lead(of: addresses)
    }
  }

  private func lead(of addresses: [String]) -> NameLead {
    if addresses.isEmpty { return .nowhere }
    let (target, other) = (Set(report.target), Set(report.other))
    if !other.subtracting(target).isDisjoint(with: addresses) { return .other }
    return target.subtracting(other).isDisjoint(with: addresses) ? .elsewhere : .target
  }

  /// Whether this answer leads its users to the target.
  package func leads(_ answer: NameAnswer) -> Bool { lead(of: answer) == .target }

  /// Every authoritative server that answered leads to the target and at least one did, and so it is with the resolvers. Those that did
  /// not answer are named in `sentence`, and hold nothing up where another of their kind did.
  package var isVerified: Bool {
    kinds.allSatisfy { kind in
      let leads = report.answers.filter { $0.isAuthoritative == kind }.map { lead(of: $0) }.filter { $0 != .unknown }
      return !leads.isEmpty && leads.allSatisfy { $0 == .target }
    }
  }

  /// Who has to be asked: `isAuthoritative` of the answers.
  private var kinds: [Bool] { question.servers.isPrivate ? [false] : [true, false] }

  private func isWrong(_ answer: NameAnswer) -> Bool { ![.target, .unknown].contains(lead(of: answer)) }

  /// For the operator, one line.
  package var sentence: String {
    let answers = report.answers
    let right = answers.filter(leads).count
    let count = right == answers.count ? (right == 1 ? "the one" : "all \(right)") : "\(right) of \(answers.count)"
    let noun = answers.count == 1 ? "server leads" : "servers lead"
    let wrong = answers.filter(isWrong).map(complaint)
    let silent = answers.filter { lead(of: $0) == .unknown }.map(complaint)
    let parts = ["\(count) \(noun) \(tidy(question.name)) to \(tidy(question.target))"] + firstFew(wrong + silent)
    return (parts + missing).joined(separator: "; ")
  }

  /// At most so many servers are named one by one.
  private static let named = 4

  private func firstFew(_ complaints: [String]) -> [String] {
    let rest = complaints.count - NameVerdict.named
    return rest > 0 ? complaints.prefix(NameVerdict.named) + ["and \(rest) more"] : complaints
  }

  private func complaint(_ answer: NameAnswer) -> String {
    let server = answer.server + (answer.isAuthoritative ? " (authoritative)" : "")
    // How long others may remember it is no question to the server that made it.
    let ttl = answer.isAuthoritative ? nil : answer.ttl.map { " for \(Duration.seconds($0).text) more (TTL)" }
    return switch lead(of: answer) {
    case .target: "\(server) is right"
    case .other: "\(server) still leads to \(tidy(question.other))\(ttl ?? "")"
    case .elsewhere:
      "\(server) leads to \(destination(of: answer))\(ttl ?? ""), "
        + (isShared(answer) ? "which is both load balancers' and tells nothing" : "which is neither load balancer's")
    case .nowhere: "\(server) knows no address\(ttl ?? "")"
    case .unknown: "\(server): \(failure(of: answer))"
    }
  }

  private func destination(of answer: NameAnswer) -> String {
    guard case .leads(let chain, let addresses) = answer.outcome else { return "nothing" }
    return chain.last ?? addresses.first ?? "nothing"
  }

  /// Its addresses were given for either load balancer.
  private func isShared(_ answer: NameAnswer) -> Bool {
    guard case .leads(_, let addresses) = answer.outcome else { return false }
    return !Set(report.target).intersection(report.other).isDisjoint(with: addresses)
  }

  private func failure(of answer: NameAnswer) -> String {
    guard case .failed(let why) = answer.outcome else { return "no answer" }
    return why
  }

  /// What keeps this from being verified and is no single server's fault.
  private var missing: [String] {
    func hasAnswer(_ kind: Bool) -> Bool {
      report.answers.contains { $0.isAuthoritative == kind && lead(of: $0) != .unknown }
    }
    var parts: [String] = []
    if !question.servers.isPrivate, !hasAnswer(true) { parts.append("no authoritative server answered") }
    if !hasAnswer(false) { parts.append("no resolver answered") }
    // Without a name in the answers, everything hangs on these.
    let isByAddress = report.answers.contains { lead(of: $0) == .elsewhere }
    if report.target.isEmpty, isByAddress { parts.append("no address of \(tidy(question.target)) is known") }
    return parts
  }

  private func isTarget(_ name: String) -> Bool { bare(name) == bare(question.target) }
  private func isOther(_ name: String) -> Bool { bare(name) == bare(question.other) }

  /// Names are compared without case (RFC 4343).
  private func bare(_ name: String) -> String { tidy(name).ofLoadBalancer }

  private func tidy(_ name: String) -> String {
    let lower = name.lowercased()
    return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
  }
}
