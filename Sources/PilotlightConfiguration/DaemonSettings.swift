// What the operator decided about the daemon itself, as values; the workloads' settings are the core's.

/// Settings of the daemon as a whole.
package struct DaemonSettings: Equatable, Sendable, Codable {
  /// How the daemon signs leases; nil: by its host.
  package var name: String?
  /// The SQLite file in which everything is recorded before it is done.
  package var ledger: String
  /// The Unix socket `pilotlightctl` talks to.
  package var socket: String
  /// The group whose members may order; nil: whoever reaches the socket.
  package var operators: String?
  package var logLevel: LogLevel
  /// At most this many workloads fail over within `failoverWindow` without a human, 1...1000.
  package var maxConcurrentFailovers: Int
  package var failoverWindow: Duration
  package var observations: ObservationSettings
  package var aws: AWSSettings

  /// The directory of the recorded observations, beside the ledger.
  package var observationsDirectory: String { ledger + ".observations" }

  package init(
    name: String? = nil, ledger: String = "/var/lib/pilotlight/ledger.db",
    socket: String = "/run/pilotlight/control.sock",
    operators: String? = nil, logLevel: LogLevel = .info, maxConcurrentFailovers: Int = 1,
    failoverWindow: Duration = .seconds(3600),
    observations: ObservationSettings = ObservationSettings(), aws: AWSSettings = AWSSettings()
  ) {
    self.name = name
    self.ledger = ledger
    self.socket = socket
    self.operators = operators
    self.logLevel = logLevel
    self.maxConcurrentFailovers = maxConcurrentFailovers
    self.failoverWindow = failoverWindow
    self.observations = observations
    self.aws = aws
  }
}

/// What is kept of what was seen, for `pilotlightctl replay`.
package struct ObservationSettings: Equatable, Sendable, Codable {
  /// 1 h to ten years.
  package var keepFor: Duration
  /// Bytes on disk, 1 MiB to 1 TiB; the oldest goes first.
  package var maximumSize: Int

  package init(keepFor: Duration = .seconds(2_592_000), maximumSize: Int = 256 << 20) {
    self.keepFor = keepFor
    self.maximumSize = maximumSize
  }
}

/// The least important lines that are still logged.
package enum LogLevel: String, Equatable, Sendable, Codable, CaseIterable {
  case debug, info, notice, warning, error
}

/// Where credentials come from, beyond the standard chain.
package struct AWSSettings: Equatable, Sendable, Codable {
  /// A profile of the shared configuration files; nil leaves the choice to `AWS_PROFILE` and the rest of the chain.
  package var profile: String?
  /// A role that is assumed with the credentials found; nil uses them as they are.
  package var role: RoleSettings?
  /// PEM file of certificate authorities for AWS's endpoints; nil uses `AWS_CA_BUNDLE` or the system's.
  package var caBundle: String?

  package init(profile: String? = nil, role: RoleSettings? = nil, caBundle: String? = nil) {
    self.profile = profile
    self.role = role
    self.caBundle = caBundle
  }
}

/// An IAM role to assume.
package struct RoleSettings: Equatable, Sendable, Codable {
  package var arn: String
  /// Never logged.
  package var externalID: String?
  /// How the daemon's calls are named in CloudTrail.
  package var sessionName: String

  package init(arn: String, externalID: String? = nil, sessionName: String = "pilotlight") {
    self.arn = arn
    self.externalID = externalID
    self.sessionName = sessionName
  }
}
