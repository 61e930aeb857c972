// CloudWatch, API version 2010-08-01, Query protocol.

import PilotlightCore

extension AWSCloud {
  /// ReplicaLag of the last 15 minutes, a datapoint a minute, oldest first. -1 is handed on as it came.
  func replicaLag(_ ref: DatabaseRef, _ deadline: Deadline) async throws(CloudFailure) -> CloudReply {
    let now = Int64(wallSeconds())
    let metric = "MetricDataQueries.member.1.MetricStat"
    let result = try await query(
      .monitoring, ref.region, "GetMetricData", version: "2010-08-01",
      [
        ("MetricDataQueries.member.1.Id", "lag"), ("\(metric).Metric.Namespace", "AWS/RDS"),
        ("\(metric).Metric.MetricName", "ReplicaLag"),
        ("\(metric).Metric.Dimensions.member.1.Name", "DBInstanceIdentifier"),
        ("\(metric).Metric.Dimensions.member.1.Value", ref.identifier), ("\(metric).Period", "60"),
        ("\(metric).Stat", "Maximum"), ("MetricDataQueries.member.1.ReturnData", "true"),
        ("StartTime", Calendar.iso(now - 900)), ("EndTime", Calendar.iso(now + 60)),
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
    let times = series.list("Timestamps")
    let values = series.list("Values")
    guard times.count == values.count else { throw missing("GetMetricData", "a value for each timestamp", ref.region) }
    var samples: [LagSample] = []
    for (time, value) in zip(times, values) {
      guard let at = Calendar.seconds(iso: time.text.trimmed), let seconds = Double(value.text.trimmed),
        seconds.isFinite
      else { throw missing("GetMetricData", "readable numbers", ref.region) }
      samples.append(LagSample(at: instantOfWall(at), seconds: seconds))
    }
    return .lag(samples.sorted { $0.at < $1.at })
  }
}
