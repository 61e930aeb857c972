import Foundation
import PilotlightControlAPI
import Testing

@Suite struct TimestampTests {
  @Test(arguments: [
    (0.0, "1970-01-01T00:00:00.000Z"), (-0.001, "1969-12-31T23:59:59.999Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
    (1_772_334_724.25, "2026-03-01T03:12:04.250Z"), (4_107_542_399.999, "2100-02-28T23:59:59.999Z"),
    (4_107_542_400, "2100-03-01T00:00:00.000Z"), (.infinity, "9999-12-31T23:59:59.999Z"),
    (-.infinity, "0001-01-01T00:00:00.000Z"), (.nan, "1970-01-01T00:00:00.000Z"),
  ])
  func `seconds become ISO-8601 with milliseconds`(_ seconds: Double, _ text: String) {
    #expect(Timestamp(unixSeconds: seconds).description == text)
    #expect(Timestamp(text)?.description == text)
  }

  @Test func `Foundation agrees on ten thousand moments`() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<10_000 {
      let milliseconds = Int64.random(in: -62_135_596_800_000...253_402_300_799_999, using: &random)
      let ours = Timestamp(milliseconds: milliseconds)
      #expect(Timestamp(ours.description) == ours)
      // ISO8601FormatStyle is proleptic Gregorian as well; from 1583 on there is nothing to argue about.
      guard milliseconds > -12_212_553_600_000 else { continue }
      let date = Date(timeIntervalSince1970: Double(milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0)))
      let expected = date.formatted(.iso8601)
      #expect(ours.description.prefix(19) == expected.prefix(19), "\(milliseconds)")
    }
  }

  @Test(arguments: [
    "", "2026-03-01", "2026-03-01T03:12:04", "2026-03-01T03:12:04+00:00", "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01 00:00:00Z",
    "2026-01-01T00:00:00.-1Z", "+026-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
  ])
  func `what is no such time is refused`(_ text: String) { #expect(Timestamp(text) == nil) }

  @Test func `a fraction of any length is read as milliseconds`() {
    #expect(Timestamp("1970-01-01T00:00:01Z")?.milliseconds == 1000)
    #expect(Timestamp("1970-01-01T00:00:01.5Z")?.milliseconds == 1500)
    #expect(Timestamp("1970-01-01T00:00:01.123456789Z")?.milliseconds == 1123)
  }
}
