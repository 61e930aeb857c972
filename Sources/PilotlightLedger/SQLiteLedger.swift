// The ledger: one SQLite file, WAL, synchronous=FULL, so that a commit that returned survives power loss. Rows are chained by
// SHA-256: an edited, removed or reordered row breaks the chain, and a small file beside it (the anchor) remembers how long the
// chain was, so that a truncated or rolled-back ledger is noticed too.
//
// The log's room is set aside at the start, so that a disk which others fill takes the records of a bad night all the same. A disk that
// is full beyond that, or a read-only file, refuses an append and may take the next one. An I/O error, a failed fsync among them, leaves the
// state of the file unknown: nothing is written to it again by this process, whatever a later call might report.

import CSQLite
import FoundationEssentials
import Glibc
import GRDB
import PilotlightCore
package import PilotlightEngine

/// One row, for the operator's history.
package struct LedgerRow: Equatable, Sendable {
  package let sequence: Int64
  package let entry: LedgerEntry
}

/// The durable, chained record of everything the daemon decided and did.
package final class SQLiteLedger: LedgerStore {
  /// Format of the file (`user_version`).
  package static let version = 1

  private let database: DatabaseQueue
  private let lock: LockFile
  private let anchor: Anchor
  private var head: Chain.Head
  private var broken: LedgerFailure?
  /// Entries since the log was last folded into the database.
  private var unfolded = 0
  /// A log of this many entries is about a megabyte: small enough to read at a start, large enough to fold rarely.
  private static let foldAfter = 500
  /// Bytes of the log that are set aside. It holds a megabyte between two folds; on a full disk, where nothing can be folded, an
  /// append of one entry takes three of its frames, 12 kB: the rest holds more than a thousand, a failover writes some hundred.
  private static let room: Int64 = 16 << 20

  /// Number of entries.
  package var count: Int64 { head.count }

  /// Opens or creates the ledger and verifies the whole chain.
  ///
  /// - Parameter path: file in an existing directory; created with mode 0600.
  package init(path: String) throws(LedgerFailure) {
    lock = try LockFile(path: path + ".lock")
    try SQLiteLedger.createPrivately(path)
    database = try translating { try DatabaseQueue(path: path, configuration: SQLiteLedger.configuration) }
    try SQLiteLedger.migrate(database)
    anchor = try Anchor(path: path + ".head")
    head = try SQLiteLedger.verify(database)
    try anchor.check(head, in: database)
    anchor.write(head)
    setAside(SQLiteLedger.room, for: path + "-wal")
    try fold()
  }

  private static var configuration: Configuration {
    var configuration = Configuration()
    configuration.label = "ledger"
    configuration.busyMode = .timeout(2)
    configuration.prepareDatabase { db in
      let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
      try db.execute(sql: "PRAGMA synchronous = FULL")
      // SQLite's own checkpoints swallow a failed fsync and repeat it later, when it may "succeed" without the data (F64). Ours,
      // in `fold`, does not; and closing makes none.
      try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
      let closing = pl_no_checkpoint_on_close(db.sqliteConnection)
      let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
      guard mode == "wal", synchronous == 2, closing == SQLITE_OK else {
        throw DatabaseError(resultCode: .SQLITE_IOERR, message: "cannot switch to WAL with synchronous=FULL")
      }
    }
    return configuration
  }

  /// SQLite would create the file with the umask's mode; the ledger is for its owner alone.
  private static func createPrivately(_ path: String) throws(LedgerFailure) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .cannotWrite("\(path): \(String(cString: strerror(errno)))") }
    close(descriptor)
  }

  private static func migrate(_ database: DatabaseQueue) throws(LedgerFailure) {
    let found = try translating { try database.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 } }
    if found > version { throw .newer(found: found, known: version) }
    if found == version { return }
    try translating {
      try database.write { db in
        try db.execute(
          sql: """
            CREATE TABLE entries (
              sequence INTEGER PRIMARY KEY AUTOINCREMENT, workload TEXT NOT NULL, incident TEXT, kind TEXT NOT NULL,
              payload TEXT NOT NULL, sentence TEXT NOT NULL, at INTEGER NOT NULL, hash BLOB NOT NULL
            ) STRICT;
            CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
            PRAGMA user_version = \(version);
            """)
      }
    }
  }

  // MARK: Appending

  package func append(_ entries: [LedgerEntry]) throws(LedgerFailure) {
    var next = head
    try write { db in
      for entry in entries.map(\.storable) {
        let sequence = next.count + 1
        next = Chain.extend(next, with: entry)
        try db.execute(
          sql: "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
          arguments: [
            sequence, entry.workload, entry.incident, entry.kind, entry.payload, entry.sentence, entry.at.nanoseconds,
            Data(next.hash),
          ])
      }
    }
    head = next
    anchor.write(head)
    unfolded += entries.count
    // These entries are durable already, whatever becomes of the folding: it speaks at the next append.
    if unfolded >= SQLiteLedger.foldAfter { try? fold() }
  }

  /// One transaction; an I/O error in it is the last thing this file hears from this process.
  private func write(_ body: (Database) throws -> Void) throws(LedgerFailure) {
    try touching { try database.write(body) }
  }

  private func touching(_ body: () throws -> Void) throws(LedgerFailure) {
    if let broken { throw broken }
    do throws(LedgerFailure) {
      try translating {
        errno = 0
        do {
          try body()
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_IOERR_WRITE {
          // The file system has become read-only, or a quota is used up: the write never began. SQLite knows a full disk alone, and keeps
          // no errno of a commit (sqlite3_system_errno); its thread, which is this one, does.
          guard errno == EROFS || errno == EDQUOT else { throw error }
          throw LedgerFailure.cannotWrite("\(error.message ?? "") (\(String(cString: strerror(errno))))")
        }
      }
    } catch {
      switch error {
      case .broken, .damaged: broken = error
      case .cannotWrite, .tampered, .newer: break
      }
      throw error
    }
  }

  /// Copies the log into the database, fsyncs it, and lets the log begin anew. An I/O error breaks the ledger and keeps the log.
  private func fold() throws(LedgerFailure) {
    unfolded = 0
    do throws(LedgerFailure) {
      try touching { _ = try database.writeWithoutTransaction { try $0.checkpoint(.passive) } }
    } catch {
      // A full or read-only disk only makes the log grow.
      if error.isFinal { throw error }
    }
  }

  // MARK: Reading

  package func entries(workload: String) throws(LedgerFailure) -> [LedgerEntry] {
    try rows("WHERE workload = ? ORDER BY sequence", [workload]).map(\.entry)
  }

  package func workloads() throws(LedgerFailure) -> [String] {
    try translating {
      try database.read { db in
        try String.fetchAll(db, sql: "SELECT DISTINCT workload FROM entries WHERE workload != '' ORDER BY workload")
      }
    }
  }

  /// The newest rows, oldest of them first.
  ///
  /// - Parameter limit: 1...10,000.
  package func history(workload: String?, incident: String?, limit: Int) throws(LedgerFailure) -> [LedgerRow] {
    var conditions: [String] = []
    var arguments: [(any DatabaseValueConvertible)?] = []
    if let workload {
      conditions.append("workload = ?")
      arguments.append(workload)
    }
    if let incident {
      conditions.append("incident = ?")
      arguments.append(incident)
    }
    arguments.append(min(max(limit, 1), 10_000))
    let filter = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
    return try rows("\(filter) ORDER BY sequence DESC LIMIT ?", arguments).reversed()
  }

  /// The incident that was written of last; nil when there was none.
  package func newestIncident(of workload: String) throws(LedgerFailure) -> String? {
    try rows("WHERE workload = ? AND incident IS NOT NULL ORDER BY sequence DESC LIMIT 1", [workload]).first?.entry
      .incident
  }

  private func rows(
    _ tail: String, _ arguments: [(any DatabaseValueConvertible)?]
  ) throws(LedgerFailure) -> [LedgerRow] {
    try translating {
      try database.read { db in
        try Row.fetchAll(db, sql: "SELECT * FROM entries \(tail)", arguments: StatementArguments(arguments))
          .map { try LedgerRow($0) }
      }
    }
  }

  /// Walks the whole chain.
  ///
  /// - Returns: the number of entries.
  @discardableResult
  package func verify() throws(LedgerFailure) -> Int64 {
    let found = try SQLiteLedger.verify(database)
    guard found == head else {
      throw .tampered(sequence: found.count, "the file does not end where this process last wrote")
    }
    return found.count
  }

  private static func verify(_ database: DatabaseQueue) throws(LedgerFailure) -> Chain.Head {
    var bad: (sequence: Int64, why: String)?
    let head = try translating {
      try walk(database) { row in
        bad = row.fault.map { (row.place, $0) }
        return bad == nil
      }
    }
    if let bad { throw .tampered(sequence: bad.sequence, bad.why) }
    return head
  }

  /// Row after row, each against the one before it as it stands there.
  ///
  /// - Parameter body: returns whether to go on.
  @discardableResult
  static func walk(_ database: DatabaseQueue, _ body: (AuditedRow) throws -> Bool) throws -> Chain.Head {
    var head = Chain.Head.genesis
    try database.read { db in
      let cursor = try Row.fetchCursor(db, sql: "SELECT * FROM entries ORDER BY sequence")
      while let row = try cursor.next() {
        let stored = try? row.decode(Data.self, forColumn: "hash")
        guard let found = try? LedgerRow(row), let hash = stored else {
          head = Chain.Head(count: head.count + 1, hash: stored.map { Array($0) } ?? head.hash)
          let unreadable = AuditedRow(
            sequence: head.count, place: head.count, entry: nil, digest: stored.map { Array($0) } ?? [],
            fault: "it cannot be read")
          guard try body(unreadable) else { return }
          continue
        }
        let expected = Chain.extend(head, with: found.entry)
        var fault: String?
        if found.sequence != expected.count {
          fault = "record \(expected.count) is missing"
        } else if !hash.elementsEqual(expected.hash) {
          fault = "its hash does not match its content"
        }
        head = Chain.Head(count: found.sequence, hash: Array(hash))
        let audited = AuditedRow(
          sequence: found.sequence, place: expected.count, entry: found.entry, digest: head.hash, fault: fault)
        guard try body(audited) else { return }
      }
    }
    return head
  }

  // MARK: Facts

  /// A small fact about the daemon itself, such as its time line; nil when never set.
  package func fact(_ key: String) throws(LedgerFailure) -> String? {
    try translating {
      try database.read { try String.fetchOne($0, sql: "SELECT value FROM facts WHERE key = ?", arguments: [key]) }
    }
  }

  package func setFact(_ key: String, _ value: String) throws(LedgerFailure) {
    try write {
      try $0.execute(
        sql: "INSERT INTO facts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        arguments: [key, value])
    }
  }
}

extension LedgerRow {
  /// Throws where `row[...]` would end the process: a damaged file can hold values of any type.
  init(_ row: Row) throws {
    sequence = try row.decode(forColumn: "sequence")
    entry = LedgerEntry(
      workload: try row.decode(forColumn: "workload"), incident: try row.decode(forColumn: "incident"),
      kind: try row.decode(forColumn: "kind"), payload: try row.decode(forColumn: "payload"),
      sentence: try row.decode(forColumn: "sentence"),
      at: Instant(nanoseconds: try row.decode(forColumn: "at")))
  }
}

extension LedgerEntry {
  /// SQLite's text ends at the first NUL. One in an operator's words would be hashed and not stored, and break the chain.
  fileprivate var storable: LedgerEntry {
    func visible(_ text: String) -> String {
      text.utf8.contains(0) ? text.replacing("\0", with: "\u{2400}") : text
    }
    var entry = self
    entry.workload = visible(workload)
    entry.incident = incident.map(visible)
    entry.kind = visible(kind)
    entry.payload = visible(payload)
    entry.sentence = visible(sentence)
    return entry
  }
}

/// Runs GRDB code and turns what it throws into ours.
func translating<Value>(_ body: () throws -> Value) throws(LedgerFailure) -> Value {
  do {
    return try body()
  } catch {
    throw LedgerFailure(error)
  }
}

extension LedgerFailure {
  /// SQLite's result codes (https://www.sqlite.org/rescode.html) by what they leave behind.
  init(_ error: any Error) {
    if let failure = error as? LedgerFailure {
      self = failure
      return
    }
    guard let error = error as? DatabaseError else {
      self = .broken("\(error)")
      return
    }
    let text = "\(error.message ?? "") (\(error.extendedResultCode))"
    // No room for the shared-memory index: nothing of the ledger itself was touched.
    if error.extendedResultCode == .SQLITE_IOERR_SHMSIZE {
      self = .cannotWrite(text)
      return
    }
    switch error.resultCode {
    case .SQLITE_FULL, .SQLITE_READONLY, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_CANTOPEN, .SQLITE_PERM:
      self = .cannotWrite(text)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_ERROR: self = .damaged(text)
    default: self = .broken(text)
    }
  }
}
