// Where requests go: partitions, the standard settings, and S3's two ways to name a bucket.

import PilotlightHTTP
import Testing

@testable import PilotlightAWS

private func resolver(_ environment: [String: String] = [:], config: String? = nil) throws -> EndpointResolver {
  EndpointResolver(
    environment: environment, profile: try ProfileFiles(config: config, credentials: nil).profile("default"))
}

@Test(arguments: [
  (AWSService.rds, "eu-west-1", "rds.eu-west-1.amazonaws.com"),
  (.rds, "cn-north-1", "rds.cn-north-1.amazonaws.com.cn"),
  (.rds, "us-gov-west-1", "rds.us-gov-west-1.amazonaws.com"),
  (.sts, "us-west-2", "sts.us-west-2.amazonaws.com"),
  (.autoscaling, "us-west-2", "autoscaling.us-west-2.amazonaws.com"),
  (.elasticloadbalancing, "us-west-2", "elasticloadbalancing.us-west-2.amazonaws.com"),
  (.monitoring, "us-west-2", "monitoring.us-west-2.amazonaws.com"),
  (.secretsmanager, "us-west-2", "secretsmanager.us-west-2.amazonaws.com"),
  (.sns, "us-west-2", "sns.us-west-2.amazonaws.com"),
  (.s3, "cn-northwest-1", "s3.cn-northwest-1.amazonaws.com.cn"),
  (.route53, "us-west-2", "route53.amazonaws.com"),
  (.route53, "cn-north-1", "route53.amazonaws.com.cn"),
  (.route53, "us-gov-east-1", "route53.us-gov.amazonaws.com"), (.iam, "us-west-2", "iam.amazonaws.com"),
  (.iam, "cn-north-1", "iam.cn-north-1.amazonaws.com.cn"), (.iam, "us-gov-west-1", "iam.us-gov.amazonaws.com"),
])
func `each partition has its own names`(service: AWSService, region: String, host: String) throws {
  #expect(try resolver().resolve(service, region: region) == Endpoint(host: host))
}

@Test func `only Route 53 and IAM are signed for another region than they serve`() {
  #expect(EndpointResolver.signingRegion(.route53, region: "eu-west-1") == "us-east-1")
  #expect(EndpointResolver.signingRegion(.route53, region: "cn-north-1") == "cn-northwest-1")
  #expect(EndpointResolver.signingRegion(.route53, region: "us-gov-east-1") == "us-gov-west-1")
  #expect(EndpointResolver.signingRegion(.iam, region: "eu-west-1") == "us-east-1")
  #expect(EndpointResolver.signingRegion(.iam, region: "cn-northwest-1") == "cn-north-1")
  #expect(EndpointResolver.signingRegion(.iam, region: "us-gov-east-1") == "us-gov-west-1")
  for service in AWSService.allCases where service != .route53 && service != .iam {
    #expect(EndpointResolver.signingRegion(service, region: "eu-west-1") == "eu-west-1")
  }
}

@Test func `a service's variable goes before the general one, and both before the profile`() throws {
  let config = """
    [default]
    endpoint_url = http://profile:1
    services = local
    [services local]
    rds =
      endpoint_url = http://section:2
    """
  func host(_ service: AWSService, _ environment: [String: String]) throws -> String {
    try resolver(environment, config: config).resolve(service, region: "eu-west-1").host
  }
  let both = ["AWS_ENDPOINT_URL": "http://all:3", "AWS_ENDPOINT_URL_RDS": "http://rds:4"]
  #expect(try host(.rds, both) == "rds:4")
  #expect(try host(.sns, both) == "all:3")
  #expect(try host(.rds, ["AWS_ENDPOINT_URL": "http://all:3"]) == "all:3")
  #expect(try host(.rds, [:]) == "section:2")
  #expect(try host(.sns, [:]) == "profile:1")
  let ignoring = both.merging(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"]) { $1 }
  #expect(try host(.rds, ignoring) == "rds.eu-west-1.amazonaws.com")
  let ignored = try resolver([:], config: config + "\n[default]\nignore_configured_endpoint_urls = true")
  #expect(ignored.resolve(.sns, region: "eu-west-1").host == "sns.eu-west-1.amazonaws.com")
}

@Test(
  arguments: zip(
    AWSService.allCases,
    [
      "STS", "IAM", "EC2", "AUTO_SCALING", "RDS", "ELASTIC_LOAD_BALANCING_V2", "CLOUDWATCH", "ROUTE_53",
      "SECRETS_MANAGER", "S3", "SNS",
    ]))
func `each service has the variable AWS's SDKs give it`(service: AWSService, name: String) throws {
  let found = try resolver(["AWS_ENDPOINT_URL_\(name)": "http://x:1"]).resolve(service, region: "eu-west-1")
  #expect(found == Endpoint(scheme: "http", host: "x:1", isCustom: true))
}

@Test(arguments: [
  ("https://vpce-1.rds.eu-west-1.vpce.amazonaws.com:443/", "vpce-1.rds.eu-west-1.vpce.amazonaws.com", ""),
  ("http://LocalHost:80", "localhost", ""), ("http://localhost:443/aws/", "localhost:443", "/aws"),
  ("https://localhost:8443/a/b//", "localhost:8443", "/a/b"), ("http://[::1]:5000", "[::1]:5000", ""),
])
func `the host of an endpoint is what the Host header will say`(url: String, host: String, path: String) throws {
  let endpoint = try #require(Endpoint(url: url))
  #expect(endpoint.host == host && endpoint.basePath == path && endpoint.isCustom)
}

@Test(arguments: ["localhost:5000", "ftp://x", "http://", "https://:443", "http://user:pass@x", "//x", ""])
func `what is not an absolute URL is no endpoint`(url: String) {
  #expect(Endpoint(url: url) == nil)
}

@Test(arguments: [
  ("flags", [:], "https://flags.s3.us-west-2.amazonaws.com/dr/on%20now"),
  ("my.flags", [:], "https://s3.us-west-2.amazonaws.com/my.flags/dr/on%20now"),
  ("flags", ["AWS_ENDPOINT_URL": "http://127.0.0.1:5000/"], "http://127.0.0.1:5000/flags/dr/on%20now"),
  ("flags", ["AWS_ENDPOINT_URL_S3": "http://127.0.0.1:5000/base"], "http://127.0.0.1:5000/base/flags/dr/on%20now"),
])
func `a bucket is in the host, or in the path where the host cannot hold it`(
  bucket: String, settings: [String: String], url: String
) async throws {
  let http = FakeHTTP { _, _ in answer(200) }
  let client = try client(http, environment: staticEnvironment.merging(settings) { $1 })
  let operation = Operation(
    .s3, region: "us-west-2", name: "HeadObject", method: "HEAD", path: "/dr/on%20now", bucket: bucket)
  _ = await client.execute(operation, timeout: .seconds(5))
  #expect(http.urls == [url])
  #expect(http.requests.first?.header("X-Amz-Content-Sha256")?.count == 64)
}
