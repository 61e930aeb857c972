// ~/.aws/config and ~/.aws/credentials, as AWS's SDKs read them.

/// One profile: the config file's keys, overlaid by the credentials file's.
struct Profile: Sendable, Equatable {
  var name: String
  var values: [String: String]
  /// `endpoint_url` of the profile's `services` section, by lower-case service name.
  var serviceEndpoints: [String: String]

  subscript(key: String) -> String? { values[key].flatMap { $0.isEmpty ? nil : $0 } }
}

/// The parsed pair of files.
struct ProfileFiles: Sendable {
  private var profiles: [String: [String: String]] = [:]
  private var services: [String: [String: [String: String]]] = [:]

  /// - Parameters:
  ///   - config: text of the config file, nil when absent.
  ///   - credentials: text of the credentials file, nil when absent.
  init(config: String?, credentials: String?) throws(CredentialError) {
    for section in try INI.parse(config ?? "", file: "config") {
      let words = section.name.split(separator: " ", maxSplits: 1).map { String($0).trimmed }
      switch (words.first, words.count) {
      case ("default", 1): profiles["default", default: [:]].merge(section.values) { $1 }
      case ("profile", 2): profiles[words[1], default: [:]].merge(section.values) { $1 }
      case ("services", 2): services[words[1]] = section.nested
      default: continue
      }
    }
    for section in try INI.parse(credentials ?? "", file: "credentials") {
      profiles[section.name, default: [:]].merge(section.values) { $1 }
    }
  }

  func profile(_ name: String) -> Profile? {
    guard let values = profiles[name] else { return nil }
    let section = values["services"].flatMap { services[$0] } ?? [:]
    return Profile(name: name, values: values, serviceEndpoints: section.compactMapValues { $0["endpoint_url"] })
  }
}

/// The dialect of INI the AWS files are written in.
enum INI {
  struct Section: Equatable {
    var name: String
    var values: [String: String] = [:]
    /// Indented `key = value` lines under a key without a value of its own.
    var nested: [String: [String: String]] = [:]
  }

  static func parse(_ text: String, file: String) throws(CredentialError) -> [Section] {
    var sections: [Section] = []
    var parent = ""
    for (number, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = String(raw).trimmed
      if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
      let place = "\(file):\(number + 1)"
      if line.hasPrefix("[") {
        guard let end = line.firstIndex(of: "]") else { throw .malformed("\(place): a section without its ]") }
        sections.append(Section(name: String(line[line.index(after: line.startIndex)..<end]).trimmed))
        parent = ""
        continue
      }
      guard let equals = line.firstIndex(of: "="), !sections.isEmpty else {
        // The line may hold a key: it is not repeated here.
        throw .malformed("\(place): expected `[section]` or `key = value`")
      }
      let key = String(line[..<equals]).trimmed.lowercased()
      let value = String(line[line.index(after: equals)...]).withoutComment.trimmed
      let isIndented = raw.first == " " || raw.first == "\t"
      if isIndented, !parent.isEmpty {
        sections[sections.count - 1].nested[parent, default: [:]][key] = value
      } else {
        sections[sections.count - 1].values[key] = value
        parent = value.isEmpty ? key : ""
      }
    }
    return sections
  }
}

extension String {
  var trimmed: String {
    var rest = Substring(self)
    while let first = rest.first, first.isWhitespace { rest.removeFirst() }
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return String(rest)
  }

  /// A comment after a value begins with white space and # or ;.
  fileprivate var withoutComment: String {
    for mark in [" #", " ;", "\t#", "\t;"] {
      if let range = firstRange(of: mark) { return String(self[..<range.lowerBound]) }
    }
    return self
  }
}
