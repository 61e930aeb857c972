// A name server on loopback, by UDP and TCP on one port: real sockets, and a script that may answer as it likes.

import Dispatch
import Foundation
import Glibc
import Synchronization

/// Programs built with a sanitizer are this many times slower (`make sanitize`).
let slowness = ProcessInfo.processInfo.environment["PATIENCE"].flatMap(Double.init) ?? 1

struct ServerFault: Error {
  let text: String
  init(_ what: String) { text = "\(what): \(String(cString: strerror(errno)))" }
}

final class NameServer: Sendable {
  /// What is said to the question with this number (from 0 on): messages, by TCP each with its length before it unless it is `raw`.
  typealias Script = @Sendable (Asked, Int) -> [Said]

  enum Said: Sendable {
    case message([UInt8])
    /// As it is, without a length; after it the connection is closed.
    case raw([UInt8])
    /// From another port of the same host.
    case fromElsewhere([UInt8])
    case nothing
  }

  let host: String
  let port: UInt16
  private let datagrams: Int32
  private let listener: Int32
  private let script: Script
  private let seen = Mutex<[Asked]>([])
  private let open: Mutex<Set<Int32>>
  private let ended = DispatchSemaphore(value: 0)

  var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  /// Every question that came.
  var asked: [Asked] { seen.withLock { $0 } }

  /// - Parameter port: 0 takes one that is free for both kinds.
  init(host: String = "127.0.0.1", port: UInt16 = 0, _ script: @escaping Script) throws {
    self.host = host
    self.script = script
    (datagrams, listener, self.port) = try NameServer.bound(host, port)
    open = Mutex([datagrams, listener])
    Thread.detachNewThread { [self] in serveDatagrams() }
    Thread.detachNewThread { [self] in serveStreams() }
  }

  convenience init(host: String = "127.0.0.1", port: UInt16 = 0, _ zone: Zone) throws {
    try self.init(host: host, port: port) { asked, _ in [.message(zone.reply(to: asked).bytes(to: asked))] }
  }

  convenience init(host: String = "127.0.0.1", reply: Reply) throws {
    try self.init(host: host) { asked, _ in [.message(reply.bytes(to: asked))] }
  }

  /// Wakes both threads, which close their sockets; the ports are closed when it returns.
  func stop() {
    refuseStreams()
    end(datagrams)
  }

  /// Goes on by UDP alone.
  func refuseStreams() { end(listener) }

  private func end(_ socket: Int32) {
    // Closed once: the number may be another socket's by now.
    guard open.withLock({ $0.remove(socket) }) != nil else { return }
    shutdown(socket, Int32(SHUT_RDWR))
    ended.wait()
  }

  private func note(_ asked: Asked) -> Int {
    seen.withLock { seen in
      seen.append(asked)
      return seen.count - 1
    }
  }

  private func serveDatagrams() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    var peer = sockaddr_storage()
    while true {
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let count = withUnsafeMutablePointer(to: &peer) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(datagrams, &buffer, buffer.count, 0, $0, &length)
        }
      }
      guard count > 0 else { break }
      guard let asked = Asked(Array(buffer.prefix(count)), isStream: false) else { continue }
      for said in script(asked, note(asked)) {
        switch said {
        case .message(let bytes), .raw(let bytes): send(bytes, from: datagrams, to: &peer, length)
        case .fromElsewhere(let bytes):
          let other = socket(Int32(peer.ss_family), Int32(SOCK_DGRAM.rawValue), 0)
          send(bytes, from: other, to: &peer, length)
          close(other)
        case .nothing: break
        }
      }
    }
    close(datagrams)
    ended.signal()
  }

  private func send(_ bytes: [UInt8], from socket: Int32, to peer: inout sockaddr_storage, _ length: socklen_t) {
    _ = withUnsafePointer(to: &peer) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(socket, bytes, bytes.count, 0, $0, length) }
    }
  }

  private func serveStreams() {
    while case let connection = accept(listener, nil, nil), connection >= 0 {
      Thread.detachNewThread { [self] in
        serve(connection)
        close(connection)
      }
    }
    close(listener)
    ended.signal()
  }

  private func serve(_ connection: Int32) {
    guard let head = receive(2, connection), let body = receive(Int(head[0]) << 8 | Int(head[1]), connection),
      let asked = Asked(body, isStream: true)
    else { return }
    for said in script(asked, note(asked)) {
      switch said {
      case .message(let bytes), .fromElsewhere(let bytes): write(big(UInt16(bytes.count)) + bytes, connection)
      case .raw(let bytes):
        write(bytes, connection)
        return
      case .nothing: break
      }
    }
    // Until the client has had enough.
    while receive(1, connection) != nil {}
  }

  private func receive(_ count: Int, _ connection: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return recv(connection, &bytes, count, Int32(MSG_WAITALL)) == count ? bytes : nil
  }

  private func write(_ bytes: [UInt8], _ connection: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let sent = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard sent > 0 else { return }
      rest = rest.dropFirst(sent)
    }
  }

  /// A free port, as the kernel gives it for TCP, may be taken for UDP: then the next.
  private static func bound(_ host: String, _ wanted: UInt16) throws -> (Int32, Int32, UInt16) {
    for _ in 0..<20 {
      let listener = try bind(host, wanted, SOCK_STREAM)
      let port = try self.port(of: listener)
      guard listen(listener, 64) == 0 else { throw ServerFault("listen") }
      if let datagrams = try? bind(host, port, SOCK_DGRAM) { return (datagrams, listener, port) }
      close(listener)
    }
    throw ServerFault("no port is free for both")
  }

  private static func bind(_ host: String, _ port: UInt16, _ type: __socket_type) throws -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(type.rawValue)
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, "\(port)", &hints, &list) == 0, let found = list else { throw ServerFault(host) }
    defer { freeaddrinfo(list) }
    let descriptor = socket(found.pointee.ai_family, found.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout.size(ofValue: yes)))
    guard Glibc.bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else {
      defer { close(descriptor) }
      throw ServerFault("bind to \(host):\(port)")
    }
    return descriptor
  }

  private static func port(of descriptor: Int32) throws -> UInt16 {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard status == 0 else { throw ServerFault("getsockname") }
    // The port stands at the same place in both families.
    return withUnsafeBytes(of: address) { UInt16($0[2]) << 8 | UInt16($0[3]) }
  }
}
