// What is asked about a failover that has not begun.

package import PilotlightCore

extension SandboxWorld {
  /// As `perform(_:at:timeout:)`, with chance from dice of its own: what else happens in the world is the same whether this is asked or
  /// not.
  package mutating func performAside(
    _ action: CloudAction, at time: Instant, timeout: Duration
  ) -> (reply: CloudReply, latency: Duration) {
    advance(to: time)
    swap(&random, &aside)
    defer { swap(&random, &aside) }
    return perform(action, at: time, timeout: timeout)
  }

  func readLaunchSource(_ ref: GroupRef) -> CloudReply {
    guard let group = groups.first(where: { $0.ref == ref }) else {
      return failed(.notFound, "NotFound", "group \(ref.name) does not exist in \(ref.region)")
    }
    let name = workloads[group.workload].settings.name
    let isPresent = !faultSet.contains(.launchTemplateMissing(workload: name, site: group.site))
    return .launchSource(LaunchSource(.template, name: "lt-\(name)", version: "$Default", isPresent: isPresent))
  }

  /// The sandbox's only policy allows everything but what a fault denies.
  func simulate(_ changes: [CloudAction]) -> CloudReply {
    .permissions(
      changes.map {
        let isDenied = faultSet.contains(.accessDenied(apiName: $0.apiName))
        return Permission(action: $0.apiName, resource: nil, decision: isDenied ? .denied : .allowed)
      })
  }

  func isDeleted(_ ref: SecretRef) -> Bool {
    !faultSet.isEmpty
      && workloads.contains { workload in
        zip([workload.settings.primary, workload.settings.dr], SandboxSite.allCases).contains { site, name in
          site.secret?.ref.id == ref.id && site.secret?.ref.region == ref.region
            && faultSet.contains(.secretDeleted(workload: workload.settings.name, site: name))
        }
      }
  }

  func deletedSecret(_ ref: SecretRef) -> CloudReply {
    failed(
      .wrongState, "InvalidRequestException",
      "You can't perform this operation on the secret \(ref.id) because it was marked for deletion.")
  }
}
