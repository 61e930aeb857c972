import Foundation
import PilotlightConfiguration
import Testing

/// Broken input of every kind: the answer is a configuration or errors with a line, never a crash, never a hang.
/// The time limit is far above what a loaded machine needs, and far below what quadratic or exponential work would take.
@Suite(.timeLimit(.minutes(3))) struct HostileTests {
  /// Asserts what holds for any text whatever, and returns true when it was accepted.
  @discardableResult
  private func judge(_ text: String, _ what: @autoclosure () -> String) -> Bool {
    switch Configuration.parse(text, file: "f.yaml") {
    case .success(let configuration):
      #expect(!configuration.workloads.isEmpty, "\(what())")
      return true
    case .failure(let failure):
      // Bytes beyond ASCII may be line breaks of other scripts.
      let lines = text.utf8.count { $0 == 10 || $0 == 13 || $0 > 127 } + 1
      #expect(!failure.errors.isEmpty, "\(what())")
      #expect(failure.errors.map(\.line) == failure.errors.map(\.line).sorted(), "\(what())")
      for error in failure.errors {
        #expect((1...lines).contains(error.line), "\(what()): \(error)")
        #expect(!error.problem.isEmpty, "\(what())")
        let shown = error.description
        #expect(!shown.unicodeScalars.contains { $0.properties.generalCategory == .control }, "\(what()): \(shown)")
      }
      return false
    }
  }

  @Test func `the example cut off at any line is a configuration or an error with a line`() throws {
    let lines = try Files.text(Files.example).split(separator: "\n", omittingEmptySubsequences: false)
    var accepted = 0
    for count in 0..<lines.count {
      if judge(lines.prefix(count).joined(separator: "\n"), "cut before line \(count + 1)") { accepted += 1 }
    }
    // Only what lies behind `traffic` may be missing.
    #expect((1..<150).contains(accepted))
  }

  @Test func `the example without any one line, or with one twice, is judged`() throws {
    let lines = try Files.text(Files.demo).split(separator: "\n", omittingEmptySubsequences: false)
    for index in lines.indices {
      var fewer = lines
      fewer.remove(at: index)
      judge(fewer.joined(separator: "\n"), "without line \(index + 1)")
      var more = lines
      more.insert(lines[index], at: index)
      let isComment = lines[index].hasPrefix("#") || lines[index].isEmpty
      let accepted = judge(more.joined(separator: "\n"), "line \(index + 1) twice")
      #expect(accepted == isComment, "line \(index + 1) twice: \(lines[index])")
    }
  }

  @Test func `each value of the example replaced by nonsense is an error at its line`() throws {
    let lines = try Files.text(Files.demo).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let nonsense = [
      "-1", "\"\"", "!!binary aGk=", "[]", "{}", "[[[]]]", "\"\\u0000\"", "{a: {b: [c]}}", "\u{1F525}\u{1F525}",
      "* * *", "99999999999999999999999999", "2026-11-23", "0x10", "\"line\\nbreak\"",
    ]
    for (index, line) in lines.enumerated() where !line.hasPrefix("#") {
      guard let colon = line.range(of: ": ") else { continue }
      for text in nonsense {
        var mutated = lines
        mutated[index] = line[..<colon.upperBound] + text
        let key = line[..<colon.lowerBound].trimmingCharacters(in: [" ", "-"])
        let isFree = ["id", "name", "key", "bucket"].contains(key)
        let accepted = judge(mutated.joined(separator: "\n"), "\(mutated[index])")
        if !isFree { #expect(!accepted, "accepted: \(mutated[index])") }
      }
    }
  }

  @Test(arguments: 0..<20) func `random damage to the example is survived`(_ seed: UInt64) throws {
    var dice = SplitMix(state: seed)
    let original = Array(try Files.text(Files.demo).unicodeScalars)
    let pieces = Array(
      ":-#*&!?|>%@`'\"[]{},\t\n\r \u{0}\u{7}\u{85}\u{FEFF}\u{2028}\u{E000}\u{1F525}~<=.0aZ".unicodeScalars)
    for round in 0..<40 {
      var scalars = original
      for _ in 0..<Int.random(in: 1...8, using: &dice) {
        let at = Int.random(in: 0..<scalars.count, using: &dice)
        let end = min(scalars.count, at + Int.random(in: 1...30, using: &dice))
        switch Int.random(in: 0..<5, using: &dice) {
        case 0: scalars[at] = pieces.randomElement(using: &dice) ?? "x"
        case 1: scalars.insert(pieces.randomElement(using: &dice) ?? "x", at: at)
        case 2: scalars.removeSubrange(at..<end)
        case 3: scalars.insert(contentsOf: Array(scalars[at..<end]), at: Int.random(in: 0..<at + 1, using: &dice))
        default: scalars.swapAt(at, Int.random(in: 0..<scalars.count, using: &dice))
        }
        if scalars.isEmpty { scalars = ["x"] }
      }
      var text = String.UnicodeScalarView()
      text.append(contentsOf: scalars)
      judge(String(text), "seed \(seed), round \(round)")
    }
  }

  /// A megabyte of each, in the time of a test: nothing here may take quadratic time or the whole stack.
  @Test(arguments: [
    "[", "{", "- ", "? ", "a: ", "&a ", "*a ", "!a ", "\"", "'", "|\n", "#", "\n", "\t", ",", "%", "---\n", "[a]: ",
    "{a: ", "[*a, ", "a: 1\n", "- a\n", "\u{FEFF}", "\r", "\u{E000}", "<<: *a\n", "&a [*a, *a]\n", "- - ", "x", "\\",
  ])
  func `a megabyte of one thing is refused in bounded time`(_ piece: String) {
    let text = String(repeating: piece, count: (1 << 20) / piece.utf8.count)
    #expect(!judge(text, "repeated \(piece)"))
    judge("workloads:\n  - name: " + text.prefix(1 << 19), "repeated \(piece) as a name")
  }

  @Test(arguments: [
    "? *a9\n: 1", "{[*a9]: 1}: 2", "{ [*a9] :1}: 2", "*a9 : 1", "{*a9 : 1}", "- ? [x, *a9]\n  : 1",
    "{x: \" # \", [*a9]: 1}", "[\" {\", *a9]: 1",
  ])
  func `a key made of aliases of aliases is refused before it is hashed`(_ key: String) {
    let bomb = (1...9).reduce("a0: &a0 [lol, lol]\n") { text, number in
      text + "a\(number): &a\(number) [" + Array(repeating: "*a\(number - 1)", count: 9).joined(separator: ", ") + "]\n"
    }
    let printed = Configuration.parse(bomb + key, file: "f").printed
    #expect(printed == "f:11: an alias, a list or a mapping as a key, expected plain text")
  }

  @Test func `half a megabyte of brackets that do not match is refused in bounded time`() {
    let half = 1 << 18
    let text = "a: &a [*a]\n" + String(repeating: "[", count: half) + String(repeating: "}", count: half)
    #expect(!judge(text, "brackets"))
  }

  @Test func `a megabyte of different keys is refused in bounded time`() {
    let text = (0..<90_000).map { "k\($0): 1\n" }.joined()
    guard case .failure(let failure) = Configuration.parse(text, file: "f") else {
      Issue.record("accepted")
      return
    }
    #expect(failure.errors.count < 50)
    #expect(failure.description.contains("more unknown keys"))
  }

  @Test func `a file beyond a megabyte is refused by its size`() {
    let text = minimal + "\n" + String(repeating: "# more\n", count: 160_000)
    #expect(Configuration.parse(text, file: "f").printed.contains("expected at most 1048576"))
  }

  @Test func `text of the file is shown on one line, escaped and cut`() {
    let text = minimal.replacing("eu-west-1", with: "\"a\\n\\e[31m\\u202e\(String(repeating: "z", count: 200))\"")
    let printed = Configuration.parse(text, file: "f").printed
    #expect(printed.contains("`a\\u{a}\\u{1b}[31m\\u{202e}z"))
    #expect(printed.split(separator: "\n").count == 1)
    #expect(!printed.contains(String(repeating: "z", count: 100)))
  }

  @Test func `what may be secret is not repeated in errors`() {
    let text = minimal.replacing(
      "alb: {url: \"https://a.example.com/\"}",
      with: "alb: {url: \"https://me:hunter2@a.example.com/\", headers: [\"Authorization Bearer hunter2\"]}")
    let printed = Configuration.parse("daemon: {aws: {role: {arn: x, externalId: \"hunter2 !\"}}}\n" + text, file: "f")
      .printed
    #expect(printed.split(separator: "\n").count == 4)
    #expect(!printed.contains("hunter2"))
  }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
