// One request on its way: its options, what has arrived, and what the end means.

import CCurl
import Glibc

struct TransferDefaults: Sendable {
  let caFile: String
  let userAgent: String
}

/// Owns one libcurl easy handle; pooled, since making one costs more than using it.
final class EasyHandle {
  let raw: UnsafeMutableRawPointer

  init() {
    guard let easy = curl_easy_init() else { fatalError("libcurl has no memory for a handle") }
    raw = easy
  }

  deinit { curl_easy_cleanup(raw) }
}

final class Transfer {
  let id: Int
  let request: HTTPRequest
  let easy: EasyHandle
  let completion: @Sendable (Result<HTTPResponse, HTTPFailure>) -> Void

  private var headers: [(name: String, value: String)] = []
  private var headerBytes = 0
  private var body: [UInt8] = []
  private var isTruncated = false
  private var headersTooLarge = false
  /// The empty line that ends a head was seen. libcurl takes a head that breaks off for a whole one.
  private var isHeadComplete = false
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private var resolveList: UnsafeMutablePointer<curl_slist>?
  private static let headerLimit = 65_536

  init(
    id: Int, request: HTTPRequest, easy: EasyHandle,
    completion: @escaping @Sendable (Result<HTTPResponse, HTTPFailure>) -> Void
  ) {
    self.id = id
    self.request = request
    self.easy = easy
    self.completion = completion
  }

  /// Frees what the options pointed at and makes the handle fit for the next transfer.
  func release() {
    curl_easy_reset(easy.raw)
    curl_slist_free_all(headerList)
    curl_slist_free_all(resolveList)
    headerList = nil
    resolveList = nil
  }

  // MARK: Options

