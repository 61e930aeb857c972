// Where a service of a region answers. The standard names: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's
// `services` section and `endpoint_url`, then the partition's own.

/// A resolved endpoint.
struct Endpoint: Equatable, Sendable {
  /// `https` or `http`.
  var scheme: String
  /// Host, with the port where it is not the scheme's.
  var host: String
  /// Path in front of every request, without a trailing slash.
  var basePath: String
  /// True when an operator chose it: S3 then uses path style.
  var isCustom: Bool

  init(scheme: String = "https", host: String, basePath: String = "", isCustom: Bool = false) {
    self.scheme = scheme
    self.host = host
    self.basePath = basePath
    self.isCustom = isCustom
  }

  /// nil unless `text` is an absolute http(s) URL.
  init?(url text: String) {
    guard let mark = text.firstRange(of: "://") else { return nil }
    let scheme = text[..<mark.lowerBound].lowercased()
    guard scheme == "http" || scheme == "https" else { return nil }
    let rest = text[mark.upperBound...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard !authority.isEmpty, !authority.contains("@") else { return nil }
    var path = String(rest.dropFirst(authority.count).prefix { $0 != "?" && $0 != "#" })
    while path.hasSuffix("/") { path.removeLast() }
    // The Host header has no port where it is the scheme's own, and what is signed must be what is sent.
    var host = authority.lowercased()
    let port = scheme == "https" ? ":443" : ":80"
    if host.hasSuffix(port) { host.removeLast(port.count) }
    guard !host.isEmpty else { return nil }
    self.init(scheme: scheme, host: host, basePath: path, isCustom: true)
  }
}

extension AWSService {
  /// The service's name in environment variables and profile sections, as botocore's service ids spell it.
  var settingName: String {
    switch self {
    case .sts: "STS"
    case .iam: "IAM"
    case .ec2: "EC2"
    case .autoscaling: "AUTO_SCALING"
    case .rds: "RDS"
    case .elasticloadbalancing: "ELASTIC_LOAD_BALANCING_V2"
    case .monitoring: "CLOUDWATCH"
    case .route53: "ROUTE_53"
    case .secretsmanager: "SECRETS_MANAGER"
    case .s3: "S3"
    case .sns: "SNS"
    case .dynamodb: "DYNAMODB"
    case .routingControl: "ROUTE53_RECOVERY_CLUSTER"
    }
  }
}

/// Resolves endpoints from the settings in force.
struct EndpointResolver: Sendable {
  let environment: [String: String]
  let profile: Profile?

  func resolve(_ service: AWSService, region: String) -> Endpoint {
    if let url = customURL(service), let endpoint = Endpoint(url: url) { return endpoint }
    let suffix = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    switch service {
    case .route53:
      if region.hasPrefix("cn-") { return Endpoint(host: "route53.amazonaws.com.cn") }
      return Endpoint(host: region.hasPrefix("us-gov-") ? "route53.us-gov.amazonaws.com" : "route53.amazonaws.com")
    case .iam:
      if region.hasPrefix("cn-") { return Endpoint(host: "iam.cn-north-1.amazonaws.com.cn") }
      return Endpoint(host: region.hasPrefix("us-gov-") ? "iam.us-gov.amazonaws.com" : "iam.amazonaws.com")
    case .sts, .ec2, .autoscaling, .rds, .elasticloadbalancing, .monitoring, .secretsmanager, .s3, .sns, .dynamodb,
      .routingControl:
      return Endpoint(host: "\(service.rawValue).\(region).\(suffix)")
    }
  }

  private func customURL(_ service: AWSService) -> String? {
    let ignore = environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] ?? profile?["ignore_configured_endpoint_urls"]
    if ignore?.lowercased() == "true" { return nil }
    return environment["AWS_ENDPOINT_URL_\(service.settingName)"] ?? environment["AWS_ENDPOINT_URL"]
      ?? profile?.serviceEndpoints[service.settingName.lowercased()] ?? profile?["endpoint_url"]
  }

  /// Region in which a global service is signed.
  static func signingRegion(_ service: AWSService, region: String) -> String {
    let isChina = region.hasPrefix("cn-")
    switch service {
    case .route53 where isChina: return "cn-northwest-1"
    case .iam where isChina: return "cn-north-1"
    case .route53, .iam: return region.hasPrefix("us-gov-") ? "us-gov-west-1" : "us-east-1"
    case .sts, .ec2, .autoscaling, .rds, .elasticloadbalancing, .monitoring, .secretsmanager, .s3, .sns, .dynamodb,
      .routingControl:
      return region
    }
  }
}
