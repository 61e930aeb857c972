// Bounds of an inquiry, and what it finds out for itself: the servers of the zone and the resolvers of this host.

import Foundation
import PilotlightCore
import PilotlightDNS
import Testing

@Suite(.timeLimit(.minutes(2))) struct BoundTests {
  @Test func `no inquiry takes longer than its patience, whatever servers do`() async throws {
    let inquiry = NameInquiry(patience: Patience(eachTry: .seconds(30), tries: 5))
    let silent = try [NameServer { _, _ in [] }, NameServer { _, _ in [] }]
    let begin = ContinuousClock.now
    let answers = await report([silent[0]], [silent[1]], by: inquiry, patience: .milliseconds(300)).answers
    #expect(begin.duration(to: .now) < .seconds(5 * slowness))
    #expect(answers.count == 2)
    #expect(answers.allSatisfy { if case .failed = $0.outcome { true } else { false } })
    let none = await inquiry.answer(NameQuestion(name: name, target: away, other: home), patience: .zero)
    #expect(!verdict(none).isVerified)
  }

  @Test func `of many inquiries few are under way, and those without a turn say so in time`() async throws {
    let inquiry = NameInquiry(patience: Patience(eachTry: .seconds(60)), most: 2)
    let silent = try NameServer { _, _ in [] }
    defer { silent.stop() }
    let question = NameQuestion(
      name: name, target: away, other: home,
      servers: NameServers(resolvers: [silent.address], authoritative: [silent.address]))
    let underWay = (0..<2).map { _ in Task { await inquiry.answer(question, patience: .seconds(60)) } }
    // Both families of three names, and of one at the server of the zone.
    while silent.asked.count < 16 { try await Task.sleep(for: .milliseconds(5)) }
    for _ in 0..<4 {
      let report = await inquiry.answer(question, patience: .milliseconds(20))
      #expect(report.answers.map(\.server) == ["the resolvers", "the zone's servers"])
      #expect(report.answers.allSatisfy { $0.outcome == .failed("not asked: there was no turn in 20 ms") })
    }
    #expect(silent.asked.count == 16)
    for task in underWay {
      task.cancel()
      _ = await task.value
    }
  }

  @Test func `after those that were under way have ended, others have their turn`() async throws {
    let inquiry = NameInquiry(most: 1)
    let resolver = try NameServer(Zone(entries: balancers))
    defer { resolver.stop() }
    let question = NameQuestion(
      name: away, target: away, other: home,
      servers: NameServers(resolvers: [resolver.address], authoritative: [resolver.address]))
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<20 {
        group.addTask {
          NameVerdict(question, await inquiry.answer(question, patience: .seconds(60))).report.target.count == 3
        }
      }
      for await isAnswered in group { #expect(isAnswered) }
    }
  }

  @Test func `sockets are closed, whatever came of them`() async throws {
    let inquiry = NameInquiry(patience: Patience(eachTry: .milliseconds(20), tries: 1))
    var reply = Reply(answers: balancers)
    reply.isTruncated = true
    let (cut, silent) = try (NameServer(reply: reply), NameServer { _, _ in [.nothing] })
    defer { [cut, silent].forEach { $0.stop() } }
    let question = NameQuestion(
      name: name, target: away, other: home,
      servers: NameServers(
        resolvers: [cut.address, silent.address, "127.0.0.1:1"],
        authoritative: [cut.address, silent.address]))
    func descriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
    let before = try descriptors()
    for _ in 0..<50 { _ = await inquiry.answer(question, patience: .seconds(20)) }
    // More than a thousand sockets were opened; other tests have some of their own.
    #expect(try descriptors() < before + 300)
  }

  @Test func `whoever asked may be cancelled`() async throws {
    let inquiry = NameInquiry(patience: Patience(eachTry: .seconds(60)))
    let silent = try NameServer { _, _ in [] }
    let begin = ContinuousClock.now
    let task = Task { await report([silent], [silent], by: inquiry, patience: .seconds(60)) }
    while silent.asked.isEmpty { await Task.yield() }
    task.cancel()
    let outcomes = await task.value.answers.map(\.outcome)
    #expect(begin.duration(to: .now) < .seconds(10 * slowness))
    #expect(outcomes == [.failed("given up"), .failed("given up")])
  }

  @Test func `texts that are no servers are told, and the first eight are asked`() async throws {
    let texts = ["resolver.example.org", "192.0.2.1:0", "[127.0.0.1]:53", "::1]:53", "1.2.3", "127.0.0.1:99999"]
    let question = NameQuestion(
      name: name, target: away, other: home,
      servers: NameServers(resolvers: texts + ["", "%", "127.0.0.1:1"], authoritative: ["?"]))
    let report = await NameInquiry().answer(question, patience: .seconds(10))
    #expect(report.answers.map(\.server) == texts + ["", "%", "?"])
    #expect(report.answers.allSatisfy { $0.outcome == .failed("no address of a server") })
  }

  @Test func `what is no domain name is a failure of every server`() async throws {
    let server = try NameServer(nobody)
    defer { server.stop() }
    let question = NameQuestion(
      name: "a..b", target: "", other: ".",
      servers: NameServers(resolvers: [server.address], authoritative: [server.address]))
    let report = await NameInquiry().answer(question, patience: .seconds(10))
    #expect(report.answers.map(\.outcome) == [.failed("no domain name"), .failed("no domain name")])
    #expect(report.target.isEmpty && report.other.isEmpty)
  }
}

