// CloudWatch, API version 2010-08-01, Query protocol.

import PilotlightCore

/// One series of AWS/RDS.
private struct LagQuery {
  let id: String
  let metric: String
  let dimensions: [(name: String, value: String)]
  /// What a value of one second is.
  var unit = 1.0

  /// Series that tell the lag of a database, the best first: the next one counts only where those before it have no datapoint.
  ///
  /// Of a cluster it is AuroraGlobalDBRPOLag, and AuroraGlobalDBReplicationLag where the engine's version has none; both in milliseconds,
  /// both published in the reader's region alone (Aurora user guide, "Amazon CloudWatch metrics for Amazon Aurora"). CloudWatch matches
  /// dimensions exactly, and AWS's own pages have the series both with and without `SourceRegion`.
  static func all(_ ref: DatabaseRef) -> [LagQuery] {
    guard let global = ref.global else {
      return [LagQuery(id: "lag", metric: "ReplicaLag", dimensions: [("DBInstanceIdentifier", ref.identifier)])]
    }
    let cluster = (name: "DBClusterIdentifier", value: ref.identifier)
    let ways = [("sourced", [cluster, (name: "SourceRegion", value: global.peer)]), ("plain", [cluster])]
    return [("rpo", "AuroraGlobalDBRPOLag"), ("lag", "AuroraGlobalDBReplicationLag")].flatMap { id, metric in
      ways.map { way, dimensions in
        LagQuery(id: "\(id)_\(way)", metric: metric, dimensions: dimensions, unit: 1000)
      }
    }
  }

  /// The query as the member of this number, from 1.
  func parameters(_ number: Int) -> [(String, String)] {
    let member = "MetricDataQueries.member.\(number)"
    let metric = "\(member).MetricStat"
    var parameters = [
      ("\(member).Id", id), ("\(metric).Metric.Namespace", "AWS/RDS"), ("\(metric).Metric.MetricName", self.metric),
    ]
    for (index, dimension) in dimensions.enumerated() {
      let at = "\(metric).Metric.Dimensions.member.\(index + 1)"
      parameters += [("\(at).Name", dimension.name), ("\(at).Value", dimension.value)]
    }
    return parameters + [
      ("\(metric).Period", "60"), ("\(metric).Stat", "Maximum"), ("\(member).ReturnData", "true"),
    ]
  }
}

extension AWSCloud {
  /// The lag of the last 15 minutes, a datapoint a minute, oldest first. -1 is handed on as it came; a cluster's as a number below zero.
  ///
  /// How old a datapoint is decides what a promotion would lose, so it is told by the answer's own Date header and not by this host's
  /// clock, which may be wrong by any amount (F54). Date has whole seconds and was written after the request was sent; both are
  /// counted so that a datapoint never looks younger than it is.
  func replicaLag(_ ref: DatabaseRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let askedAt = now()
    let wall = Int64(wallSeconds())
    let queries = LagQuery.all(ref)
    let (result, date) = try await datedQuery(
      .monitoring, ref.region, "GetMetricData", version: "2010-08-01",
      queries.enumerated().flatMap { $1.parameters($0 + 1) } + [
        // A clock may be five minutes off before AWS refuses it, and the newest datapoints must still be inside.
        ("StartTime", Calendar.iso(wall - 900)), ("EndTime", Calendar.iso(wall + 360)),
        ("ScanBy", "TimestampAscending"),
      ], deadline)
    guard result["MetricDataResults"] != nil else { throw missing("GetMetricData", "MetricDataResults", ref.region) }
    for query in queries {
      guard let series = result.list("MetricDataResults").first(where: { $0["Id"]?.text == query.id }) else { continue }
      try expectRead(series, query, ref.region)
      guard let date else { throw missing("GetMetricData", "a Date header", ref.region) }
      let samples = try read(series, unit: query.unit, askedAt: askedAt, date: date, ref.region)
      if !samples.isEmpty { return .lag(samples.sorted { $0.at < $1.at }) }
    }
    return .lag([])
  }

  /// The call as a whole succeeds even when the metric could not be read (GetMetricData, MetricDataResult.StatusCode): no samples
  /// would then mean "no replica" instead of "not known" (F34).
  private func expectRead(_ series: XMLElement, _ query: LagQuery, _ region: String) throws(CloudFailure) {
    switch series.value("StatusCode") {
    case "InternalError":
      throw CloudFailure(.transient, code: "InternalError", message: "GetMetricData in \(region): no data for now")
    case "Forbidden":
      throw CloudFailure(
        .denied, code: "Forbidden", message: "GetMetricData in \(region): \(query.metric) may not be read")
    default: break
    }
  }

  /// - Parameter date: Unix seconds of the answer's Date header.
  private func read(
    _ series: XMLElement, unit: Double, askedAt: Instant, date: Int64, _ region: String
  ) throws(CloudFailure) -> [LagSample] {
    let times = series.list("Timestamps")
    let values = series.list("Values")
    guard times.count == values.count else { throw missing("GetMetricData", "a value for each timestamp", region) }
    var samples: [LagSample] = []
    for (time, value) in zip(times, values) {
      guard let at = Calendar.seconds(iso: time.text.trimmed), let lag = Double(value.text.trimmed), lag.isFinite
      else { throw missing("GetMetricData", "readable numbers", region) }
      let age = Duration.seconds(max(-1, min(Double(date) + 1 - at, 3600)))
      guard age >= .zero, age < .hours(1) else {
        throw missing("GetMetricData", "datapoints of the minutes before its Date header", region)
      }
      samples.append(LagSample(at: askedAt - age, seconds: lag / unit))
    }
    return samples
  }
}
