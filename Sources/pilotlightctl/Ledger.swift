// The ledger itself, without the daemon: whether it is whole, and what is in it.

import ArgumentParser
import Glibc
import PilotlightConfiguration
import PilotlightControlAPI
import PilotlightCore
import PilotlightEngine
import PilotlightLedger

struct Ledger: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check and export the ledger's file, with or without a daemon that writes it; nothing is changed.",
    subcommands: [Check.self, Export.self])

  func run() throws { throw Ending.usage("ledger: say check or export") }

  struct File: ParsableArguments {
    @Argument(help: "The ledger's file.") var path: String = DaemonSettings().ledger

    func walk(_ body: (AuditedRow) throws -> Void) throws -> LedgerAudit.Finding {
      do {
        return try LedgerAudit(path: path).walk(body)
      } catch let failure as LedgerFailure {
        switch failure {
        case .tampered, .newer: throw Ending.failed("\(path): \(failure.text)")
        case .cannotWrite(let why), .broken(let why), .damaged(let why):
          throw Ending.failed("\(path): cannot be read as a ledger: \(why)")
        }
      }
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Walk the chain of hashes from the first record to the last.",
      discussion: """
        Prints the hash of the newest record: noted elsewhere, it shows later that nothing before it was changed. Ends in 1 at the \
        first record that was edited, removed or put in, and when the ledger is shorter than FILE.head beside it says. A copy \
        consists of FILE, FILE-wal and FILE.head.
        """)
    @OptionGroup var file: File

    func run() throws {
      var first: LedgerEntry?
      var last: LedgerEntry?
      let finding = try file.walk { row in
        first = first ?? row.entry
        last = row.entry ?? last
      }
      if let fault = finding.fault { throw Ending.failed("\(file.path): \(fault.text)") }
      guard let first, let last else { return print("sound: no record yet\(note(finding))") }
      print(
        "sound: \(finding.rows) records from \(first.at.text) to \(last.at.text), head \(finding.head)\(note(finding))")
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print every record as a line of JSON, oldest first.",
      discussion: """
        Of a damaged ledger everything that can still be read; where the chain does not hold `fault` says why, and the command ends \
        in 1.
        """)
    @OptionGroup var file: File

    func run() throws {
      let finding = try file.walk { row in
        try export(terminalSafe(String(decoding: try ControlJSON.encode(ExportedRow(row)), as: UTF8.self)) + "\n")
      }
      if let fault = finding.fault { throw Ending.failed("\(file.path): \(fault.text)") }
    }
  }
}

private func note(_ finding: LedgerAudit.Finding) -> String {
  finding.isAnchored ? "" : "; no note of its end beside it: whether newer records are missing cannot be told"
}

/// To standard output, and not silently to nowhere: an export is evidence.
private func export(_ text: String) throws {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let written = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    if written < 0, errno == EINTR { continue }
    guard written > 0 else { throw Ending.failed("the export cannot be written: \(String(cString: strerror(errno)))") }
    rest = rest.dropFirst(written)
  }
}

/// One line of an export.
private struct ExportedRow: Encodable {
  var sequence: Int64
  @ExplicitNull var at: Timestamp?
  @ExplicitNull var workload: String?
  @ExplicitNull var incident: String?
  @ExplicitNull var kind: String?
  @ExplicitNull var sentence: String?
  /// The record itself; its bytes as text, when they are no JSON.
  @ExplicitNull var record: JSONValue?
  var hash: String
  @ExplicitNull var fault: String?

  init(_ row: AuditedRow) {
    sequence = row.sequence
    let entry = row.entry
    _at = ExplicitNull(wrappedValue: entry.map { Timestamp(milliseconds: $0.at.nanoseconds / 1_000_000) })
    _workload = ExplicitNull(wrappedValue: entry?.workload)
    _incident = ExplicitNull(wrappedValue: entry?.incident)
    _kind = ExplicitNull(wrappedValue: entry?.kind)
    _sentence = ExplicitNull(wrappedValue: entry?.sentence)
    _record = ExplicitNull(
      wrappedValue: entry.map {
        (try? ControlJSON.decode(JSONValue.self, from: Array($0.payload.utf8))) ?? .string($0.payload)
      })
    hash = row.hash
    _fault = ExplicitNull(wrappedValue: row.fault)
  }
}
