// A raw peer for the server, and the real pilotlightctl as a process. Blocking calls run on Dispatch threads: on the
// cooperative pool they would starve the very handlers they wait for.

import Dispatch
import Foundation
import Glibc
import PilotlightControlAPI
import PilotlightControlServer
import Synchronization
import Testing

/// A directory of its own for every test, short enough for `sun_path`.
final class Scratch: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/plctl-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
    path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var socket: String { path + "/s" }
}

func offPool<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread { continuation.resume(returning: work()) }
  }
}

/// A plain Unix-socket client: bytes out, bytes in.
final class RawClient: Sendable {
  let descriptor: Int32

  /// Nil when nobody listens.
  init?(_ path: String) {
    signal(SIGPIPE, SIG_IGN)
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    guard withUnixAddress(path, { connect(descriptor, $0, $1) }) == 0 else { return nil }
  }

  deinit { close(descriptor) }

  /// False when the server has closed.
  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Nothing that was sent still waits to be read (SIOCOUTQ, unix(7)).
  var everythingIsRead: Bool {
    var unread: Int32 = -1
    return ioctl(descriptor, UInt(TIOCOUTQ), &unread) == 0 && unread == 0
  }

  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// All that comes until the server closes; nil when it does not close in 20 s.
  func receiveAll() -> String? {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EAGAIN { return nil }
      if count <= 0 { return String(decoding: all, as: UTF8.self) }
      all += buffer[0..<count]
    }
  }

  /// Waits until the server has closed, without reading a byte.
  func waitForHangup(milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: 0, revents: 0)
    return poll(&entry, 1, milliseconds) == 1
  }
}

func withUnixAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix(107)) }
  return withUnsafePointer(to: address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
  }
}

/// A socket's file as kill -9 leaves it: nobody listens.
func leaveStaleSocket(_ path: String) {
  let dead = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  #expect(withUnixAddress(path) { bind(dead, $0, $1) } == 0)
  listen(dead, 1)
  close(dead)
}

/// One request on a connection of its own; the whole answer as text.
func exchange(_ path: String, _ request: String) async -> String? {
  await offPool {
    guard let client = RawClient(path) else { return nil }
    client.send(request)
    return client.receiveAll()
  }
}

func get(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nhost: localhost\r\n\r\n" }

func post(_ target: String, _ body: String) -> String {
  "POST \(target) HTTP/1.1\r\nhost: localhost\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
}

func status(of answer: String?) -> Int? {
  guard let fields = answer?.split(separator: " ", maxSplits: 2), fields.count == 3 else { return nil }
  return Int(fields[1])
}

func body(of answer: String?) -> String? {
  guard let answer, let end = answer.range(of: "\r\n\r\n") else { return nil }
  return String(answer[end.upperBound...])
}

/// Starts a server, lends it, stops it however the test ends.
func withServer<Result>(
  _ path: String, mode: UInt32 = 0o660, group: String? = nil, sandbox: Bool = false,
  limits: ControlLimits = ControlLimits(), handler: @escaping ControlHandler = { _, _ in .json(["ok": true]) },
  _ use: (ControlServer) async throws -> Result
) async throws -> Result {
  let server = ControlServer(
    path: path, mode: mode, group: group, sandbox: sandbox, limits: limits, handler: handler)
  try await server.start()
  do {
    let result = try await use(server)
    await server.stop()
    return result
  } catch {
    await server.stop()
    throw error
  }
}

/// What handlers saw.
final class Seen<Value: Sendable>: Sendable {
  private let values = Mutex<[Value]>([])
  func add(_ value: Value) { values.withLock { $0.append(value) } }
  var all: [Value] { values.withLock { $0 } }
}

/// Opens once; whoever waits, waits for that.
actor Gate {
  private var isOpen = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func wait() async {
    if isOpen { return }
    await withCheckedContinuation { waiting.append($0) }
  }

  func open() {
    isOpen = true
    for continuation in waiting { continuation.resume() }
    waiting = []
  }
}

// MARK: - pilotlightctl as a process

struct Ran: Equatable, Sendable {
  var code: Int32
  var out: String
  var err: String
}

/// The program that was built with these tests: it lies beside the test executable.
let pilotlightctl: String = {
  var buffer = [CChar](repeating: 0, count: 4096)
  let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
  let own = String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  let beside = (own as NSString).deletingLastPathComponent + "/pilotlightctl"
  if access(beside, X_OK) == 0 { return beside }
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..").standardized
  return root.path + "/.build/debug/pilotlightctl"
}()

func runCtl(_ arguments: [String], environment: [String: String] = [:], stdout: FileHandle? = nil) async throws -> Ran {
  try #require(access(pilotlightctl, X_OK) == 0, "pilotlightctl is not built at \(pilotlightctl)")
  return await offPool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: pilotlightctl)
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin", "TERM": "xterm"].merging(environment) { $1 }
    let (out, err) = (Pipe(), Pipe())
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = stdout ?? out
    process.standardError = err
    do { try process.run() } catch { return Ran(code: -1, out: "", err: "\(error)") }
    if stdout != nil { try? out.fileHandleForWriting.close() }
    let errors = Seen<Data>()
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      errors.add(err.fileHandleForReading.readDataToEndOfFile())
      done.signal()
    }
    let text = out.fileHandleForReading.readDataToEndOfFile()
    done.wait()
    process.waitUntilExit()
    let said = errors.all.first ?? Data()
    return Ran(
      code: process.terminationStatus, out: String(decoding: text, as: UTF8.self),
      err: String(decoding: said, as: UTF8.self))
  }
}

/// Runs the program against a daemon that answers like this.
func against(
  report: StatusReport = StatusReport(daemon: Samples.daemon, workloads: [Samples.failingOver]),
  sandbox: Bool = false, orders: Seen<OrderRequest> = Seen(),
  answer: @escaping @Sendable (ControlRequest) -> ControlResponse? = { _ in nil },
  _ arguments: [String], environment: [String: String] = [:], stdout: FileHandle? = nil
) async throws -> Ran {
  let scratch = try Scratch()
  let handler: ControlHandler = { request, _ in
    if case .order(let order) = request { orders.add(order) }
    if let response = answer(request) { return response }
    switch request {
    case .status: return .json(report)
    case .order: return .answer(.accepted, "it is done")
    default: return .error(404, "there is no such workload")
    }
  }
  return try await withServer(scratch.socket, sandbox: sandbox, handler: handler) { _ in
    try await runCtl(arguments + ["--socket", scratch.socket], environment: environment, stdout: stdout)
  }
}

/// Whether it becomes so within half a minute.
func eventually(_ isSo: () -> Bool) async -> Bool {
  let end = ContinuousClock.now + .seconds(30)
  while !isSo() {
    guard ContinuousClock.now < end else { return false }
    try? await Task.sleep(for: .milliseconds(5))
  }
  return true
}
