// Auto Scaling Groups, the life of their instances, and what the target group thinks of them.
//
// An instance is pending for about a minute, then InService and registered; its application has booted 2 to 5 minutes
// after the launch, and only then reads the secret, once. The target group checks every 30 s and changes its mind after
// two equal results, so its word is 30 to 60 s behind the truth in both directions.

internal import PilotlightCore

extension SandboxWorld {
  func describeGroup(_ ref: GroupRef) -> CloudReply {
    guard let index = groups.firstIndex(where: { $0.ref == ref }) else { return unknownGroup(ref) }
    var state = groups[index].view
    if now < groups[index].staleUntil, let old = groups[index].stale { state.size = old }
    return .group(state)
  }

  /// Draws what a description shows.
  mutating func refreshView(group index: Int) {
    let group = groups[index]
    let name = workloads[group.workload].settings.name
    let suspended = faultSet.contains(.launchesSuspended(workload: name, site: group.site))
    groups[index].view = GroupState(
      size: group.size, inService: group.machines.count { $0.lifecycle == .inService },
      instances: group.machines.count, trouble: group.trouble, suspended: suspended ? ["Launch"] : [])
  }

  mutating func resizeGroup(_ ref: GroupRef, _ size: GroupSize) -> CloudReply {
    guard let index = groups.firstIndex(where: { $0.ref == ref }) else { return unknownGroup(ref) }
    if size.min < 0 || size.max < 0 || size.desired < 0 {
      return failed(.invalid, "ValidationError", "Sizes of a group must not be negative: \(size)")
    }
    if size.min > size.max {
      return failed(
        .invalid, "ValidationError", "Max bound, \(size.max), must be greater than or equal to min bound, \(size.min)")
    }
    if size.desired < size.min || size.desired > size.max {
      return failed(
        .invalid, "ValidationError",
        "Desired capacity:\(size.desired) must be between the specified min size:\(size.min) and max size:\(size.max)")
    }
    let group = groups[index]
    if size == group.size { return .accepted(receipt: nil) }
    watchShrinking(group, to: size)
    groups[index].stale = group.size
    groups[index].staleUntil = now.adding(random.between(0, 2 * second))
    groups[index].size = size
    schedule(.reconcileGroup(group: index), in: random.between(second, 10 * second), region: group.region)
    return .accepted(receipt: nil)
  }

  /// Auto Scaling wants so many instances of a group that runs; nil: as many as it is set up with.
  mutating func want(_ desired: Int?, of name: String, _ site: SandboxSite) {
    guard let workload = workloads.firstIndex(where: { $0.settings.name == name }) else { return }
    let index = workloads[workload].groups[site.rawValue]
    guard groups[index].size.desired > 0 else { return }
    let settings = workloads[workload].settings
    let usual = (site == .primary ? settings.primary : settings.dr).group.serving.desired
    let size = groups[index].size
    groups[index].size.desired = max(min(desired ?? usual, size.max), max(size.min, 1))
    schedule(.reconcileGroup(group: index), in: random.between(second, 10 * second), region: groups[index].region)
  }

  /// Launches what is missing, terminates what is too much, the oldest first.
  mutating func reconcile(_ index: Int) {
    let group = groups[index]
    let active = group.machines.count { $0.lifecycle != .terminating }
    let missing = group.size.desired - active
    if missing < 0 { terminate(index, count: -missing) }
    guard missing > 0 else {
      groups[index].trouble = nil
      return
    }
    let name = workloads[group.workload].settings.name
    if faultSet.contains(.launchesSuspended(workload: name, site: group.site)) {
      schedule(.reconcileGroup(group: index), in: minute, region: group.region)
      return
    }
    if faultSet.contains(.launchTemplateMissing(workload: name, site: group.site)) {
      groups[index].trouble = """
        Launching a new EC2 instance. Status Reason: The specified launch template, with template ID lt-\(name), does not \
        exist. Launching EC2 instance failed.
        """
      schedule(.reconcileGroup(group: index), in: minute, region: group.region)
      return
    }
    let room = faultSet.capacity(name, group.site).map { max(0, $0 - active) } ?? missing
    for _ in 0..<min(missing, room) { launch(index) }
    if room < missing {
      groups[index].trouble = """
        Launching a new EC2 instance. Status Reason: We currently do not have sufficient capacity in the Availability \
        Zone you requested. Launching EC2 instance failed. (InsufficientInstanceCapacity)
        """
      schedule(.reconcileGroup(group: index), in: random.between(minute, 2 * minute), region: group.region)
    } else {
      groups[index].trouble = nil
    }
  }

