// What arrives on a socket, before anybody believes it.

/// What a message is to the one that waits for an answer.
package enum Reception: Hashable, Sendable {
  case answer(DNSMessage)
  /// TC is set: all of it is to be had by TCP (RFC 2181, 9).
  case truncated
  /// By its id it is the server's, and cannot be read.
  case garbled(DNSFailure)
  /// Another question's, or nobody's: it is passed over, and the answer may still come (RFC 5452, 9.1).
  case strange

  /// - Parameter id: of the message in which `query` was sent.
  package init(of bytes: [UInt8], _ query: DNSQuery, id: UInt16) {
    do throws(DNSFailure) {
      let message = try DNSMessage(bytes)
      if !message.answers(query, id: id) {
        self = .strange
      } else {
        self = message.isTruncated ? .truncated : .answer(message)
      }
    } catch {
      guard bytes.count >= 12, bytes[0] == id >> 8, bytes[1] == id & 0xff, bytes[2] & 0x80 != 0 else {
        self = .strange
        return
      }
      // Some servers cut in the middle of a record, which then cannot be read.
      self = bytes[2] & 2 != 0 ? .truncated : .garbled(error)
    }
  }
}
