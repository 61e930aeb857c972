// What an answer is understood to say, from bytes that a server of our own wrote.

import PilotlightDNS
import Testing

private let alb = "app-dr-2.us-west-2.elb.amazonaws.com"

/// The answer to a question for A, as a resolver's unless told otherwise.
private func family(
  _ reply: Reply, of name: String = "app.example.org", _ type: RecordType = .a, asAuthority: Bool = false
) throws -> FamilyAnswer {
  let query = try #require(DNSQuery(name, type, recursion: !asAuthority))
  let asked = try #require(Asked(query.message(id: 4711), isStream: false))
  guard case .answer(let message) = Reception(of: reply.bytes(to: asked), query, id: 4711) else {
    throw DNSFailure.garbled("\(Reception(of: reply.bytes(to: asked), query, id: 4711))")
  }
  return try FamilyAnswer(message, to: query, asAuthority: asAuthority)
}

@Suite struct QueryTests {
  @Test func `a question is the 33 bytes that RFC 1035 says it is`() throws {
    let query = try #require(DNSQuery("App.example.org.", .aaaa, recursion: true))
    let expected: [UInt8] =
      [0x12, 0x67, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3] + Array("App".utf8) + [7] + Array("example".utf8) + [3]
      + Array("org".utf8) + [0, 0, 28, 0, 1]
    #expect(query.message(id: 4711) == expected)
    #expect(query.name == "app.example.org")
    let toZone = try #require(DNSQuery("example.org", .a, recursion: false))
    #expect(toZone.message(id: 1)[2] == 0)
  }

  @Test(arguments: ["", String(repeating: "a", count: 64), String(repeating: "a.", count: 200), "a..b", "a\0b"])
  func `what is no domain name is not asked for`(_ name: String) {
    #expect(DNSQuery(name, .a, recursion: true) == nil)
  }
}

@Suite struct FamilyAnswerTests {
  @Test func `CNAMEs are followed to their addresses, in any order and any case`() throws {
    let reply = Reply(answers: [
      .a(alb, 198, 51, 100, 1, ttl: 7), .cname("LB.example.org", alb.uppercased(), ttl: 30),
      .cname("app.example.org", "lb.example.ORG", ttl: 42), .a(alb, 198, 51, 100, 2, ttl: 7),
    ])
    #expect(
      try family(reply)
        == .leads(chain: ["lb.example.org", alb], addresses: ["198.51.100.1", "198.51.100.2"], ttl: 42))
  }

  @Test func `an alias has addresses alone, of either family`() throws {
    #expect(
      try family(Reply(answers: [.a("app.example.org", 192, 0, 2, 1, ttl: 60)]))
        == .leads(chain: [], addresses: ["192.0.2.1"], ttl: 60))
    #expect(
      try family(Reply(answers: [.aaaa("app.example.org", last: 5)]), .aaaa)
        == .leads(chain: [], addresses: ["2001:db8::5"], ttl: 60))
  }

  @Test func `a CNAME whose end does not exist leads to its end all the same`() throws {
    let reply = Reply(answers: [.cname("app.example.org", alb)], authority: [.soa("elb.amazonaws.com")], code: 3)
    #expect(try family(reply) == .leads(chain: [alb], addresses: [], ttl: 60))
  }

  @Test func `what was not asked for is not believed`() throws {
    let reply = Reply(answers: [.a("www.example.org", 192, 0, 2, 1), .cname("x.example.org", alb)])
    #expect(try family(reply) == .noData(ttl: nil))
  }

  @Test func `how long an absence is remembered says the SOA`() throws {
    let soa = [Entry.soa("example.org", ttl: 900, minimum: 300)]
    #expect(try family(Reply(authority: soa)) == .noData(ttl: 300))
    #expect(try family(Reply(authority: soa, code: 3)) == .noName(ttl: 300))
    #expect(try family(Reply(authority: [.soa("example.org", ttl: 17)], code: 3)) == .noName(ttl: 17))
    #expect(try family(Reply(code: 3)) == .noName(ttl: nil))
  }

  @Test func `a TTL with its highest bit set is zero`() throws {
    #expect(
      try family(Reply(answers: [.a("app.example.org", 192, 0, 2, 1, ttl: 0x8000_0001)]))
        == .leads(chain: [], addresses: ["192.0.2.1"], ttl: 0))
  }

  @Test func `a server of the zone must say that it is one, a resolver that it resolves`() throws {
    let reply = Reply(answers: [.a("app.example.org", 192, 0, 2, 1)], isAuthoritative: true, offersRecursion: false)
    #expect(try family(reply, asAuthority: true) == .leads(chain: [], addresses: ["192.0.2.1"], ttl: 60))
    #expect(throws: DNSFailure.noRecursion) { try family(reply) }
    #expect(throws: DNSFailure.notAuthoritative) { try family(Reply(), asAuthority: true) }
    #expect(throws: DNSFailure.refused(code: 5)) { try family(Reply(code: 5)) }
  }

  @Test func `circles, forks and endless rows of CNAMEs are refused`() {
    let name = "app.example.org"
    let circles = [
      [Entry.cname(name, name)], [.cname(name, "b"), .cname("b", name)],
      [.cname(name, "b"), .cname("b", "c"), .cname("c", "b")], [.cname(name, "b"), .cname(name, "c")],
      [.cname(name, "n0")] + (0..<40).map { .cname("n\($0)", "n\($0 + 1)") },
    ]
    for circle in circles {
      #expect(throws: DNSFailure.self) { try family(Reply(answers: circle)) }
    }
  }

  @Test func `a name with a dot, a blank or a control inside of a label stays on its line and is no other`() throws {
    let odd: [UInt8] = [6] + Array("a.b \n\\".utf8) + [0]
    let reply = Reply(answers: [Entry(owner: "app.example.org", type: 5, ttl: 1, data: odd)])
    #expect(try family(reply) == .leads(chain: [#"a\.b\032\010\\"#], addresses: [], ttl: 1))
  }
}

