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
      guard access(path, R_OK) == 0 else { throw Ending.failed("\(path): \(String(cString: strerror(errno)))") }
      do {
        return try LedgerAudit(path: path).walk(body)
      } catch let failure as LedgerFailure {
        throw Ending.failed("\(path): \(failure.text)")
      }
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Walk the chain of hashes from the first record to the last.",
      discussion: """
        Prints the hash of the newest record: noted elsewhere, it shows later that nothing before it was changed. Ends in 1 at the \
        first record that was edited, removed or put in, and when the file is shorter than it was.
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
      guard let first, let last else { return print("sound: no record yet") }
      print("sound: \(finding.rows) records from \(first.at.text) to \(last.at.text), head \(finding.head)")
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
      let finding = try file.walk { print(String(decoding: try ControlJSON.encode(ExportedRow($0)), as: UTF8.self)) }
      if let fault = finding.fault { throw Ending.failed("\(file.path): \(fault.text)") }
    }
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
