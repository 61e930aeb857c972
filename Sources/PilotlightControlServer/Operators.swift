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
    let word: Membership = await withCheckedContinuation { continuation in
      let once = Once<Membership> { continuation.resume(returning: $0) }
      queue.async { once.succeed(Membership(of: peer.uid, in: group)) }
      DispatchQueue.global().asyncAfter(deadline: .now() + 2) {
        once.succeed(.unknown("its members cannot be found out"))
      }
    }
    switch word {
    case .member: return nil
    case .stranger: return "\(peer.description) is no member of the group \(group), and may read only"
    case .unknown(let why): return "\(peer.description) may read only: who orders is in the group \(group), and \(why)"
    }
  }
}

private enum Membership: Sendable {
  case member, stranger
  case unknown(String)

  /// By the user's number and the two databases: a process may have fewer groups than its user, and never speaks for another one.
  init(of uid: UInt32, in name: String) {
    guard let wanted = groupNumber(name) else {
      self = .unknown("there is no such group")
      return
    }
    guard let user = user(uid) else {
      self = .stranger
      return
    }
    var count: CInt = 1024
    let groups = [gid_t](unsafeUninitializedCapacity: Int(count)) { list, filled in
      filled = getgrouplist(user.name, user.gid, list.baseAddress, &count) < 0 ? 0 : Int(count)
    }
    self = groups.contains(wanted) ? .member : .stranger
  }
}

/// getgrnam_r(3). 64 kB hold a group of some thousand members.
private func groupNumber(_ name: String) -> gid_t? {
  var entry = group()
  var found: UnsafeMutablePointer<group>?
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64 << 10) { buffer in
    guard let base = buffer.baseAddress, getgrnam_r(name, &entry, base, buffer.count, &found) == 0 else { return nil }
    return found?.pointee.gr_gid
  }
}
