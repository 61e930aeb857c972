// Pinned addresses, and how long others are believed.

import Testing

@testable import PilotlightHTTP

@Suite(.timeLimit(.minutes(2))) struct AddressTests {
  private let transport = CurlTransport()

  private func send(_ request: HTTPRequest) async -> String {
    switch await transport.send(request) {
    case .success(let answer): "\(answer.status)"
    case .failure(let failure): failure.kind.rawValue
    }
  }

  @Test func `a pinned address is met by the request that pins it and by no other`() async throws {
    try await withServer({ peer, _ in
      while !peer.readRequest().isEmpty { peer.answer("200 OK") }
    }) { server in
      let url = "http://pinned.invalid:\(server.port)/"
      let pinned = HTTPRequest(
        url: url, timeout: .seconds(20), address: NetworkAddress("127.0.0.1"))
      let plain = HTTPRequest(url: url, timeout: .seconds(20))
      #expect(await send(plain) == "dns")
      #expect(await send(pinned) == "200")
      #expect(await send(plain) == "dns")
      async let first = send(pinned)
      async let second = send(plain)
      async let third = send(pinned)
      let outcomes = await [first, second, third]
      #expect(outcomes == ["200", "dns", "200"])
    }
  }

  @Test func `each address of one name can be asked by itself`() async throws {
    try await withServer({ peer, _ in
      while !peer.readRequest().isEmpty { peer.answer("200 OK") }
    }) { server in
      for _ in 0..<3 {
        for (address, outcome) in [("127.0.0.1", "200"), ("127.0.0.2", "refused")] {
          let request = HTTPRequest(
            url: "http://both.invalid:\(server.port)/", timeout: .seconds(5),
            address: NetworkAddress(address))
          #expect(await send(request) == outcome)
        }
      }
    }
  }

  @Test func `one transfer a second sweeps out old addresses`() {
    var book = AddressBook()
    let start = ContinuousClock.now
    #expect(book.cacheTimeout(now: start) == 60)
    #expect(book.cacheTimeout(now: start) == -1)
    #expect(book.cacheTimeout(now: start + .milliseconds(999)) == -1)
    #expect(book.cacheTimeout(now: start + .seconds(1)) == 60)
    #expect(book.cacheTimeout(now: start + .seconds(1)) == -1)
  }

  @Test func `an address stands in for the host alone`() async throws {
    try await withServer({ peer, server in
      server.note(peer.readRequest())
      peer.answer("200 OK")
    }) { server in
      let request = HTTPRequest(
        url: "http://several.invalid:\(server.port)/", timeout: .seconds(5), address: NetworkAddress("127.0.0.1"))
      #expect(await send(request) == "200")
      #expect(server.requests.first?.contains("\r\nHost: several.invalid:\(server.port)\r\n") == true)
    }
  }

  @Test(arguments: [
    ("10.0.0.1", "10.0.0.1"), ("2001:db8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"), ("::1", "::1"),
  ])
  func `an address in digits`(text: String, digits: String) {
    #expect(NetworkAddress(text)?.description == digits)
  }

  @Test(arguments: ["", "alb", "10.0.0.300", "10.0.0", "[10.0.0.1]", "[::1", "fe80::1%eth0", "1.2.3.4 ", "::g"])
  func `what is no address is none`(text: String) {
    #expect(NetworkAddress(text) == nil)
  }

  @Test(arguments: [
    ("http://alb.example/", "alb.example", 80), ("https://alb.example/x?y=1", "alb.example", 443),
    ("https://alb.example:8443", "alb.example", 8443), ("http://[::1]:81/", "[::1]", 81),
    ("http://u:p@10.0.0.1/", "10.0.0.1", 80),
  ])
  func `a URL leads to host and port`(url: String, host: String, port: Int) {
    let origin = Origin(url: url)
    #expect(origin?.host == host && origin?.port == port)
  }

  @Test(arguments: ["", "alb.example", "http://", "http://a:99999/", "/path", "http://a b/"])
  func `what is no absolute URL leads nowhere`(url: String) {
    #expect(Origin(url: url) == nil)
  }
}
