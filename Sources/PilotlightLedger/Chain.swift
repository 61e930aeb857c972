// The chain of hashes: each row's hash covers the row and the hash before it.

import PilotlightCore
import PilotlightCrypto
import PilotlightEngine

enum Chain {
  struct Head: Equatable {
    var count: Int64
    var hash: [UInt8]
    static let genesis = Head(count: 0, hash: SHA256.digest(Array("pilotlight ledger 1".utf8)))
  }

  /// Every field is preceded by its length, so that no two rows have the same bytes.
  static func extend(_ head: Head, with entry: LedgerEntry) -> Head {
    var bytes = head.hash
    func add(_ field: String?) {
      guard let field else {
        bytes.append(0)
        return
      }
      bytes.append(1)
      withUnsafeBytes(of: Int64(field.utf8.count).bigEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: field.utf8)
    }
    add(entry.workload)
    add(entry.incident)
    add(entry.kind)
    add(entry.payload)
    add(entry.sentence)
    withUnsafeBytes(of: entry.at.nanoseconds.bigEndian) { bytes.append(contentsOf: $0) }
    return Head(count: head.count + 1, hash: SHA256.digest(bytes))
  }
}
