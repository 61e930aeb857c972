// What the service manager hears, on a real datagram socket. NOTIFY_SOCKET is the process's own environment, so these tests run one
// after the other and put it back.

import Foundation
import PilotlightSystemd
import Testing

/// The service manager's end.
final class Listener: Sendable {
  let descriptor: Int32
  let name: String

  /// - Parameter isAbstract: a name in the kernel's own space, which systemd writes with an `@`.
  init(isAbstract: Bool) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("pl-\(UUID().uuidString.prefix(8))").path
    name = isAbstract ? "@" + path : path
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = (isAbstract ? [0] : []) + Array(path.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let status = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    try #require(status == 0)
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  /// The lines of the next datagram; empty when none comes.
  func hear(flags: Int32 = 0) -> [String] {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, flags)
    guard count > 0 else { return [] }
    return String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
  }

  var isQuiet: Bool { hear(flags: Int32(MSG_DONTWAIT)).isEmpty }

  deinit {
    close(descriptor)
    if !name.hasPrefix("@") { unlink(name) }
  }
}

@Suite(.serialized) struct NotifyTests {
  /// Runs `test` with these variables set, and as before afterwards.
  private func with(_ variables: [String: String], _ test: () throws -> Void) rethrows {
    let before = variables.keys.map { ($0, ProcessInfo.processInfo.environment[$0]) }
    for (name, value) in variables { setenv(name, value, 1) }
    defer {
      for (name, value) in before {
        if let value { setenv(name, value, 1) } else { unsetenv(name) }
      }
    }
    try test()
  }

  @Test(arguments: [false, true]) func `the life of a service is told`(isAbstract: Bool) throws {
    let listener = try Listener(isAbstract: isAbstract)
    with(["NOTIFY_SOCKET": listener.name]) {
      let manager = ServiceManager()
      #expect(manager.isListening)
      manager.ready(status: "watching 1 workload")
      #expect(listener.hear() == ["READY=1", "STATUS=watching 1 workload"])
      manager.status("django-app is healthy")
      #expect(listener.hear() == ["STATUS=django-app is healthy"])
      manager.alive()
      #expect(listener.hear() == ["WATCHDOG=1"])
      manager.extendTimeout(.milliseconds(2500))
      #expect(listener.hear() == ["EXTEND_TIMEOUT_USEC=2500000"])
      manager.stopping(status: "stopping")
      #expect(listener.hear() == ["STOPPING=1", "STATUS=stopping"])
      #expect(listener.isQuiet)
    }
  }

  @Test func `after STOPPING=1 nothing is told that says otherwise`() throws {
    let listener = try Listener(isAbstract: true)
    with(["NOTIFY_SOCKET": listener.name]) {
      let manager = ServiceManager()
      manager.stopping(status: "stopping")
      #expect(listener.hear() == ["STOPPING=1", "STATUS=stopping"])
      manager.status("django-app degraded")
      manager.reloading()
      manager.ready(status: "watching 1 workload")
      #expect(listener.isQuiet)
      // A stop takes its time, too.
      manager.alive()
      #expect(listener.hear() == ["WATCHDOG=1"])
    }
  }

  @Test func `a reload carries the monotonic time it began`() throws {
    let listener = try Listener(isAbstract: true)
    try with(["NOTIFY_SOCKET": listener.name]) {
      ServiceManager().reloading()
      let lines = listener.hear()
      #expect(lines.first == "RELOADING=1")
      let text = try #require(lines.last.flatMap { $0.split(separator: "=").last })
      var now = timespec()
      clock_gettime(CLOCK_MONOTONIC, &now)
      let age = try now.tv_sec * 1_000_000 + now.tv_nsec / 1000 - #require(Int(text))
      #expect((0...5_000_000).contains(age))
    }
  }

  @Test(arguments: [
    "two\nlines", "two\r\nlines", "two\rlines", "nul\0inside", "two\u{2028}lines", "two\u{85}lines", "e\n\u{301}x",
  ])
  func `a status is one line and can smuggle no assignment`(text: String) throws {
    let listener = try Listener(isAbstract: true)
    with(["NOTIFY_SOCKET": listener.name]) {
      ServiceManager().status(text + "\nWATCHDOG=1")
      let lines = listener.hear()
      #expect(lines.count == 1)
      #expect(lines.first?.hasPrefix("STATUS=") == true)
      #expect(lines.first?.hasSuffix("WATCHDOG=1") == true)
    }
  }

  @Test func `nobody listening is no error, and nothing is sent`() throws {
    let listener = try Listener(isAbstract: true)
    with(["NOTIFY_SOCKET": listener.name]) {
      let deaf = ServiceManager(environment: [:])
      #expect(!deaf.isListening)
      deaf.ready(status: "x")
      deaf.alive()
      #expect(listener.isQuiet)
    }
  }

  @Test func `a manager that went away is no error`() {
    with(["NOTIFY_SOCKET": "/nonexistent/notify"]) {
      let manager = ServiceManager()
      manager.ready(status: "x")
      manager.alive()
    }
  }

  @Test func `the watchdog's timeout is read in microseconds`() {
    with(["WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "\(getpid())"]) {
      #expect(ServiceManager().watchdogTimeout == .seconds(10))
    }
    with(["WATCHDOG_USEC": "1500000"]) { #expect(ServiceManager().watchdogTimeout == .milliseconds(1500)) }
  }

  @Test(arguments: ["0", "", "ten", "-1"]) func `no sensible timeout is no watchdog`(text: String) {
    with(["WATCHDOG_USEC": text]) { #expect(ServiceManager().watchdogTimeout == nil) }
  }

  @Test func `a watchdog meant for another process is not ours`() {
    with(["WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"]) { #expect(ServiceManager().watchdogTimeout == nil) }
  }
}
