// A control socket that the service manager made and keeps: a restart refuses nobody.

import Foundation
import Glibc
import PilotlightControlAPI
import PilotlightControlServer
import Testing

@Suite struct InheritedSocketTests {
  /// As the service manager makes it.
  private func listener(_ path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
    #expect(withUnixAddress(path) { bind(descriptor, $0, $1) } == 0)
    #expect(listen(descriptor, 16) == 0)
    return descriptor
  }

  @Test func `it is served, and left where it is`() async throws {
    let scratch = try Scratch()
    let kept = listener(scratch.socket)
    defer { close(kept) }
    for _ in 1...2 {
      let server = ControlServer(path: "/nonexistent/s") { _, _ in .json(["ok": true]) }
      try await server.start(inherited: dup(kept))
      #expect(status(of: await exchange(scratch.socket, get("/v1/health"))) == 200)
      await server.stop()
      #expect(access(scratch.socket, F_OK) == 0)
    }
  }

  @Test func `who asks between two servers is answered by the second`() async throws {
    let scratch = try Scratch()
    let kept = listener(scratch.socket)
    defer { close(kept) }
    let first = ControlServer(path: scratch.socket) { _, _ in .json(["from": "first"]) }
    try await first.start(inherited: dup(kept))
    await first.stop()
    let client = try #require(RawClient(scratch.socket))
    client.send(get("/v1/health"))
    let second = ControlServer(path: scratch.socket) { _, _ in .json(["from": "second"]) }
    try await second.start(inherited: dup(kept))
    #expect(body(of: await offPool { client.receiveAll() }) == #"{"from":"second"}"#)
    await second.stop()
  }

  @Test func `who has begun to ask when the server stops is answered`() async throws {
    let scratch = try Scratch()
    let server = ControlServer(path: scratch.socket) { _, _ in .json(["ok": true]) }
    try await server.start()
    let client = try #require(RawClient(scratch.socket))
    client.send("GET /v1/health HTT")
    #expect(await eventually { client.everythingIsRead })
    async let stopped: Void = server.stop()
    #expect(await eventually { RawClient(scratch.socket) == nil })
    client.send("P/1.1\r\nhost: localhost\r\n\r\n")
    #expect(status(of: await offPool { client.receiveAll() }) == 200)
    await stopped
  }

  @Test func `who never ends the question holds the stop for a second`() async throws {
    let scratch = try Scratch()
    let server = ControlServer(path: scratch.socket) { _, _ in .json(["ok": true]) }
    try await server.start()
    let client = try #require(RawClient(scratch.socket))
    client.send("GET /v1/hea")
    #expect(await eventually { client.everythingIsRead })
    let begun = ContinuousClock.now
    await server.stop()
    #expect(ContinuousClock.now - begun < .seconds(5))
    #expect(await offPool { client.receiveAll() } == "")
  }

  @Test func `a peer whom the kernel calls nobody is named by the owner of its socket`() async throws {
    // Only a user namespace makes somebody nobody; the question is asked for nobody alone.
    let scratch = try Scratch()
    let asked = Seen<Int32>()
    let seen = Seen<Peer>()
    let server = ControlServer(
      path: scratch.socket,
      owner: {
        asked.add($0)
        return 4321
      }
    ) { _, peer in
      seen.add(peer)
      return .json(true)
    }
    try await server.start()
    _ = await exchange(scratch.socket, get("/v1/health"))
    await server.stop()
    #expect(asked.all.isEmpty == (getuid() != 65_534))
    #expect(seen.all.map(\.uid) == [getuid() == 65_534 ? 4321 : getuid()])
  }
  @Test func `a user whom nobody can name is called so`() {
    #expect(Peer(uid: 65_534, gid: 65_534, pid: 17, name: "nobody").description == "an unknown user (process 17)")
    #expect(Peer(uid: 4321, gid: 4321, pid: 17, name: "alice").description == "alice (4321)")
    #expect(Peer(uid: 4321, gid: 4321, pid: 17, name: nil).description == "uid 4321")
  }
}