  /// - Returns: what libcurl refuses, or nil.
  func configure(_ defaults: TransferDefaults) -> String? {
    curl_easy_reset(easy.raw)
    // libcurl sends a header line as it is: a line end in a value would begin a header of somebody else's choosing.
    let texts = [request.method] + request.headers.flatMap { [$0.name, $0.value] }
    if texts.contains(where: { $0.utf8.contains { $0 == 10 || $0 == 13 || $0 == 0 } }) {
      return "a header or the method contains a line end or NUL"
    }
    var refused: String?
    func check(_ code: CURLcode, _ what: String) {
      if code != CURLE_OK, refused == nil { refused = "\(what): \(String(cString: curl_easy_strerror(code)))" }
    }
    func set(_ option: CURLoption, _ value: Int, _ what: String) { check(pl_set_long(easy.raw, option, value), what) }
    func set(_ option: CURLoption, _ value: String?, _ what: String) {
      check(pl_set_string(easy.raw, option, value), what)
    }
    set(CURLOPT_URL, request.url, "URL")
    set(CURLOPT_NOSIGNAL, 1, "no signal")
    // Without this, ending a transfer whose name is still being looked up waits for the resolver, and everybody else with it.
    set(CURLOPT_QUICK_EXIT, 1, "no wait for the resolver")
    set(CURLOPT_PROTOCOLS_STR, "http,https", "protocols")
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1), "HTTP/1.1")
    set(CURLOPT_USERAGENT, defaults.userAgent, "user agent")
    // An empty proxy switches those of the environment off.
    set(CURLOPT_PROXY, "", "proxy")
    set(CURLOPT_FOLLOWLOCATION, 0, "redirects")
    set(CURLOPT_TIMEOUT_MS, max(1, request.timeout.milliseconds), "timeout")
    if let connect = request.connectTimeout {
      set(CURLOPT_CONNECTTIMEOUT_MS, max(1, connect.milliseconds), "connect timeout")
    }
    if request.freshConnection {
      set(CURLOPT_FRESH_CONNECT, 1, "fresh connection")
      set(CURLOPT_FORBID_REUSE, 1, "no reuse")
    }
    if let path = request.unixSocket { set(CURLOPT_UNIX_SOCKET_PATH, path, "unix socket") }
    set(CURLOPT_SSL_VERIFYPEER, 1, "verify peer")
    set(CURLOPT_SSL_VERIFYHOST, 2, "verify host")
    set(CURLOPT_CAINFO, request.caFile ?? defaults.caFile, "CA file")
    // Debian's default directory switches libcurl's CA cache off: 27 ms of CPU for every TLS connection, on this queue.
    set(CURLOPT_CAPATH, nil, "CA directory")
    check(pl_set_pointer(easy.raw, CURLOPT_PRIVATE, UnsafeRawPointer(bitPattern: id)), "private")
    setMethod(check)
    setLists(check)
    setCallbacks(check)
    return refused
  }

  private func setMethod(_ check: (CURLcode, String) -> Void) {
    if request.method == "HEAD" { check(pl_set_long(easy.raw, CURLOPT_NOBODY, 1), "HEAD") }
    let carriesBody = !request.body.isEmpty || request.method == "POST" || request.method == "PUT"
    if carriesBody {
      check(pl_set_offset(easy.raw, CURLOPT_POSTFIELDSIZE_LARGE, request.body.count), "body size")
      let copied = request.body.withUnsafeBytes { bytes in
        pl_set_pointer(easy.raw, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1))
      }
      check(copied, "body")
    }
    if request.method != "HEAD" { check(pl_set_string(easy.raw, CURLOPT_CUSTOMREQUEST, request.method), "method") }
  }

  private func setLists(_ check: (CURLcode, String) -> Void) {
    // `Expect: 100-continue` would cost a second with servers that ignore it; curl adds a content type of its own to bodies.
    var lines = ["Expect:"] + request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
    if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) { lines.append("Content-Type:") }
    for line in lines { headerList = curl_slist_append(headerList, line) }
    check(pl_set_list(easy.raw, CURLOPT_HTTPHEADER, headerList), "headers")
    for entry in request.resolve { resolveList = curl_slist_append(resolveList, entry) }
    if resolveList != nil { check(pl_set_list(easy.raw, CURLOPT_RESOLVE, resolveList), "resolve") }
  }

  private func setCallbacks(_ check: (CURLcode, String) -> Void) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    check(pl_set_pointer(easy.raw, CURLOPT_WRITEDATA, context), "body context")
    check(pl_set_pointer(easy.raw, CURLOPT_HEADERDATA, context), "header context")
    let body = pl_set_data_function(easy.raw, CURLOPT_WRITEFUNCTION) { data, size, count, context in
      guard let data, let context else { return 0 }
      return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeBody(data, size * count)
    }
    check(body, "body callback")
    let header = pl_set_data_function(easy.raw, CURLOPT_HEADERFUNCTION) { data, size, count, context in
      guard let data, let context else { return 0 }
      return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().takeHeader(data, size * count)
    }
    check(header, "header callback")
  }

  // MARK: Arriving

  private func takeBody(_ data: UnsafeMutablePointer<CChar>, _ count: Int) -> Int {
    let room = request.bodyLimit - body.count
    UnsafeRawBufferPointer(start: data, count: min(room, count)).withMemoryRebound(to: UInt8.self) {
      body.append(contentsOf: $0)
    }
    guard count > room else { return count }
    // A short count ends the transfer: an endless body costs no more than the limit.
    isTruncated = true
    return 0
  }

  private func takeHeader(_ data: UnsafeMutablePointer<CChar>, _ count: Int) -> Int {
    headerBytes += count
    guard headerBytes <= Transfer.headerLimit else {
      headersTooLarge = true
      return 0
    }
    let line = UnsafeRawBufferPointer(start: data, count: count)
    let text = String(decoding: line, as: UTF8.self)
    // A new status line begins a new answer (after 100 Continue).
    if text.hasPrefix("HTTP/") {
      headers = []
      isHeadComplete = false
    }
    if text == "\r\n" || text == "\n" { isHeadComplete = true }
    guard let colon = text.firstIndex(of: ":") else { return count }
    headers.append((String(text[..<colon]), text[text.index(after: colon)...].trimmed))
    return count
  }

  // MARK: The end

  func result(_ code: CURLcode) -> Result<HTTPResponse, HTTPFailure> {
    if code == CURLE_OK, !isHeadComplete { return .failure(failure(.reset, "the answer broke off in its head")) }
    if code == CURLE_OK || (code == CURLE_WRITE_ERROR && isTruncated) {
      return .success(
        HTTPResponse(
          status: number(CURLINFO_RESPONSE_CODE), headers: headers, body: body, bodyTruncated: isTruncated,
          timings: timings, remoteAddress: text(CURLINFO_PRIMARY_IP)))
    }
    if headersTooLarge { return .failure(failure(.malformed, "more than 64 kB of headers")) }
    return .failure(failure(kind(of: code), String(cString: curl_easy_strerror(code))))
  }

  func failure(_ kind: HTTPFailure.Kind, _ detail: String) -> HTTPFailure {
    let reached = stage
    // From the moment a connection stands, bytes of the request may be on their way.
    let sent = reached == .firstByte || reached == .body || number(CURLINFO_REQUEST_SIZE) > 0
    return HTTPFailure(kind: kind, stage: reached, requestMayHaveBeenSent: sent, detail: detail, timings: timings)
  }

  /// How far it came, by libcurl's own milestones.
  private var stage: HTTPStage {
    let times = timings
    if times.firstByte > .zero || headerBytes > 0 { return .body }
    // A kept connection has no milestones of its own: what it has sent tells that it stood.
    if number(CURLINFO_REQUEST_SIZE) > 0 { return .firstByte }
    let isTLS = request.url.lowercased().hasPrefix("https:")
    if isTLS, times.tls > .zero { return .firstByte }
    if times.connect > .zero { return isTLS ? .tls : .firstByte }
    // With TLS libcurl notes the time of the connection only when the handshake is over; the connection itself counts before.
    if isTLS, number(CURLINFO_NUM_CONNECTS) > 0 { return .tls }
    return times.nameLookup > .zero || request.unixSocket != nil ? .connect : .dns
  }

  /// curl's result codes (libcurl-errors(3)) by what they say about the peer.
  private func kind(of code: CURLcode) -> HTTPFailure.Kind {
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .dns
    case CURLE_COULDNT_CONNECT: .refused
    case CURLE_OPERATION_TIMEDOUT: .timeout
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
      CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
      .tls
    case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE: .reset
    // libcurl calls an answer without a status line (HTTP/0.9) an unsupported protocol.
    case CURLE_UNSUPPORTED_PROTOCOL where request.isHTTP: .malformed
    // A header line beyond libcurl's own 100 kB is, to libcurl, a lack of memory; the status line came, so it is the peer's.
    case CURLE_OUT_OF_MEMORY where headerBytes > 0: .malformed
    case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_BAD_CONTENT_ENCODING, CURLE_WRITE_ERROR: .malformed
    default: .local
    }
  }

  private var timings: HTTPTimings {
    var result = HTTPTimings()
    result.nameLookup = time(CURLINFO_NAMELOOKUP_TIME_T)
    result.connect = time(CURLINFO_CONNECT_TIME_T)
    result.tls = time(CURLINFO_APPCONNECT_TIME_T)
    result.firstByte = time(CURLINFO_STARTTRANSFER_TIME_T)
    result.total = time(CURLINFO_TOTAL_TIME_T)
    return result
  }

  private func time(_ info: CURLINFO) -> Duration {
    var microseconds: curl_off_t = 0
    pl_get_offset(easy.raw, info, &microseconds)
    return .microseconds(microseconds)
  }

  private func number(_ info: CURLINFO) -> Int {
    var value = 0
    pl_get_long(easy.raw, info, &value)
    return value
  }

  private func text(_ info: CURLINFO) -> String? {
    var value: UnsafeMutablePointer<CChar>?
    pl_get_string(easy.raw, info, &value)
    return value.map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}

extension HTTPRequest {
  fileprivate var isHTTP: Bool { url.lowercased().hasPrefix("http:") || url.lowercased().hasPrefix("https:") }
}

extension Duration {
  fileprivate var milliseconds: Int {
    let (seconds, attoseconds) = components
    return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
  }
}

extension Substring {
  fileprivate var trimmed: String {
    var rest = self
    while let first = rest.first, first.isWhitespace { rest.removeFirst() }
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return String(rest)
  }
}
