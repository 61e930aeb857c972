// How this watchdog signs leases: the same after every restart, and different on every host.

import Foundation
import PilotlightConfiguration
import PilotlightCore
import PilotlightCrypto

extension DaemonSettings {
  /// The name its owner gave it; else the host's, with a digest of the machine's id, which is not to be shown as it is
  /// (machine-id(5)).
  var signature: String {
    if let name { return name }
    let host = String(ProcessInfo.processInfo.hostName.prefix(64))
    guard let id = try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8) else { return host }
    return "\(host)-\(hexString(SHA256.digest(Array("pilotlight \(id)".utf8))).prefix(8))"
  }
}

extension [WorkloadSettings] {
  func signed(_ signature: String) -> Self {
    map { settings in
      var signed = settings
      signed.lease?.holder = signature
      return signed
    }
  }
}
