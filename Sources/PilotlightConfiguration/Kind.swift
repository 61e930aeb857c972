// Kinds of values: what a key may hold, how it is read from text, how its range and default are printed. A kind never
// shows a value it was told is sensitive.

/// What is wrong with one value.
package struct Mistake: Error {
  var problem: String
  /// nil for the line of the key.
  var line: Int?
  /// `[2]` for an element of a list.
  var place = ""
  init(_ problem: String) { self.problem = problem }
}

/// How a value of one kind is read, described and shown.
package struct Kind<Value: Sendable>: Sendable {
  /// In the reference, e.g. `duration`.
  var name: String
  /// In the reference, e.g. `1s to 5m`; nil when there is none.
  var range: String?
  /// In errors after "expected", e.g. `a duration of 1s to 5m`.
  var expected: String
  /// Stands in for a value that could not be read; never seen outside, since an error goes with it.
  var placeholder: Value
  /// As it would be written in the file.
  var show: @Sendable (Value) -> String
  /// nil when a mistake was handed to the second argument.
  var read: @Sendable (Tree, (Mistake) -> Void) -> Value?

  /// A kind written as one value on one line.
  static func scalar(
    _ name: String, range: String? = nil, expected: String, placeholder: Value,
    show: @escaping @Sendable (Value) -> String = { "\($0)" },
    parse: @escaping @Sendable (_ text: String, _ quoted: Bool) throws(Mistake) -> Value
  ) -> Kind {
    Kind(name: name, range: range, expected: expected, placeholder: placeholder, show: show) { tree, complain in
      guard case .text(let text, let isQuoted) = tree.value else {
        complain(Mistake("\(tree.sayingKind), expected \(expected)"))
        return nil
      }
      do throws(Mistake) {
        return try parse(text, isQuoted)
      } catch {
        complain(error)
        return nil
      }
    }
  }
}

extension Kind where Value == Int {
  /// A whole number, written without quotes.
  package static func integer(_ range: ClosedRange<Int>) -> Kind {
    let shown = "\(range.lowerBound) to \(range.upperBound)"
    let expected = "a whole number from \(shown)"
    return .scalar("integer", range: shown, expected: expected, placeholder: range.lowerBound) {
      (text, isQuoted) throws(Mistake) in
      if isQuoted { throw Mistake("\(quoted(text)) is text in quotes, expected \(expected) without quotes") }
      let digits = text.hasPrefix("-") ? text.dropFirst() : Substring(text)
      guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else {
        throw Mistake("\(quoted(text)) is not a whole number, expected \(expected)")
      }
      guard let number = Int(text), range.contains(number) else {
        throw Mistake("\(quoted(text)) is out of range, expected \(expected)")
      }
      return number
    }
  }
}

extension Kind where Value == Int {
  /// A share in whole percent, written with its sign: `40%`.
  static func percent(_ range: ClosedRange<Int>) -> Kind {
    let expected = "a share of \(range.lowerBound)% to \(range.upperBound)%"
    return .scalar(
      "share", range: "\(range.lowerBound)% to \(range.upperBound)%", expected: expected,
      placeholder: range.upperBound, show: { "\($0)%" }
    ) { (text, _) throws(Mistake) in
      let digits = text.hasSuffix("%") ? text.dropLast() : ""
      guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy(isDigit), let percent = Int(digits),
        range.contains(percent)
      else { throw Mistake("\(quoted(text)) is not a share, expected \(expected)") }
      return percent
    }
  }
}

extension Kind where Value == Bool {
  /// `true` or `false`, written without quotes.
  package static var boolean: Kind {
    .scalar("boolean", range: "true or false", expected: "true or false", placeholder: false) {
      (text, isQuoted) throws(Mistake) in
      if !isQuoted, let value = Bool(text) { return value }
      throw Mistake("\(quoted(text)) is not a boolean, expected true or false")
    }
  }
}

extension Kind where Value: CaseIterable & RawRepresentable, Value.RawValue == String, Value.AllCases == [Value] {
  /// One of the cases of an enum, by raw value.
  package static func choice(_ type: Value.Type, placeholder: Value) -> Kind {
    let names = Value.allCases.map(\.rawValue)
    let shown = names.joined(separator: ", ")
    return .scalar(
      "choice", range: shown, expected: "one of \(shown)", placeholder: placeholder, show: { $0.rawValue }
    ) { (text, _) throws(Mistake) in
      if let value = Value(rawValue: text) { return value }
      let hint = nearest(text, among: names).map { " (did you mean `\($0)`?)" } ?? ""
      throw Mistake("\(quoted(text)) is not a choice\(hint), expected one of \(shown)")
    }
  }
}

