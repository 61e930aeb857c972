// One libcurl easy handle and the two buffers that libcurl writes to for as long as it lives.

import CCurl

/// Owns an easy handle; pooled by the loop, since making one costs more than using it. Confined to the transport's queue.
final class EasyHandle {
  let raw: UnsafeMutableRawPointer
  /// libcurl's words about the last failure (CURLOPT_ERRORBUFFER).
  private let words: UnsafeMutablePointer<CChar>
  /// errno of a socket(2) that was refused, 0 when none was.
  private let socketRefusal: UnsafeMutablePointer<Int32>

  init() {
    guard let easy = curl_easy_init() else { fatalError("libcurl has no memory for a handle") }
    raw = easy
    words = .allocate(capacity: Int(CURL_ERROR_SIZE))
    words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    socketRefusal = .allocate(capacity: 1)
    socketRefusal.initialize(to: 0)
  }

  deinit {
    curl_easy_cleanup(raw)
    words.deallocate()
    socketRefusal.deallocate()
  }

  /// As new, but for libcurl's memory that is worth keeping.
  func reset() {
    curl_easy_reset(raw)
    words.pointee = 0
    socketRefusal.pointee = 0
  }

  // MARK: Options

  /// Collects options; the first one that libcurl refuses is kept, and the rest are set all the same.
  struct Options: ~Copyable {
    private let handle: EasyHandle
    private(set) var refusal: String?

    init(_ handle: EasyHandle) {
      self.handle = handle
      check(pl_set_pointer(handle.raw, CURLOPT_ERRORBUFFER, handle.words), "error buffer")
      check(pl_set_socket_opener(handle.raw, handle.socketRefusal), "socket opener")
    }

    /// Closing a connection throws away what the peer has not taken.
    mutating func setAbrupt() { check(pl_set_abrupt_sockets(handle.raw), "socket opener") }

    mutating func set(_ option: CURLoption, _ value: Int, _ name: StaticString) {
      check(pl_set_long(handle.raw, option, value), name)
    }

    mutating func set(_ option: CURLoption, _ value: String?, _ name: StaticString) {
      check(pl_set_string(handle.raw, option, value), name)
    }

    mutating func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?, _ name: StaticString) {
      check(pl_set_pointer(handle.raw, option, value), name)
    }

    mutating func set(_ option: CURLoption, _ list: borrowing StringList, _ name: StaticString) {
      check(pl_set_list(handle.raw, option, list.raw), name)
    }

    mutating func set(_ option: CURLoption, _ function: @escaping pl_data_function, _ name: StaticString) {
      check(pl_set_data_function(handle.raw, option, function), name)
    }

    mutating func setBeforeRequest(_ function: @escaping curl_prereq_callback, _ context: UnsafeMutableRawPointer) {
      check(pl_set_before_request(handle.raw, function, context), "before request")
    }

    /// libcurl keeps a copy of the bytes.
    mutating func setBody(_ body: [UInt8]) {
      check(pl_set_offset(handle.raw, CURLOPT_POSTFIELDSIZE_LARGE, body.count), "body size")
      // With a size of zero libcurl reads nothing, but it wants a pointer: nil would mean a body from a callback.
      let code =
        body.isEmpty
        ? pl_set_pointer(handle.raw, CURLOPT_COPYPOSTFIELDS, handle.words)
        : body.withUnsafeBytes { pl_set_pointer(handle.raw, CURLOPT_COPYPOSTFIELDS, $0.baseAddress) }
      check(code, "body")
    }

    private mutating func check(_ code: CURLcode, _ name: StaticString) {
      guard code != CURLE_OK, refusal == nil else { return }
      refusal = "\(name): \(String(cString: curl_easy_strerror(code)))"
    }
  }

  // MARK: Information

  /// libcurl's sentence about what went wrong; the general one of the code when it left none.
  func words(about code: CURLcode) -> String {
    words.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: words)
  }

  /// errno of the last system call that failed, 0 when libcurl kept none.
  var systemError: Int32 { socketRefusal.pointee != 0 ? socketRefusal.pointee : Int32(number(CURLINFO_OS_ERRNO)) }

  func number(_ info: CURLINFO) -> Int {
    var value = 0
    return pl_get_long(raw, info, &value) == CURLE_OK ? value : 0
  }

  func text(_ info: CURLINFO) -> String? {
    var value: UnsafeMutablePointer<CChar>?
    guard pl_get_string(raw, info, &value) == CURLE_OK, let value, value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  /// One of the `…_TIME_T` milestones, counted from the start; zero where it was not reached.
  func time(_ info: CURLINFO) -> Duration {
    var microseconds: curl_off_t = 0
    return pl_get_offset(raw, info, &microseconds) == CURLE_OK ? .microseconds(microseconds) : .zero
  }
}

/// Owns a curl_slist. libcurl does not copy it: it must outlive the transfer.
struct StringList: ~Copyable {
  private(set) var raw: UnsafeMutablePointer<curl_slist>?

  init(_ lines: [String] = []) {
    for line in lines {
      guard let longer = curl_slist_append(raw, line) else { fatalError("libcurl has no memory for a list") }
      raw = longer
    }
  }

  deinit { curl_slist_free_all(raw) }
}
