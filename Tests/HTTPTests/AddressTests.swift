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
        url: url, timeout: .seconds(20), resolve: ["Pinned.invalid:\(server.port):127.0.0.1"])
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
            resolve: ["both.invalid:\(server.port):\(address)"])
          #expect(await send(request) == outcome)
        }
      }
    }
  }

  @Test func `an entry that is no address is a fault of ours`() async {
    let request = HTTPRequest(url: "http://a.invalid/", timeout: .seconds(5), resolve: ["a.invalid:80:somewhere"])
    #expect(await send(request) == "local")
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

  @Test func `any of several pinned addresses will do`() async throws {
    try await withServer({ peer, server in
      server.note(peer.readRequest())
      peer.answer("200 OK")
    }) { server in
      let request = HTTPRequest(
        url: "http://several.invalid:\(server.port)/", timeout: .seconds(5),
        resolve: ["several.invalid:\(server.port):127.0.0.2,127.0.0.1"])
      #expect(await send(request) == "200")
      #expect(server.requests.first?.contains("\r\nHost: several.invalid:\(server.port)\r\n") == true)
    }
  }

  @Test func `a pin concerns its own host and port`() async throws {
    try await withServer({ peer, _ in
      _ = peer.readRequest()
      peer.answer("200 OK")
    }) { server in
      for pin in ["other.invalid:\(server.port):127.0.0.1", "mine.invalid:1:127.0.0.1"] {
        let request = HTTPRequest(
          url: "http://mine.invalid:\(server.port)/", timeout: .seconds(20), resolve: [pin])
        #expect(await send(request) == "dns")
      }
    }
  }

  @Test func `a pin is said in libcurl's words`() {
    #expect(Pin("alb:443:10.0.0.1")?.connectTo == "alb:443:10.0.0.1:443")
    #expect(Pin("alb:443:10.0.0.1")?.resolve == nil)
    #expect(Pin("alb:443:[2001:db8::1]")?.connectTo == "alb:443:[2001:db8::1]:443")
    #expect(Pin("alb:443:10.0.0.1,[::1]")?.connectTo == "alb:443:pinned-10.0.0.1-..1:443")
    #expect(Pin("alb:443:10.0.0.1,[::1]")?.resolve == "+pinned-10.0.0.1-..1:443:10.0.0.1,[::1]")
  }

  @Test(arguments: [
    "", "alb", "alb:443", "alb:443:", "alb:0:10.0.0.1", "alb:x:10.0.0.1", ":443:10.0.0.1", "-alb:443", "alb:1:1,",
    "alb:443:10.0.0.1,,10.0.0.2", "alb:443:10.0.0.300", "alb:443:name", "alb:70000:10.0.0.1", "alb:443:[10.0.0.1",
  ])
  func `what is no pin is none`(entry: String) {
    #expect(Pin(entry) == nil)
  }
}
