// Sizes as operators write them: `64KiB`, `256MiB`, `2GiB`. A bare number is refused, and so are `MB` and `M`, which mean one
// thing to some and another to others.

private let units: [(name: String, bytes: Int)] = [
  ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
]

/// `256MiB`: the largest unit that leaves a whole number.
private func written(_ bytes: Int) -> String {
  for unit in units where bytes >= unit.bytes && bytes % unit.bytes == 0 { return "\(bytes / unit.bytes)\(unit.name)" }
  return "\(bytes / 1024)KiB"
}

extension Kind where Value == Int {
  /// A number of bytes with its unit.
  static func size(_ range: ClosedRange<Int>) -> Kind {
    let shown = "\(written(range.lowerBound)) to \(written(range.upperBound))"
    let expected = "a size of \(shown), such as 64MiB or 2GiB"
    return .scalar("size", range: shown, expected: expected, placeholder: range.lowerBound, show: written) {
      (text, _) throws(Mistake) in
      let digits = text.prefix { $0.isASCII && $0.isNumber }
      let name = text.dropFirst(digits.count)
      guard let unit = units.first(where: { $0.name == name }), let number = Int(digits) else {
        throw Mistake("\(quoted(text)) is not a size, expected \(expected)")
      }
      let (bytes, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
      guard !overflow, range.contains(bytes) else {
        throw Mistake("\(quoted(text)) is out of range, expected \(expected)")
      }
      return bytes
    }
  }
}
