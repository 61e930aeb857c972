// Elastic Compute Cloud, API version 2016-11-15, EC2 protocol: as Query, with names and lists of its own.

import PilotlightCore

extension AWSCloud {
  /// The template's version, or nil when there is none.
  ///
  /// - Parameter isID: `name` is an id (`lt-…`).
  func launchTemplate(
    _ name: String, isID: Bool, version: String, _ region: String, _ deadline: Deadline
  ) async throws(CloudFailure) -> XMLElement? {
    do throws(CloudFailure) {
      let root = try await query(
        .ec2, region, "DescribeLaunchTemplateVersions", version: "2016-11-15",
        [(isID ? "LaunchTemplateId" : "LaunchTemplateName", name), ("LaunchTemplateVersion.1", version)], deadline)
      guard let found = root["launchTemplateVersionSet"] else {
        throw missing("DescribeLaunchTemplateVersions", "launchTemplateVersionSet", region)
      }
      return found.children.first
    } catch {
      // InvalidLaunchTemplateId.NotFound, InvalidLaunchTemplateName.NotFoundException, InvalidLaunchTemplateId.VersionNotFound.
      if error.kind == .notFound { return nil }
      throw error
    }
  }
}
