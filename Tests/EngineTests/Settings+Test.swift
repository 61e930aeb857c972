import PilotlightCore

extension WorkloadSettings {
  /// The reference deployment, in mode automatic.
  static func reference(_ change: (inout WorkloadSettings) -> Void = { _ in }) -> WorkloadSettings {
    func site(_ region: String, _ name: String, serving: GroupSize) -> SiteSettings {
      SiteSettings(
        region: region, probe: ProbeSettings(url: "http://\(region).test/health"),
        group: GroupSettings(
          ref: GroupRef(region: region, name: "\(name)-asg"), serving: serving,
          standby: GroupSize(min: 0, desired: 0, max: 3), acceptMinimum: 1),
        targetGroup: TargetGroupRef(region: region, arn: "arn:tg:\(region)"),
        listener: ListenerRef(region: region, arn: "arn:listener:\(region)"),
        database: DatabaseSettings(ref: DatabaseRef(region: region, identifier: "\(name)-db")),
        secret: SecretSettings(ref: SecretRef(region: region, id: "\(name)-secret")))
    }
    let size = GroupSize(min: 1, desired: 2, max: 3)
    var settings = WorkloadSettings(
      name: "django-app", mode: .automatic, objectives: Objectives(rto: .minutes(30), rpo: .minutes(5)),
      primary: site("eu-west-1", "app", serving: size), dr: site("us-west-2", "dr", serving: size),
      detection: DetectionSettings(), replication: ReplicationSettings(), decision: DecisionSettings(),
      traffic: .objectSwitch(ObjectRef(region: "us-west-2", bucket: "switch", key: "dr")),
      announcement: TopicRef(region: "us-west-2", arn: "arn:topic"), failback: FailbackSettings())
    change(&settings)
    return settings
  }
}
