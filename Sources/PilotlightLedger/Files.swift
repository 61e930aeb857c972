// The two small files beside the ledger: a lock, so that two daemons never share one, and the anchor. And room on the disk.

import CSQLite
import FoundationEssentials
import Glibc
import GRDB
import PilotlightCrypto
import PilotlightEngine

/// Holds an flock for as long as it lives; the kernel releases it even after SIGKILL.
final class LockFile {
  private let descriptor: Int32

  init(path: String) throws(LedgerFailure) {
    let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard opened >= 0 else { throw .cannotWrite("\(path): \(String(cString: strerror(errno)))") }
    // The descriptor becomes ours last: once it is, deinit runs on a throw as well and would close it twice.
    guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
      var buffer = [UInt8](repeating: 0, count: 32)
      let length = pread(opened, &buffer, buffer.count, 0)
      close(opened)
      let owner = String(decoding: buffer.prefix(max(length, 0)), as: UTF8.self)
      throw .cannotWrite("\(path): another daemon (pid \(owner)) holds this ledger")
    }
    descriptor = opened
    let pid = Array("\(getpid())".utf8)
    // The pid is for people; the lock itself is what counts, so a failure here is no failure.
    if ftruncate(opened, 0) == 0 { _ = pwrite(opened, pid, pid.count, 0) }
  }

  deinit {
    // A child between fork and exec shares the lock; without this it would hold it for that moment longer.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}

/// Remembers the length and head of the chain outside the database. It is written after each commit and not fsynced: it may
/// lag behind after a power loss, never run ahead.
final class Anchor {
  private let descriptor: Int32
  private let path: String

  init(path: String) throws(LedgerFailure) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .cannotWrite("\(path): \(String(cString: strerror(errno)))") }
  }

  deinit { close(descriptor) }

  /// `COUNT HASH`, fixed length, in one write.
  func write(_ head: Chain.Head) {
    let digits = String(head.count)
    let line = String(repeating: "0", count: max(0, 20 - digits.count)) + digits + " " + hexString(head.hash) + "\n"
    let bytes = Array(line.utf8)
    // A failing anchor weakens the check of the next start; it must not stop a failover.
    _ = pwrite(descriptor, bytes, bytes.count, 0)
  }

  /// The row the anchor names must be in the chain. An absent or torn anchor proves nothing.
  func check(_ head: Chain.Head, in database: DatabaseQueue) throws(LedgerFailure) {
    guard let note = Anchor.note(descriptor) else { return }
    let hash = try translating {
      try database.read {
        try Data.fetchOne($0, sql: "SELECT hash FROM entries WHERE sequence = ?", arguments: [note.count])
      }
    }
    if let fault = note.fault(endsAt: head.count, named: hash.map { hexString(Array($0)) }) { throw fault }
  }

  /// What an anchor says: the length and the head, hexadecimal, of the chain when it was written.
  struct Note {
    var count: Int64
    var hash: String

    /// - Parameter named: the hash of the chain's row number `count`.
    func fault(endsAt end: Int64, named: String?) -> LedgerFailure? {
      if count > end {
        return .tampered(
          sequence: end + 1,
          "the ledger ends at \(end) but had \(count) records: it was truncated or an old copy put back")
      }
      if named == hash { return nil }
      return .tampered(sequence: count, "it is not the record this ledger had there; was it replaced?")
    }
  }

  /// nil when there is none, or a torn one.
  static func read(_ path: String) -> Note? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return note(descriptor)
  }

  private static func note(_ descriptor: Int32) -> Note? {
    var buffer = [UInt8](repeating: 0, count: 128)
    let length = pread(descriptor, &buffer, buffer.count, 0)
    let parts = String(decoding: buffer.prefix(max(length, 0)), as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard parts.count == 2, let count = Int64(parts[0]), parts[1].utf8.count == 64, count > 0 else { return nil }
    return Note(count: count, hash: String(parts[1]))
  }
}

/// Has the disk keep room for a file, which stays as long as it is. A disk that has none, or a file system that keeps none for anybody
/// (NFS), takes what it can: that is found out when a record is refused.
func setAside(_ bytes: Int64, for path: String) {
  let descriptor = open(path, O_RDWR | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  while pl_set_aside(descriptor, off_t(bytes)) != 0, errno == EINTR {}
  close(descriptor)
}
