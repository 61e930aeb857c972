// Names of AWS things, checked against the patterns of AWS's API references. Whether they exist is not asked here.

import PilotlightCore

/// An Amazon resource name, `arn:partition:service:region:account:resource`.
struct ARN: Equatable {
  var partition: String
  var service: String
  /// Empty for global services.
  var region: String
  /// Twelve digits, or empty (S3).
  var account: String
  var resource: String

  init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 6, parts[0] == "arn", parts[1] == "aws" || parts[1].hasPrefix("aws-"),
      !parts[2].isEmpty, !parts[5].isEmpty,
      parts[4].isEmpty || (parts[4].count == 12 && parts[4].utf8.allSatisfy(isDigit))
    else { return nil }
    (partition, service, region, account, resource) = (parts[1], parts[2], parts[3], parts[4], parts[5])
  }
}

/// Where the Route 53 control plane of a partition answers.
func route53Region(forPartition partition: String) -> String {
  switch partition {
  case "aws-cn": "cn-northwest-1"
  case "aws-us-gov": "us-gov-west-1"
  case "aws-iso": "us-iso-east-1"
  case "aws-iso-b": "us-isob-east-1"
  case "aws-eusc": "eusc-de-east-1"
  default: "us-east-1"
  }
}

/// `eu-west-1`, `us-gov-west-1`, `ap-southeast-2`: two to four letters, one or two words, a number.
func isRegionName(_ text: String) -> Bool {
  let parts = text.split(separator: "-", omittingEmptySubsequences: false)
  guard (3...4).contains(parts.count), let number = parts.last, (1...2).contains(number.count),
    number.utf8.allSatisfy(isDigit), !number.hasPrefix("0"), (2...4).contains(parts[0].count)
  else { return false }
  return parts.dropLast().allSatisfy { part in !part.isEmpty && part.utf8.allSatisfy { (97...122).contains($0) } }
}

extension ClusterEndpoint {
  /// nil unless it is `https://ID.route53-recovery-cluster.REGION.amazonaws.com/v1`, as DescribeCluster has it.
  init?(url: String) {
    guard url.hasPrefix("https://") else { return nil }
    var rest = url.dropFirst("https://".count)
    if rest.hasSuffix("/") { rest.removeLast() }
    guard rest.hasSuffix("/v1") else { return nil }
    let host = rest.dropLast("/v1".count).lowercased()
    let labels = host.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    guard labels.count == 4, labels[1] == "route53-recovery-cluster", labels[3] == "amazonaws.com",
      isRegionName(labels[2]), !labels[0].isEmpty,
      labels[0].utf8.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "-") })
    else { return nil }
    self.init(region: labels[2], host: host)
  }
}

extension Kind where Value == String {
  static var region: Kind {
    .text("AWS region", expected: "a region name such as eu-west-1 or us-gov-west-1") {
      isRegionName($0) ? nil : "is not the name of a region"
    }
  }

  /// An ARN of one service whose resource begins with `resource`. `like` is an example for errors.
  static func arn(_ service: String, resource: String = "", global: Bool = false, like: String) -> Kind {
    .text("ARN", expected: "an ARN such as \(like)") { arnProblem($0, service, resource: resource, global: global) }
  }

