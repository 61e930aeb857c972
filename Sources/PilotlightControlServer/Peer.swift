// Who is at the other end: the kernel says (SO_PEERCRED, unix(7)), not the request. The credentials are those of the
// process that called connect(2), taken at that moment.

import Dispatch
import Glibc
import NIOCore
import PilotlightControlAPI
import Synchronization

/// The process that connected.
package struct Peer: Hashable, Sendable, CustomStringConvertible {
  package let uid: UInt32
  package let gid: UInt32
  package let pid: Int32
  /// The user's name; nil when the uid has none, or it could not be found out in time.
  package let name: String?

  package init(uid: UInt32, gid: UInt32, pid: Int32, name: String?) {
    self.uid = uid
    self.gid = gid
    self.pid = pid
    self.name = name
  }

  /// `alice (1000)`, or `uid 1000`. Of a user whom the kernel does not show us, what there is.
  package var description: String {
    if uid == PeerCredentials.nobody { return "an unknown user (process \(pid))" }
    return name.map { "\(printable($0, limit: 64)) (\(uid))" } ?? "uid \(uid)"
  }
}

/// The names of users, asked for off the event loop and for a bounded time: with LDAP behind NSS the answer may hang
/// exactly in the outage that brought the operator here, and an order must not hang with it.
final class UserNames: Sendable {
  private let queue = DispatchQueue(label: "pilotlight.control.names")
  private let known = Mutex<[UInt32: String]>([:])
  private let patience: TimeAmount = .seconds(2)

  func name(of uid: UInt32, on loop: any EventLoop) -> EventLoopFuture<String?> {
    if let name = known.withLock({ $0[uid] }) { return loop.makeSucceededFuture(name) }
    let answer = loop.makePromise(of: String?.self)
    let once = Once<String?> { answer.succeed($0) }
    let alarm = loop.scheduleTask(in: patience) { once.succeed(nil) }
    queue.async {
      let name = user(uid)?.name
      if let name { self.known.withLock { $0[uid] = name } }
      alarm.cancel()
      once.succeed(name)
    }
    return answer.futureResult
  }
}

/// getpwuid_r(3). 16 kB hold any sane entry; a larger one costs the name, nothing else.
func user(_ uid: UInt32) -> (name: String, gid: UInt32)? {
  var entry = passwd()
  var found: UnsafeMutablePointer<passwd>?
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { buffer in
    guard let base = buffer.baseAddress, getpwuid_r(uid, &entry, base, buffer.count, &found) == 0,
      let record = found?.pointee, let name = record.pw_name
    else { return nil }
    return (String(cString: name), record.pw_gid)
  }
}

/// The layout of `struct ucred`, which SO_PEERCRED fills in.
struct PeerCredentials: Sendable {
  var pid: Int32
  var uid: UInt32
  var gid: UInt32
}

/// Who made the socket at the other end of this one: its uid, where that can be found out. Called on the event loop.
///
/// Whoever connects has made its socket itself, as a rule. A socket that was handed to it is its maker's.
package typealias SocketOwner = @Sendable (_ descriptor: Int32) -> UInt32?

extension PeerCredentials {
  /// In a user namespace of our own (PrivateUsers=) every user but root and ourselves has this number: SO_PEERCRED knows who
  /// connected and cannot say it there.
  static let nobody: UInt32 = 65_534

  /// Answers at once when called on the channel's own loop.
  static func read(from channel: any Channel, owner: SocketOwner?) -> EventLoopFuture<PeerCredentials> {
    let pipeline = channel.pipeline
    let told = read(from: channel)
    guard let owner else { return told }
    return told.map { told in
      guard told.uid == nobody,
        let real = try? pipeline.syncOperations.withUnsafeTransportIfAvailable(
          of: NIOBSDSocket.Handle.self, { owner($0) }),
        // Those two have numbers in our namespace, too: one of them has made the socket, and somebody else has connected it.
        let uid = real, uid != 0, uid != geteuid()
      else { return told }
      return PeerCredentials(pid: told.pid, uid: uid, gid: told.gid)
    }
  }

  private static func read(from channel: any Channel) -> EventLoopFuture<PeerCredentials> {
    guard let options = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }
    return options.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
  }
}
