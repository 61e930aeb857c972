// A socket to one server, connected: the kernel throws away what comes from anybody else, and tells when nobody listens.

import Glibc

/// Belongs to an exchange, and to its queue.
final class Channel {
  enum Kind {
    case datagram
    /// With the length before each message (RFC 1035, 4.2.2).
    case stream
  }

  enum Receipt {
    case message([UInt8])
    case failure(DNSFailure)
    /// Not all of it is there yet.
    case nothing
  }

  let kind: Kind
  private let descriptor: Int32
  private let sockets: SocketSet
  private let ticket: UInt64
  /// Of a stream: what has come.
  private var received: [UInt8] = []

  /// Bytes of a message, by either kind.
  private static let longest = 65_535

  /// - Parameter handler: called on the queue when a datagram can be received or the socket has failed; of a stream, when it is connected,
  ///   and after `send` when something can be received.
  static func open(
    _ kind: Kind, to server: ServerAddress, _ sockets: SocketSet, _ handler: @escaping @Sendable () -> Void
  ) -> Result<Channel, DNSFailure> {
    let type = Int32((kind == .datagram ? SOCK_DGRAM : SOCK_STREAM).rawValue)
    let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    // Not bound: the kernel picks a port at random.
    let descriptor = socket(server.family, type | flags, 0)
    guard descriptor >= 0 else { return .failure(.notAsked("no socket: \(errorText(errno))")) }
    guard server.connect(descriptor) == 0 || errno == EINPROGRESS else {
      let why = errorText(errno)
      Glibc.close(descriptor)
      return .failure(.unreachable(why))
    }
    let ticket = sockets.assumeIsolated { $0.watch(descriptor, forWriting: kind == .stream, handler) }
    return .success(Channel(kind, descriptor, sockets, ticket))
  }

  private init(_ kind: Kind, _ descriptor: Int32, _ sockets: SocketSet, _ ticket: UInt64) {
    self.kind = kind
    self.descriptor = descriptor
    self.sockets = sockets
    self.ticket = ticket
  }

  /// To be called once, last of all; the handler is not called after it.
  func close() {
    sockets.assumeIsolated { [ticket] in $0.forget(ticket) }
    Glibc.close(descriptor)
  }

  /// - Returns: why it could not be sent; of a stream also why it could not be connected.
  func send(_ message: [UInt8]) -> DNSFailure? {
    let length = kind == .stream ? [UInt8(message.count >> 8), UInt8(message.count & 0xff)] : []
    let sent = (length + message).withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    // A stream's buffer is empty when it begins, and larger than any question.
    guard sent == length.count + message.count else { return .unreachable(errorText(errno)) }
    if kind == .stream { sockets.assumeIsolated { [descriptor, ticket] in $0.watchForReading(descriptor, ticket) } }
    return nil
  }

  func receive() -> Receipt {
    var buffer = [UInt8](repeating: 0, count: Channel.longest)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count < 0 {
      return [EAGAIN, EINTR].contains(errno) ? .nothing : .failure(.unreachable(errorText(errno)))
    }
    guard kind == .stream else { return .message(Array(buffer.prefix(count))) }
    if count == 0 { return .failure(.garbled("the connection was closed before all of it had come")) }
    received += buffer.prefix(count)
    guard received.count >= 2 else { return .nothing }
    let length = Int(received[0]) << 8 | Int(received[1])
    return received.count >= 2 + length ? .message(Array(received[2..<2 + length])) : .nothing
  }
}

private func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }
