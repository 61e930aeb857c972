// How a world begins: the steady state of each workload, put together from its settings.

internal import PilotlightCore

extension SandboxWorld {
  mutating func addWorkload(_ settings: WorkloadSettings) {
    let index = workloads.count
    let sites = [settings.primary, settings.dr]
    let encrypted = sites.contains { $0.database.kmsKey != nil }
    let first = databases.count
    for (position, site) in sites.enumerated() {
      let history = position == 0 ? addHistory(index, parent: nil, forkedAt: now) : histories.count - 1
      let database = addDatabase(site.database.ref, workload: index, encrypted: encrypted, history: history)
      if site.database.ref.global == nil {
        databases[database].instance = usual(site.database, isReplica: position == 1)
      }
    }
    let past = now - .hours(1)
    databases[first + 1].source = first
    databases[first + 1].replay = Replay(source: first, from: past, since: past)
    databases[first + 1].sampled = now - .minutes(17)

    let primaryHost = databases[first].host
    workloads.append(
      WorkloadWorld(
        settings: settings,
        groups: [groups.count, groups.count + 1],
        secrets: sites.map { $0.secret.map { addSecret($0, host: primaryHost, other: settings.primary.region) } },
        databases: [first, first + 1],
        ownHosts: [databases[first].host, databases[first + 1].host],
        traffic: Array(repeating: .primary, count: Self.cohorts),
        settledAt: now))
    if case .route53(_, let primary, let dr) = settings.traffic { workloads[index].records = records(primary, dr) }
    for site in SandboxSite.allCases { addGroup(site, workload: index, settings: sites[site.rawValue]) }
  }

  /// As a production database is kept: with a standby, which a pilot light does without.
  private func usual(_ settings: DatabaseSettings, isReplica: Bool) -> InstanceState {
    InstanceState(
      instanceClass: settings.instanceClass ?? "db.t3.medium", subnetGroup: settings.subnetGroup,
      securityGroups: settings.securityGroups, kmsKey: settings.kmsKey,
      parameterGroup: settings.parameterGroup ?? "\(settings.ref.identifier)-\(engine.rawValue)",
      backupRetention: isReplica ? 0 : 14,
      options: InstanceOptions(
        multiAZ: !isReplica, deletionProtection: true, copyTagsToSnapshot: true, tags: ["backup": "daily"]))
  }

  private mutating func addGroup(_ site: SandboxSite, workload: Int, settings: SiteSettings) {
    let size = site == .primary ? settings.group.serving : settings.group.standby
    var group = Group(
      ref: settings.group.ref, targets: settings.targetGroup, region: region(settings.group.ref.region),
      workload: workload, site: site, size: size)
    for id in 0..<max(0, size.desired) {
      var machine = Machine(id: id, lifecycle: .inService, target: .healthy, ready: true)
      machine.host = bootHost(workload, site)
      machine.working = true
      group.machines.append(machine)
    }
    group.launched = group.machines.count
    groups.append(group)
  }

  @discardableResult
  mutating func addDatabase(_ ref: DatabaseRef, workload: Int, encrypted: Bool, history: Int) -> Int {
    let index = databases.count
    let region = region(ref.region)
    databases.append(
      Database(
        region: region, workload: workload, ref: ref, host: Self.host(of: ref), arn: Self.arn(of: ref),
        encrypted: encrypted, history: history, sampled: now, noise: random.next()))
    // The first backup window is at least six hours away, so that short stories meet one only when they ask for it.
    schedule(.backupWindow(database: index), in: random.between(.minutes(360), .minutes(1800)), region: region)
    return index
  }

  mutating func addHistory(_ workload: Int, parent: Int?, forkedAt: Instant) -> Int {
    histories.append(History(workload: workload, parent: parent, forkedAt: forkedAt))
    return histories.count - 1
  }

  private mutating func addSecret(_ secret: SecretSettings, host: String, other: String) -> Int {
    secrets.append(
      Secret(
        ref: secret.ref, region: region(secret.ref.region), address: DatabaseAddress(host: host, port: 5432),
        version: "AWSCURRENT-0", source: secret.isReplica == true ? other : nil))
    return secrets.count - 1
  }

  /// The position of a region in the world's table, which grows as regions are named by settings.
  mutating func region(_ name: String) -> Int {
    if let known = regions.firstIndex(of: name) { return known }
    regions.append(name)
    regionDown.append(false)
    return regions.count - 1
  }

  /// The endpoint of an instance: RDS derives it from identifier, account and region, so it survives a promotion and
  /// belongs again to whichever instance takes the identifier.
  static func host(of ref: DatabaseRef) -> String {
    "\(ref.identifier).\(ref.global == nil ? "" : "cluster-")c\(accountHash(ref.region)).\(ref.region).rds.amazonaws.com"
  }

  static func arn(of ref: DatabaseRef) -> String {
    "arn:aws:rds:\(ref.region):\(account):\(ref.global == nil ? "db" : "cluster"):\(ref.identifier)"
  }

  /// Eleven letters and digits that stand for the account in a region.
  private static func accountHash(_ region: String) -> String {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in (account + region).utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let text = String(value % 131_621_703_842_267_136, radix: 36)
    return String(repeating: "0", count: 11 - text.count) + text
  }
}
