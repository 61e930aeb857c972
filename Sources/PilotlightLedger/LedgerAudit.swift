// A ledger as somebody reads it who doubts it: without writing to it, beside the daemon that does, and a damaged one as far as it goes.

import FoundationEssentials
import Glibc
import GRDB
import PilotlightCore
import PilotlightCrypto
package import PilotlightEngine

/// One row as it was found.
package struct AuditedRow: Sendable {
  /// Its number; of one that cannot be read, the one it should have.
  package let sequence: Int64
  /// The number it should have.
  package let place: Int64
  /// nil when it cannot be read.
  package let entry: LedgerEntry?
  /// Empty when it cannot be read.
  let digest: [UInt8]
  /// Why the chain does not hold here; nil when it does.
  package let fault: String?

  /// Hexadecimal; empty when it cannot be read.
  package var hash: String { hexString(digest) }
}

/// A ledger that is only read.
package final class LedgerAudit {
  /// What a walk through the whole chain came to.
  package struct Finding: Equatable, Sendable {
    package var rows: Int64 = 0
    /// Hexadecimal, of the newest record: to be compared with a note of it elsewhere.
    package var head = ""
    /// A note of where the ledger ended stands beside it: without one, nobody can tell whether newer records are missing.
    package var isAnchored = false
    /// The first that does not hold; nil when all do.
    package var fault: LedgerFailure?
  }

  private let database: DatabaseQueue
  private let path: String

  /// - Parameter path: an existing ledger; it may be another process's.
  package init(path: String) throws(LedgerFailure) {
    guard access(path, R_OK) == 0 else { throw .cannotWrite(String(cString: strerror(errno))) }
    var configuration = Configuration()
    configuration.label = "audit"
    configuration.readonly = true
    configuration.busyMode = .timeout(2)
    let opened = try translating { try DatabaseQueue(path: path, configuration: configuration) }
    let found = try translating { try opened.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 } }
    if found > SQLiteLedger.version { throw .newer(found: found, known: SQLiteLedger.version) }
    if found < 1 { throw .damaged("it is a database, and not a ledger") }
    database = opened
    self.path = path
  }

  /// Walks the whole chain, damaged rows included, and compares its end with the anchor beside it.
  package func walk(_ body: (AuditedRow) throws -> Void) throws -> Finding {
    // Read first: while the daemon writes, the anchor may only be behind.
    let anchor = Anchor.read(path + ".head")
    var finding = Finding()
    finding.isAnchored = anchor != nil
    var named: String?
    try SQLiteLedger.walk(database) { row in
      finding.rows += 1
      finding.head = row.hash
      if row.sequence == anchor?.count { named = row.hash }
      if finding.fault == nil, let why = row.fault { finding.fault = .tampered(sequence: row.place, why) }
      try body(row)
      return true
    }
    if finding.fault == nil, let anchor {
      finding.fault = anchor.fault(endsAt: finding.rows, named: named)
    }
    return finding
  }
}
