// AWS refuses signatures more than five minutes off. The offset is learned from the Date header of the refusal.

import PilotlightCore
import PilotlightHTTP
import Synchronization

final class ClockSkew: Sendable {
  private let offset = Mutex<Double>(0)
  private let onNotice: @Sendable (AWSNotice) -> Void

  init(onNotice: @escaping @Sendable (AWSNotice) -> Void) { self.onNotice = onNotice }

  /// What is added to the local clock.
  var seconds: Double { offset.withLock { $0 } }

  /// Unix seconds as the services see them.
  func correct(_ local: Double) -> Int64 { Int64(saturating: local + offset.withLock { $0 }) }

  /// - Returns: whether the clock turned out to be wrong by more than was known, so that signing again helps.
  func learn(server: Int64, local: Double) -> Bool {
    let found = Double(server) - local
    let changed = offset.withLock { known in
      guard abs(found - known) > 60 else { return false }
      known = found
      return true
    }
    if changed {
      let side = found < 0 ? "ahead of" : "behind"
      onNotice(
        .remark("this host's clock is \(Int64(saturating: abs(found))) s \(side) AWS; signatures are corrected for it"))
    }
    return changed
  }
}

extension HTTPResponse {
  /// Unix seconds of the Date header.
  var date: Int64? { serverDate(headers) }
}

extension Answer {
  /// Unix seconds of the Date header.
  var date: Int64? { serverDate(headers) }
}

private func serverDate(_ headers: [(name: String, value: String)]) -> Int64? {
  headers.first { $0.name.lowercased() == "date" }.flatMap { Calendar.seconds(httpDate: $0.value) }
}
