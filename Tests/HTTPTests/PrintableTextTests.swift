import PilotlightHTTP
import Testing

@Suite struct PrintableTextTests {
  @Test(arguments: [
    ("plain text", "plain text"), ("", ""), ("Größe 5 €", "Größe 5 €"), ("a\r\nb", "a\\u{D}\\u{A}b"),
    ("\u{1B}[2J", "\\u{1B}[2J"), ("back\\slash", "back\\\\slash"), ("\u{202E}evil", "\\u{202E}evil"),
    ("\u{2028}", "\\u{2028}"), ("\u{7F}\u{85}", "\\u{7F}\\u{85}"), ("a\u{301}", "a\\u{301}"),
  ])
  func `what is not plainly visible is spelled out`(text: String, expected: String) {
    #expect(printable(text) == expected)
  }

  @Test func `a long text is cut to the limit and says so`() {
    #expect(printable("12345", limit: 5) == "12345")
    #expect(printable("123456", limit: 5) == "1234…")
    #expect(printable("123\u{0}", limit: 5) == "123…")
    #expect(printable(String(repeating: "\u{1}", count: 1000)).unicodeScalars.count <= 200)
    #expect(printable(String(repeating: "e\u{301}", count: 1000)).unicodeScalars.count <= 200)
    #expect(clipped("12345", limit: 5) == "12345")
    #expect(clipped("123456", limit: 5) == "1234…")
  }

  @Test func `any text comes out printable and within the limit`() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
        UInt8.random(in: .min ... .max, using: &generator)
      }
      let text = printable(String(decoding: bytes, as: UTF8.self))
      #expect(text.unicodeScalars.count <= 200)
      #expect(!text.unicodeScalars.contains { $0.value < 32 || (127..<160).contains($0.value) })
    }
  }
}
