// The engine copies a whole guard before each turn, to throw the copy away when the ledger refuses. What never changes is shared by
// the copies instead of being copied.

/// A constant that many values hold together.
final class Shared<Value: Sendable>: Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
