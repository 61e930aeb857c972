// Records as JSON text: readable with `sqlite3`, stable because enum cases and labels are the schema.

import FoundationEssentials
package import PilotlightCore
import PilotlightEngine

/// Encodes records with sorted keys, so that the same record always has the same bytes.
package struct JSONRecordCodec: RecordCodec {
  package init() {}

  package func encode(_ record: Record) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(record), as: UTF8.self)
    } catch {
      // Records hold integers, strings and finite numbers only; anything else is a fault of ours.
      fatalError("a record cannot be written as JSON: \(error)")
    }
  }

  package func decode(_ text: String) throws -> Record {
    do {
      return try JSONDecoder().decode(Record.self, from: Data(text.utf8))
    } catch {
      throw UnknownRecord(beginning: String(text.prefix(60)))
    }
  }
}

/// The ledger's chain holds, so it was written like that: by a version that knows more kinds of records than this one, or other fields.
package struct UnknownRecord: Error, Hashable, Sendable, CustomStringConvertible {
  package var beginning: String

  package var description: String {
    "the ledger has a record that this version does not understand (\(beginning)…), so a newer one has written it: start that one again"
  }
}
