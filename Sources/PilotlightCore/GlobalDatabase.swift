// An Aurora global database: two clusters in two regions, one of which writes. Which one that is, Aurora keeps and changes: a failover
// promotes the reader whatever has become of the writer, a switchover lets the two change places without loss. A `DatabaseRef` says
// that it is such a cluster, and everything else about databases holds for it too, with `DatabaseState.source` for "takes no writes".

/// The global database that a cluster belongs to.
package struct GlobalDatabase: Hashable, Sendable, Codable {
  /// GlobalClusterIdentifier, of which an account has one each.
  package var identifier: String
  /// Region of the other cluster.
  package var peer: String
  package init(identifier: String, peer: String) {
    self.identifier = identifier
    self.peer = peer
  }
}

/// What a cluster of a global database is, beyond what an instance is.
package struct ClusterState: Hashable, Sendable, Codable {
  /// DB instances in the cluster. Without one, nothing answers there.
  package var instances: Int
  /// EngineVersion of the cluster.
  package var version: String
  /// EngineVersion of the global database; empty when it was not told.
  package var globalVersion: String
  /// It is listed among the members of its global database.
  package var isMember: Bool
  /// The failover or switchover that runs; nil: none.
  package var operation: GlobalOperation?
  package init(
    instances: Int, version: String, globalVersion: String, isMember: Bool, operation: GlobalOperation? = nil
  ) {
    self.instances = instances
    self.version = version
    self.globalVersion = globalVersion
    self.isMember = isMember
    self.operation = operation
  }

  /// Aurora carries out a failover or switchover only between clusters of one version (Aurora user guide, "Managed cross-Region
  /// failovers": the same major and minor version).
  package var isOfOneVersion: Bool { globalVersion.isEmpty || version == globalVersion }
}

/// A failover or switchover of a global database that is under way (RDS API reference, FailoverState).
package struct GlobalOperation: Hashable, Sendable, Codable {
  /// As AWS has it: `pending`, `failing-over`, `switching-over`, `cancelling`. Any other word is one that is under way, too.
  package var status: String
  /// ARN of the cluster that is to write afterwards; empty when it was not told.
  package var to: String
  /// It is a failover: what was not replicated is lost.
  package var allowsLoss: Bool
  package init(status: String, to: String, allowsLoss: Bool) {
    self.status = status
    self.to = to
    self.allowsLoss = allowsLoss
  }

  /// `failing-over to arn:…`.
  package var text: String { to.isEmpty ? status : "\(status) to \(to)" }
}
