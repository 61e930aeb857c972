// F66, F97: whatever was changed behind the ledger's back is noticed. Opening fails and names the first bad record, or everything
// that was appended is there; nothing in between.

import Foundation
import PilotlightCore
import PilotlightEngine
import PilotlightLedger
import Testing

@Suite(.timeLimit(.minutes(5))) struct TamperTests {
  @Test(arguments: [
    ("UPDATE entries SET payload = '{}' WHERE sequence = 3", 3),
    ("UPDATE entries SET sentence = sentence || '.' WHERE sequence = 1", 1),
    ("UPDATE entries SET at = at + 1 WHERE sequence = 5", 5),
    ("UPDATE entries SET workload = 'other' WHERE sequence = 2", 2),
    ("UPDATE entries SET incident = NULL WHERE sequence = 2", 2),
    ("UPDATE entries SET incident = '' WHERE sequence = 4", 4),
    ("UPDATE entries SET hash = zeroblob(32) WHERE sequence = 5", 5),
    ("UPDATE entries SET hash = x'' WHERE sequence = 5", 5),
    ("DELETE FROM entries WHERE sequence = 1", 1),
    ("DELETE FROM entries WHERE sequence = 3", 3),
    ("DELETE FROM entries WHERE sequence = 5", 5),
    ("DELETE FROM entries", 1),
    (
      "UPDATE entries SET sequence = 99 WHERE sequence = 3; UPDATE entries SET sequence = 3 WHERE sequence = 4; "
        + "UPDATE entries SET sequence = 4 WHERE sequence = 99", 3
    ),
    (
      "INSERT INTO entries SELECT 6, workload, incident, kind, payload, sentence, at, hash FROM entries WHERE sequence = 5",
      6
    ),
    (
      "INSERT INTO entries SELECT 0, workload, incident, kind, payload, sentence, at, hash FROM entries WHERE sequence = 5",
      1
    ),
  ])
  func `F97: a changed record is found`(sql: String, sequence: Int64) throws {
    let scratch = try Scratch()
    try writeLedger(scratch, count: 5)
    try scratch.tamper(sql)
    #expect(try audited(scratch).fault?.place == sequence)
    #expect(read(scratch).tamperedAt == sequence)
  }

  @Test func `F97: an audit reads beside the daemon that writes, and a damaged ledger as far as it goes`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    for number in 0..<5 { try ledger.append([entry(number)]) }
    let whole = try audited(scratch)
    #expect(whole.fault == nil && whole.rows == 5 && whole.head.count == 64)
    try ledger.append([entry(5)])
    #expect(try audited(scratch).rows == 6)
    try scratch.tamper("UPDATE entries SET payload = x'ff' || payload WHERE sequence = 3")
    var rows: [AuditedRow] = []
    let damaged = try LedgerAudit(path: scratch.ledger).walk { rows.append($0) }
    #expect(damaged.fault?.place == 3 && rows.map(\.sequence) == [1, 2, 3, 4, 5, 6])
    // What comes after is sound by itself: one record is named, not all that follow.
    #expect(rows.filter { $0.fault != nil }.map(\.sequence) == [3])
    #expect(throws: LedgerFailure.self) { try LedgerAudit(path: scratch.path("none")) }
    #expect(!FileManager.default.fileExists(atPath: scratch.path("none")))
  }

  private func audited(_ scratch: Scratch) throws -> LedgerAudit.Finding {
    try LedgerAudit(path: scratch.ledger).walk { _ in }
  }

  @Test func `F97: text moved from one field to the next is found`() throws {
    let scratch = try Scratch()
    try writeLedger(scratch, count: 2)
    try scratch.tamper(
      "UPDATE entries SET kind = kind || substr(payload, 1, 1), payload = substr(payload, 2) WHERE sequence = 2")
    #expect(read(scratch).tamperedAt == 2)
  }

  @Test func `a change while the ledger is open is found by verify`() throws {
    let scratch = try Scratch()
    let ledger = try SQLiteLedger(path: scratch.ledger)
    for number in 0..<5 { try ledger.append([entry(number)]) }
    try scratch.tamper("DELETE FROM entries WHERE sequence = 5")
    #expect(throws: LedgerFailure.self) { try ledger.verify() }
  }

  @Test func `F97: an old copy put back is found by the anchor`() throws {
    let scratch = try Scratch()
    try writeLedger(scratch, count: 3)
    try scratch.checkpoint()
    let old = try scratch.bytes("ledger.db")
    do {
      let ledger = try SQLiteLedger(path: scratch.ledger)
      try ledger.append([entry(3), entry(4)])
    }
    try scratch.checkpoint()
    try scratch.write(old, to: "ledger.db")
    #expect(read(scratch).tamperedAt == 4)
  }

  @Test func `F97: another sound ledger put in its place is found by the anchor`() throws {
    let (scratch, other) = (try Scratch(), try Scratch())
    try writeLedger(scratch, count: 3)
    do {
      let ledger = try SQLiteLedger(path: other.ledger)
      for number in 10..<20 { try ledger.append([entry(number)]) }
    }
    try other.checkpoint()
    try scratch.checkpoint()
    try scratch.write(try other.bytes("ledger.db"), to: "ledger.db")
    #expect(read(scratch).tamperedAt == 3)
  }

  @Test func `F97: a ledger that was removed is missed`() throws {
    let scratch = try Scratch()
    try writeLedger(scratch, count: 3)
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] { scratch.remove(name) }
    #expect(read(scratch).tamperedAt == 1)
  }

  @Test(arguments: ["", "0", "garbage", "00000000000000000003", "-5 abc", "9999999999999999999999 ff"])
  func `a torn anchor proves nothing and is written anew`(text: String) throws {
    let scratch = try Scratch()
    try writeLedger(scratch, count: 3)
    try scratch.write(Array(text.utf8), to: "ledger.db.head")
    #expect(try read(scratch).get().count == 3)
    let anchor = String(decoding: try scratch.bytes("ledger.db.head"), as: UTF8.self)
    #expect(anchor.hasPrefix("00000000000000000003 "))
  }

  @Test func `an anchor that lags behind, as after a power loss, is no alarm`() throws {
    let scratch = try Scratch()
    try writeLedger(scratch, count: 3)
    let old = try scratch.bytes("ledger.db.head")
    do {
      let ledger = try SQLiteLedger(path: scratch.ledger)
      try ledger.append([entry(3)])
    }
    try scratch.write(old, to: "ledger.db.head")
    #expect(try read(scratch).get().count == 4)
  }

  @Test func `F66: no truncation of the file passes`() throws {
    let scratch = try Scratch()
    let count = 60
    try writeLedger(scratch, count: count)
    try scratch.checkpoint()
    let whole = try scratch.bytes("ledger.db")
    for length in stride(from: 0, to: whole.count, by: 509) {
      try scratch.write(whole[..<length], to: "ledger.db")
      let result = read(scratch)
      #expect(result.failure != nil, "cut to \(length) of \(whole.count) bytes and opened")
      scratch.remove("ledger.db-wal")
      scratch.remove("ledger.db-shm")
    }
  }

  @Test func `F66: a flipped bit is found, or was in bytes that mean nothing`() throws {
    let scratch = try Scratch()
    let entries = (0..<25).map { entry($0) }
    try writeLedger(scratch, count: entries.count)
    try scratch.checkpoint()
    let sound = try scratch.bytes("ledger.db")
    let anchor = try scratch.bytes("ledger.db.head")
    var (found, harmless) = (0, 0)
    var number: UInt64 = 7
    // Every bit of the header and a sample of the rest, always the same one.
    let positions =
      (0..<800).map { $0 }
      + (0..<1600).map { _ -> Int in
        number = number &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(number >> 33) % (sound.count * 8)
      }
    for position in positions {
      var bytes = sound
      bytes[position / 8] ^= 1 << UInt8(position % 8)
      try scratch.write(bytes, to: "ledger.db")
      try scratch.write(anchor, to: "ledger.db.head")
      switch read(scratch) {
      case .failure: found += 1
      case .success(let read):
        harmless += 1
        #expect(read == entries, "bit \(position % 8) of byte \(position / 8) changed what was read")
      }
      scratch.remove("ledger.db-wal")
      scratch.remove("ledger.db-shm")
    }
    print("F66: of \(positions.count) flipped bits \(found) found, \(harmless) without meaning")
    #expect(found > 100)
  }
}

