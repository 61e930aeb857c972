// Whole inquiries against name servers on loopback: what is reported of right ones, and of those that are slow, wrong or hostile.

import PilotlightCore
import PilotlightDNS
import Testing

let name = "app.example.org"
let home = "app-home-1.eu-west-1.elb.amazonaws.com"
let away = "app-dr-2.us-west-2.elb.amazonaws.com"

/// Both load balancers, as any resolver knows them.
let balancers: [Entry] = [
  .a(home, 192, 0, 2, 1), .a(home, 192, 0, 2, 2), .a(away, 198, 51, 100, 1), .a(away, 198, 51, 100, 2),
  .aaaa(away, last: 2),
]
let nobody = Zone(entries: [.soa("example.org")], isAuthoritative: true)

/// With tries that a busy machine keeps, and yet short.
private let inquiry = NameInquiry(patience: Patience(eachTry: .milliseconds(Int(500 * slowness))))

/// Answers to a question about `app.example.org` that should lead to `away`.
func report(
  _ resolvers: [NameServer], _ authoritative: [NameServer], by inquiry: NameInquiry = inquiry,
  patience: Duration = .seconds(20)
) async -> NameReport {
  let question = NameQuestion(
    name: name, target: away, other: home,
    servers: NameServers(
      resolvers: resolvers.map(\.address),
      authoritative: authoritative.map(\.address)))
  defer { for server in resolvers + authoritative { server.stop() } }
  return await inquiry.answer(question, patience: patience)
}

/// What becomes of one resolver that does as the script says.
private func outcome(_ script: @escaping NameServer.Script) async throws -> NameOutcome? {
  let report = try await report([NameServer(script)], [NameServer(nobody)])
  return report.answers.first { !$0.isAuthoritative }?.outcome
}

private let right = Reply(answers: [.a(name, 198, 51, 100, 1)])