  private static func arnProblem(
    _ text: String, _ service: String, resource: String = "", global: Bool = false
  ) -> String? {
    guard let arn = ARN(text), text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return "is not an ARN" }
    if arn.service != service { return "is an ARN of another service" }
    if !arn.resource.hasPrefix(resource) || arn.resource == resource { return "is an ARN of something else" }
    if arn.account.isEmpty { return "has no account number" }
    return (global ? arn.region.isEmpty : isRegionName(arn.region)) ? nil : "has a bad region"
  }

  /// An SNS topic's ARN. One for a queue that keeps the order (FIFO) reaches no mail, no telephone and no HTTPS endpoint.
  static var topic: Kind {
    let like = "arn:aws:sns:us-west-2:123456789012:pilotlight"
    return .text("ARN", expected: "an ARN of a standard topic such as \(like)") { text in
      arnProblem(text, "sns") ?? (text.hasSuffix(".fifo") ? "is a FIFO topic, which reaches no person" : nil)
    }
  }

  /// An Auto Scaling Group's name.
  static var groupName: Kind {
    .text("name", range: "1 to 255 characters", expected: "the group's name, 1 to 255 characters without `:`") {
      $0.contains(":") ? "has a colon" : lengthProblem($0, 255)
    }
  }

  /// A DynamoDB table's name.
  static var tableName: Kind {
    let rule = "3 to 255 letters, digits, `-`, `_` or `.`"
    return .text("name", range: rule, expected: "the table's name, \(rule)") { text in
      guard (3...255).contains(text.count) else { return "has \(text.count) characters" }
      return text.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) } ? nil : "has other characters"
    }
  }

  /// An RDS instance identifier.
  static var databaseIdentifier: Kind {
    let rule = "1 to 63 letters, digits or hyphens"
    return .text("name", range: rule, expected: "\(rule), a letter first, no hyphen last nor two in a row") { text in
      let isFine =
        (1...63).contains(text.count) && text.utf8.first.map(isLetter) == true && !text.hasSuffix("-")
        && !text.contains("--") && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
      return isFine ? nil : "is not an RDS instance identifier"
    }
  }

  /// A Route 53 health check's id, a UUID in lower case.
  static var healthCheckID: Kind {
    .text("health check id", expected: "an id such as 0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9") { text in
      let parts = text.split(separator: "-", omittingEmptySubsequences: false)
      let isFine =
        parts.map(\.count) == [8, 4, 4, 4, 12]
        && parts.allSatisfy { $0.utf8.allSatisfy { isDigit($0) || (97...102).contains($0) } }
      return isFine ? nil : "is not the id of a health check"
    }
  }

  static var routingControl: Kind {
    .arn(
      "route53-recovery-control", resource: "controlpanel/", global: true,
      like: "arn:aws:route53-recovery-control::123456789012:controlpanel/0a1b.../routingcontrol/2c3d...")
  }

  static var clusterEndpoint: Kind {
    .text("URL", expected: "a URL such as https://0a1b2c3d.route53-recovery-cluster.us-west-2.amazonaws.com/v1") {
      ClusterEndpoint(url: $0) == nil ? "is not the endpoint of a cluster" : nil
    }
  }

  static var instanceClass: Kind {
    .text("name", expected: "an RDS instance class such as db.t3.medium") { text in
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      let isFine =
        (3...4).contains(parts.count) && parts[0] == "db"
        && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") } }
      return isFine ? nil : "is not an instance class"
    }
  }

  static var securityGroup: Kind {
    .text("security group id", expected: "an id such as sg-0a1b2c3d4e5f60718") { text in
      let digits = text.dropFirst(3)
      let isFine = text.hasPrefix("sg-") && (8...17).contains(digits.count) && digits.allSatisfy(\.isHexDigit)
      return isFine ? nil : "is not a security group id"
    }
  }

  /// A KMS key by ARN, id or alias.
  static var kmsKey: Kind {
    .text("KMS key", expected: "a key's ARN, its id, or alias/NAME") { text in
      if text.hasPrefix("arn:") {
        guard let arn = ARN(text), arn.service == "kms" else { return "is not a KMS ARN" }
        return isRegionName(arn.region) ? nil : "has a bad region"
      }
      if text.hasPrefix("alias/") { return text.count > 6 ? lengthProblem(text, 256) : "has no name behind `alias/`" }
      let id = text.hasPrefix("mrk-") ? text.dropFirst(4) : Substring(text)
      let isFine = (32...36).contains(id.count) && id.allSatisfy { $0.isHexDigit || $0 == "-" }
      return isFine ? nil : "is not a KMS key"
    }
  }

  /// A secret by name or ARN.
  static var secretID: Kind {
    .text("secret", range: "1 to 512 characters", expected: "a secret's name or ARN") { text in
      if text.hasPrefix("arn:") {
        guard let arn = ARN(text), arn.service == "secretsmanager", arn.resource.hasPrefix("secret:") else {
          return "is not the ARN of a secret"
        }
        return isRegionName(arn.region) ? nil : "has a bad region"
      }
      let allowed = text.utf8.allSatisfy { isAlphanumeric($0) || "/_+=.@-".utf8.contains($0) }
      return allowed ? lengthProblem(text, 512) : "has characters that a secret's name cannot have"
    }
  }

  static var hostedZone: Kind {
    .text("hosted zone id", expected: "an id such as Z0123456789ABCDEFGHIJ") { text in
      let isFine =
        (2...32).contains(text.count)
        && text.utf8.allSatisfy { isDigit($0) || (65...90).contains($0) }
      return isFine ? nil : "is not a hosted zone id"
    }
  }

  static var bucket: Kind {
    let rule = "3 to 63 lower-case letters, digits, dots or hyphens"
    return .text("bucket name", range: rule, expected: rule) { text in
      let isFine =
        (3...63).contains(text.count) && !text.contains("..")
        && text.utf8.allSatisfy { (97...122).contains($0) || isDigit($0) || $0 == 45 || $0 == 46 }
        && text.utf8.first.map(isAlphanumeric) == true && text.utf8.last.map(isAlphanumeric) == true
      return isFine ? nil : "is not a bucket name"
    }
  }

  /// An S3 object key that needs no escaping.
  static var objectKey: Kind {
    .text("object key", range: "1 to 1024 characters", expected: "an object key such as pilotlight/serve-from-dr") {
      text in
      if text.hasPrefix("/") { return "begins with `/`" }
      let allowed = text.utf8.allSatisfy { isAlphanumeric($0) || "!-_.*'()/".utf8.contains($0) }
      return allowed ? lengthProblem(text, 1024) : "has characters that S3 advises against"
    }
  }

  /// An IAM role session name.
  static var sessionName: Kind {
    .text("name", range: "2 to 64 characters", expected: "2 to 64 letters, digits or `_+=,.@-`") { text in
      let allowed = text.utf8.allSatisfy { isAlphanumeric($0) || "_+=,.@-".utf8.contains($0) }
      return allowed && (2...64).contains(text.count) ? nil : "is not a session name"
    }
  }

  /// An external id of an IAM role; some hold it to be a secret, so it is never shown.
  static var externalID: Kind {
    .text(
      "text", range: "2 to 1224 characters", expected: "2 to 1224 letters, digits or `_+=,.@:/-`", isSensitive: true
    ) {
      text in
      let allowed = text.utf8.allSatisfy { isAlphanumeric($0) || "_+=,.@:/-".utf8.contains($0) }
      return allowed && (2...1224).contains(text.count) ? nil : "is not an external id"
    }
  }
}