@Suite struct HostileMessageTests {
  private static let query = DNSQuery("app.example.org", .a, recursion: true)

  private func reception(_ change: (inout [UInt8]) -> Void) throws -> Reception {
    let query = try #require(HostileMessageTests.query)
    let asked = try #require(Asked(query.message(id: 258), isStream: false))
    var bytes = Reply(answers: [.cname("app.example.org", alb)]).bytes(to: asked)
    change(&bytes)
    return Reception(of: bytes, query, id: 258)
  }

  private func isGarbled(_ change: (inout [UInt8]) -> Void) throws -> Bool {
    guard case .garbled(let failure) = try reception(change) else { return false }
    return !failure.sentence.contains("\n")
  }

  @Test func `an answer to another question, or no answer, is passed over`() throws {
    #expect(try reception { $0[1] = 3 } == .strange)
    #expect(try reception { $0[2] = 1 } == .strange)
    #expect(try reception { $0[13] = UInt8(ascii: "b") } == .strange)
    #expect(try reception { $0[30] = 28 } == .strange)
    #expect(try reception { $0[32] = 3 } == .strange)
    #expect(try reception { $0 = [] } == .strange)
    #expect(try reception { $0 = Array($0.prefix(11)) } == .strange)
  }

  @Test func `compression that goes round or out of the message is refused`() throws {
    // The answer's owner begins behind header and question, its CNAME behind ten more bytes.
    let owner = 33
    let target = owner + 17 + 10
    for pointer in [target, target + 1, 0x3fff, 0x3000] {
      #expect(
        try isGarbled { bytes in
          bytes = Array(bytes[..<target]) + [0xc0 | UInt8(pointer >> 8), UInt8(pointer & 0xff)]
          (bytes[target - 2], bytes[target - 1]) = (0, 2)
        }, "\(pointer)")
    }
    #expect(try isGarbled { $0[owner] = 0x80 })
  }

  @Test func `counts that promise more or less than there is are refused`() throws {
    #expect(try isGarbled { $0[7] = 2 })
    #expect(try isGarbled { $0[7] = 0 })
    #expect(try isGarbled { ($0[6], $0[7]) = (0xff, 0xff) })
    #expect(try isGarbled { $0[11] = 1 })
    #expect(try isGarbled { $0 += [0] })
    #expect(try isGarbled { $0 = Array($0.prefix(12)) })
  }

  @Test func `one that is cut is fetched by TCP, even in the middle of a record`() throws {
    #expect(try reception { $0[2] |= 2 } == .truncated)
    #expect(
      try reception {
        $0[2] |= 2
        $0.removeLast(5)
      } == .truncated)
  }

  @Test func `an address of five bytes is none`() throws {
    let query = try #require(HostileMessageTests.query)
    let asked = try #require(Asked(query.message(id: 1), isStream: false))
    let reply = Reply(answers: [Entry(owner: "app.example.org", type: 1, ttl: 1, data: [1, 2, 3, 4, 5])])
    #expect(Reception(of: reply.bytes(to: asked), query, id: 1) == .garbled(.garbled("an address of 5 bytes")))
  }

  @Test func `the longest message of the smallest records is read in no time`() throws {
    let query = try #require(HostileMessageTests.query)
    let asked = try #require(Asked(query.message(id: 1), isStream: false))
    let smallest = Entry(owner: ".", type: 1, ttl: 0, data: [])
    let reply = Reply(answers: Array(repeating: smallest, count: 5900))
    #expect(Reception(of: reply.bytes(to: asked), query, id: 1) == .garbled(.garbled("an address of 0 bytes")))
    let cnames = (0..<3000).map { Entry.cname("n\($0)", "n\($0 + 1)") }
    guard case .answer(let message) = Reception(of: Reply(answers: cnames).bytes(to: asked), query, id: 1) else {
      Issue.record("not read")
      return
    }
    #expect(message.answers.count == 3000)
  }

  @Test(arguments: 0..<200) func `any bytes of a good answer may change, and nothing breaks`(seed: UInt64) throws {
    var generator = SplitMix(state: seed)
    for _ in 0..<50 {
      let reception = try reception { bytes in
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          bytes[Int.random(in: 2..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
        }
      }
      if case .answer(let message) = reception, let query = HostileMessageTests.query {
        _ = try? FamilyAnswer(message, to: query, asAuthority: false)
      }
    }
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every run.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
