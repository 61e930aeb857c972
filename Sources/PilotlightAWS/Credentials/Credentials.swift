// Keys with an end, and how obtaining them fails.

/// Keys and when they end.
struct Credentials: Sendable, Equatable {
  var keys: SigningKeys
  /// Unix seconds; nil for keys without an end.
  var expires: Double?
  /// Where they came from, for people.
  var source: String
}

/// Why there are no credentials. Texts name files, variables and endpoints, never values.
package enum CredentialError: Error, Sendable, Equatable {
  /// No source of the chain has any; the text lists what was tried.
  case none(String)
  /// A file or answer cannot be read: `config:12: …`.
  case malformed(String)
  /// A source is configured but did not deliver.
  case unavailable(String)
  /// A source is configured that this program does not support.
  case unsupported(String)

  package var text: String {
    switch self {
    case .none(let text), .malformed(let text), .unavailable(let text), .unsupported(let text): text
    }
  }
}

/// Reading a file: nil when it does not exist.
package typealias FileReader = @Sendable (String) -> String?

/// A role to assume with the credentials of the chain.
package struct RoleSettings: Sendable, Equatable {
  package var arn: String
  package var externalID: String?
  package var sessionName: String

  package init(arn: String, externalID: String? = nil, sessionName: String = "pilotlight") {
    self.arn = arn
    self.externalID = externalID
    self.sessionName = sessionName
  }
}
