// The configuration: anything at all comes in, settings or errors with a place come out.

import PilotlightConfiguration

func readConfiguration(_ bytes: [UInt8]) -> String? {
  let text = String(decoding: bytes, as: UTF8.self)
  switch Configuration.parse(text, file: "fuzz.yaml") {
  case .success: return nil
  case .failure(let errors):
    guard !errors.errors.isEmpty else { return "refused without a reason" }
    for line in errors.errors.map(\.description) {
      if !line.hasPrefix("fuzz.yaml:") { return "an error without its place: \(line)" }
      if line.unicodeScalars.contains(where: { $0.value < 32 }) { return "an error that is not one line: \(line)" }
    }
    return nil
  }
}
