// A directory for one test, entries to put into a ledger, and copies of a ledger's files as a crash would leave them.

import Foundation
import PilotlightCore
import PilotlightEngine
import PilotlightLedger

/// A directory that is gone with its last user.
final class Scratch: Sendable {
  let directory: URL
  var ledger: String { path("ledger.db") }

  init() throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("pilotlight-ledger-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func path(_ name: String) -> String { directory.appendingPathComponent(name).path }
  func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path(name)))) }
  func write(_ bytes: some Collection<UInt8>, to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
  }
  func remove(_ name: String) { try? FileManager.default.removeItem(atPath: path(name)) }

  /// Changes the closed ledger behind its back, as somebody with the sqlite3 command would.
  func tamper(_ sql: String) throws { try run("sqlite3", ledger, sql) }

  /// Puts everything into the main file and removes the write-ahead log.
  func checkpoint() throws { try run("sqlite3", ledger, "PRAGMA journal_mode = DELETE;") }

  func run(_ command: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CommandFailed(text: text) }
  }
}

struct CommandFailed: Error { let text: String }

/// The `number`th entry of a story: distinct, with text of every kind.
func entry(_ number: Int, workload: String = "django-app", incident: String? = nil) -> LedgerEntry {
  LedgerEntry(
    workload: workload, incident: incident ?? (number % 3 == 0 ? nil : "20261123T173515-\(workload)"),
    kind: "stepIntent", payload: "{\"number\":\(number)}", sentence: "number \(number): naïve ✓ 'quoted' \n line",
    at: Instant(nanoseconds: Int64(number) * 1_000_000_007))
}

/// A closed ledger of `count` entries, one transaction each.
func writeLedger(_ scratch: Scratch, count: Int) throws {
  let ledger = try SQLiteLedger(path: scratch.ledger)
  for number in 0..<count { try ledger.append([entry(number)]) }
}

/// What opening the ledger and reading it gives: the failure, or the entries of the workload.
func read(_ scratch: Scratch) -> Result<[LedgerEntry], LedgerFailure> {
  do throws(LedgerFailure) {
    let ledger = try SQLiteLedger(path: scratch.ledger)
    return .success(try ledger.entries(workload: "django-app"))
  } catch {
    return .failure(error)
  }
}

extension Result where Failure == LedgerFailure {
  var failure: LedgerFailure? {
    if case .failure(let failure) = self { failure } else { nil }
  }
  var tamperedAt: Int64? {
    if case .failure(.tampered(let sequence, _)) = self { sequence } else { nil }
  }
}
