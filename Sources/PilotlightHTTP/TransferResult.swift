// What the end of a transfer means. libcurl's codes (libcurl-errors(3)) mix the peer's faults with ours; here they are told
// apart, since a fault of ours must never look like an outage of the peer.

import CCurl
import Glibc

extension Transfer {
  func result(_ code: CURLcode) -> Result<HTTPResponse, HTTPFailure> {
    if code == CURLE_OK, !headIsComplete { return .failure(failure(.reset, "the answer broke off in its head")) }
    if code == CURLE_OK || (code == CURLE_WRITE_ERROR && isTruncated) {
      return .success(
        HTTPResponse(
          status: easy.number(CURLINFO_RESPONSE_CODE), headers: headers, body: body, bodyTruncated: isTruncated,
          timings: timings, remoteAddress: easy.text(CURLINFO_PRIMARY_IP)))
    }
    if code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION { noteHandshakeFailed() }
    if headersTooLarge { return .failure(failure(.malformed, "more than 64 kB of headers")) }
    let words = easy.words(about: code)
    return .failure(failure(kind(of: code, words), words))
  }

  func failure(_ kind: HTTPFailure.Kind, _ detail: String) -> HTTPFailure {
    HTTPFailure(
      kind: kind, stage: stage(of: kind), requestMayHaveBeenSent: requestBegan, detail: printable(detail),
      timings: timings)
  }

  private func stage(of kind: HTTPFailure.Kind) -> HTTPStage {
    if headerBytes > 0 || !body.isEmpty { return .body }
    if requestBegan { return .firstByte }
    if kind == .tls || tcpConnected != nil { return .tls }
    // With a Unix socket there is no name to look up.
    return easy.time(CURLINFO_NAMELOOKUP_TIME_T) > .zero || request.unixSocket != nil ? .connect : .dns
  }

  private var timings: HTTPTimings {
    var result = HTTPTimings()
    result.nameLookup = easy.time(CURLINFO_NAMELOOKUP_TIME_T)
    result.connect = easy.time(CURLINFO_CONNECT_TIME_T)
    if result.connect == .zero { result.connect = tcpConnected ?? .zero }
    result.tls = easy.time(CURLINFO_APPCONNECT_TIME_T)
    result.firstByte = easy.time(CURLINFO_STARTTRANSFER_TIME_T)
    result.total = easy.time(CURLINFO_TOTAL_TIME_T)
    return result
  }

  // MARK: Kinds

  private func kind(of code: CURLcode, _ words: String) -> HTTPFailure.Kind {
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST: .dns
    case CURLE_COULDNT_CONNECT: isOurs(easy.systemError) ? .local : .refused
    case CURLE_OPERATION_TIMEDOUT: .timeout
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      .tls
    case CURLE_SSL_CONNECT_ERROR: brokeInHandshake(words) ? .reset : .tls
    // libcurl has no code of its own for chunks that make no sense.
    case CURLE_RECV_ERROR where words.contains("chunked-encoding"): .malformed
    case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE: .reset
    // An answer without a status line (HTTP/0.9) is an "unsupported protocol", and so is a URL that we should not have taken.
    case CURLE_UNSUPPORTED_PROTOCOL: requestBegan ? .malformed : .local
    case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_FILESIZE_EXCEEDED, CURLE_WRITE_ERROR: .malformed
    // A header line beyond libcurl's own limit of 100 kB; real want of memory kills the process before libcurl sees it.
    case CURLE_OUT_OF_MEMORY where requestBegan: .malformed
    default: .local
    }
  }

  /// The peer closed or reset in the middle of the handshake: a dead listener behind a living port, not a certificate. libcurl
  /// has the same code for both, so its words decide (lib/vtls/openssl.c, lib/cf-socket.c).
  private func brokeInHandshake(_ words: String) -> Bool {
    ["Recv failure", "Send failure", "OpenSSL SSL_connect: "].contains(where: words.hasPrefix)
      || words.contains("unexpected eof")
  }

  /// Want of descriptors, memory or ports, or a firewall of this host.
  private func isOurs(_ systemError: Int32) -> Bool {
    switch systemError {
    case EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EACCES, EPERM: true
    default: false
    }
  }
}
