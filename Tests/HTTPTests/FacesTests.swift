// Several addresses behind one load balancer, over real sockets: 127.0.0.1 serves, its neighbours refuse or do not answer.

import PilotlightCore
import PilotlightHTTP
import Testing

@testable import PilotlightProbes

@Suite(.timeLimit(.minutes(2))) struct FacesTests {
  private func look(_ prober: HTTPProber, _ settings: ProbeSettings, times: Int = 1) async -> [ProbeOutcome] {
    var outcomes: [ProbeOutcome] = []
    for _ in 0..<times {
      outcomes.append(
        await withCheckedContinuation { continuation in
          prober.probe(settings) { continuation.resume(returning: $0.outcome) }
        })
    }
    return outcomes
  }

  private func classes(_ outcomes: [ProbeOutcome]) -> [FailureClass?] { outcomes.map(failure) }

  private func failure(_ outcome: ProbeOutcome) -> FailureClass? {
    if case .failure(let failure, _, _) = outcome { failure } else { nil }
  }

  private func detail(_ outcome: ProbeOutcome) -> String {
    if case .failure(_, _, let detail) = outcome { detail } else { "" }
  }

  @Test func `F12 dead addresses: met once, then told apart from the one that serves`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK")
    }) { server in
      let settings = ProbeSettings(
        url: "http://alb.invalid:\(server.port)/", slowAfter: nil,
        resolve: ["alb.invalid:\(server.port):127.0.0.1,127.0.0.2,127.0.0.3"])
      let prober = HTTPProber(transport: CurlTransport(), now: machineTime)
      let outcomes = await look(prober, settings, times: 5)
      #expect(classes(outcomes) == [nil, .refused, .address, .address, .address])
      #expect(detail(outcomes[2]) == "1 of 3 addresses serve, not 127.0.0.2 (refused), 127.0.0.3 (refused)")
      var tally = Tally(fallAfter: 3, riseAfter: 2)
      for (index, outcome) in outcomes.enumerated() {
        tally.take(Observation(at: Instant(unixSeconds: Double(index)), took: .zero, outcome: outcome))
      }
      #expect(tally.serving == true && tally.concern == .address && tally.failures == 0)
    }
  }

  @Test func `when none serves the load balancer is down, and an answer outweighs silence`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("503 Service Unavailable")
    }) { server in
      let settings = ProbeSettings(
        url: "http://alb.invalid:\(server.port)/", slowAfter: nil,
        resolve: ["alb.invalid:\(server.port):127.0.0.2,127.0.0.1"])
      let outcomes = await look(HTTPProber(transport: CurlTransport(), now: machineTime), settings, times: 2)
      #expect(classes(outcomes) == [.refused, .serverError])
      #expect(detail(outcomes[1]) == "none of 2 addresses serves well")
    }
  }

  @Test func `all addresses take their turn while all serve`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK")
    }) { server in
      let resolver = Resolver("127.0.0.1")
      let prober = HTTPProber(transport: CurlTransport(), names: NameService(lookup: resolver.lookup), now: machineTime)
      let settings = ProbeSettings(url: "http://alb.invalid:\(server.port)/", slowAfter: nil)
      #expect(classes(await look(prober, settings, times: 3)) == [nil, nil, nil])
      #expect(resolver.asked == 1)
    }
    var first: [NetworkAddress?] = []
    let turns = Turns()
    let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].compactMap { NetworkAddress($0) }
    let probe = ProbeSettings(url: "http://alb.example/")
    for _ in 0..<6 { first += turns.pick(Faces(addresses: addresses), probe).map { $0 } }
    #expect(first == addresses + addresses)
    turns.saw(.failure(.timeout, status: nil, detail: ""), probe)
    #expect(turns.pick(Faces(addresses: addresses), probe).count == 3)
    turns.saw(.success(status: 200), probe)
    #expect(turns.pick(Faces(addresses: addresses), probe).count == 1)
  }

  @Test func `F10 a name that stops resolving is DNS, and its last known addresses are asked all the same`()
    async throws
  {
    let serves = [Face(address: NetworkAddress("192.0.2.1"), outcome: .success(status: 200))]
    let silent = [Face(address: NetworkAddress("192.0.2.1"), outcome: .failure(.timeout, status: nil, detail: ""))]
    let told = conclude(serves + silent, trouble: "no name server answered in time")
    #expect(failure(told) == .dns)
    #expect(detail(told) == "dns: no name server answered in time; of its last known addresses 1 of 2 serve")
    #expect(detail(conclude(silent, trouble: "gone")) == "dns: gone; of its last known addresses none serve")
    #expect(detail(conclude([], trouble: "gone")) == "dns: gone")
    #expect(!FailureClass.dns.countsAsDown)
  }

  @Test func `wrong answers are the application's: the address whose turn it was speaks`() {
    func face(_ outcome: ProbeOutcome) -> Face { Face(address: NetworkAddress("192.0.2.1"), outcome: outcome) }
    let good = face(.success(status: 200))
    let wrong = face(.failure(.serverError, status: 503, detail: ""))
    let dead = face(.failure(.timeout, status: nil, detail: ""))
    #expect(failure(conclude([good, wrong, good], trouble: nil)) == nil)
    #expect(failure(conclude([wrong, good, good], trouble: nil)) == .serverError)
    #expect(failure(conclude([dead, wrong, good], trouble: nil)) == .timeout)
    #expect(failure(conclude([dead, good, good], trouble: nil)) == .address)
    let broken = face(.failure(.tls, status: nil, detail: "handshake"))
    #expect(failure(conclude([broken, dead, dead], trouble: nil)) == .timeout)
    #expect(failure(conclude([broken, dead], trouble: nil)) == .tls)
  }

  @Test func `fixed addresses of both families: IPv4 alone is asked`() {
    let probe = ProbeSettings(url: "http://a:80/", resolve: ["a:80:[2001:db8::1],192.0.2.1", "a:80:192.0.2.2"])
    #expect(probe.fixedAddresses.map(\.description) == ["192.0.2.1", "192.0.2.2"])
    #expect(ProbeSettings(url: "http://a:80/", resolve: ["a:80:[2001:db8::1]"]).fixedAddresses.count == 1)
  }

  @Test func `late at some addresses is late when they are the most, and our own faults say nothing`() {
    func face(_ outcome: ProbeOutcome) -> Face { Face(address: NetworkAddress("192.0.2.1"), outcome: outcome) }
    let good = face(.success(status: 200))
    let late = face(.failure(.slow, status: 200, detail: ""))
    let local = face(.failure(.local, status: nil, detail: "no descriptors"))
    let dead = face(.failure(.timeout, status: nil, detail: ""))
    #expect(failure(conclude([late, good, good], trouble: nil)) == nil)
    #expect(failure(conclude([late, good, late], trouble: nil)) == .slow)
    #expect(failure(conclude([late, dead], trouble: nil)) == .slow)
    #expect(failure(conclude([late, dead, dead], trouble: nil)) == .timeout)
    #expect(failure(conclude([local, good], trouble: nil)) == nil)
    #expect(failure(conclude([local, local], trouble: nil)) == .local)
    #expect(failure(conclude([local, dead], trouble: nil)) == .timeout)
  }
}
