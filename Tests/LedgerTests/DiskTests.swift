// F62, F69: a full disk takes what there is room set aside for. Beyond that, a disk that is full or read-only refuses an append, and takes the next one when there is room again. On a small tmpfs,
// which only root may mount; elsewhere these tests say that they were skipped.

import Foundation
import PilotlightCore
import PilotlightEngine
import PilotlightLedger
import Testing

let isRoot = getuid() == 0

/// A file system of its own, unmounted with its last user.
private final class SmallDisk: Sendable {
  let scratch: Scratch

  init(kilobytes: Int) throws {
    scratch = try Scratch()
    try scratch.run("mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", scratch.directory.path)
  }

  /// Takes all the room that is left.
  func fill() {
    let descriptor = open(scratch.path("ballast"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    let block = [UInt8](repeating: 1, count: 4096)
    while Glibc.write(descriptor, block, block.count) > 0 {}
    close(descriptor)
  }

  func makeRoom() { scratch.remove("ballast") }
  func remount(_ option: String) throws { try scratch.run("mount", "-o", "remount,\(option)", scratch.directory.path) }

  deinit { try? scratch.run("umount", "-l", scratch.directory.path) }
}

@Suite(.enabled(if: isRoot, "mounting a tmpfs needs root"), .timeLimit(.minutes(2))) struct DiskTests {
  @Test func `F62: a full disk refuses an append as a whole, and takes it when there is room again`() throws {
    let disk = try SmallDisk(kilobytes: 2048)
    let ledger = try SQLiteLedger(path: disk.scratch.ledger)
    for number in 0..<5 { try ledger.append([entry(number)]) }
    disk.fill()
    var taken = 5
    var refusal: LedgerFailure?
    while refusal == nil, taken < 5000 {
      do throws(LedgerFailure) {
        try ledger.append([entry(taken), entry(taken + 1)])
        taken += 2
      } catch {
        refusal = error
      }
    }
    guard case .cannotWrite = refusal else {
      Issue.record("\(String(describing: refusal)) after \(taken)")
      return
    }
    // What was there is there, and reading goes on.
    #expect(try ledger.entries(workload: "django-app").count == taken)
    #expect(try ledger.verify() == Int64(taken))
    #expect(throws: LedgerFailure.self) { try ledger.append([entry(taken), entry(taken + 1)]) }
    disk.makeRoom()
    try ledger.append([entry(taken)])
    #expect(try ledger.verify() == Int64(taken + 1))
    #expect(try ledger.entries(workload: "django-app") == (0...taken).map { entry($0) })
  }

  @Test func `F62: a disk that others fill takes the records of a bad night all the same`() throws {
    let disk = try SmallDisk(kilobytes: 32_768)
    let ledger = try SQLiteLedger(path: disk.scratch.ledger)
    disk.fill()
    for number in 0..<1000 { try ledger.append([entry(number)]) }
    #expect(try ledger.verify() == 1000)
    disk.makeRoom()
    // What could not be folded is, and the log begins anew in the same room.
    for number in 1000..<3000 { try ledger.append([entry(number)]) }
    disk.fill()
    for number in 3000..<4000 { try ledger.append([entry(number)]) }
    #expect(try ledger.verify() == 4000)
  }

  @Test func `F62: a ledger cannot be opened on a full disk and is unharmed`() throws {
    let disk = try SmallDisk(kilobytes: 2048)
    try writeLedger(disk.scratch, count: 5)
    disk.fill()
    if case .failure(let failure) = read(disk.scratch) {
      guard case .cannotWrite = failure else {
        Issue.record("\(failure)")
        return
      }
    }
    disk.makeRoom()
    #expect(try read(disk.scratch).get().count == 5)
  }

  @Test func `F69: a ledger on a read-only file system is refused as not writable`() throws {
    let disk = try SmallDisk(kilobytes: 2048)
    try writeLedger(disk.scratch, count: 5)
    try disk.remount("ro")
    guard case .cannotWrite = read(disk.scratch).failure else {
      Issue.record("opened")
      return
    }
    try disk.remount("rw")
    #expect(try read(disk.scratch).get().count == 5)
  }
}
