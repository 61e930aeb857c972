// A request as libcurl options. Everything that libcurl would take from its surroundings (proxy, redirects, directories, other
// protocols) is said, not left to a default.

import CCurl

/// What a request does not say itself.
struct TransferDefaults: Sendable {
  let caFile: String
  let userAgent: String
}

extension Transfer {
  /// - Returns: what libcurl refuses, or nil.
  func configure(_ defaults: TransferDefaults, _ addresses: inout AddressBook) -> String? {
    var options = EasyHandle.Options(easy)
    options.set(CURLOPT_PRIVATE, UnsafeMutableRawPointer(bitPattern: id), "private")
    options.set(CURLOPT_NOSIGNAL, 1, "no signal")
    setTarget(&options, defaults)
    setLimits(&options)
    setConnection(&options, &addresses)
    setTrust(&options, defaults)
    setMessage(&options)
    setCallbacks(&options)
    return options.refusal
  }

  private func setTarget(_ options: inout EasyHandle.Options, _ defaults: TransferDefaults) {
    options.set(CURLOPT_URL, request.url, "URL")
    // The URL was signed, or written by an operator: `/../` in it is meant.
    options.set(CURLOPT_PATH_AS_IS, 1, "path as it is")
    options.set(CURLOPT_PROTOCOLS_STR, "http,https", "protocols")
    options.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1), "HTTP/1.1")
    options.set(CURLOPT_USERAGENT, defaults.userAgent, "user agent")
    options.set(CURLOPT_FOLLOWLOCATION, 0, "redirects")
    // An empty proxy switches those of the environment off.
    options.set(CURLOPT_PROXY, "", "proxy")
    options.set(CURLOPT_NOPROXY, "*", "no proxy")
    if let path = request.unixSocket { options.set(CURLOPT_UNIX_SOCKET_PATH, path, "Unix socket") }
  }

  private func setLimits(_ options: inout EasyHandle.Options) {
    let total = request.timeout.timerMilliseconds
    options.set(CURLOPT_TIMEOUT_MS, total, "timeout")
    // libcurl's own default for connecting is five minutes.
    let connect = request.connectTimeout.map { min($0.timerMilliseconds, total) } ?? total
    options.set(CURLOPT_CONNECTTIMEOUT_MS, connect, "connect timeout")
    // A probe reads little; the buffer is held for as long as a target hangs, and thousands may.
    if request.bodyLimit <= 65_536 { options.set(CURLOPT_BUFFERSIZE, 4096, "buffer size") }
  }

  private func setConnection(_ options: inout EasyHandle.Options, _ addresses: inout AddressBook) {
    // libcurl silently sends a request again when a kept connection dies before the first byte of the answer. For a write that
    // would be a second promotion whose first one may have been taken, so writes travel on connections of their own.
    if request.freshConnection || !request.isSafeToRepeat {
      options.set(CURLOPT_FRESH_CONNECT, 1, "fresh connection")
      options.set(CURLOPT_FORBID_REUSE, 1, "no reuse")
    }
    // A write that was given up is not to arrive later. Its connection is no other's.
    if !request.isSafeToRepeat { options.setAbrupt() }
    if let address = request.address {
      // CURLOPT_RESOLVE would concern every transfer to that host and port; this one concerns the transfer and its connections.
      detour = StringList(["::\(address.bracketed):"])
      options.set(CURLOPT_CONNECT_TO, detour, "address")
    }
    options.set(CURLOPT_DNS_CACHE_TIMEOUT, addresses.cacheTimeout(), "DNS cache timeout")
    // A lookup that outlives its transfer is left to its thread. Without this, libcurl waits for it, on this queue: one name
    // server that does not answer would stop every probe for as long as the resolver's own patience lasts.
    options.set(CURLOPT_QUICK_EXIT, 1, "quick exit")
  }

  private func setTrust(_ options: inout EasyHandle.Options, _ defaults: TransferDefaults) {
    options.set(CURLOPT_SSL_VERIFYPEER, 1, "verify peer")
    options.set(CURLOPT_SSL_VERIFYHOST, 2, "verify host")
    options.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2), "TLS 1.2 or newer")
    options.set(CURLOPT_CAINFO, request.caFile ?? defaults.caFile, "CA file")
    // A resumed session shows no certificate, so one that has expired since would go unseen; and each pooled handle would keep
    // sessions of its own.
    options.set(CURLOPT_SSL_SESSIONID_CACHE, 0, "no session cache")
    // Debian's default directory switches libcurl's CA cache off: 27 ms of CPU for every TLS connection, on this queue.
    options.set(CURLOPT_CAPATH, String?.none, "CA directory")
  }

  private func setMessage(_ options: inout EasyHandle.Options) {
    if request.method == "HEAD" {
      options.set(CURLOPT_NOBODY, 1, "HEAD")
    } else {
      if request.carriesBody { options.setBody(request.body) }
      options.set(CURLOPT_CUSTOMREQUEST, request.method, "method")
    }
    var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
    if request.carriesBody {
      // `Expect: 100-continue` costs a second with servers that ignore it, and libcurl invents a type for bodies.
      lines.append("Expect:")
      if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) { lines.append("Content-Type:") }
    }
    if lines.isEmpty { return }
    headerLines = StringList(lines)
    options.set(CURLOPT_HTTPHEADER, headerLines, "headers")
  }

  private func setCallbacks(_ options: inout EasyHandle.Options) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    options.set(CURLOPT_WRITEDATA, context, "body context")
    options.set(CURLOPT_HEADERDATA, context, "header context")
    options.set(
      CURLOPT_WRITEFUNCTION,
      { data, size, count, context in
        guard let data, let transfer = Transfer.from(context) else { return 0 }
        return transfer.takeBody(data, size * count)
      }, "body callback")
    options.set(
      CURLOPT_HEADERFUNCTION,
      { data, size, count, context in
        guard let data, let transfer = Transfer.from(context) else { return 0 }
        return transfer.takeHeader(data, size * count)
      }, "header callback")
    options.setBeforeRequest(
      { context, _, _, _, _ in
        Transfer.from(context)?.noteRequestBegins()
        return CURL_PREREQFUNC_OK
      }, context)
  }
}

extension Duration {
  /// Whole milliseconds as timers take them: rounded up, since 0 would mean no limit, and at most 24 days.
  var timerMilliseconds: Int {
    let (seconds, attoseconds) = components
    if seconds >= Int64(Int32.max) / 1000 { return Int(Int32.max) }
    if seconds < 0 || attoseconds < 0 { return 1 }
    let fraction = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return max(1, Int(seconds * 1000 + fraction))
  }
}
