// EC2 Auto Scaling, API version 2011-01-01.

import PilotlightCore

extension AWSCloud {
  private static let autoScaling = "2011-01-01"
  /// Seconds from a launch that failed to the beginning of one that runs, for the failure to be this time's. Auto Scaling tries again within
  /// minutes.
  private static let freshTrouble = 1800.0

  func describeGroup(_ ref: GroupRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let group = try await group(ref, deadline)
    guard let min = group["MinSize"]?.number, let desired = group["DesiredCapacity"]?.number,
      let max = group["MaxSize"]?.number
    else { throw missing("DescribeAutoScalingGroups", "the group's sizes", ref.region) }
    let instances = group.list("Instances")
    let inService = instances.filter {
      $0["LifecycleState"]?.text == "InService" && $0["HealthStatus"]?.text.lowercased() == "healthy"
    }
    let trouble = inService.count < desired ? try await scalingTrouble(ref, deadline) : nil
    return .group(
      GroupState(
        size: GroupSize(min: min, desired: desired, max: max), inService: inService.count, instances: instances.count,
        trouble: trouble, suspended: group.list("SuspendedProcesses").compactMap { $0["ProcessName"]?.text },
        protected: instances.count { $0["ProtectedFromScaleIn"]?.text == "true" }))
  }

  private func group(_ ref: GroupRef, _ deadline: Deadline) async throws(CloudFailure) -> XMLElement {
    let result = try await query(
      .autoscaling, ref.region, "DescribeAutoScalingGroups", version: AWSCloud.autoScaling,
      [("AutoScalingGroupNames.member.1", ref.name)], deadline)
    guard result["AutoScalingGroups"] != nil else {
      throw missing("DescribeAutoScalingGroups", "AutoScalingGroups", ref.region)
    }
    guard let group = result.list("AutoScalingGroups").first(where: { $0["AutoScalingGroupName"]?.text == ref.name })
    else {
      throw CloudFailure(.notFound, code: "NotFound", message: "group \(ref.name) does not exist in \(ref.region)")
    }
    return group
  }

  func groupARN(_ ref: GroupRef, _ deadline: Deadline) async throws(CloudFailure) -> String {
    guard let arn = try await group(ref, deadline).value("AutoScalingGroupARN") else {
      throw missing("DescribeAutoScalingGroups", "the group's ARN", ref.region)
    }
    return arn
  }

  /// What the group launches from, and whether it is still there. A group with mixed instances names its template one level deeper.
  func readLaunchSource(_ ref: GroupRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let group = try await group(ref, deadline)
    let mixed = group["MixedInstancesPolicy"]?.at("LaunchTemplate", "LaunchTemplateSpecification")
    if let template = group["LaunchTemplate"] ?? mixed {
      let id = template.value("LaunchTemplateId")
      guard let name = id ?? template.value("LaunchTemplateName") else {
        throw missing("DescribeAutoScalingGroups", "the launch template's name", ref.region)
      }
      // Without a version a group launches from the default one (LaunchTemplateSpecification, Version).
      let version = template.value("Version") ?? "$Default"
      let found = try await launchTemplate(name, isID: id != nil, version: version, ref.region, deadline)
      return .launchSource(
        LaunchSource(
          .template, name: name, version: version, isPresent: found != nil, choice: launchChoice(group, found)))
    }
    guard let name = group.value("LaunchConfigurationName") else { return .launchSource(nil) }
    let result = try await query(
      .autoscaling, ref.region, "DescribeLaunchConfigurations", version: AWSCloud.autoScaling,
      [("LaunchConfigurationNames.member.1", name)], deadline)
    guard result["LaunchConfigurations"] != nil else {
      throw missing("DescribeLaunchConfigurations", "LaunchConfigurations", ref.region)
    }
    let isPresent = result.list("LaunchConfigurations").contains { $0.value("LaunchConfigurationName") == name }
    return .launchSource(
      LaunchSource(.configuration, name: name, isPresent: isPresent, choice: launchChoice(group, nil)))
  }

  /// Which types and zones the group may launch in. Overrides take the place of the type, or the requirements, of the template.
  private func launchChoice(_ group: XMLElement, _ template: XMLElement?) -> LaunchChoice? {
    let zones = group.list("AvailabilityZones").map(\.text)
    guard !zones.isEmpty else { return nil }
    let overrides = group["MixedInstancesPolicy"]?["LaunchTemplate"]?.list("Overrides") ?? []
    let isOpen =
      overrides.isEmpty
      ? template?.at("launchTemplateData", "instanceRequirements") != nil
      : overrides.contains { $0["InstanceRequirements"] != nil }
    let types = Set(overrides.compactMap { $0.value("InstanceType") })
    return LaunchChoice(types: isOpen ? nil : max(1, types.count), zones: zones)
  }

  /// Why launches fail, when the newest finished activity failed. The list is newest first. Not to be
  /// allowed to read it must not hide the group itself, so that is told as the trouble.
  private func scalingTrouble(_ ref: GroupRef, _ deadline: Deadline) async throws(CloudFailure) -> String? {
    let result: XMLElement
    do throws(CloudFailure) {
      result = try await query(
        .autoscaling, ref.region, "DescribeScalingActivities", version: AWSCloud.autoScaling,
        [("AutoScalingGroupName", ref.name), ("MaxRecords", "20")], deadline)
    } catch {
      return "its scaling activities cannot be read: \(error.code)"
    }
    var newest: Double?
    for activity in result.list("Activities") where activity.value("Description")?.hasPrefix("Terminating") != true {
      let start = activity.value("StartTime").flatMap(Calendar.seconds(iso:))
      switch activity["StatusCode"]?.text {
      case "Successful": return nil
      // Both are what a launch that failed ends as (Auto Scaling API reference, DescribeScalingActivities).
      case "Failed",
        "Cancelled" where activity["StatusMessage"]?.text.trimmed.isEmpty == false:
        // One that was tried again long after tells nothing about this time.
        if let newest, let start, newest - start > AWSCloud.freshTrouble { return nil }
        return oneLine(activity["StatusMessage"]?.text ?? "a launch failed")
      default: newest = newest ?? start
      }
    }
    return nil
  }

  func resizeGroup(_ ref: GroupRef, _ size: GroupSize, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    _ = try await query(
      .autoscaling, ref.region, "UpdateAutoScalingGroup", version: AWSCloud.autoScaling,
      [
        ("AutoScalingGroupName", ref.name), ("MinSize", "\(size.min)"), ("DesiredCapacity", "\(size.desired)"),
        ("MaxSize", "\(size.max)"),
      ], changes: true, deadline)
    return .accepted(receipt: nil)
  }
}
