// A disk that fails on demand: SQLite's own file layer with a layer on top that lets writes and syncs fail
// (https://www.sqlite.org/vfs.html). It is installed only in child processes (exit tests), for the whole process.

import CSQLite
import Glibc
import Synchronization

/// What fails from now on, on files whose path ends so.
struct DiskFault: Sendable {
  enum Call: Sendable { case write, sync }
  var call: Call
  var suffix: String
  var error: CInt
  /// How many such calls still succeed.
  var after = 0
}

enum FaultyDisk {
  private static let fault = Mutex<DiskFault?>(nil)
  private static let calls = Atomic<Int>(0)
  private static let names = Mutex<[UInt: String]>([:])
  // Written once, by `install`, before SQLite opens anything.
  nonisolated(unsafe) private static var original: UnsafeMutablePointer<sqlite3_vfs>?
  nonisolated(unsafe) private static let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
  nonisolated(unsafe) private static var originalMethods: UnsafePointer<sqlite3_io_methods>?
  /// Ours for each of SQLite's tables of functions: the database has one with locks, the log one without.
  private static let copies = Mutex<[UInt: UInt]>([:])

  /// Nil mends the disk.
  static func inject(_ fault: DiskFault?) { Self.fault.withLock { $0 = fault } }

  /// How often SQLite asked the disk to write or sync anything so far.
  static var callCount: Int { calls.load(ordering: .relaxed) }

  /// Makes every connection opened from now on use this disk.
  static func install() {
    guard let found = sqlite3_vfs_find(nil) else { fatalError("SQLite has no file layer") }
    original = found
    vfs.initialize(to: found.pointee)
    vfs.pointee.zName = UnsafePointer(strdup("faulty"))
    vfs.pointee.pNext = nil
    vfs.pointee.xOpen = { _, name, file, flags, outFlags in FaultyDisk.open(name, file, flags, outFlags) }
    guard sqlite3_vfs_register(vfs, 1) == SQLITE_OK else { fatalError("sqlite3_vfs_register") }
  }

  private static func open(
    _ name: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: CInt,
    _ outFlags: UnsafeMutablePointer<CInt>?
  ) -> CInt {
    guard let original, let file, let open = original.pointee.xOpen else { return SQLITE_ERROR }
    let code = open(original, name, file, flags, outFlags)
    guard code == SQLITE_OK, let name, let real = file.pointee.pMethods else { return code }
    let key = UInt(bitPattern: file)
    let path = String(cString: name)
    names.withLock { $0[key] = path }
    file.pointee.pMethods = copy(of: real)
    return code
  }

  /// The same functions, with faults before writing and syncing. Those two are the same in every table of the original.
  private static func copy(of real: UnsafePointer<sqlite3_io_methods>) -> UnsafePointer<sqlite3_io_methods>? {
    originalMethods = originalMethods ?? real
    let key = UInt(bitPattern: real)
    let address = copies.withLock { copies in
      if let known = copies[key] { return known }
      let fresh = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
      fresh.initialize(to: UnsafePointer<sqlite3_io_methods>(bitPattern: key)?.pointee ?? sqlite3_io_methods())
      fresh.pointee.xSync = { file, flags in
        FaultyDisk.verdict(.sync, file) ?? FaultyDisk.originalMethods?.pointee.xSync?(file, flags) ?? SQLITE_ERROR
      }
      fresh.pointee.xWrite = { file, bytes, count, offset in
        FaultyDisk.verdict(.write, file)
          ?? FaultyDisk.originalMethods?.pointee.xWrite?(file, bytes, count, offset) ?? SQLITE_ERROR
      }
      copies[key] = UInt(bitPattern: fresh)
      return UInt(bitPattern: fresh)
    }
    return UnsafePointer(bitPattern: address)
  }

  /// The SQLite error with which the call is to fail, or nil. The same that SQLite's own layer makes of the errno.
  private static func verdict(_ call: DiskFault.Call, _ file: UnsafeMutablePointer<sqlite3_file>?) -> CInt? {
    calls.add(1, ordering: .relaxed)
    let key = UInt(bitPattern: file)
    guard let name = names.withLock({ $0[key] }) else { return nil }
    return fault.withLock { fault in
      guard let current = fault, current.call == call, name.hasSuffix(current.suffix) else { return nil }
      guard current.after == 0 else {
        fault?.after -= 1
        return nil
      }
      errno = current.error
      switch (call, current.error) {
      case (.write, ENOSPC): return SQLITE_FULL
      case (.write, _): return SQLITE_IOERR | (3 << 8)
      case (.sync, _): return SQLITE_IOERR | (4 << 8)
      }
    }
  }
}
