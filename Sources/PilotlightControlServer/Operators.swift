// Who may order. Whoever reaches the socket may read; where a group of operators is named, nobody else may change anything.

import Dispatch
import Glibc
import PilotlightControlAPI
import Synchronization

extension ControlRequest {
  /// It changes something, or tells the daemon to.
  package var orders: Bool {
    switch self {
    case .order, .reload, .changeSandbox: true
    case .status, .explain, .report, .plan, .history, .health, .sandbox: false
    }
  }
}

/// Members of a group, and root.
package final class Operators: Sendable {
  private let group: String
  private let queue = DispatchQueue(label: "pilotlight.control.operators")

  package init(group: String) { self.group = group }

  /// Why a peer may not order, in a sentence; nil when it may. What cannot be found out within two seconds, as with a directory behind NSS
  /// that hangs, is no leave: root needs none.
  package func refusal(of peer: Peer) async -> String? {
    if peer.uid == 0 { return nil }
    if peer.uid == PeerCredentials.nobody {
      return "who orders is in the group \(group), and \(peer.description) may be anybody"
    }
    let group = group
    let word = await withCheckedContinuation { (continuation: CheckedContinuation<Word, Never>) in
      let once = Mutex<CheckedContinuation<Word, Never>?>(continuation)
      let answer: @Sendable (Word) -> Void = { word in
        once.withLock { open in
          defer { open = nil }
          return open
        }?.resume(returning: word)
      }
      queue.async { answer(isMember(peer.uid, of: group)) }
      DispatchQueue.global().asyncAfter(deadline: .now() + 2) { answer(.unknown("its members cannot be found out")) }
    }
    switch word {
    case .member: return nil
    case .stranger: return "\(peer.description) is no member of the group \(group), and may read only"
    case .unknown(let why): return "\(peer.description) may read only: who orders is in the group \(group), and \(why)"
    }
  }
}

private enum Word: Sendable {
  case member, stranger
  case unknown(String)
}

/// By the user's number and the two databases: a process may have fewer groups than its user, and never speaks for another one.
private func isMember(_ uid: UInt32, of name: String) -> Word {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64 << 10) { buffer -> Word in
    guard let base = buffer.baseAddress else { return .unknown("there is no memory") }
    var entry = group()
    var found: UnsafeMutablePointer<group>?
    guard getgrnam_r(name, &entry, base, buffer.count, &found) == 0, let wanted = found?.pointee.gr_gid else {
      return .unknown("there is no such group")
    }
    var user = passwd()
    var known: UnsafeMutablePointer<passwd>?
    guard getpwuid_r(uid, &user, base, buffer.count, &known) == 0, let record = known?.pointee else { return .stranger }
    var count: CInt = 1024
    let groups = [gid_t](unsafeUninitializedCapacity: Int(count)) { list, filled in
      filled = getgrouplist(record.pw_name, record.pw_gid, list.baseAddress, &count) < 0 ? 0 : Int(count)
    }
    return groups.contains(wanted) ? .member : .stranger
  }
}
