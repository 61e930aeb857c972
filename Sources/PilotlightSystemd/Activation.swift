// What the service manager hands over at start: the control socket, which it keeps while we restart, and a door to the kernel's list
// of sockets.
//
// The unit gives us a user namespace of our own, in which the users at the control socket are all `nobody`: SO_PEERCRED answers in
// the asker's namespace. The list of sockets (sock_diag(7)) answers in the namespace of whoever opened the door, and that was the
// service manager, outside. So it can tell who made the socket at the other end.

import CSystemd
import Glibc

/// Sockets inherited from the service manager; none outside of it.
package struct Activation: Sendable {
  /// A listening Unix stream socket.
  package let control: Int32?
  private let sockets: Int32?

  /// What was handed over. The variables that tell of it are removed, so that no child takes it for its own.
  package static let inherited = Activation()

  private init() {
    let count = sd_listen_fds(1)
    let handed = count > 0 ? Array(3..<3 + count) : []
    control = handed.first { sd_is_socket_unix($0, Int32(SOCK_STREAM.rawValue), 1, nil, 0) > 0 }
    sockets = handed.first { sd_is_socket($0, AF_NETLINK, 0, -1) > 0 }
  }

  /// Whether the control socket that was handed over is another one than this; false where there is none.
  package func isElsewhere(than path: String) -> Bool {
    guard let control else { return false }
    return sd_is_socket_unix(control, Int32(SOCK_STREAM.rawValue), 1, path, 0) == 0
  }

  /// The uid behind the socket that this connected one leads to; nil where the kernel does not say.
  package func owner(of descriptor: Int32) -> UInt32? {
    guard let sockets else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    var uid: UInt32 = 0
    return pl_socket_owner(sockets, UInt32(truncatingIfNeeded: status.st_ino), &uid) == 0 ? uid : nil
  }
}
