// Whoever is needed is called: no run gets stuck in silence.

import PilotlightCore

extension Oracle {
  /// A page leaves the daemon.
  mutating func paged(_ page: CloudAction, at now: Instant) {
    guard case .publish(_, let subject, let message) = page else {
      return violate("paged-otherwise", now, page.apiName)
    }
    for (name, watched) in workloads where subject.hasPrefix("\(name): ") {
      watched.uncalled.removeAll { message.hasSuffix("/\($0)") }
    }
  }
}

extension Oracle.Watched {
  /// Another watchdog may hold the lease by the time somebody would be called.
  var isCalling: Bool { settings.page != nil && settings.mode != .observe && settings.lease == nil }
}
