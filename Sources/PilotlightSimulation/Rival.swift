// Another watchdog over a workload, on another host. It lives by the same rules of the lease as ours, and does nothing with it: what
// matters is that ours does nothing meanwhile.

import PilotlightCore
import PilotlightEngine
import PilotlightSandbox

/// One life of another watchdog.
struct Rival {
  let life: String
  var tracker: LeaseTracker

  init(_ lease: LeaseSettings, life: String) {
    self.life = life
    tracker = LeaseTracker(
      LeaseSettings(ref: lease.ref, holder: "the other", lasting: lease.lasting), life: life)
  }
}

extension Simulation {
  func beginRival(_ name: String) {
    guard let lease = trial.workloads.first(where: { $0.name == name })?.lease else { return }
    let rival = Rival(lease, life: "theirs.\(String(asideDice.next(), radix: 16))")
    rivals[name] = rival
    due.add(.rivalAsks(workload: name, life: rival.life), at: now)
  }

  func rivalAsks(_ name: String, _ life: String) {
    guard let rival = rivals[name], rival.life == life else { return }
    let action = rival.tracker.request(at: now, mayClaim: true)
    let (reply, latency) = world.performElsewhere(action, at: now)
    if case .leased(let record) = reply { journal.note(now, .world("\(record.holder) has the lease of \(name)")) }
    noteLease(action, of: name)
    due.add(.rivalHears(workload: name, life: life, reply, askedAt: now), at: now + latency)
  }

  func rivalHears(_ name: String, _ life: String, _ reply: CloudReply, _ askedAt: Instant) {
    guard rivals[name]?.life == life else { return }
    rivals[name]?.tracker.take(reply, askedAt: askedAt, at: now)
    judgeHolders(of: name)
    due.add(.rivalAsks(workload: name, life: life), at: now + (rivals[name]?.tracker.pause ?? .seconds(1)))
  }

  /// Somebody claimed, whatever he is told.
  func noteLease(_ action: CloudAction, of name: String) {
    if case .claimLease(let ref, _, _) = action, let record = world.lease(ref) {
      oracle.leased(record, of: name, at: now)
    }
  }

  /// At no moment do two believe that they may act.
  func judgeHolders(of name: String) {
    guard rivals[name]?.tracker.held(at: now) != nil, now >= busyUntil,
      engine?.guards.first(where: { $0.name == name })?.lease?.held(at: now) != nil
    else { return }
    oracle.violate("two-holders", now, "two watchdogs hold the lease of \(name)")
  }
}
