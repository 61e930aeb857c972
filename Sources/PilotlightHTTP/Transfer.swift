// One request on its way: the state that libcurl's callbacks fill. Options are set in TransferOptions.swift, and what the end
// means is decided in TransferResult.swift.

import CCurl

/// Confined to the transport's queue; alive from `start` until its completion is called.
final class Transfer {
  typealias Completion = @Sendable (Result<HTTPResponse, HTTPFailure>) -> Void

  let id: Int
  let request: HTTPRequest
  let easy: EasyHandle
  let completion: Completion

  // What the options point at.
  var headerLines = StringList()
  var detour = StringList()

  // What has arrived.
  private(set) var headers: [(name: String, value: String)] = []
  private(set) var headerBytes = 0
  private(set) var body: [UInt8] = []
  private(set) var isTruncated = false
  private(set) var headersTooLarge = false
  /// The empty line that ends a head was seen. libcurl takes a head that breaks off for a whole one.
  private(set) var headIsComplete = false

  /// The TCP connection stands, TLS does not yet: time since the start. libcurl 7.88 itself reports it after TLS only.
  private(set) var tcpConnected: Duration?
  /// The connection is ready, or a kept one was chosen: from here on bytes of the request may be on their way.
  private(set) var requestBegan = false

  private let began = ContinuousClock.now
  /// Bytes of headers, status lines and trailers; more is not an answer that anybody wants.
  static let headerLimit = 65_536

  init(id: Int, request: HTTPRequest, easy: EasyHandle, completion: @escaping Completion) {
    self.id = id
    self.request = request
    self.easy = easy
    self.completion = completion
  }

  /// - Parameter data: `WRITEDATA` and its kin.
  static func from(_ data: UnsafeMutableRawPointer?) -> Transfer? {
    data.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
  }

  // MARK: Milestones

  /// libcurl wants to read from a socket. After the name is known and before the request begins that is the TLS handshake.
  func noteReadInterest() {
    guard tcpConnected == nil, !requestBegan, easy.time(CURLINFO_NAMELOOKUP_TIME_T) > .zero else { return }
    tcpConnected = ContinuousClock.now - began
  }

  /// The handshake failed. When that happened within the turn that began it, no wish to read was ever seen.
  func noteHandshakeFailed() { tcpConnected = tcpConnected ?? ContinuousClock.now - began }

  func noteRequestBegins() { requestBegan = true }

  // MARK: Arriving

  /// CURLOPT_WRITEFUNCTION: a return other than `count` ends the transfer, so an endless body costs no more than the limit.
  func takeBody(_ data: UnsafeMutablePointer<CChar>, _ count: Int) -> Int {
    let room = max(0, request.bodyLimit - body.count)
    body.append(contentsOf: UnsafeRawBufferPointer(start: data, count: min(room, count)))
    guard count > room else { return count }
    isTruncated = true
    return 0
  }

  /// CURLOPT_HEADERFUNCTION: one line of an answer's head or of its trailers, with its line break.
  func takeHeader(_ data: UnsafeMutablePointer<CChar>, _ count: Int) -> Int {
    headerBytes += count
    guard headerBytes <= Transfer.headerLimit else {
      headersTooLarge = true
      return 0
    }
    let line = UnsafeRawBufferPointer(start: data, count: count)
    if line.starts(with: "HTTP/".utf8) {
      // A new status line begins a new answer (after 100 Continue).
      headers = []
      headIsComplete = false
    } else if line.elementsEqual("\r\n".utf8) || line.elementsEqual("\n".utf8) {
      headIsComplete = true
    } else if let first = line.first, first == UInt8(ascii: " ") || first == UInt8(ascii: "\t"), !headers.isEmpty {
      // An obsolete folded line continues the value before it (RFC 9112, 5.2).
      headers[headers.count - 1].value += " " + trimmed(line[...])
    } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
      headers.append((trimmed(line[..<colon]), trimmed(line[(colon + 1)...])))
    }
    return count
  }

  private func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    var rest = bytes
    while let first = rest.first, first <= 0x20 { rest.removeFirst() }
    while let last = rest.last, last <= 0x20 { rest.removeLast() }
    return String(decoding: rest, as: UTF8.self)
  }
}
