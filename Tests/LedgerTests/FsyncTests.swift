// A disk that fails on demand, in a process of its own: what was called durable must be there afterwards, and a ledger whose file
// is in an unknown state is not touched again.

import Foundation
import Glibc
import PilotlightCore
import PilotlightEngine
import PilotlightLedger
import Testing

private func numbered(_ number: Int) -> LedgerEntry {
  LedgerEntry(
    workload: "django-app", incident: nil, kind: "armed", payload: "{\"number\":\(number)}",
    sentence: "number \(number)",
    at: Instant(nanoseconds: Int64(number)))
}

/// The fault strikes at the next append; mended or not, the ledger stays broken, and SQLite is not asked again.
private func breaks(_ path: String, _ fault: DiskFault) throws {
  FaultyDisk.install()
  let ledger = try SQLiteLedger(path: path)
  try ledger.append([numbered(1)])
  FaultyDisk.inject(fault)
  try expectBroken { try ledger.append([numbered(2)]) }
  FaultyDisk.inject(nil)
  let calls = FaultyDisk.callCount
  try expectBroken { try ledger.append([numbered(3)]) }
  try expectBroken { try ledger.setFact("timeline", "x") }
  guard FaultyDisk.callCount == calls else { fatalError("the broken file was touched again") }
}

private func expectBroken(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch LedgerFailure.broken {
    return
  }
  fatalError("not broken")
}

@Suite struct FsyncTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "fsync-\(UUID().uuidString)").path

  private func withFolder(_ body: (String) async throws -> Void) async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder + "/ledger.db")
  }

  @Test func `F64 a failed fsync of the log breaks the ledger for good`() async throws {
    try await withFolder { path in
      await #expect(processExitsWith: .success) { [path = path as String] in
        try breaks(path, DiskFault(call: .sync, suffix: "-wal", error: EIO))
      }
      // Whether the record of unknown outcome exists is for the chain to say; the one before it does.
      let count = try SQLiteLedger(path: path).count
      #expect(count == 1 || count == 2)
    }
  }

  @Test func `F63 a failed write to the log breaks the ledger for good`() async throws {
    try await withFolder { path in
      await #expect(processExitsWith: .success) { [path = path as String] in
        try breaks(path, DiskFault(call: .write, suffix: "-wal", error: EIO))
      }
      let count = try SQLiteLedger(path: path).count
      #expect(count == 1)
    }
  }

  @Test func `F64 a failed fsync of the database in a checkpoint breaks the ledger, and nothing durable is lost`()
    async throws
  {
    try await withFolder { path in
      await #expect(processExitsWith: .success) { [path = path as String] in
        FaultyDisk.install()
        let ledger = try SQLiteLedger(path: path)
        FaultyDisk.inject(DiskFault(call: .sync, suffix: "ledger.db", error: EIO))
        var written = 0
        do {
          while written < 20_000 {
            try ledger.append([numbered(written)])
            written += 1
          }
          fatalError("the failure was swallowed")
        } catch LedgerFailure.broken {}
        // The disk "mends": closing must not fsync again and throw the log away.
        FaultyDisk.inject(nil)
        try "\(written)".write(toFile: path + ".written", atomically: true, encoding: .utf8)
      }
      let written = try #require(Int64(String(contentsOfFile: path + ".written", encoding: .utf8)))
      let count = try SQLiteLedger(path: path).count
      #expect(count == written)
    }
  }

  /// A file system that mounts itself read-only after an error of its own refuses the next write of a file that is open.
  @Test(arguments: [ENOSPC, EROFS, EDQUOT])
  func `F62 F69 a disk that takes no writes refuses, and takes the record when it does again`(_ error: CInt)
    async throws
  {
    try await withFolder { path in
      await #expect(processExitsWith: .success) { [path = path as String, error = error as CInt] in
        FaultyDisk.install()
        let ledger = try SQLiteLedger(path: path)
        FaultyDisk.inject(DiskFault(call: .write, suffix: "-wal", error: error))
        do {
          try ledger.append([numbered(1)])
          fatalError("a full disk took a record")
        } catch LedgerFailure.cannotWrite {}
        FaultyDisk.inject(nil)
        try ledger.append([numbered(1)])
      }
      let count = try SQLiteLedger(path: path).count
      #expect(count == 1)
    }
  }
}
