import PilotlightCore
import PilotlightSandbox
import Testing

@Suite struct DatabaseStories {
  @Test func `a promotion takes five to ten minutes, happens once, and keeps the address`() throws {
    var story = Story()
    let before = try story.database(story.drDatabase)
    #expect(before.status == "available" && before.replication == "replicating")
    #expect(before.source == "arn:aws:rds:eu-west-1:111122223333:db:django-app-db")
    let began = story.now
    story.does(.promoteReplica(story.drDatabase))
    story.wait(.seconds(3))
    var seen: [String] = []
    story.wait(upTo: .minutes(11)) {
      guard let state = try? $0.database($0.drDatabase) else { return false }
      if seen.last != state.status { seen.append(state.status) }
      return state.status == "available" && state.source == nil
    }
    #expect(seen == ["modifying", "rebooting", "available"])
    #expect(story.now - began > .minutes(4) && story.now - began < .minutes(11))
    let after = try story.database(story.drDatabase)
    #expect(after.address == before.address && after.replication == nil)
    #expect(story.world.promotions(of: story.drDatabase) == 1)
    story.refused(.promoteReplica(story.drDatabase), .wrongState, "InvalidDBInstanceState")
    #expect(story.world.promotions(of: story.drDatabase) == 1)
    #expect(try story.facts().promotions == 1)
  }

  @Test func `a second promotion while the first runs is refused, and noted`() throws {
    var story = Story()
    story.does(.promoteReplica(story.drDatabase))
    story.refused(.promoteReplica(story.drDatabase), .wrongState, "InvalidDBInstanceState")
    story.wait(.minutes(2))
    story.refused(.promoteReplica(story.drDatabase), .wrongState, "InvalidDBInstanceState")
    #expect(story.world.promotions(of: story.drDatabase) == 1)
    #expect(story.world.violations.map(\.kind).filter { $0 == .promotedAgain }.count == 2)
  }

  @Test func `promoting a standalone or an unknown instance is refused, and the first is noted`() {
    var story = Story()
    story.refused(.promoteReplica(story.primaryDatabase), .wrongState, "InvalidDBInstanceState")
    #expect(story.world.violations.map(\.kind) == [.promotedStandalone])
    let nobody = DatabaseRef(region: Story.dr, identifier: "nobody")
    for action in [
      CloudAction.promoteReplica(nobody), .describeDatabase(nobody), .renameDatabase(nobody, to: "x"),
      .snapshotDatabase(nobody, snapshot: "s"),
    ] {
      story.refused(action, .notFound, "DBInstanceNotFound")
    }
    #expect(story.ask(.replicaLag(nobody)) == .lag([]))
  }

  @Test func `a description may show the old state for two seconds, seldom for twenty, and not longer`() throws {
    var (sawOld, sawOldLong) = (0, 0)
    for seed in 0..<40 as Range<UInt64> {
      var story = Story(seed: seed)
      story.does(.promoteReplica(story.drDatabase))
      if story.status(story.drDatabase) == "available" { sawOld += 1 }
      story.wait(.seconds(2))
      if story.status(story.drDatabase) == "available" { sawOldLong += 1 }
      story.wait(.seconds(18))
      #expect(story.status(story.drDatabase) == "modifying")
    }
    #expect(sawOld > 10 && sawOld < 40 && (1...10).contains(sawOldLong))
  }

  @Test func `a backup makes a promotion wait`() throws {
    var story = Story()
    story.world.inject(.backupRunning(story.drDatabase), at: story.now)
    #expect(try story.database(story.drDatabase).status == "backing-up")
    story.refused(.promoteReplica(story.drDatabase), .wrongState, "InvalidDBInstanceState")
    story.world.clear(.backupRunning(story.drDatabase), at: story.now)
    story.does(.promoteReplica(story.drDatabase))
  }

  @Test func `every database is backed up once a day for some minutes, and users do not notice`() throws {
    var story = Story()
    var backups = 0
    var was = "available"
    for _ in 0..<(3 * 24 * 60) {
      story.wait(.seconds(59))
      let status = try story.database(story.drDatabase).status
      if status == "backing-up" && was != status { backups += 1 }
      was = status
    }
    #expect((2...3).contains(backups))
    #expect(try story.facts().outages == 0)
  }

  @Test func `a stuck promotion stays in modifying and goes on when released`() {
    var story = Story()
    story.world.inject(.promotionStuck(workload: "django-app"), at: story.now)
    story.does(.promoteReplica(story.drDatabase))
    story.wait(.hours(2))
    #expect(story.status(story.drDatabase) == "modifying")
    story.world.clear(.promotionStuck(workload: "django-app"), at: story.now)
    story.wait(upTo: .minutes(3)) { $0.status($0.drDatabase) == "available" }
  }