@Suite struct ServerAddressTests {
  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:53", "192.0.2.1"), ("192.0.2.1:5353", "192.0.2.1:5353"),
    ("2001:DB8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"), ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
    ("fe80::1%1", "fe80::1%1"), ("[fe80::1%lo]:99", "[fe80::1%1]:99"),
  ])
  func `an address is read as it is written`(_ text: String, _ shown: String) {
    #expect(ServerAddress(text)?.description == shown)
  }

  @Test func `a port is taken where the text has none`() {
    #expect(ServerAddress("192.0.2.1", port: 99)?.description == "192.0.2.1:99")
    #expect(ServerAddress("192.0.2.1:98", port: 99)?.description == "192.0.2.1:98")
  }

  @Test func `this host has resolvers`() {
    #expect(!ServerAddress.ofThisHost().isEmpty)
  }
}

@Suite(.timeLimit(.minutes(2))) struct ZoneServerTests {
  /// What a resolver knows when the zone's servers are at these addresses.
  private func known(_ servers: [Entry]) -> Zone {
    Zone(
      entries: [
        .soa("example.org"), .ns("example.org", "ns1.example.net"), .ns("example.org", "ns2.example.net"),
        .cname(name, away),
      ] + servers + balancers)
  }
  private let zone = Zone(entries: [.soa("example.org"), .cname(name, away)], isAuthoritative: true)
  private let question = NameQuestion(name: name, target: away, other: home)

  private func ask(_ resolver: NameServer, port: UInt16) async -> [NameAnswer] {
    let inquiry = NameInquiry(authorityPort: port, patience: Patience(eachTry: .milliseconds(Int(500 * slowness))))
    var question = question
    question.servers.resolvers = [resolver.address]
    defer { resolver.stop() }
    return await inquiry.answer(question, patience: .seconds(20)).answers.filter(\.isAuthoritative)
  }

  @Test func `the zone is found above the name, and all its servers are asked`() async throws {
    let first = try NameServer(host: "127.0.0.2", zone)
    let second = try NameServer(host: "127.0.0.3", port: first.port, zone)
    defer { [first, second].forEach { $0.stop() } }
    let resolver = try NameServer(known([.a("ns1.example.net", 127, 0, 0, 2), .a("ns2.example.net", 127, 0, 0, 3)]))
    let answers = await ask(resolver, port: first.port)
    #expect(answers.map(\.server) == ["127.0.0.2:\(first.port)", "127.0.0.3:\(first.port)"])
    #expect(answers.allSatisfy { verdict(NameReport(answers: [$0])).leads($0) })
    #expect(resolver.asked.filter { $0.type == 2 }.map(\.name) == [name, "example.org"])
  }

  @Test func `IPv4 is preferred, and IPv6 does where nothing else is`() async throws {
    guard let six = try? NameServer(host: "::1", zone) else { return }
    defer { six.stop() }
    let loopback = Entry(
      owner: "ns1.example.net", type: 28, ttl: 1, data: [UInt8](repeating: 0, count: 15) + [1])
    let alone = try NameServer(known([loopback]))
    #expect(await ask(alone, port: six.port).map(\.server) == ["[::1]:\(six.port)"])
    let both = try NameServer(known([loopback, .a("ns1.example.net", 127, 0, 0, 2)]))
    #expect(await ask(both, port: six.port).map(\.server) == ["127.0.0.2:\(six.port)"])
  }

  @Test func `a SOA beside the answer saves the way up`() async throws {
    let resolver = try NameServer { asked, _ in
      var reply = Reply(authority: [.soa("example.org")])
      if asked.name == "example.org" { reply = Reply(answers: [.ns("example.org", "ns1.example.net")]) }
      return [.message(reply.bytes(to: asked))]
    }
    let inquiry = NameInquiry(patience: Patience(eachTry: .milliseconds(Int(500 * slowness))))
    var deep = question
    deep.name = "a.b.c.d.example.org"
    deep.servers.resolvers = [resolver.address]
    defer { resolver.stop() }
    let report = await inquiry.answer(deep, patience: .seconds(20))
    #expect(resolver.asked.filter { $0.type == 2 }.map(\.name) == [deep.name, "example.org"])
    #expect(
      report.answers.last
        == NameAnswer(
          server: "the zone's servers", isAuthoritative: true,
          outcome: .failed("no address of ns1.example.net was found")))
  }

  @Test func `where no zone is found it is told`() async throws {
    let answers = try await ask(NameServer(Zone(entries: balancers)), port: 53)
    #expect(answers.map(\.outcome) == [.failed("no NS records were found")])
    let refusing = try await ask(NameServer(reply: Reply(code: 5)), port: 53)
    #expect(refusing.map(\.outcome) == [.failed("REFUSED")])
  }

  @Test func `of a thousand servers eight are asked`() async throws {
    let many = (0..<1000).map { Entry.ns("example.org", "n\($0).example.net") }
    let resolver = try NameServer { asked, _ in
      let isTooLong = asked.type == 2 && !asked.isStream
      var reply = Reply(isTruncated: isTooLong)
      if asked.type == 2, asked.isStream { reply.answers = asked.name == "example.org" ? many : [] }
      if asked.type == 1 { reply.answers = (1...9).map { .a(asked.name, 127, 0, 1, $0) } }
      return [.message(reply.bytes(to: asked))]
    }
    let answers = await ask(resolver, port: 9)
    #expect(answers.count == 8)
  }
}
