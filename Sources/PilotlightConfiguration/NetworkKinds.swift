// URLs, host names, headers and the like: checked by hand and without looking anything up, so that a reload is judged
// by its text alone. Headers and URLs may carry credentials, so their text is never repeated in an error.

import PilotlightCore

/// The parts of an http or https URL that checks need.
struct ProbeURL: Equatable {
  /// `http` or `https`.
  var scheme: String
  /// Lower case; an IPv6 address without its brackets.
  var host: String
  var port: Int

  /// Why the text is no URL that can be probed, in words that follow the value.
  struct Problem: Error {
    var words: String
    init(_ words: String) { self.words = words }
  }

  init(_ text: String) throws(Problem) {
    guard text.utf8.count <= 2000 else { throw Problem("is longer than 2000 bytes") }
    guard text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
      throw Problem("has spaces or other than ASCII characters")
    }
    guard let colon = text.firstIndex(of: ":") else { throw Problem("has no scheme") }
    scheme = text[..<colon].lowercased()
    guard scheme == "http" || scheme == "https", text[colon...].hasPrefix("://") else {
      throw Problem("has another scheme")
    }
    let rest = text[colon...].dropFirst(3)
    let authority = rest.prefix { !"/?#".contains($0) }
    if rest.contains("#") { throw Problem("has a fragment (`#`), which is never sent") }
    if authority.contains("@") { throw Problem("has a user or password in it") }
    (host, port) = try Self.split(authority, defaultPort: scheme == "https" ? 443 : 80)
  }

  private static func split(_ authority: Substring, defaultPort: Int) throws(Problem) -> (String, Int) {
    var host = authority
    var tail: Substring = ""
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      host = authority[..<end].dropFirst()
      tail = authority[end...].dropFirst()
      guard isIPv6(String(host)) else { throw Problem("has a bad IPv6 address") }
    } else {
      host = authority.prefix { $0 != ":" }
      tail = authority[host.endIndex...]
      if host.isEmpty { throw Problem("has no host") }
      guard isHostName(String(host)) else { throw Problem("has a bad host name") }
    }
    if tail.isEmpty { return (host.lowercased(), defaultPort) }
    guard tail.hasPrefix(":"), let port = portNumber(tail.dropFirst()) else { throw Problem("has a bad port") }
    return (host.lowercased(), port)
  }
}

extension Kind where Value == String {
  /// An absolute http or https URL without credentials.
  static var url: Kind {
    .text("URL", expected: "an http:// or https:// URL such as https://app.example.com/health", isSensitive: true) {
      text in
      do throws(ProbeURL.Problem) {
        _ = try ProbeURL(text)
        return nil
      } catch {
        return error.words
      }
    }
  }

  /// A DNS name; a dot at its end is allowed.
  static var host: Kind {
    .text("host name", expected: "a DNS name such as app.example.com") { text in
      let name = text.hasSuffix(".") ? String(text.dropLast()) : text
      if name.contains("://") { return "is a URL" }
      return isHostName(name) && name.contains(".") ? nil : "is not a DNS name"
    }
  }

  /// A record's DNS name; as `host`, and the first label may be `*`.
  static var recordName: Kind {
    .text("host name", expected: "a DNS name such as app.example.com") { text in
      let name = text.hasSuffix(".") ? String(text.dropLast()) : text
      let plain = name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
      return isHostName(plain) && plain.contains(".") ? nil : "is not a DNS name"
    }
  }

