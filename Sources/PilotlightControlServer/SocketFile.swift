// The socket as a file: taken over from a dead predecessor, never from a live one, and with its final owner and mode
// before anyone can connect. Two daemons that start in the same moment are kept apart by a lock on the directory, which
// vanishes with the process that holds it.

import Glibc

/// Why the control socket cannot be served.
package enum ControlServerError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Longer than the 107 bytes that `sun_path` holds, or empty.
  case badPath(String)
  /// There is something at the path that is no socket; it is left alone.
  case notASocket(String)
  /// A process answers on it.
  case inUse(String)
  /// Another process has held the directory's lock for seconds.
  case directoryBusy(String)
  case unknownGroup(String)
  /// A system call failed: which, on what, and errno.
  case system(call: String, path: String, errno: Int32)
  /// The server was started before; make a new one.
  case alreadyStarted

  package var description: String {
    switch self {
    case .badPath(let path): "the socket path '\(path)' must have 1 to 107 bytes"
    case .notASocket(let path): "\(path) exists and is not a socket: move it away, or choose another socket path"
    case .inUse(let path): "another process answers on \(path): is pilotlightd already running?"
    case .directoryBusy(let path): "another process holds a lock on the directory of \(path)"
    case .unknownGroup(let name): "there is no group '\(name)' to give the control socket to"
    case .system(let call, let path, let errno): "\(call) \(path): \(String(cString: strerror(errno)))"
    case .alreadyStarted: "the control server was started before"
    }
  }
}

/// A bound, listening Unix socket and the file that leads to it.
struct SocketFile: Sendable {
  let path: String
  let descriptor: Int32
  /// What we bound, to be told apart from what somebody else put there later.
  private let device: dev_t
  private let inode: ino_t

  /// Binds and listens. On return the descriptor belongs to the caller.
  static func open(path: String, mode: mode_t, group: String?) throws(ControlServerError) -> SocketFile {
    let address = try socketAddress(path)
    let gid = try group.map(groupID)
    let lock = try lockDirectory(of: path)
    defer { close(lock) }
    try clearTheWay(path, address)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
    guard descriptor >= 0 else { throw .system(call: "socket", path: path, errno: errno) }
    do {
      // The mode of the descriptor is what bind(2) gives the file, less the umask: never wider than asked, not for a
      // moment.
      try check(fchmod(descriptor, mode), "fchmod", path)
      try check(withAddress(address) { bind(descriptor, $0, $1) }, "bind", path)
      if let gid { try check(lchown(path, uid_t.max, gid), "chown", path) }
      try check(chmod(path, mode), "chmod", path)
      try check(listen(descriptor, 128), "listen", path)
      var status = stat()
      try check(lstat(path, &status), "stat", path)
      return SocketFile(path: path, descriptor: descriptor, device: status.st_dev, inode: status.st_ino)
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Removes the file, if it is still the one we bound.
  func remove() {
    // Without the lock there is still the comparison; a file left behind is only a stale one for the next start.
    let lock = try? SocketFile.lockDirectory(of: path)
    defer { if let lock { close(lock) } }
    var status = stat()
    guard lstat(path, &status) == 0, status.st_dev == device, status.st_ino == inode else { return }
    unlink(path)
  }

  /// Unlinks a socket on which nobody listens; everything else stays where it is.
  private static func clearTheWay(_ path: String, _ address: sockaddr_un) throws(ControlServerError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw .system(call: "stat", path: path, errno: errno)
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
    let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
    guard probe >= 0 else { throw .system(call: "socket", path: path, errno: errno) }
    defer { close(probe) }
    if withAddress(address, { connect(probe, $0, $1) }) == 0 { throw .inUse(path) }
    switch errno {
    case ECONNREFUSED, ENOENT: break
    // Its queue is full: alive, and in trouble of its own.
    case EAGAIN: throw .inUse(path)
    default: throw .system(call: "connect", path: path, errno: errno)
    }
    if unlink(path) != 0, errno != ENOENT { throw .system(call: "unlink", path: path, errno: errno) }
  }

  private static func lockDirectory(of path: String) throws(ControlServerError) -> Int32 {
    let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = Glibc.open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(call: "open", path: parent, errno: errno) }
    // The holder needs microseconds, so a few tries bridge an honest start; a lock held on purpose must not hang ours.
    for _ in 0..<200 {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
      usleep(10_000)
    }
    close(descriptor)
    throw .directoryBusy(path)
  }
}

private func check(_ result: Int32, _ call: String, _ path: String) throws(ControlServerError) {
  if result != 0 { throw .system(call: call, path: path, errno: errno) }
}

private func socketAddress(_ path: String) throws(ControlServerError) -> sockaddr_un {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  let bytes = Array(path.utf8)
  guard (1..<MemoryLayout.size(ofValue: address.sun_path)).contains(bytes.count), !bytes.contains(0) else {
    throw .badPath(path)
  }
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
  return address
}

private func withAddress(_ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
  withUnsafePointer(to: address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
  }
}

/// getgrnam_r(3), or the number itself.
private func groupID(_ name: String) throws(ControlServerError) -> gid_t {
  if let number = gid_t(name) { return number }
  var entry = group()
  var found: UnsafeMutablePointer<group>?
  let gid: gid_t? = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64 << 10) { buffer in
    guard let base = buffer.baseAddress, getgrnam_r(name, &entry, base, buffer.count, &found) == 0 else { return nil }
    return found?.pointee.gr_gid
  }
  guard let gid else { throw .unknownGroup(name) }
  return gid
}
