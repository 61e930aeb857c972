import Foundation
import Glibc
import PilotlightControlAPI
import PilotlightControlServer
import Testing

/// The socket as a file: who may reach it, what is replaced, what is left alone.
@Suite struct SocketFileTests {
  @Test(arguments: [0o660, 0o600, 0o666] as [UInt32])
  func `the file has exactly the mode that was asked for`(_ mode: UInt32) async throws {
    let scratch = try Scratch()
    try await withServer(scratch.socket, mode: mode) { _ in
      var status = stat()
      #expect(lstat(scratch.socket, &status) == 0)
      #expect(status.st_mode & 0o7777 == mode)
      #expect(status.st_mode & S_IFMT == S_IFSOCK)
    }
    #expect(access(scratch.socket, F_OK) != 0)
  }

  @Test func `the file is given to a group, by name or number`() async throws {
    let own = try #require(getgrgid(getgid())).pointee
    for group in [String(cString: own.gr_name), String(own.gr_gid)] {
      let scratch = try Scratch()
      try await withServer(scratch.socket, group: group) { _ in
        var status = stat()
        #expect(lstat(scratch.socket, &status) == 0 && status.st_gid == own.gr_gid)
      }
    }
    let scratch = try Scratch()
    let server = ControlServer(path: scratch.socket, group: "no-such-group-here") { _, _ in .json(true) }
    await #expect(throws: ControlServerError.unknownGroup("no-such-group-here")) { try await server.start() }
    #expect(access(scratch.socket, F_OK) != 0)
  }

  @Test(.enabled(if: getuid() == 0)) func `root can give the file to any group`() async throws {
    let scratch = try Scratch()
    try await withServer(scratch.socket, group: "65500") { _ in
      var status = stat()
      #expect(lstat(scratch.socket, &status) == 0 && status.st_gid == 65_500 && status.st_uid == 0)
    }
  }

  @Test func `the socket of a dead predecessor is replaced`() async throws {
    let scratch = try Scratch()
    leaveStaleSocket(scratch.socket)
    try await withServer(scratch.socket) { _ in
      #expect(status(of: await exchange(scratch.socket, get("/v1/health"))) == 200)
    }
  }

  @Test func `a live server keeps its socket`() async throws {
    let scratch = try Scratch()
    try await withServer(scratch.socket) { _ in
      let second = ControlServer(path: scratch.socket) { _, _ in .json("second") }
      await #expect(throws: ControlServerError.inUse(scratch.socket)) { try await second.start() }
      await second.stop()
      #expect(status(of: await exchange(scratch.socket, get("/v1/health"))) == 200)
    }
  }

  /// Without the lock one that has just found the stale file unlinks the live one of another. That needs luck, hence
  /// the rounds.
  @Test func `of many that start at once on a stale socket exactly one serves`() async throws {
    for _ in 0..<50 {
      let scratch = try Scratch()
      leaveStaleSocket(scratch.socket)
      let path = scratch.socket
      let servers = (0..<4).map { number in ControlServer(path: path) { _, _ in .json(number) } }
      let started = await withTaskGroup(of: Bool.self) { group in
        for server in servers { group.addTask { (try? await server.start()) != nil } }
        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(started == 1)
      for server in servers { await server.stop() }
      #expect(access(path, F_OK) != 0)
    }
  }

  @Test func `what is no socket is left alone`() async throws {
    let scratch = try Scratch()
    try Data("precious".utf8).write(to: URL(fileURLWithPath: scratch.socket))
    let server = ControlServer(path: scratch.socket) { _, _ in .json(true) }
    await #expect(throws: ControlServerError.notASocket(scratch.socket)) { try await server.start() }
    #expect(try String(contentsOfFile: scratch.socket, encoding: .utf8) == "precious")
  }

  @Test func `a path that does not fit is refused in words`() async throws {
    for path in ["", String(repeating: "x", count: 108), "/tmp/a\0b"] {
      let server = ControlServer(path: path) { _, _ in .json(true) }
      await #expect(throws: ControlServerError.badPath(path)) { try await server.start() }
    }
    let nowhere = ControlServer(path: "/nonexistent-dir/s") { _, _ in .json(true) }
    let error = await #expect(throws: ControlServerError.self) { try await nowhere.start() }
    #expect(error?.description == "open /nonexistent-dir: No such file or directory")
  }

  @Test func `stop leaves a file that somebody else has put there since`() async throws {
    let scratch = try Scratch()
    let first = ControlServer(path: scratch.socket) { _, _ in .json(1) }
    try await first.start()
    unlink(scratch.socket)
    try await withServer(scratch.socket) { _ in
      await first.stop()
      #expect(status(of: await exchange(scratch.socket, get("/v1/health"))) == 200)
    }
  }

  @Test func `stop lets an answer under way finish`() async throws {
    let scratch = try Scratch()
    let (entered, release) = (Gate(), Gate())
    let server = ControlServer(path: scratch.socket) { _, _ in
      await entered.open()
      await release.wait()
      return .json("finished")
    }
    try await server.start()
    async let answer = exchange(scratch.socket, get("/v1/status"))
    await entered.wait()
    async let stopped: Void = server.stop()
    // Stopping begins with the file, so from here on the answer is under way in a server that stops.
    while access(scratch.socket, F_OK) == 0 { await Task.yield() }
    await release.open()
    await stopped
    #expect(status(of: await answer) == 200)
  }

  @Test func `the pulse turns the loop while the server runs, and only then`() async throws {
    let scratch = try Scratch()
    let pulses = Seen<Int>()
    let server = ControlServer(path: scratch.socket) { _, _ in .json(true) }
    server.pulse { pulses.add(0) }
    try await server.start()
    await withCheckedContinuation { done in server.pulse { done.resume() } }
    await server.stop()
    server.pulse { pulses.add(1) }
    #expect(pulses.all.isEmpty)
    await #expect(throws: ControlServerError.alreadyStarted) { try await server.start() }
  }
}
