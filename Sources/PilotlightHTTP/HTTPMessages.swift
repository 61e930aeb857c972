// The HTTP client's vocabulary. No curl type leaves this module.

/// One request, complete.
package struct HTTPRequest: Sendable {
  package var method: String
  /// Absolute http or https URL, already percent-encoded.
  package var url: String
  /// In order; names as they go on the wire.
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  /// Total deadline, DNS to last byte.
  package var timeout: Duration
  /// Deadline until connected (TLS included); nil = the total.
  package var connectTimeout: Duration?
  /// Bytes of body that are kept; more ends the transfer with `bodyTruncated` set (never an error by itself).
  package var bodyLimit: Int
  /// True: a new connection, closed afterwards (a probe must meet the listener).
  package var freshConnection: Bool
  /// Where to connect instead of resolving the URL's host; name, TLS and `Host` header stay the URL's.
  package var address: NetworkAddress?
  /// PEM file of certificate authorities; nil = the transport's default.
  package var caFile: String?
  /// Path of a Unix socket to talk over instead of TCP.
  package var unixSocket: String?

  package init(
    method: String = "GET", url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
    timeout: Duration, connectTimeout: Duration? = nil, bodyLimit: Int = 4 << 20, freshConnection: Bool = false,
    address: NetworkAddress? = nil, caFile: String? = nil, unixSocket: String? = nil
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.timeout = timeout
    self.connectTimeout = connectTimeout
    self.bodyLimit = bodyLimit
    self.freshConnection = freshConnection
    self.address = address
    self.caFile = caFile
    self.unixSocket = unixSocket
  }
}

/// One answer. Any status is an answer; only transport faults are failures.
package struct HTTPResponse: Sendable {
  package var status: Int
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  package var bodyTruncated: Bool
  package var timings: HTTPTimings
  /// The address that answered, for logs.
  package var remoteAddress: String?

  package init(
    status: Int, headers: [(name: String, value: String)], body: [UInt8], bodyTruncated: Bool = false,
    timings: HTTPTimings = HTTPTimings(), remoteAddress: String? = nil
  ) {
    self.status = status
    self.headers = headers
    self.body = body
    self.bodyTruncated = bodyTruncated
    self.timings = timings
    self.remoteAddress = remoteAddress
  }
}

/// Time from the start of the request until each milestone; zero where it was not reached.
package struct HTTPTimings: Sendable, Equatable {
  package var nameLookup: Duration = .zero
  package var connect: Duration = .zero
  package var tls: Duration = .zero
  package var firstByte: Duration = .zero
  package var total: Duration = .zero
  package init() {}
}

/// How far a request came before it failed.
package enum HTTPStage: String, Sendable, Equatable, CaseIterable {
  case dns
  case connect
  case tls
  case firstByte
  case body
}

/// Why a request has no complete answer.
package struct HTTPFailure: Error, Sendable, Equatable {
  package enum Kind: String, Sendable, Equatable, CaseIterable {
    /// The name did not resolve.
    case dns
    /// Connection refused, network or host unreachable.
    case refused
    case timeout
    /// The connection broke, or closed before the answer was complete.
    case reset
    /// Certificate or handshake.
    case tls
    /// The peer does not speak HTTP.
    case malformed
    case cancelled
    /// A fault of ours: bad URL, out of memory, a file that cannot be read.
    case local
  }
  package var kind: Kind
  package var stage: HTTPStage
  /// True when any byte of the request may have reached the peer: then the outcome of a write is unknown.
  package var requestMayHaveBeenSent: Bool
  /// One line; curl's own words, escaped.
  package var detail: String
  package var timings: HTTPTimings

  package init(
    kind: Kind, stage: HTTPStage, requestMayHaveBeenSent: Bool, detail: String, timings: HTTPTimings = HTTPTimings()
  ) {
    self.kind = kind
    self.stage = stage
    self.requestMayHaveBeenSent = requestMayHaveBeenSent
    self.detail = detail
    self.timings = timings
  }
}

/// Something that carries requests: the curl transport, or a fake in tests.
package protocol HTTPSending: Sendable {
  func send(_ request: HTTPRequest) async -> Result<HTTPResponse, HTTPFailure>
}
