// Everything that reads bytes from outside, each behind one door: bytes in, a broken promise out. The fuzzer knocks with what it
// invents, the unit tests with what is in the corpus.

/// A reader of foreign bytes.
package enum Target: String, CaseIterable, Sendable {
  /// The configuration file.
  case configuration
  /// A scenario of `pilotlightctl simulate`.
  case scenario
  /// AWS's answers, XML and JSON, errors included, through the signing client.
  case answers
  /// `~/.aws/config` and `credentials`, and the documents of IMDS and of the container endpoint.
  case credentials
  /// SigV4's canonical form.
  case signatures
  /// The Date header, and what is learned from it.
  case dates
  /// A name server's answer, and what is made of it.
  case names
  /// Requests on the control socket.
  case requests
  /// Rows of the ledger, and the state they fold to.
  case rows
  /// Recorded observations, and what a detector makes of them.
  case observations
  /// The daemon's record of observations, and a whole replay of whatever is in it.
  case recording

  /// Hands the bytes in.
  ///
  /// - Returns: which promise they broke; nil when none. A trap ends the process: that is a broken promise, too.
  package func read(_ bytes: [UInt8]) async -> String? {
    switch self {
    case .configuration: readConfiguration(bytes)
    case .scenario: readScenario(bytes)
    case .answers: await readAnswer(bytes)
    case .credentials: await readCredentials(bytes)
    case .signatures: readSignature(bytes)
    case .dates: await readDate(bytes)
    case .names: readNames(bytes)
    case .requests: readRequest(bytes)
    case .rows: readRows(bytes)
    case .observations: readObservations(bytes)
    case .recording: readRecording(bytes)
    }
  }
}

/// Takes a fuzzer's bytes apart, front to back; at the end it gives zeros.
struct Bytes {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  mutating func pick<Element>(_ choices: [Element]) -> Element { choices[Int(byte()) % choices.count] }

  /// Up to the next NUL, as text; all that is left when there is none.
  mutating func text() -> String {
    let part = rest.prefix { $0 != 0 }
    rest = rest.dropFirst(part.count + 1)
    return String(decoding: part, as: UTF8.self)
  }

  mutating func remaining() -> [UInt8] {
    defer { rest = [] }
    return Array(rest)
  }
}
