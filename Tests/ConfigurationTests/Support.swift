import Foundation
import PilotlightConfiguration
import Testing

/// Files of the repository the tests read.
enum Files {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let example = root.appending(path: "config/pilotlight.yaml")
  static let demo = root.appending(path: "config/demo.yaml")
  static let reference = root.appending(path: "config/REFERENCE.md")

  static func text(_ url: URL) throws -> String { try String(contentsOf: url, encoding: .utf8) }
}

extension Result where Success == Configuration, Failure == ConfigurationErrors {
  /// What is printed for a broken file; empty for a good one.
  var printed: String {
    switch self {
    case .success: ""
    case .failure(let errors): errors.description
    }
  }

  var configuration: Configuration? { try? get() }
}

/// The smallest file that is right: every optional key left out.
let minimal = """
  workloads:
    - name: app
      mode: automatic
      objectives: {rto: 30m, rpo: 5m}
      primary:
        region: eu-west-1
        alb: {url: "https://a.example.com/"}
        group: {name: app, capacity: {min: 1, desired: 2, max: 3}}
        database: {id: app}
      dr:
        region: us-west-2
        alb: {url: "https://b.example.com/"}
        group: {name: app, capacity: {min: 1, desired: 2, max: 3}}
        database: {id: app-replica}
      traffic: {manual: true}
  """
