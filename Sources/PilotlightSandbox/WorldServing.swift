// Who is served by what: from targets and databases to users. `refresh` draws all consequences of a change at once;
// `settle` books the time that passed under the old state before anything changes.

package import PilotlightCore

extension SandboxWorld {
  /// Books the stretch since the last settlement: it went at one pace.
  mutating func settle(_ index: Int) {
    let from = workloads[index].settledAt
    guard now > from else { return }
    let stretch = now.nanoseconds - from.nanoseconds
    for writer in workloads[index].writers {
      extend(writer.history, WritingSpan(from: from, to: now, period: Self.period(share: writer.share)))
    }
    if workloads[index].writers.count > 1 { workloads[index].doubled += stretch }
    workloads[index].served +=
      workloads[index].servedShare == Self.allUsers
      ? stretch : stretch / Self.allUsers * workloads[index].servedShare
    workloads[index].settledAt = now
    sampleLag(index)
  }

  /// The share that stands for every user.
  static var allUsers: Int64 { Int64(cohorts) * shareUnit }

  private static func period(share: Int64) -> Int64 { writePeriod * allUsers / max(1, share) }

  private mutating func extend(_ history: Int, _ span: WritingSpan) {
    if let last = histories[history].spans.last, last.to == span.from, last.period == span.period {
      histories[history].spans[histories[history].spans.count - 1].to = span.to
    } else {
      histories[history].spans.append(span)
    }
  }

  /// Lets every consequence of a change show: health of applications, pace of replicas, who writes where, outages.
  mutating func refresh(_ index: Int) {
    refreshTroubles(index)
    for group in workloads[index].groups where !regionDown[groups[group].region] { refreshMachines(group) }
    refreshReplication(index)
    refreshWriters(index)
    refreshCheckers(index)
    for group in workloads[index].groups { refreshView(group: group) }
    for database in workloads[index].databases { refreshView(database: database) }
  }

  private mutating func refreshTroubles(_ index: Int) {
    for database in workloads[index].databases {
      let trouble = faultSet.isEmpty ? nil : faultSet.trouble(databases[database].ref)
      if databases[database].trouble != nil, trouble == nil { databases[database].startedAt = now }
      databases[database].trouble = trouble
      databases[database].isHeadless = faultSet.contains(.headless(databases[database].ref))
    }
  }

  private mutating func refreshMachines(_ group: Int) {
    let name = workloads[groups[group].workload].settings.name
    let broken = faultSet.contains(.applicationDown(workload: name, site: groups[group].site))
    for position in groups[group].machines.indices {
      let machine = groups[group].machines[position]
      guard machine.lifecycle == .inService else { continue }
      let working = !broken && machine.ready && writableDatabase(machine.host) != nil
      guard working != machine.working else { continue }
      groups[group].machines[position].working = working
      expectVerdict(group, position)
    }
  }

  /// The database that answers at a host and takes writes.
  private func writableDatabase(_ host: String?) -> Int? {
    guard let host, let index = databases.firstIndex(where: { $0.host == host && $0.status != .creating }),
      databases[index].writable, !regionDown[databases[index].region]
    else { return nil }
    return index
  }

  /// Targets the load balancer of a site sends requests to, and how many of those answer well.
  func siteService(_ workload: Int, _ site: SandboxSite) -> (healthy: Int, working: Int) {
    var healthy = 0
    var working = 0
    for machine in groups[workloads[workload].groups[site.rawValue]].machines where machine.target == .healthy {
      healthy += 1
      if machine.working { working += 1 }
    }
    return (healthy, working)
  }

  /// Whether users' requests reach the application of a site.
  func isOpen(_ workload: Int, _ site: SandboxSite) -> Bool {
    if workloads[workload].held[site.rawValue] || regionDown[groups[workloads[workload].groups[site.rawValue]].region] {
      return false
    }
    if faultSet.isEmpty { return true }
    let name = workloads[workload].settings.name
    return !faultSet.contains(.albBlackhole(workload: name, site: site))
      && !faultSet.contains(.albRefused(workload: name, site: site))
      && !faultSet.contains(.albWrongContent(workload: name, site: site))
      && !faultSet.contains(.applicationDown(workload: name, site: site))
  }

