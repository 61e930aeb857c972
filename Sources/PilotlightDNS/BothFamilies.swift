// A and AAAA of one server, brought together.

import PilotlightCore

/// What one server said of both families.
struct BothFamilies {
  let a: Result<FamilyAnswer, DNSFailure>
  let aaaa: Result<FamilyAnswer, DNSFailure>

  private typealias Lead = (chain: [String], addresses: [String], ttl: Int?)

  /// One answer, or two where the families do not agree: a cache may have learned the one before the name was led elsewhere, and the other
  /// after it.
  func answers(server: String, isAuthoritative: Bool) -> [NameAnswer] {
    func answer(_ outcome: NameOutcome, _ ttl: Int?, _ family: String = "") -> NameAnswer {
      NameAnswer(server: server + family, isAuthoritative: isAuthoritative, outcome: outcome, ttl: ttl)
    }
    func answer(_ lead: Lead, _ family: String = "") -> NameAnswer {
      answer(.leads(chain: lead.chain, addresses: lead.addresses), lead.ttl, family)
    }
    switch (BothFamilies.lead(a), BothFamilies.lead(aaaa)) {
    case (let one?, let other?) where one.chain == other.chain:
      let ttl = [one.ttl, other.ttl].compactMap(\.self).max()
      return [answer((one.chain, one.addresses + other.addresses, ttl))]
    case (let one?, let other?): return [answer(one), answer(other, " for AAAA")]
    case (let one?, nil), (nil, let one?):
      // Users of the other family find nothing and take this one. Where this one ends without an address, all hangs on the other.
      if one.addresses.isEmpty, !isAuthoritative, let failure { return [answer(.failed(failure.sentence), nil)] }
      return [answer(one)]
    case (nil, nil):
      let ttl = [a, aaaa].compactMap { try? $0.get().ttl }.max()
      if let failure, !isNameless { return [answer(.failed(failure.sentence), nil)] }
      return [answer(.absent, ttl)]
    }
  }

  /// Where the name leads by either family; nil when nobody says that it does.
  var lead: (chain: [String], addresses: [String])? {
    let leads = [a, aaaa].compactMap(BothFamilies.lead)
    return leads.first.map { ($0.chain, leads.flatMap(\.addresses)) }
  }

  private static func lead(_ result: Result<FamilyAnswer, DNSFailure>) -> Lead? {
    guard case .success(.leads(let chain, let addresses, let ttl)) = result else { return nil }
    return (chain, addresses, ttl)
  }

  /// Of either.
  private var failure: DNSFailure? {
    for case .failure(let failure) in [a, aaaa] { return failure }
    return nil
  }

  /// NXDOMAIN speaks for both.
  private var isNameless: Bool {
    [a, aaaa].contains { if case .success(.noName) = $0 { true } else { false } }
  }
}
