// Observations as they were recorded, one JSON object a line: a detector takes them in any order.

import FoundationEssentials
import PilotlightCore
import PilotlightSimulation

func readObservations(_ bytes: [UInt8]) -> String? {
  var detector: Detector?
  for line in bytes.split(separator: UInt8(ascii: "\n")) {
    guard let seen = try? JSONDecoder().decode(Observation.self, from: Data(line)) else { continue }
    // A probe has a deadline; a `Duration` of more than 2^63 s traps in the standard library's own arithmetic.
    guard seen.took >= .zero, seen.took <= .hours(24) else { continue }
    var looking = detector ?? Detector(.reference(), at: seen.at)
    looking.probed(seen)
    looking.reached(.drAPI, seen.answered, at: seen.at)
    looking.sawPrimaryAPI(seen.answered, at: seen.at)
    let assessment = looking.assess(at: seen.at + seen.took)
    if assessment.confirmed, assessment.verdict != .down { return "confirmed \(assessment.verdict)" }
    for sentence in assessment.evidence where sentence.contains("\n") { return "more than one line: \(sentence)" }
    detector = looking
  }
  return nil
}