extension TamperTests {
  @Test func `F66: every bit of a record's own bytes is found`() throws {
    let scratch = try Scratch()
    try writeLedger(scratch, count: 2)
    try scratch.checkpoint()
    let sound = try scratch.bytes("ledger.db")
    let anchor = try scratch.bytes("ledger.db.head")
    // Its columns lie one behind the other: text, then the time in 6 bytes or 8, then a hash of 32.
    let record = entry(1)
    let words = Array(
      (record.workload + (record.incident ?? "") + record.kind + record.payload + record.sentence).utf8)
    let start = try #require((0...(sound.count - words.count)).first { Array(sound[$0..<$0 + words.count]) == words })
    for position in (start * 8)..<((start + words.count + 6 + 32) * 8) {
      var bytes = sound
      bytes[position / 8] ^= 1 << UInt8(position % 8)
      try scratch.write(bytes, to: "ledger.db")
      try scratch.write(anchor, to: "ledger.db.head")
      #expect(read(scratch).failure != nil, "bit \(position % 8) of byte \(position / 8)")
      scratch.remove("ledger.db-wal")
      scratch.remove("ledger.db-shm")
    }
  }
}

extension LedgerFailure {
  fileprivate var place: Int64? {
    if case .tampered(let sequence, _) = self { sequence } else { nil }
  }
}
