// CloudWatch, API version 2010-08-01, Query protocol.

import PilotlightCore

extension AWSCloud {
  /// ReplicaLag of the last 15 minutes, a datapoint a minute, oldest first. -1 is handed on as it came.
  ///
  /// How old a datapoint is decides what a promotion would lose, so it is told by the answer's own Date header and not by this host's
  /// clock, which may be wrong by any amount (F54). Date has whole seconds and was written after the request was sent; both are
  /// counted so that a datapoint never looks younger than it is.
  func replicaLag(_ ref: DatabaseRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let askedAt = now()
    let wall = Int64(wallSeconds())
    let metric = "MetricDataQueries.member.1.MetricStat"
    let (result, date) = try await datedQuery(
      .monitoring, ref.region, "GetMetricData", version: "2010-08-01",
      [
        ("MetricDataQueries.member.1.Id", "lag"), ("\(metric).Metric.Namespace", "AWS/RDS"),
        ("\(metric).Metric.MetricName", "ReplicaLag"),
        ("\(metric).Metric.Dimensions.member.1.Name", "DBInstanceIdentifier"),
        ("\(metric).Metric.Dimensions.member.1.Value", ref.identifier), ("\(metric).Period", "60"),
        ("\(metric).Stat", "Maximum"), ("MetricDataQueries.member.1.ReturnData", "true"),
        // A clock may be five minutes off before AWS refuses it, and the newest datapoints must still be inside.
        ("StartTime", Calendar.iso(wall - 900)), ("EndTime", Calendar.iso(wall + 360)),
        ("ScanBy", "TimestampAscending"),
      ], deadline)
    guard result["MetricDataResults"] != nil else { throw missing("GetMetricData", "MetricDataResults", ref.region) }
    guard let series = result.list("MetricDataResults").first(where: { $0["Id"]?.text == "lag" }) else {
      return .lag([])
    }
    // The call as a whole succeeds even when the metric could not be read (GetMetricData, MetricDataResult.StatusCode):
    // no samples would then mean "no replica" instead of "not known" (F34).
    switch series.value("StatusCode") {
    case "InternalError":
      throw CloudFailure(.transient, code: "InternalError", message: "GetMetricData in \(ref.region): no data for now")
    case "Forbidden":
      throw CloudFailure(
        .denied, code: "Forbidden", message: "GetMetricData in \(ref.region): ReplicaLag may not be read")
    default: break
    }
    guard let date else { throw missing("GetMetricData", "a Date header", ref.region) }
    let times = series.list("Timestamps")
    let values = series.list("Values")
    guard times.count == values.count else { throw missing("GetMetricData", "a value for each timestamp", ref.region) }
    var samples: [LagSample] = []
    for (time, value) in zip(times, values) {
      guard let at = Calendar.seconds(iso: time.text.trimmed), let seconds = Double(value.text.trimmed),
        seconds.isFinite
      else { throw missing("GetMetricData", "readable numbers", ref.region) }
      let age = Duration.seconds(max(-1, min(Double(date) + 1 - at, 3600)))
      guard age >= .zero, age < .hours(1) else {
        throw missing("GetMetricData", "datapoints of the minutes before its Date header", ref.region)
      }
      samples.append(LagSample(at: askedAt - age, seconds: seconds))
    }
    return .lag(samples.sorted { $0.at < $1.at })
  }
}
