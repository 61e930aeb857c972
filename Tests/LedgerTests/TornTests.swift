// F65: a crash can leave any prefix of the write-ahead log. What opens afterwards is a prefix of what was appended, whole
// transactions only, or a clear error.

import Foundation
import PilotlightCore
import PilotlightEngine
import PilotlightLedger
import Testing

@Suite(.timeLimit(.minutes(5))) struct TornTests {
  /// Copies the files of a ledger that is still open, as kill -9 would leave them.
  private func crashed(_ source: Scratch, wal: ArraySlice<UInt8>, keepAnchor: Bool) throws -> Scratch {
    let copy = try Scratch()
    try copy.write(try source.bytes("ledger.db"), to: "ledger.db")
    try copy.write(wal, to: "ledger.db-wal")
    if keepAnchor { try copy.write(try source.bytes("ledger.db.head"), to: "ledger.db.head") }
    return copy
  }

  @Test func `killed after a commit, everything is there`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    let entries = (0..<10).map { entry($0) }
    for entry in entries { try ledger.append([entry]) }
    let copy = try crashed(scratch, wal: try scratch.bytes("ledger.db-wal")[...], keepAnchor: true)
    #expect(try read(copy).get() == entries)
  }

  @Test func `F65: a log torn at any length gives a prefix of whole transactions`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    let entries = (0..<24).map { entry($0) }
    for pair in 0..<12 { try ledger.append(Array(entries[pair * 2..<pair * 2 + 2])) }
    let wal = try scratch.bytes("ledger.db-wal")
    var seen: Set<Int> = []
    let lengths = Array(stride(from: 0, through: wal.count, by: 331)) + [wal.count - 1, wal.count]
    for length in lengths {
      let copy = try crashed(scratch, wal: wal[..<length], keepAnchor: false)
      switch read(copy) {
      case .success(let found):
        #expect(found == Array(entries.prefix(found.count)), "torn at \(length)")
        #expect(found.count % 2 == 0, "half a transaction at \(length)")
        seen.insert(found.count)
        // It goes on from there.
        let again = try SQLiteLedger(path: copy.ledger)
        try again.append([entry(100)])
        #expect(try again.verify() == Int64(found.count + 1))
      case .failure(let failure): Issue.record("torn at \(length): \(failure)")
      }
    }
    #expect(seen == Set(stride(from: 0, through: 24, by: 2)))
  }

  @Test func `F65: the last record torn at every byte of its page is dropped, and nothing else`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    let entries = (0..<4).map { entry($0) }
    for entry in entries { try ledger.append([entry]) }
    let wal = try scratch.bytes("ledger.db-wal")
    // A frame is a header of 24 bytes and a page of 4096 (SQLite, "Database File Format", 4.1).
    for length in (wal.count - 4120)..<wal.count {
      let copy = try crashed(scratch, wal: wal[..<length], keepAnchor: false)
      #expect(try read(copy).get() == Array(entries.prefix(3)), "torn at \(length)")
    }
  }

  @Test func `F65: garbage after a torn point is not taken for records`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    let entries = (0..<12).map { entry($0) }
    for entry in entries { try ledger.append([entry]) }
    let wal = try scratch.bytes("ledger.db-wal")
    for length in stride(from: 40, to: wal.count, by: 1777) {
      var torn = wal
      for index in length..<torn.count { torn[index] = UInt8(truncatingIfNeeded: index &* 31) }
      let copy = try crashed(scratch, wal: torn[...], keepAnchor: false)
      let found = try read(copy).get()
      #expect(found == Array(entries.prefix(found.count)) && found.count < entries.count)
    }
  }

  @Test func `a log cut behind the anchor is not taken for a crash`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    for number in 0..<6 { try ledger.append([entry(number)]) }
    let wal = try scratch.bytes("ledger.db-wal")
    let copy = try crashed(scratch, wal: wal[..<(wal.count - 100)], keepAnchor: true)
    #expect(read(copy).tamperedAt == 6)
  }
}
