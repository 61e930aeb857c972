// Where name servers lead users: what each kind of answer proves, and when enough of them agree.

import PilotlightCore
import Testing

private let home = "App-Home-1.eu-west-1.elb.amazonaws.com."
private let away = "app-dr-2.us-west-2.elb.amazonaws.com"
private let question = NameQuestion(name: "App.example.org.", target: away, other: home)

private func resolver(_ server: String, _ outcome: NameOutcome, ttl: Int? = nil) -> NameAnswer {
  NameAnswer(server: server, isAuthoritative: false, outcome: outcome, ttl: ttl)
}

private func zone(_ server: String, _ outcome: NameOutcome, ttl: Int? = nil) -> NameAnswer {
  NameAnswer(server: server, isAuthoritative: true, outcome: outcome, ttl: ttl)
}

private func alias(_ addresses: String...) -> NameOutcome { .leads(chain: [], addresses: addresses) }
private func cname(_ chain: String..., to addresses: [String] = ["198.51.100.1"]) -> NameOutcome {
  .leads(chain: chain, addresses: addresses)
}

/// `away` has two IPv4 addresses and an IPv6 one, `home` three others.
private func verdict(_ answers: NameAnswer...) -> NameVerdict {
  NameVerdict(
    question,
    NameReport(
      answers: answers, target: ["198.51.100.1", "198.51.100.2", "2001:db8::2"],
      other: ["192.0.2.1", "192.0.2.2", "2001:db8::1"]))
}

private func lead(_ outcome: NameOutcome) -> NameLead {
  let answer = resolver("10.0.0.2", outcome)
  return verdict(answer).lead(of: answer)
}

@Suite struct NameLeadTests {
  @Test func `a CNAME that names the load balancer proves it, whatever its addresses are today`() {
    #expect(lead(cname(away, to: ["203.0.113.77"])) == .target)
    #expect(lead(cname("app-home-1.eu-west-1.elb.amazonaws.com", to: ["203.0.113.77"])) == .other)
    #expect(lead(cname("lb.example.org", away)) == .target)
  }

  @Test func `case, the trailing dot and the console's prefix make no other name`() {
    #expect(lead(cname("APP-DR-2.us-west-2.elb.amazonaws.com.")) == .target)
    #expect(lead(cname("dualstack.app-dr-2.us-west-2.elb.amazonaws.com")) == .target)
    #expect(lead(cname("dualstack.App-Home-1.eu-west-1.elb.amazonaws.com")) == .other)
  }

  @Test func `a chain that names both leads to the last of them`() {
    #expect(lead(cname(home, away)) == .target)
    #expect(lead(cname(away, home)) == .other)
  }

  @Test func `an alias is known by its addresses, of which any of the target's will do`() {
    #expect(lead(alias("198.51.100.2")) == .target)
    #expect(lead(alias("2001:db8::2")) == .target)
    // One of eight that the target had when it was asked; the others are its own, too.
    #expect(lead(alias("198.51.100.9", "198.51.100.1", "198.51.100.8")) == .target)
    #expect(lead(alias("192.0.2.2")) == .other)
    #expect(lead(alias("203.0.113.7")) == .elsewhere)
    #expect(lead(cname("lb.example.org", to: ["198.51.100.2"])) == .target)
    #expect(lead(cname("lb.example.org", to: ["203.0.113.7"])) == .elsewhere)
  }

  @Test func `one address of the other is one too many, an AAAA left behind included`() {
    #expect(lead(alias("198.51.100.1", "192.0.2.1")) == .other)
    #expect(lead(alias("198.51.100.1", "2001:db8::1")) == .other)
  }

  @Test func `an address that both have proves nothing, for a captive portal gives one for every name`() {
    let (liar, honest) = (resolver("10.0.0.2", alias("10.0.0.1")), resolver("10.0.0.3", alias("198.51.100.1")))
    let poisoned = NameVerdict(
      question,
      NameReport(
        answers: [liar, honest], target: ["10.0.0.1", "198.51.100.1"], other: ["10.0.0.1", "192.0.2.1"]))
    #expect([liar, honest].map { poisoned.lead(of: $0) } == [.elsewhere, .target])
    #expect(poisoned.sentence.contains("; 10.0.0.2 leads to 10.0.0.1, which is both load balancers' and tells nothing"))
  }

  @Test func `a load balancer without an address leads users nowhere, though the zone does what it should`() {
    #expect(lead(cname(away, to: [])) == .nowhere)
    #expect(lead(cname(home, to: [])) == .other)
    let answer = zone("205.251.192.1", cname(away, to: []))
    #expect(verdict(answer).leads(answer))
    // Its address was not to be found: what an alias shows cannot be known.
    let seen = resolver("10.0.0.2", alias("198.51.100.1"))
    let blind = NameVerdict(question, NameReport(answers: [seen]))
    #expect(blind.lead(of: seen) == .elsewhere)
    #expect(blind.sentence.hasSuffix("no address of app-dr-2.us-west-2.elb.amazonaws.com is known"))
  }

  @Test func `the other load balancer may be gone from the DNS`() {
    let answer = resolver("10.0.0.2", alias("198.51.100.1"))
    #expect(NameVerdict(question, NameReport(answers: [answer], target: ["198.51.100.1"])).leads(answer))
  }

