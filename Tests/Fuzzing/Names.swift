// A name server's answer, from the socket's bytes to the sentence that an operator reads.

import PilotlightCore
import PilotlightDNS

private let id: UInt16 = 0x504c
private let question = NameQuestion(
  name: "app.example.org", target: "app-dr-2.us-west-2.elb.amazonaws.com",
  other: "app-home-1.eu-west-1.elb.amazonaws.com")

/// A byte for the type that was asked for, one for who was asked, and the message.
func readNames(_ bytes: [UInt8]) -> String? {
  var bytes = Bytes(bytes)
  let type = bytes.pick([RecordType.a, .aaaa, .ns])
  let asAuthority = bytes.byte() % 2 == 1
  guard let query = DNSQuery(question.name, type, recursion: !asAuthority) else { return "a name is not asked for" }
  switch Reception(of: bytes.remaining(), query, id: id) {
  case .strange, .truncated: return nil
  case .garbled(let failure): return fault(in: failure.sentence)
  case .answer(let message):
    if message.id != id { return "an answer to another question" }
    do throws(DNSFailure) {
      return promise(try FamilyAnswer(message, to: query, asAuthority: asAuthority), asAuthority)
    } catch { return fault(in: error.sentence) }
  }
}

private func promise(_ answer: FamilyAnswer, _ isAuthoritative: Bool) -> String? {
  if let ttl = answer.ttl, !(0...Int(Int32.max)).contains(ttl) { return "a TTL of \(ttl) s" }
  guard case .leads(let chain, let addresses, let ttl) = answer else { return nil }
  if chain.isEmpty, addresses.isEmpty { return "a lead to nothing" }
  if chain.count > FamilyAnswer.longestChain || Set(chain).count != chain.count { return "a chain of \(chain)" }
  for name in chain {
    if let fault = fault(in: name, limit: 1024) { return fault }
    if name.contains(where: \.isUppercase) || name.hasSuffix(".") && name.utf8.count > 1 && !name.hasSuffix("\\.") {
      return "a name as it came: \(name)"
    }
  }
  for address in addresses where ServerAddress(address)?.description != address { return "no address: \(address)" }
  let told = NameAnswer(
    server: "192.0.2.1", isAuthoritative: isAuthoritative, outcome: .leads(chain: chain, addresses: addresses), ttl: ttl
  )
  let verdict = NameVerdict(question, NameReport(answers: [told], target: ["198.51.100.1"], other: ["192.0.2.1"]))
  if verdict.isVerified { return "verified by one server" }
  return fault(in: verdict.sentence, limit: 3000)
}

/// What is wrong with a text that is to be one printable line.
private func fault(in text: String, limit: Int = 200) -> String? {
  if text.unicodeScalars.contains(where: { $0.value < 32 || $0.value > 126 }) { return "not one line: \(text)" }
  return text.unicodeScalars.count > limit ? "a line of \(text.unicodeScalars.count) characters" : nil
}
