// Known answers: FIPS 180-4's examples (the NIST example values of SHA-256) and RFC 4231 for HMAC-SHA-256.

import PilotlightCrypto
import Testing

@Suite struct CryptoTests {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `SHA-256 of the published examples`(text: String, digest: String) {
    #expect(hexString(SHA256.digest(Array(text.utf8))) == digest)
  }

  @Test func `SHA-256 of a million letters a`() {
    let digest = SHA256.digest([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
    #expect(hexString(digest) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func `HMAC of RFC 4231's first case`() {
    let code = hmacSHA256(key: [UInt8](repeating: 0x0B, count: 20), message: Array("Hi There".utf8))
    #expect(hexString(code) == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
  }

  @Test func `HMAC of RFC 4231's second case, a short key`() {
    let code = hmacSHA256(key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8))
    #expect(hexString(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  }

  @Test func `HMAC of RFC 4231's sixth case, a key longer than a block`() {
    let message = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
    let code = hmacSHA256(key: [UInt8](repeating: 0xAA, count: 131), message: message)
    #expect(hexString(code) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
  }

  @Test func `HMAC takes an empty key and an empty message`() {
    let code = hmacSHA256(key: [], message: [])
    #expect(hexString(code) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
  }

  @Test func `hexadecimal keeps leading zeros`() {
    #expect(hexString([0, 1, 0x0F, 0x10, 0xFF]) == "00010f10ff")
    #expect(hexString([]).isEmpty)
  }

  @Test func `secrets are compared whole`() {
    #expect(constantTimeEquals([1, 2, 3], [1, 2, 3]))
    #expect(constantTimeEquals([], []))
    #expect(!constantTimeEquals([1, 2, 3], [1, 2, 4]))
    #expect(!constantTimeEquals([1, 2, 3], [1, 2]))
  }

  @Test func `random bytes have the asked length and do not repeat`() {
    let first = randomBytes(32)
    #expect(first.count == 32)
    #expect(first != randomBytes(32))
    #expect(randomBytes(0).isEmpty)
  }
}