  @Test func `a renamed instance leaves its name and address to another`() throws {
    var story = Story()
    let old = try #require(try story.database(story.primaryDatabase).address)
    let kept = DatabaseRef(region: Story.primary, identifier: "django-app-db-old")
    story.refused(.renameDatabase(story.primaryDatabase, to: "-x"), .invalid, "InvalidParameterValue")
    story.refused(.renameDatabase(story.primaryDatabase, to: "django-app-db"), .exists, "DBInstanceAlreadyExists")
    story.does(.renameDatabase(story.primaryDatabase, to: kept.identifier))
    story.wait(.seconds(3))
    #expect(try story.database(story.primaryDatabase).status == "renaming")
    story.refused(.renameDatabase(story.primaryDatabase, to: "y"), .wrongState, "InvalidDBInstanceState")
    story.wait(upTo: .minutes(4)) { $0.status(kept) == "available" }
    story.refused(.describeDatabase(story.primaryDatabase), .notFound, "DBInstanceNotFound")
    let renamed = try story.database(kept)
    #expect(renamed.address?.host == old.host.replacing("django-app-db.", with: "django-app-db-old."))
    #expect(try story.database(story.drDatabase).source == renamed.arn)
    // Users lost their database with its name.
    #expect(try story.facts().serving == false)
  }

  @Test func `a new replica takes tens of minutes, has no address before, and catches up after`() throws {
    var story = Story()
    let second = DatabaseSettings(ref: DatabaseRef(region: Story.dr, identifier: "second"))
    story.does(.createReplica(ReplicaSpec(settings: second, source: story.primaryDatabase)))
    story.wait(.seconds(2))
    let creating = try story.database(second.ref)
    #expect(creating.status == "creating" && creating.address == nil && creating.source != nil)
    #expect(try story.database(story.primaryDatabase).status == "backing-up")
    story.refused(.promoteReplica(second.ref), .wrongState, "InvalidDBInstanceState")
    story.wait(.minutes(15))
    #expect(try story.lag(second.ref).isEmpty)
    let took = story.wait(upTo: .minutes(40)) { $0.status(second.ref) == "available" }
    #expect(took > .minutes(4))
    #expect(try story.database(second.ref).address?.host.hasPrefix("second.") == true)
    story.wait(.minutes(3))
    let behind = try #require(try story.lag(second.ref).last)
    #expect(behind.seconds > 60)
    story.wait(.minutes(15))
    #expect(try #require(try story.lag(second.ref).last).seconds < 4)
  }

  @Test func `a replica is refused for what AWS refuses it for`() throws {
    var story = Story(kmsKey: "arn:kms:key")
    func spec(_ region: String, _ id: String, from source: DatabaseRef, key: String? = "k") -> CloudAction {
      let settings = DatabaseSettings(ref: DatabaseRef(region: region, identifier: id), kmsKey: key)
      return .createReplica(ReplicaSpec(settings: settings, source: source))
    }
    let source = story.primaryDatabase
    let nobody = DatabaseRef(region: Story.primary, identifier: "nobody")
    story.refused(spec(Story.dr, "new", from: nobody), .notFound, "DBInstanceNotFound")
    story.refused(spec(Story.dr, "django-app-db", from: source), .exists, "DBInstanceAlreadyExists")
    story.refused(spec(Story.primary, "new", from: source), .invalid, "InvalidParameterCombination")
    story.refused(spec(Story.dr, "new", from: source, key: nil), .invalid, "InvalidParameterCombination")
    story.refused(spec(Story.dr, "new--replica", from: source), .invalid, "InvalidParameterValue")
    story.refused(spec(Story.primary, "new", from: story.drDatabase), .wrongState, "InvalidDBInstanceState")
    story.world.inject(.apiOutage(region: Story.primary), at: story.now)
    story.refused(spec(Story.dr, "new", from: source), .transient, "InternalFailure")
    story.refused(spec(Story.primary, "new", from: story.drDatabase), .unreachable, "connect-timeout")
    story.world.clearFaults(at: story.now)
    story.does(spec(Story.dr, "new", from: source))
    story.refused(spec(Story.dr, "other", from: source), .wrongState, "InvalidDBInstanceState")
  }

  @Test func `a snapshot is created, then available, and its name is taken`() throws {
    var story = Story()
    let ref = story.primaryDatabase
    story.refused(.describeSnapshot(ref, snapshot: "before"), .notFound, "DBSnapshotNotFound")
    story.does(.snapshotDatabase(ref, snapshot: "before"))
    #expect(story.ask(.describeSnapshot(ref, snapshot: "before")) == .snapshot(status: "creating"))
    story.refused(.snapshotDatabase(ref, snapshot: "before"), .exists, "DBSnapshotAlreadyExists")
    story.refused(.snapshotDatabase(ref, snapshot: "again"), .wrongState, "InvalidDBInstanceState")
    story.wait(.minutes(8))
    #expect(story.ask(.describeSnapshot(ref, snapshot: "before")) == .snapshot(status: "available"))
    #expect(try story.facts().outages == 0)
  }

  @Test func `a database in trouble shows its status, feeds nobody and cannot be promoted`() throws {
    var story = Story()
    story.world.inject(.databaseTrouble(story.drDatabase, status: "incompatible-network"), at: story.now)
    #expect(try story.database(story.drDatabase).status == "incompatible-network")
    #expect(try story.database(story.drDatabase).replication == "error")
    story.refused(.promoteReplica(story.drDatabase), .wrongState, "InvalidDBInstanceState")
    #expect(try story.facts().serving)
  }
}
