// Why a server gave no answer that can be believed.

import PilotlightCore

/// What went wrong with one question to one server; the world's fault, and worth another try later.
package enum DNSFailure: Error, Hashable, Sendable {
  /// Nothing came in this time that was an answer to the question; so many messages came that were none.
  case silent(Duration, strangers: Int)
  /// The kernel could not send or receive, with its word for it.
  case unreachable(String)
  /// An answer that is none: what is wrong with it.
  case garbled(String)
  /// RCODE other than NOERROR and NXDOMAIN (RFC 1035, 4.1.1; RFC 6895, 2.3).
  case refused(code: Int)
  /// Asked as a server of the zone, it answers from hearsay.
  case notAuthoritative
  /// Asked as a resolver, it does not resolve.
  case noRecursion
  /// Not a server's fault: this cannot be asked, or there was no time to.
  case notAsked(String)

  /// One printable line, at most 200 characters.
  package var sentence: String {
    switch self {
    case .silent(let time, 0): "no answer in \(time.text)"
    case .silent(let time, let strangers):
      "no answer in \(time.text), but \(strangers) \(strangers == 1 ? "message" : "messages") that were none to our question"
    case .unreachable(let why): "unreachable: \(String(why.prefix(150)))"
    case .garbled(let what): "not understood: \(String(what.prefix(150)))"
    case .refused(let code): DNSFailure.codes[code] ?? "RCODE \(code)"
    case .notAuthoritative: "not authoritative for the name"
    case .noRecursion: "does not resolve for us (no recursion)"
    case .notAsked(let why): String(why.prefix(200))
    }
  }

  private static let codes = [1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED", 9: "NOTAUTH"]
}