  @Test func `an empty answer and an absent name lead nowhere, no answer is unknown`() {
    #expect(lead(alias()) == .nowhere)
    #expect(lead(.absent) == .nowhere)
    #expect(lead(.failed("SERVFAIL")) == .unknown)
  }
}

@Suite struct NameVerdictTests {
  private let right = cname(away)
  private let wrong = cname(home, to: ["192.0.2.1"])

  @Test func `it is verified when both kinds agree`() {
    let all = verdict(zone("205.251.192.1", right), zone("205.251.192.2", right), resolver("10.0.0.2", right))
    #expect(all.isVerified)
    #expect(all.sentence == "all 3 servers lead app.example.org to app-dr-2.us-west-2.elb.amazonaws.com")
  }

  @Test func `a resolver that remembers holds it up, and says for how long`() {
    let stale = verdict(
      zone("205.251.192.1", right, ttl: 60), zone("205.251.192.2", right, ttl: 60),
      resolver("10.0.0.1", right, ttl: 50),
      resolver("10.0.0.2", wrong, ttl: 42))
    #expect(!stale.isVerified)
    #expect(
      stale.sentence == "3 of 4 servers lead app.example.org to app-dr-2.us-west-2.elb.amazonaws.com; "
        + "10.0.0.2 still leads to app-home-1.eu-west-1.elb.amazonaws.com for 42 s more (TTL)")
  }

  @Test func `a server of the zone that lags holds it up`() {
    let lagging = verdict(
      zone("205.251.192.1", right), zone("205.251.192.2", wrong, ttl: 60), resolver("10.0.0.2", right))
    #expect(!lagging.isVerified)
    #expect(
      lagging.sentence.hasSuffix(
        "; 205.251.192.2 (authoritative) still leads to app-home-1.eu-west-1.elb.amazonaws.com"))
  }

  @Test func `a server that fails is named, and holds nothing up where another of its kind answered`() {
    let all = verdict(
      zone("205.251.192.1", .failed("no answer in 4 s")), zone("205.251.192.2", right), resolver("10.0.0.1", right),
      resolver("10.0.0.2", .failed("SERVFAIL")))
    #expect(all.isVerified)
    #expect(
      all.sentence == "2 of 4 servers lead app.example.org to app-dr-2.us-west-2.elb.amazonaws.com; "
        + "205.251.192.1 (authoritative): no answer in 4 s; 10.0.0.2: SERVFAIL")
  }

  @Test func `without an answer of each kind nothing is verified`() {
    let onlyZone = verdict(zone("205.251.192.1", right), resolver("10.0.0.2", .failed("REFUSED")))
    #expect(!onlyZone.isVerified)
    #expect(onlyZone.sentence.hasSuffix("; 10.0.0.2: REFUSED; no resolver answered"))
    let onlyResolver = verdict(resolver("10.0.0.2", right))
    #expect(!onlyResolver.isVerified)
    #expect(
      onlyResolver.sentence == "the one server leads app.example.org to app-dr-2.us-west-2.elb.amazonaws.com; "
        + "no authoritative server answered")
    #expect(!verdict().isVerified)
    #expect(verdict().sentence.hasSuffix("; no authoritative server answered; no resolver answered"))
  }

  @Test func `an absent name is an answer that disagrees`() {
    let absent = verdict(
      zone("205.251.192.1", right), resolver("10.0.0.1", right), resolver("10.0.0.2", .absent, ttl: 300))
    #expect(!absent.isVerified)
    #expect(absent.sentence.hasSuffix("; 10.0.0.2 knows no address for 5 min more (TTL)"))
  }

  @Test func `what belongs to neither is named`() {
    let strange = verdict(
      zone("205.251.192.1", right), resolver("10.0.0.1", cname("sorry.example.net", to: ["203.0.113.7"])),
      resolver("10.0.0.2", alias("203.0.113.7"), ttl: 5))
    #expect(!strange.isVerified)
    #expect(strange.sentence.contains("; 10.0.0.1 leads to sorry.example.net, which is neither load balancer's; "))
    #expect(
      strange.sentence.hasSuffix("10.0.0.2 leads to 203.0.113.7 for 5 s more (TTL), which is neither load balancer's"))
  }

  @Test func `of many that complain, four are named, those that lead astray first`() {
    let silent = (1...5).map { zone("205.251.192.\($0)", .failed("no answer in 4 s")) }
    let answers = silent + [resolver("10.0.0.2", wrong, ttl: 60)]
    let sentence = NameVerdict(question, NameReport(answers: answers)).sentence
    #expect(sentence.hasPrefix("0 of 6 servers lead"))
    #expect(sentence.split(separator: "; ").count == 7)
    #expect(sentence.contains("; 10.0.0.2 still leads to"))
    #expect(sentence.contains("; and 2 more; no authoritative server answered"))
  }

  @Test func `in a private zone the word of the resolvers is enough, and none is missed`() {
    var question = question
    question.servers.isPrivate = true
    let report = NameReport(answers: [resolver("10.0.0.2", cname(away))])
    #expect(NameVerdict(question, report).isVerified)
    #expect(!NameVerdict(question, report).sentence.contains("authoritative"))
    #expect(!NameVerdict(question, NameReport(answers: [])).isVerified)
  }
}
