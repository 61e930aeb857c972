// The sandbox as a running cloud: one world behind a lock, its latencies lived through in real time divided by a speed.

package import PilotlightCore
internal import Synchronization

/// A cloud for the daemon's demo and for tests in real time. Safe to use from any thread.
package final class SandboxCloud: Sendable {
  private let world: Mutex<SandboxWorld>
  private let clock: @Sendable () -> Instant
  private let watchers = Mutex<[@Sendable () -> Void]>([])
  /// World seconds per real second.
  package let speed: Double

  /// - Parameters:
  ///   - world: where the cloud starts from; it moves on to `now()` at each call.
  ///   - now: the daemon's time, which is the world's: it runs `speed` times as fast as real time.
  ///   - speed: world seconds per real second, above 0; latencies and timeouts are shortened by it. Below 0.001 it
  ///     counts as 1.
  package init(world: SandboxWorld, now: @escaping @Sendable () -> Instant, speed: Double = 1) {
    self.world = Mutex(world)
    clock = now
    self.speed = speed >= 0.001 ? speed : 1
  }

  /// Carries out an action and answers after its latency, or after `timeout` (both of world time) like a client that
  /// gave up. A cancelled task answers at once; what the action did stays done.
  package func perform(_ action: CloudAction, timeout: Duration) async -> CloudReply {
    let (reply, latency) = world.withLock { $0.perform(action, at: clock(), timeout: timeout) }
    try? await Task.sleep(for: real(latency))
    return reply
  }

  /// What a site's load balancer does with a probe that arrives now.
  package func alb(workload: String, site: SandboxSite) -> ALBAnswer {
    world.withLock { $0.alb(workload: workload, site: site, at: clock()) }
  }

  /// Makes something go wrong from now on.
  package func inject(_ fault: SandboxFault) {
    world.withLock { $0.inject(fault, at: clock()) }
    for watcher in watchers.withLock({ $0 }) { watcher() }
  }

  /// Ends a fault, given as it was injected.
  package func clear(_ fault: SandboxFault) {
    world.withLock { $0.clear(fault, at: clock()) }
    for watcher in watchers.withLock({ $0 }) { watcher() }
  }

  /// Looks at, or changes, the world as it is now; `body` must not block.
  package func withWorld<Value: Sendable>(_ body: @Sendable (inout SandboxWorld) -> Value) -> Value {
    world.withLock { world in
      world.advance(to: clock())
      return body(&world)
    }
  }

  /// The truth about a workload as of now; nil for an unknown name.
  package func facts(for workload: String) -> SandboxFacts? {
    withWorld { $0.facts(for: workload) }
  }

  /// Calls `watcher` after each fault that begins or ends.
  package func onFaults(_ watcher: @escaping @Sendable () -> Void) {
    watchers.withLock { $0.append(watcher) }
  }

  /// A stretch of world time in real time.
  package func real(_ world: Duration) -> Duration { .nanoseconds(Int64(min(Double(world.nanoseconds) / speed, 9e18))) }
}
