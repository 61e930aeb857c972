// What is asked on the control socket, answered.

import PilotlightControlAPI
import PilotlightControlServer
import PilotlightCore
import PilotlightEngine
import PilotlightLedger

extension Daemon {
  func answer(_ request: ControlRequest, _ peer: Peer) async -> ControlResponse {
    switch request {
    case .status: return .json(statusReport())
    case .health: return health()
    case .explain(let name, let incident?):
      return with(name) { workload in
        recalled(incident, of: workload.name) { past, _ in
          .json(ExplainReport(workload: workload.name, sentences: past.sentences))
        }
      }
    case .explain(let name, nil):
      return with(name) { workload in
        .json(
          ExplainReport(workload: workload.name, sentences: workload.machine.explain(workload.look(at: line.now))))
      }
    case .report(let name, let incident): return with(name) { report(incident, of: $0) }
    case .plan(let name, let kind): return await plan(name, kind)
    case .history(let workload, let incident, let limit): return history(workload, incident, limit)
    case .order(let order): return await obey(order, peer)
    case .reload:
      let errors = await reload()
      return errors.isEmpty
        ? .answer(.accepted, "\(engine.guards.count) workload(s) in force")
        : .answer(.failed, errors.joined(separator: "\n"))
    case .sandbox: return sandboxReport()
    case .changeSandbox(let change):
      sandbox?.apply(change)
      return sandboxReport()
    }
  }

  private func health() -> ControlResponse {
    let halted = look { $1 }
    let report = HealthReport(ok: halted == nil, message: halted?.text ?? statusSentence)
    return .json(report, status: report.ok ? 200 : 503)
  }

  private func with(_ name: String?, _ body: (WorkloadGuard) -> ControlResponse) -> ControlResponse {
    do throws(NoWorkload) {
      return body(try workload(name))
    } catch {
      return error.answer
    }
  }

  private struct NoWorkload: Error { let answer: ControlResponse }

  /// The named workload, or the only one.
  private func workload(_ name: String?) throws(NoWorkload) -> WorkloadGuard {
    let guards = engine.guards
    let names = guards.map(\.name).joined(separator: ", ")
    if let name {
      guard let found = guards.first(where: { $0.name == name }) else {
        throw NoWorkload(answer: .error(404, "there is no workload \(name); there is \(names)"))
      }
      return found
    }
    guard let only = guards.first, guards.count == 1 else {
      throw NoWorkload(answer: .error(400, "name one of the workloads: \(names)"))
    }
    return only
  }

  private func plan(_ name: String?, _ kind: PlanKind) async -> ControlResponse {
    do throws(NoWorkload) {
      let workload = try workload(name)
      let dryRun = DryRun(run(of: workload, kind), workload, workload.look(at: line.now), cloud)
      return .json(planReport(workload.settings, kind, dryRun.run.steps.map(\.step), await dryRun.sentences()))
    } catch {
      return error.answer
    }
  }

  /// A past incident, from what the ledger has of it.
  private func recalled(
    _ incident: String, of workload: String, _ answer: (PastIncident, [LedgerRow]) -> ControlResponse
  ) -> ControlResponse {
    do {
      let rows = try ledger.history(workload: workload, incident: incident, limit: Daemon.longestStory)
      if rows.isEmpty {
        return .error(404, "\(workload) has no incident \(incident); `pilotlightctl history` names them")
      }
      if rows.count == Daemon.longestStory {
        return .error(
          500, "\(incident) has more than \(rows.count) records; `pilotlightctl ledger export` has them all")
      }
      let codec = JSONRecordCodec()
      let story = try rows.map { (at: $0.entry.at, record: try codec.decode($0.entry.payload)) }
      return answer(PastIncident(story), rows)
    } catch {
      return .error(500, (error as? LedgerFailure)?.text ?? "the records of \(incident) cannot be read: \(error)")
    }
  }

  private func report(_ incident: String?, of workload: WorkloadGuard) -> ControlResponse {
    do throws(LedgerFailure) {
      var wanted = incident
      if wanted == nil { wanted = try ledger.newestIncident(of: workload.name) }
      guard let incident = wanted else {
        return .error(404, "\(workload.name) has had no incident since it is guarded")
      }
      return recalled(incident, of: workload.name) { past, rows in
        .json(incidentReport(past, incident, workload, rows.map(historyEntry)))
      }
    } catch {
      return .error(500, error.text)
    }
  }

  /// The most records of one incident that are read together: weeks of a step that is tried again and again.
  private static let longestStory = 10_000

  private func history(_ workload: String?, _ incident: String?, _ limit: Int) -> ControlResponse {
    do throws(LedgerFailure) {
      let rows = try ledger.history(workload: workload, incident: incident, limit: limit)
      return .json(rows.map(historyEntry))
    } catch {
      return .error(500, error.text)
    }
  }

  private func historyEntry(_ row: LedgerRow) -> HistoryEntry {
    HistoryEntry(
      sequence: row.sequence, at: stamp(row.entry.at), workload: row.entry.workload, incident: row.entry.incident,
      kind: row.entry.kind, sentence: row.entry.sentence)
  }

  private func obey(_ request: OrderRequest, _ peer: Peer) async -> ControlResponse {
    let known = look { guards, _ in guards.map(\.settings.name) }
    guard known.contains(request.workload) else {
      return .answer(.usage, "there is no workload \(request.workload); there is \(known.joined(separator: ", "))")
    }
    let order = Order(kind(of: request), reason: request.reason, by: peer.description)
    switch await self.order(request.workload, order) {
    case .accepted(let message): return .answer(.accepted, message)
    case .refused(let message): return .answer(.refused, message)
    case .failed(let message): return .answer(.failed, message)
    }
  }

  private func kind(of request: OrderRequest) -> OrderKind {
    switch request.order {
    case .pause: .pause(expires: request.expiresSeconds.map { line.now + .seconds($0) })
    case .resume: .resume
    case .failover: .failover(acceptDataLoss: request.acceptDataLoss ?? false)
    case .failback: .failback
    case .switchover: .switchover
    case .approve: .approve(acceptDataLoss: request.acceptDataLoss ?? false)
    case .retry: .retry(step: request.step)
    case .skip: .skip(step: request.step, acceptDataLoss: request.acceptDataLoss)
    case .abort: .abort
    case .ack: request.lossReviewed == true ? .reviewLoss : .ack
    }
  }

  private func sandboxReport() -> ControlResponse {
    guard let sandbox else { return .error(404, "this daemon does not run on the sandbox") }
    return .json(sandbox.report(look { guards, _ in guards.map(\.settings.name) }))
  }
}
