// Text that came from the network, made fit for a log line, a terminal and a JSON page. A health endpoint may be hostile: it
// must not be able to forge a second line, move the cursor, turn the direction of the text or fill the disk.

/// `text` on one line: whatever is not plainly visible becomes `\u{HEX}`, a backslash is doubled.
///
/// - Parameter limit: Unicode scalars of the result at most, 1...; a longer text is cut and ends in `…`.
package func printable(_ text: some StringProtocol, limit: Int = 200) -> String {
  var shown = String.UnicodeScalarView()
  // Where the result is cut should it grow too long: after the last whole piece that leaves room for the ellipsis.
  var cut = shown.startIndex
  for scalar in text.unicodeScalars {
    shown.append(contentsOf: piece(for: scalar))
    let count = shown.count
    if count > limit {
      shown.removeSubrange(cut...)
      return String(shown) + "…"
    }
    if count < limit { cut = shown.endIndex }
  }
  return String(shown)
}

private func piece(for scalar: Unicode.Scalar) -> String.UnicodeScalarView {
  if scalar == "\\" { return "\\\\".unicodeScalars }
  return isVisible(scalar)
    ? String(scalar).unicodeScalars : "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars
}

/// Plain space counts; every other blank, control, format (direction, zero width) and unassigned character does not.
private func isVisible(_ scalar: Unicode.Scalar) -> Bool {
  if scalar.isASCII { return (0x20...0x7E).contains(scalar.value) }
  switch scalar.properties.generalCategory {
  case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator,
    .nonspacingMark, .enclosingMark:
    return false
  default: return true
  }
}

/// `text`, which is printable already, cut to `limit` Unicode scalars; a longer one ends in `…`.
package func clipped(_ text: String, limit: Int = 200) -> String {
  guard text.unicodeScalars.count > limit else { return text }
  return String(text.unicodeScalars.prefix(limit - 1)) + "…"
}
