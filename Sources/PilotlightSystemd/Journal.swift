// The native protocol of systemd's journal.

import CSystemd
import Glibc

enum Journal {
  /// sd_journal_sendv(3), the form without varargs.
  static func write(_ line: LogLine) {
    let fields =
      [
        "MESSAGE=\(line.text)", "PRIORITY=\(line.priority)", "SYSLOG_IDENTIFIER=pilotlightd",
        "CODE_FILE=\(line.code.file)",
        "CODE_LINE=\(line.code.line)", "CODE_FUNC=\(line.code.function)",
      ]
      + line.fields.filter { $0.name != "PRIORITY" }.map { "\($0.name)=\($0.value)" }
    let buffers = fields.map { Array($0.utf8) }
    var vectors: [iovec] = []
    withBuffers(buffers[...], &vectors) { sd_journal_sendv($0, Int32($0.count)) }
  }

  /// Calls `body` with all buffers pinned.
  private static func withBuffers(
    _ buffers: ArraySlice<[UInt8]>, _ vectors: inout [iovec], _ body: ([iovec]) -> Int32
  ) {
    guard let first = buffers.first else {
      _ = body(vectors)
      return
    }
    first.withUnsafeBytes { bytes in
      vectors.append(iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
      withBuffers(buffers.dropFirst(), &vectors, body)
    }
  }

  /// Waits until journald has read what this process sent, `patience` at most.
  ///
  /// It asks /proc which unit a line belongs to as it reads it: `journalctl --unit` does not show what a process said that has ended
  /// by then. Its socket is read in order, so an empty datagram, which it drops, has been read after all that was sent before.
  @Sendable static func waitUntilRead(within patience: Duration) {
    let deadline = ContinuousClock.now + patience
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    guard connect(descriptor, toPath: "/run/systemd/journal/socket") else { return }
    var isSent = false
    var unread: Int32 = 0
    while ContinuousClock.now < deadline {
      if !isSent { isSent = send(descriptor, nil, 0, Int32(MSG_NOSIGNAL)) == 0 }
      // SIOCOUTQ of unix(7): what the reader has not read yet.
      if isSent, ioctl(descriptor, UInt(TIOCOUTQ), &unread) != 0 || unread == 0 { return }
      usleep(1000)
    }
  }

  private static func connect(_ descriptor: Int32, toPath path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }
}