  /// Whether requests that got past the load balancer of a site are still under way.
  private func isFinishing(_ workload: Int, _ site: SandboxSite) -> Bool {
    workloads[workload].finishing[site.rawValue] > now
      && !regionDown[groups[workloads[workload].groups[site.rawValue]].region]
  }

  private mutating func refreshWriters(_ index: Int) {
    var writers: [(history: Int, share: Int64)] = []
    var served: Int64 = 0
    for site in SandboxSite.allCases {
      let users = Int64(workloads[index].traffic.count { $0 == site })
      let (healthy, working) = siteService(index, site)
      let open = isOpen(index, site)
      guard users > 0, working > 0, open || isFinishing(index, site) else { continue }
      if open { served += users * Self.shareUnit * Int64(working) / Int64(healthy) }
      for machine in groups[workloads[index].groups[site.rawValue]].machines
      where machine.target == .healthy && machine.working {
        guard let database = writableDatabase(machine.host) else { continue }
        let share = users * Self.shareUnit / Int64(healthy) / (open ? 1 : Self.finishingPart)
        let history = databases[database].history
        if let known = writers.firstIndex(where: { $0.history == history }) {
          writers[known].share += share
        } else {
          writers.append((history, share))
        }
      }
    }
    let two = writers.count > 1 && workloads[index].writers.count < 2
    workloads[index].writers = writers
    workloads[index].servedShare = served
    workloads[index].servesSince = served > 0 ? workloads[index].servesSince ?? now : nil
    if two { note(.twoWriters, index, "two databases with separate histories take writes") }
    bookOutage(index, full: served == Self.allUsers)
  }

  private mutating func bookOutage(_ index: Int, full: Bool) {
    let isOut = workloads[index].outages.last.map { $0.restoredAt == nil } ?? false
    if !full && !isOut {
      workloads[index].outages.append(ServiceOutage(start: now))
    } else if full && isOut {
      let newest = workloads[index].outages.count - 1
      workloads[index].outages[newest].restoredAt = now
      workloads[index].outages[newest].restoredFrom = commonSite(of: workloads[index])
    }
  }

  /// What a site's load balancer does with the watchdog's probe at `time`, to which the world advances.
  package mutating func alb(workload name: String, site: SandboxSite, at time: Instant) -> ALBAnswer {
    advance(to: time)
    guard let index = workloads.firstIndex(where: { $0.settings.name == name }) else { return .refused }
    var delay = Duration.nanoseconds(5_000_000 + SandboxRandom.noise(1, now.nanoseconds, below: 35_000_000))
    if regionDown[groups[workloads[index].groups[site.rawValue]].region] { return .timeout }
    // What keeps a probe from arriving comes before what it would find, whichever began first.
    let silent: [SandboxFault] = [
      .observerIsolated, .albBlackhole(workload: name, site: site), .albHidden(workload: name, site: site),
    ]
    if !faultSet.isEmpty, silent.contains(where: faultSet.contains) { return .timeout }
    if faultSet.contains(.albRefused(workload: name, site: site)) { return .refused }
    workloads[index].probes[site.rawValue] += 1
    if workloads[index].probes[site.rawValue].isMultiple(of: 2),
      faultSet.contains(.albFlapping(workload: name, site: site))
    {
      return .answer(status: 503, body: "503 Service Temporarily Unavailable", delay: delay)
    }
    var wrong = false
    for fault in faultSet.active {
      switch fault {
      case .albSlow(name, site, let late): delay += late
      case .albWrongContent(name, site): wrong = true
      case .applicationDown(name, site): return .answer(status: 503, body: "the application is down", delay: delay)
      default: break
      }
    }
    if workloads[index].held[site.rawValue] { return .answer(status: 503, body: Self.writeHoldText, delay: delay) }
    if wrong { return .answer(status: 200, body: "<html>It works!</html>", delay: delay) }
    let (healthy, working) = siteService(index, site)
    guard healthy > 0 else { return .answer(status: 503, body: "503 Service Temporarily Unavailable", delay: delay) }
    if SandboxRandom.noise(2, now.nanoseconds, below: Int64(healthy)) < working {
      return .answer(status: 200, body: "ok", delay: delay)
    }
    return .answer(status: 503, body: "the database does not take writes", delay: delay)
  }
}