extension Kind where Value == String {
  /// Text for which `accept` returns nil, or else says what is wrong with it (without the text itself).
  package static func text(
    _ name: String, range: String? = nil, expected: String, isSensitive: Bool = false,
    accept: @escaping @Sendable (String) -> String?
  ) -> Kind {
    .scalar(name, range: range, expected: expected, placeholder: "") { (text, _) throws(Mistake) in
      guard let problem = accept(text) else { return text }
      throw Mistake("\(isSensitive ? "the value" : quoted(text)) \(problem), expected \(expected)")
    }
  }

  /// Any text of 1 to `maximum` characters without control characters.
  package static func text(maximum: Int) -> Kind {
    .text("text", range: "1 to \(maximum) characters", expected: "text of 1 to \(maximum) characters") {
      lengthProblem($0, maximum)
    }
  }

  /// A name that is unique somewhere, is shown in logs and typed in commands.
  package static var name: Kind {
    let expected = "1 to 64 letters, digits, `-` or `_`"
    return .text("name", range: expected, expected: expected) { text in
      guard (1...64).contains(text.count) else { return "has \(text.count) characters" }
      return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        ? nil : "has other characters"
    }
  }

  /// One of a few fixed words.
  package static func word(_ words: String...) -> Kind { choice(among: words) }

  /// One of some words that are known only at run time.
  package static func choice(among words: [String]) -> Kind {
    let shown = words.joined(separator: ", ")
    return .text("choice", range: shown, expected: "one of \(shown)") { words.contains($0) ? nil : "is not a choice" }
  }

  /// An absolute path of a file. `maximum` in bytes.
  static func path(maximum: Int = 4095) -> Kind {
    .text("path", expected: "an absolute path") { text in
      if !text.hasPrefix("/") { return "does not begin with `/`" }
      if text.hasSuffix("/") { return "is a directory" }
      if text.utf8.count > maximum { return "has \(text.utf8.count) bytes, more than \(maximum)" }
      return lengthProblem(text, maximum)
    }
  }
}

extension Kind {
  /// A list of values of one kind, written `[a, b]` or one `- a` a line. A single value stands for a list of one.
  static func list<Element>(of kind: Kind<Element>, _ count: ClosedRange<Int>) -> Kind where Value == [Element] {
    let shown = "\(count.lowerBound) to \(count.upperBound) items"
    return Kind(
      name: "list of \(kind.name)", range: kind.range.map { "\(shown), each \($0)" } ?? shown,
      expected: "a list of \(shown)", placeholder: [],
      show: { "[\($0.map(kind.show).joined(separator: ", "))]" }
    ) { tree, complain in
      var items: [Tree]
      switch tree.value {
      case .list(let found): items = found
      case .text: items = [tree]
      case .empty, .mapping:
        complain(Mistake("\(tree.sayingKind), expected a list"))
        return nil
      }
      if !count.contains(items.count) {
        complain(Mistake("has \(items.count) items, expected \(shown)"))
        items = []
      }
      return items.enumerated().compactMap { index, item in
        kind.read(item) { mistake in
          var mistake = mistake
          mistake.line = item.line
          mistake.place = "[\(index)]"
          complain(mistake)
        }
      }
    }
  }
}

extension Kind {
  /// A value of another kind, or the word `off` for none.
  static func orOff<Wrapped>(_ kind: Kind<Wrapped>) -> Kind where Value == Wrapped? {
    Kind(
      name: kind.name, range: kind.range.map { "\($0), or off" }, expected: "\(kind.expected), or off",
      placeholder: nil, show: { $0.map(kind.show) ?? "off" }
    ) { tree, complain in
      if case .text("off", quoted: _) = tree.value { return .some(nil) }
      return kind.read(tree, complain).map { .some($0) }
    }
  }
}

/// What is wrong with the length or the characters of free text; nil when nothing is.
func lengthProblem(_ text: String, _ maximum: Int) -> String? {
  if text.isEmpty { return "is empty" }
  if text.count > maximum { return "has \(text.count) characters" }
  return text.unicodeScalars.contains { $0.properties.generalCategory == .control } ? "has control characters" : nil
}

func isAlphanumeric(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }
func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

extension Kind where Value == [String] {
  /// Absolute path of a program, and its arguments.
  static var command: Kind {
    let arguments = Kind.list(of: .text(maximum: 1024), 1...64)
    return Kind(
      name: "command", range: arguments.range, expected: "an absolute path and its arguments", placeholder: [],
      show: arguments.show
    ) { tree, complain in
      guard let found = arguments.read(tree, complain) else { return nil }
      if let program = found.first, !program.hasPrefix("/") {
        complain(Mistake("\(quoted(program)) does not begin with `/`, expected the absolute path of a program first"))
        return nil
      }
      return found
    }
  }
}
