// SHA-256 and HMAC on OpenSSL's EVP (EVP_DigestInit(3), HMAC(3)). The only module that imports OpenSSL.

import COpenSSL

/// SHA-256 (FIPS 180-4).
package enum SHA256 {
  /// - Returns: 32 bytes.
  package static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    let status = EVP_Digest(bytes, bytes.count, &result, &length, EVP_sha256(), nil)
    guard status == 1, length == 32 else { fatalError("OpenSSL cannot compute SHA-256") }
    return result
  }
}

/// HMAC-SHA-256 (RFC 2104).
///
/// - Returns: 32 bytes.
package func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
  var result = [UInt8](repeating: 0, count: 32)
  var length: UInt32 = 0
  guard HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &result, &length) != nil, length == 32 else {
    fatalError("OpenSSL cannot compute HMAC-SHA-256")
  }
  return result
}

/// Lower-case hexadecimal.
package func hexString(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  text.reserveCapacity(bytes.count * 2)
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}

/// Compares in a time that depends on the lengths alone.
package func constantTimeEquals(_ a: [UInt8], _ b: [UInt8]) -> Bool {
  a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
}

/// Bytes from OpenSSL's generator, fit for secrets.
package func randomBytes(_ count: Int) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: count)
  guard RAND_bytes(&bytes, Int32(count)) == 1 else { fatalError("OpenSSL has no randomness") }
  return bytes
}
