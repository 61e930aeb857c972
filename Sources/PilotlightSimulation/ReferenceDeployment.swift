// The deployment of the product's description, with whatever a trial changes in it.

package import PilotlightCore

extension WorkloadSettings {
  /// ALB, group of two, RDS with a cross-region replica, secret, switch object; mode automatic, RTO 30 min, RPO 5 min.
  package static func reference(
    _ name: String = "django-app", _ change: (inout WorkloadSettings) -> Void = { _ in }
  ) -> WorkloadSettings {
    func site(_ region: String, _ role: String) -> SiteSettings {
      SiteSettings(
        region: region, probe: ProbeSettings(url: "http://\(role).\(name).example.com/health", bodyContains: "ok"),
        group: GroupSettings(
          ref: GroupRef(region: region, name: "\(name)-\(role)"), serving: GroupSize(min: 1, desired: 2, max: 3),
          standby: GroupSize(min: 0, desired: 0, max: 3), acceptMinimum: 1),
        targetGroup: TargetGroupRef(region: region, arn: "arn:targetgroup/\(name)-\(role)"),
        listener: ListenerRef(region: region, arn: "arn:listener/\(name)-\(role)"),
        database: DatabaseSettings(ref: DatabaseRef(region: region, identifier: "\(name)-\(role)")),
        secret: SecretSettings(ref: SecretRef(region: region, id: "\(name)/\(role)")))
    }
    var settings = WorkloadSettings(
      name: name, mode: .automatic, objectives: Objectives(rto: .minutes(30), rpo: .minutes(5)),
      primary: site("eu-west-1", "primary"), dr: site("us-west-2", "dr"), detection: DetectionSettings(),
      replication: ReplicationSettings(), decision: DecisionSettings(),
      traffic: .objectSwitch(ObjectRef(region: "us-west-2", bucket: "\(name)-switch", key: "dr")),
      announcement: TopicRef(region: "us-west-2", arn: "arn:topic/\(name)"), failback: FailbackSettings())
    change(&settings)
    return settings
  }
}
