// A YAML document reduced to what a configuration is made of: text, lists and mappings, each with its line. Everything
// YAML has beyond that (tags, documents, merge keys, aliases) is resolved or refused on the way here.

/// One value of the document.
struct Tree {
  /// Line of the value itself, 1 for the first.
  var line: Int
  var value: Value

  enum Value {
    /// `key:` with nothing behind it, `~` or `null`.
    case empty
    /// Any scalar; `quoted` when it was written in quotes or as a block.
    case text(String, quoted: Bool)
    case list([Tree])
    case mapping([Entry])
  }

  /// One `key: value`.
  struct Entry {
    var key: String
    /// Line of the key.
    var line: Int
    var tree: Tree
  }

  /// What the value is, as the beginning of an error.
  var sayingKind: String {
    switch value {
    case .empty: "has no value"
    case .text: "is a single value"
    case .list: "is a list"
    case .mapping: "is a mapping"
    }
  }

  var isEmpty: Bool { if case .empty = value { true } else { false } }
}
