// A server made of raw sockets, since most of what is tested here no decent HTTP server would do: resets, silence, garbage, answers
// that never end. One thread accepts, one thread serves each connection; everything ends with `stop`.

import Foundation
import Glibc
import Synchronization

/// Programs built with a sanitizer are this many times slower (`make sanitize`).
let patience = ProcessInfo.processInfo.environment["PATIENCE"].flatMap(Double.init) ?? 1

/// One accepted connection.
struct Peer: Sendable {
  let descriptor: Int32

  /// The bytes of one request: its head, and as much body as its Content-Length says. Empty when the client has gone.
  func readRequest() -> String {
    var bytes: [UInt8] = []
    while true {
      if let head = String(decoding: bytes, as: UTF8.self).range(of: "\r\n\r\n") {
        let text = String(decoding: bytes, as: UTF8.self)
        let bodyCount = text[head.upperBound...].utf8.count
        if bodyCount >= Peer.contentLength(text[..<head.lowerBound]) { return text }
      }
      guard let more = read() else { return "" }
      bytes += more
    }
  }

  private static func contentLength(_ head: Substring) -> Int {
    for line in head.lowercased().split(separator: "\r\n") where line.hasPrefix("content-length:") {
      return Int(line.dropFirst(15).trimmingCharacters(in: .whitespaces)) ?? 0
    }
    return 0
  }

  /// What has arrived, nil at the end.
  func read() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer.prefix(count)) : nil
  }

  /// - Returns: false when the client has gone.
  @discardableResult
  func write(_ text: String) -> Bool { write(Array(text.utf8)) }

  @discardableResult
  func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let sent = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard sent > 0 else { return false }
      rest = rest.dropFirst(sent)
    }
    return true
  }

  func answer(_ status: String, headers: [String] = [], body: String = "") {
    let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
    write(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
  }

  /// Reads and forgets until the client closes.
  func waitUntilGone() {
    while read() != nil {}
  }

  /// RST instead of FIN.
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
  }
}

struct ServerFault: Error {
  let text: String
  init(_ what: String) { text = "\(what): \(String(cString: strerror(errno)))" }
}

/// Listens on a free loopback port, or on a Unix socket, and hands each connection to `behave`, which may leave it any way it likes;
/// it is closed afterwards.
final class TestServer: Sendable {
  /// 0 for a Unix socket.
  let port: Int
  private let listener: Int32
  private let state = Mutex((connections: 0, requests: [String]()))

  var url: String { "http://127.0.0.1:\(port)/health" }
  var connections: Int { state.withLock { $0.connections } }
  /// Everything `note` was given.
  var requests: [String] { state.withLock { $0.requests } }

  init(unixPath: String? = nil, _ behave: @escaping @Sendable (Peer, TestServer) -> Void) throws {
    listener = try TestServer.bound(unixPath)
    guard listen(listener, 1024) == 0 else { throw ServerFault("listen") }
    port = unixPath == nil ? try TestServer.port(of: listener) : 0
    Thread.detachNewThread { [self] in
      while case let descriptor = accept(listener, nil, nil), descriptor >= 0 {
        state.withLock { $0.connections += 1 }
        Thread.detachNewThread { [self] in
          behave(Peer(descriptor: descriptor), self)
          close(descriptor)
        }
      }
      close(listener)
    }
  }

  /// Wakes the accepting thread, which closes the socket. Connections end by themselves when their clients leave.
  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  func note(_ request: String) { state.withLock { $0.requests.append(request) } }

  /// A port on which nobody listens: it was free a moment ago, and the kernel gives ports out in turn.
  static func refusedPort() throws -> Int {
    let descriptor = try bound(nil)
    defer { close(descriptor) }
    return try port(of: descriptor)
  }

  private static func bound(_ unixPath: String?) throws -> Int32 {
    guard let unixPath else { return try boundToLoopback() }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: unixPath.utf8) }
    let status = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else { throw ServerFault("bind") }
    return descriptor
  }

  private static func boundToLoopback() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw ServerFault("bind") }
    return descriptor
  }

  private static func port(of descriptor: Int32) throws -> Int {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    guard status == 0 else { throw ServerFault("getsockname") }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}

/// Runs `test` against a server that is stopped afterwards.
func withServer<Value>(
  _ behave: @escaping @Sendable (Peer, TestServer) -> Void, _ test: (TestServer) async throws -> Value
) async throws -> Value {
  let server = try TestServer(behave)
  defer { server.stop() }
  return try await test(server)
}