  /// A request header, `Name: value`.
  static var header: Kind {
    .text("header", expected: "`Name: value`", isSensitive: true) { text in
      let name = text.prefix { $0 != ":" }
      if name.count == text.count { return "has no colon" }
      let isToken = name.utf8.allSatisfy { isAlphanumeric($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
      if name.isEmpty || !isToken { return "has a bad header name" }
      if text.dropFirst(name.count + 1).allSatisfy({ $0 == " " }) { return "has no value behind the colon" }
      return lengthProblem(text, 4096)
    }
  }

  /// A fixed address in curl's form, `HOST:PORT:ADDRESS[,ADDRESS]`.
  static var resolveEntry: Kind {
    .text("resolve entry", expected: "`HOST:PORT:ADDRESS[,ADDRESS]`, IPv6 addresses in brackets") { text in
      let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return "has not three parts" }
      guard isHostName(String(parts[0])) else { return "has a bad host name" }
      guard portNumber(parts[1]) != nil else { return "has a bad port" }
      let addresses = parts[2].split(separator: ",", omittingEmptySubsequences: false)
      return addresses.allSatisfy(isAddress) ? nil : "has a bad address"
    }
  }
}

extension Kind where Value == String {
  /// A name server, with or without its port.
  static var nameServer: Kind {
    .text("name server", expected: "`IP`, `IP:port` or `[IPv6]:port`") { text in
      if isIPv4(Substring(text)) || isIPv6(text) || isAddress(Substring(text)) { return nil }
      guard let colon = text.lastIndex(of: ":"), isAddress(text[..<colon]) else { return "is not an IP address" }
      return portNumber(text[text.index(after: colon)...]) == nil ? "has a bad port" : nil
    }
  }
}

extension Kind where Value == StatusRange {
  /// One status code or a range of them.
  static var status: Kind {
    .scalar(
      "status", range: "100 to 599", expected: "a status such as 200, or a range such as 200-299",
      placeholder: StatusRange(200, 299), show: { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" }
    ) { (text, _) throws(Mistake) in
      let ends = text.split(separator: "-", omittingEmptySubsequences: false)
      let codes = ends.compactMap { $0.count == 3 ? Int($0) : nil }
      guard codes.count == ends.count, let first = codes.first, let last = codes.last, codes.count <= 2,
        first <= last, (100...599).contains(first), (100...599).contains(last)
      else {
        throw Mistake("\(quoted(text)) is no HTTP status, expected a status such as 200, or a range such as 200-299")
      }
      return StatusRange(first, last)
    }
  }
}

/// 1...65535 in decimal digits.
func portNumber(_ text: Substring) -> Int? {
  guard (1...5).contains(text.count), text.utf8.allSatisfy(isDigit), let port = Int(text) else { return nil }
  return (1...65535).contains(port) ? port : nil
}

/// RFC 1123 host name or IPv4 address; underscores are taken too, since DNS has them.
func isHostName(_ text: String) -> Bool {
  guard (1...253).contains(text.utf8.count) else { return false }
  let labels = text.split(separator: ".", omittingEmptySubsequences: false)
  // All digits must be an address: `10.0.0.1234` is a slip, not a name.
  if let last = labels.last, last.utf8.allSatisfy(isDigit) { return isIPv4(Substring(text)) }
  return labels.allSatisfy { label in
    (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
      && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
  }
}

func isAddress(_ text: Substring) -> Bool {
  if text.hasPrefix("["), text.hasSuffix("]") { return isIPv6(String(text.dropFirst().dropLast())) }
  return isIPv4(text)
}

func isIPv4(_ text: Substring) -> Bool {
  let parts = text.split(separator: ".", omittingEmptySubsequences: false)
  return parts.count == 4
    && parts.allSatisfy { part in
      (1...3).contains(part.count) && part.utf8.allSatisfy(isDigit) && (part.count == 1 || !part.hasPrefix("0"))
        && (Int(part) ?? 256) < 256
    }
}

/// RFC 4291 text form, without a zone.
func isIPv6(_ text: String) -> Bool {
  let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
  guard (1...2).contains(halves.count) else { return false }
  var groups = 0
  for (index, half) in halves.enumerated() where !half.isEmpty {
    let parts = half.split(separator: ":", omittingEmptySubsequences: false)
    for (position, part) in parts.enumerated() {
      let isLast = index == halves.count - 1 && position == parts.count - 1
      if isLast, part.contains(".") {
        guard isIPv4(part) else { return false }
        groups += 2
      } else {
        guard (1...4).contains(part.count), part.allSatisfy(\.isHexDigit), part.utf8.count == part.count else {
          return false
        }
        groups += 1
      }
    }
  }
  return halves.count == 2 ? groups <= 7 : groups == 8
}