@Suite(.timeLimit(.minutes(2))) struct InquiryTests {
  @Test func `a CNAME out of the zone is followed through the resolvers, and verified`() async throws {
    let zone = Zone(entries: [.soa("example.org"), .cname(name, away.uppercased(), ttl: 60)], isAuthoritative: true)
    let cache = Zone(entries: [.cname(name, away, ttl: 42)] + balancers)
    let (resolver, server) = try (NameServer(cache), NameServer(zone))
    let report = await report([resolver], [server])
    let addresses = ["198.51.100.1", "198.51.100.2", "2001:db8::2"]
    #expect(
      report
        == NameReport(
          answers: [
            NameAnswer(
              server: resolver.address, isAuthoritative: false, outcome: .leads(chain: [away], addresses: addresses),
              ttl: 42),
            NameAnswer(
              server: server.address, isAuthoritative: true, outcome: .leads(chain: [away], addresses: addresses),
              ttl: 60),
          ],
          target: addresses, other: ["192.0.2.1", "192.0.2.2"]))
    #expect(verdict(report).isVerified)
    // Recursion is desired of a resolver, and only of it.
    #expect(resolver.asked.allSatisfy(\.recursion) && !resolver.asked.isEmpty)
    #expect(!server.asked.contains(where: \.recursion) && server.asked.count == 2)
  }

  @Test func `aliases show addresses, and a cache that remembers is found out`() async throws {
    let zone = Zone(
      entries: [.soa("example.org"), .a(name, 198, 51, 100, 2), .aaaa(name, last: 2)], isAuthoritative: true)
    let fresh = Zone(entries: [.a(name, 198, 51, 100, 1)] + balancers)
    let stale = Zone(entries: [.a(name, 192, 0, 2, 2, ttl: 33)] + balancers)
    let old = try NameServer(stale)
    let report = try await report([NameServer(fresh), old], [NameServer(zone)])
    #expect(!verdict(report).isVerified)
    #expect(
      verdict(report).sentence.contains("2 of 3 servers lead app.example.org to \(away); \(old.address) still leads to")
    )
  }

  @Test func `a name that is absent is told with how long its absence is remembered`() async throws {
    let cache = Zone(entries: [.soa("example.org", ttl: 900, minimum: 120)] + balancers)
    let report = try await report([NameServer(cache)], [NameServer(nobody)])
    #expect(report.answers.map(\.outcome) == [.absent, .absent])
    #expect(report.answers.map(\.ttl) == [120, 300])
  }

  @Test func `a resolver that answers every name alike proves nothing`() async throws {
    let portal = try NameServer { asked, _ in
      [.message(Reply(answers: [.a(asked.name, 10, 0, 0, 1)]).bytes(to: asked))]
    }
    let zone = Zone(entries: [.soa("example.org"), .a(name, 198, 51, 100, 2)], isAuthoritative: true)
    let report = try await report(
      [NameServer(Zone(entries: [.a(name, 198, 51, 100, 1)] + balancers)), portal], [NameServer(zone)])
    #expect(report.target.contains("10.0.0.1") && report.other.contains("10.0.0.1"))
    #expect(!verdict(report).isVerified)
    #expect(report.answers.map { verdict(report).lead(of: $0) } == [.target, .elsewhere, .target])
  }

  @Test func `A and AAAA that lead to different places are two answers`() async throws {
    let resolver = try NameServer { asked, _ in
      let zone = Zone(entries: [.cname(name, asked.type == 1 ? away : home)] + balancers)
      return [.message(zone.reply(to: asked).bytes(to: asked))]
    }
    let report = try await report([resolver], [NameServer(nobody)])
    let leads = report.answers.map { verdict(report).lead(of: $0) }
    #expect(report.answers.map(\.server).prefix(2) == [resolver.address, "\(resolver.address) for AAAA"])
    #expect(leads == [.target, .other, .nowhere])
  }

  @Test func `a resolver that does not know AAAA is taken at its word for A`() async throws {
    let outcome = try await outcome { asked, _ in
      [.message((asked.type == 1 ? right : Reply(code: 2)).bytes(to: asked))]
    }
    #expect(outcome == .leads(chain: [], addresses: ["198.51.100.1"]))
  }

  @Test func `an answer that does not fit is fetched by TCP`() async throws {
    let many = Reply(answers: (1...200).map { .a(name, 198, 51, 100, UInt8($0)) })
    let resolver = try NameServer { asked, _ in
      var reply = asked.isStream ? many : right
      reply.isTruncated = !asked.isStream
      return [.message(reply.bytes(to: asked))]
    }
    let report = try await report([resolver], [NameServer(nobody)])
    guard case .leads(_, let addresses)? = report.answers.first?.outcome else {
      Issue.record("\(report)")
      return
    }
    #expect(addresses.count == FamilyAnswer.mostAddresses)
    #expect(Set(resolver.asked.map(\.isStream)) == [false, true])
  }

  @Test func `a question that got lost is asked again`() async throws {
    let outcome = try await outcome { asked, number in
      // The first ones of all that come at once.
      number < 6 ? [.nothing] : [.message(right.bytes(to: asked))]
    }
    #expect(outcome == .leads(chain: [], addresses: ["198.51.100.1"]))
  }

  @Test func `IPv6 servers are asked, too`() async throws {
    guard let resolver = try? NameServer(host: "::1", reply: right) else { return }
    let report = try await report([resolver], [NameServer(nobody)])
    #expect(report.answers.first?.server == "[::1]:\(resolver.port)")
    #expect(report.answers.first?.outcome == .leads(chain: [], addresses: ["198.51.100.1"]))
  }
}