  private mutating func launch(_ index: Int) {
    let id = groups[index].launched
    let region = groups[index].region
    groups[index].launched += 1
    groups[index].machines.append(Machine(id: id))
    let inService = random.between(30 * second, 70 * second)
    let ready = random.between(2 * minute, 5 * minute)
    schedule(.machineInService(group: index, machine: id), in: inService, region: region)
    schedule(.machineReady(group: index, machine: id), in: ready, region: region)
  }

  private mutating func terminate(_ index: Int, count: Int) {
    var left = count
    for position in groups[index].machines.indices where groups[index].machines[position].lifecycle != .terminating {
      guard left > 0 else { return }
      left -= 1
      groups[index].machines[position].lifecycle = .terminating
      groups[index].machines[position].generation += 1
      if groups[index].machines[position].target != .none { groups[index].machines[position].target = .draining }
      schedule(
        .machineGone(group: index, machine: groups[index].machines[position].id),
        in: random.between(30 * second, 90 * second), region: groups[index].region)
    }
  }

  mutating func machineInService(_ group: Int, _ id: Int) {
    guard let position = machine(group, id), groups[group].machines[position].lifecycle == .pending else { return }
    groups[group].machines[position].lifecycle = .inService
    groups[group].machines[position].target = .initial
    expectVerdict(group, position)
  }

  /// The application has booted; without its secret it tries again.
  mutating func machineReady(_ group: Int, _ id: Int) {
    guard let position = machine(group, id) else { return }
    let workload = groups[group].workload
    if let secret = workloads[workload].secrets[groups[group].site.rawValue],
      regionDown[secrets[secret].region] || isDeleted(secrets[secret].ref)
    {
      schedule(.machineReady(group: group, machine: id), in: 30 * second, region: groups[group].region)
      return
    }
    groups[group].machines[position].ready = true
    groups[group].machines[position].host = bootHost(workload, groups[group].site)
  }

  /// The database host an application of this site reads when it boots.
  func bootHost(_ workload: Int, _ site: SandboxSite) -> String {
    if let secret = workloads[workload].secrets[site.rawValue] { return secrets[secret].address.host }
    return workloads[workload].ownHosts[site.rawValue]
  }

  mutating func targetVerdict(_ group: Int, _ id: Int, _ generation: Int) {
    guard let position = machine(group, id), groups[group].machines[position].generation == generation else { return }
    groups[group].machines[position].target = groups[group].machines[position].working ? .healthy : .unhealthy
  }

  /// Two equal checks from now, 30 s apart, the target group will say what the instance is then.
  mutating func expectVerdict(_ group: Int, _ position: Int) {
    groups[group].machines[position].generation += 1
    let machine = groups[group].machines[position]
    schedule(
      .targetVerdict(group: group, machine: machine.id, generation: machine.generation),
      in: random.between(30 * second, 60 * second), region: groups[group].region)
  }

  func targetHealth(_ ref: TargetGroupRef) -> CloudReply {
    guard let index = groups.firstIndex(where: { $0.targets == ref }) else {
      return failed(.notFound, "TargetGroupNotFound", "Target group '\(ref.arn)' not found")
    }
    var health = TargetHealth(healthy: 0, unhealthy: 0, other: 0)
    for machine in groups[index].machines {
      switch machine.target {
      case .none: break
      case .healthy: health.healthy += 1
      case .unhealthy: health.unhealthy += 1
      case .initial, .draining: health.other += 1
      }
    }
    return .targets(health)
  }

  private func machine(_ group: Int, _ id: Int) -> Int? { groups[group].machines.firstIndex { $0.id == id } }

  private func unknownGroup(_ ref: GroupRef) -> CloudReply {
    failed(.notFound, "ValidationError", "AutoScalingGroup name not found - \(ref.name) in \(ref.region)")
  }

  private mutating func watchShrinking(_ group: Group, to size: GroupSize) {
    let workload = workloads[group.workload]
    guard size.desired < group.size.desired, size.desired == 0, !regionDown[group.region],
      isOpen(group.workload, group.site), workload.traffic.contains(group.site),
      siteService(group.workload, group.site).working > 0
    else { return }
    note(.stoppedServingSite, group.workload, "\(group.ref.name) was serving users and was set to \(size)")
  }
}
