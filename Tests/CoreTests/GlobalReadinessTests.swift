// Whether a cluster of a global database could take over.

import PilotlightCore
import Testing

private let follower = "arn:aws:rds:eu-west-1:1:cluster:app-db"

private func finding(_ change: (inout DatabaseState) -> Void = { _ in }) -> Finding {
  var state = DatabaseState(
    status: "available", source: follower, arn: "arn:aws:rds:us-west-2:1:cluster:dr-db", address: nil,
    engine: "aurora-postgresql", replication: "replicating",
    cluster: ClusterState(instances: 1, version: "16.4", globalVersion: "16.4", isMember: true))
  change(&state)
  return ReadinessItem.database.judge(.database(state), aurora, at: .distantPast)
}

@Suite struct GlobalReadinessTests {
  @Test func `a reader that follows the primary's cluster is ready, in whatever case it was named`() {
    #expect(finding() == .ready("dr-db follows app-db and is available"))
    #expect(finding { $0.source = "arn:aws:rds:eu-west-1:1:cluster:App-DB" }.sentence.hasPrefix("dr-db follows"))
    #expect(finding { $0.status = "backing-up" } == .ready("dr-db follows app-db and is backing-up"))
  }

  @Test func `a writer, a stranger, a broken cluster and one without instances make a failover pointless`() {
    let standalone = Finding.notReady(
      "dr-db is not a replica: roles may be swapped, or it was promoted already", pointless: true)
    #expect(finding { $0.source = nil } == standalone)
    #expect(
      finding {
        $0.source = nil
        $0.cluster?.isMember = false
      } == standalone)
    let third = "arn:aws:rds:eu-north-1:1:cluster:app-db"
    #expect(
      finding { $0.source = third }
        == .notReady("cluster dr-db follows \(third), not app-db in eu-west-1", pointless: true))
    #expect(
      finding { $0.status = "migration-failed" } == .notReady("cluster dr-db is migration-failed", pointless: true))
    #expect(
      finding { $0.cluster?.instances = 0 }
        == .notReady(
          "cluster dr-db in us-west-2 has no DB instance, so nothing would answer there: add one", pointless: true))
  }

  @Test func `what Aurora would refuse now is not ready, and holds nothing back`() {
    // A name that was mistyped is no third region; and where nobody is listed as the writer, the whole stands for it.
    for other in ["arn:aws:rds:eu-west-1:1:cluster:shop", "arn:aws:rds::123456789012:global-cluster:app-global"] {
      #expect(
        finding { $0.source = other } == .notReady("cluster dr-db follows \(other), not app-db in eu-west-1"))
    }
    #expect(finding { $0.replication = "pending-resync" } == .notReady("replication to dr-db is pending-resync"))
    #expect(
      finding { $0.cluster?.operation = GlobalOperation(status: "switching-over", to: "arn:x", allowsLoss: false) }
        == .notReady("app-global is switching-over to arn:x"))
    #expect(
      finding { $0.cluster?.version = "16.3" }
        == .notReady("cluster dr-db has version 16.3 and app-global 16.4: Aurora fails over between equal ones"))
    #expect(finding { $0.cluster?.globalVersion = "" } == .ready("dr-db follows app-db and is available"))
    #expect(finding { $0.engine = "mysql" } == .notReady("cluster dr-db is no Aurora cluster but mysql"))
  }

  @Test func `an instance of a cluster is not what a failover needs the name of`() {
    let member = DatabaseState(
      status: "available", source: nil, arn: "arn:x", address: nil, engine: "aurora-mysql")
    #expect(
      ReadinessItem.database.judge(.database(member), settings, at: .distantPast)
        == .notReady("dr-db is an Aurora instance: name its cluster, and set globalDatabase", pointless: true))
    #expect(
      ReadinessItem.database.judge(.database(member), aurora, at: .distantPast)
        == .unknown("the answer does not fit what was asked"))
  }
}