@Suite(.timeLimit(.minutes(2))) struct FaultyServerTests {
  private func failure(_ script: @escaping NameServer.Script) async throws -> String {
    let outcome = try await outcome(script)
    guard case .failed(let why)? = outcome else { return "no failure: \(String(describing: outcome))" }
    return why
  }

  @Test func `silence is told after two tries`() async throws {
    let why = try await failure { _, _ in [.nothing] }
    #expect(why.hasPrefix("no answer in ") && !why.contains("messages"))
  }

  @Test func `a closed port is told at once`() async throws {
    let gone = try NameServer(nobody)
    gone.stop()
    let begin = ContinuousClock.now
    let report = try await report([gone], [NameServer(nobody)])
    #expect(report.answers.first?.outcome == .failed("unreachable: Connection refused"))
    #expect(begin.duration(to: .now) < .seconds(5 * slowness))
  }

  @Test func `a wrong id, a wrong question and a stranger's answer are passed over for the right one`() async throws {
    let strange: NameServer.Script = { asked, _ in
      var (guess, other, lower) = (right, right, right)
      guess.id = asked.id &+ 1
      guess.answers = [.a(name, 10, 0, 0, 1)]
      other.question = wire("www.example.org") + [0, 1, 0, 1]
      lower.answers = guess.answers
      return [
        .message(guess.bytes(to: asked)), .message(other.bytes(to: asked)), .message([1, 2, 3]),
        .fromElsewhere(lower.bytes(to: asked)),
      ]
    }
    let outcome = try await outcome { strange($0, $1) + [.message(right.bytes(to: $0))] }
    #expect(outcome == .leads(chain: [], addresses: ["198.51.100.1"]))
    let why = try await failure(strange)
    #expect(why.contains("s, but 6 messages that were none to our question"))
  }

  @Test(arguments: [(2, "SERVFAIL"), (5, "REFUSED"), (4, "NOTIMP"), (11, "RCODE 11")] as [(UInt8, String)])
  func `a refusal is told by its name`(_ code: UInt8, _ word: String) async throws {
    #expect(try await failure { asked, _ in [.message(Reply(code: code).bytes(to: asked))] } == word)
  }

  @Test func `a server that does not resolve is no resolver, one that repeats hearsay no server of the zone`()
    async throws
  {
    #expect(
      try await failure { asked, _ in [.message(Reply(offersRecursion: false).bytes(to: asked))] }
        == "does not resolve for us (no recursion)")
    let report = try await report([NameServer(Zone(entries: balancers))], [NameServer(reply: right)])
    #expect(report.answers.last?.outcome == .failed("not authoritative for the name"))
  }

  @Test func `garbage with the right id is not understood`() async throws {
    let why = try await failure { asked, _ in
      [.message(big(asked.id) + [0x80, 0x80] + Array(repeating: 0xff, count: 600))]
    }
    #expect(why.hasPrefix("not understood: "))
  }

  @Test func `a circle of CNAMEs is not followed`() async throws {
    let reply = Reply(answers: [.cname(name, "b.example.org"), .cname("b.example.org", name)])
    #expect(
      try await failure { asked, _ in [.message(reply.bytes(to: asked))] } == "not understood: a circle of CNAMEs")
  }

  @Test(arguments: [
    ("closed", "the connection was closed before all of it had come"), ("half", "the connection was closed before"),
    ("truncated", "truncated by TCP, too"), ("foreign", "no answer to our question"), ("silent", "no answer in "),
    ("garbage", "not understood: "),
  ])
  func `TCP that breaks off, lies or keeps silent is a failure`(_ kind: String, _ expected: String) async throws {
    let why = try await failure { asked, _ in
      var reply = right
      reply.isTruncated = !asked.isStream || kind == "truncated"
      if kind == "foreign", asked.isStream { reply.id = asked.id &+ 1 }
      let bytes = reply.bytes(to: asked)
      return switch (asked.isStream, kind) {
      case (true, "closed"): [.raw([])]
      case (true, "half"): [.raw(big(UInt16(bytes.count)) + bytes.prefix(20))]
      case (true, "silent"): [.nothing]
      case (true, "garbage"): [.message(big(asked.id) + [0x80, 0x80] + Array(repeating: 0xff, count: 60_000))]
      default: [.message(bytes)]
      }
    }
    #expect(why.contains(expected), "\(why)")
  }

  @Test func `TCP that nobody listens to is a failure`() async throws {
    // The listener is closed, the other one answers.
    let server = try NameServer { asked, _ in
      var reply = right
      reply.isTruncated = true
      return [.message(reply.bytes(to: asked))]
    }
    server.refuseStreams()
    let report = try await report([server], [NameServer(nobody)])
    #expect(report.answers.first?.outcome == .failed("unreachable: Connection refused"))
  }

  @Test func `a flood of strange messages ends with the time for a try`() async throws {
    let flood = [NameServer.Said](repeating: .message(Array(repeating: 7, count: 500)), count: 2000)
    let why = try await failure { _, _ in flood }
    #expect(why.contains("that were none to our question"))
  }

  @Test func `one silent server of each kind is named and holds nothing up`() async throws {
    let zone = Zone(entries: [.soa("example.org"), .cname(name, away)], isAuthoritative: true)
    let cache = Zone(entries: [.cname(name, away)] + balancers)
    let dead = try (NameServer { _, _ in [] }, NameServer { _, _ in [] })
    let report = try await report([NameServer(cache), dead.0], [dead.1, NameServer(zone)])
    #expect(verdict(report).isVerified)
    #expect(verdict(report).sentence.contains("; \(dead.1.address) (authoritative): no answer in "))
  }
}

func verdict(_ report: NameReport) -> NameVerdict {
  NameVerdict(NameQuestion(name: name, target: away, other: home), report)
}
