internal import CPostgres
internal import Glibc
internal import Reactor

extension Connection {
    /// Takes every result that has arrived completely.
    func receive(on loop: isolated EventLoop) {
        var emptyResults = 0
        while let raw, state == .ready, PQisBusy(raw) == 0 {
            if scriptIsRunning {
                receiveOfScript(raw, on: loop)
                if !scriptIsRunning { return }
                continue
            }
            guard let request = inFlight.first else { return }
            guard let result = PQgetResult(raw) else {
                // The end of one statement's results. libpq never gives several ends in a row.
                emptyResults += 1
                guard emptyResults < 3 else {
                    return fail("libpq lost track of the pipeline", on: loop)
                }
                request.stepIndex += 1
                continue
            }
            emptyResults = 0
            defer { PQclear(result) }
            if PQresultStatus(result) == PGRES_PIPELINE_SYNC {
                finish(request, on: loop)
            } else {
                take(result, for: request, on: loop)
            }
        }
    }

    private func take(
        _ result: OpaquePointer, for request: Request, on loop: isolated EventLoop
    ) {
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            guard request.stepIndex < request.steps.count,
                case .rows(_, let prepared) = request.steps[request.stepIndex]
            else { return }
            takeRows(result, for: request, prepared: prepared)
        case PGRES_FATAL_ERROR:
            let error = ResultReading.error(result, statement: request.currentStatement)
            if request.error == nil { request.error = error }
            forgetStatement(of: request, after: error)
        case PGRES_PIPELINE_ABORTED:
            // Behind an error in the same segment. What should have been prepared was not.
            if request.stepIndex < request.steps.count,
                case .prepare(let statement) = request.steps[request.stepIndex]
            {
                forget(statement)
            }
        default:
            fail("COPY is not supported", on: loop)
        }
    }

    private func takeRows(
        _ result: OpaquePointer, for request: Request, prepared: PreparedStatement?
    ) {
        if PQresultStatus(result) != PGRES_TUPLES_OK {
            // COMMIT of a failed transaction succeeds with this tag.
            if let tag = PQcmdStatus(result), strcmp(tag, "ROLLBACK") == 0 {
                request.wasRolledBack = true
            }
            request.results.append(
                Rows(.empty, affectedCount: ResultReading.affectedCount(result)))
            return
        }
        do throws(PostgresError) {
            let read = try ResultReading.rows(result, knownColumns: prepared?.columns)
            prepared?.columns = read.columns
            request.results.append(read.rows)
        } catch {
            if request.error == nil { request.error = error }
        }
    }

    /// A statement that failed to prepare, that the server does not know any more, or whose result
    /// changed with the schema, is prepared anew when it comes next.
    private func forgetStatement(of request: Request, after error: PostgresError) {
        guard request.stepIndex < request.steps.count else { return }
        switch request.steps[request.stepIndex] {
        case .begin: break
        case .prepare(let statement): forget(statement)
        case .rows(_, let statement):
            guard let statement else { return }
            let isOutdated =
                error.sqlState == "0A000" && error.message.contains("cached plan")
            guard isOutdated || error.sqlState == "26000" else { return }
            forget(statement)
            // The server refused it before it did anything, and undid what else was in the segment.
            request.isRepeatable = true
        }
    }

    private func forget(_ statement: PreparedStatement) {
        if prepared[statement.name] === statement { prepared[statement.name] = nil }
    }

    private func finish(_ request: Request, on loop: isolated EventLoop) {
        _ = inFlight.popFirst()
        pool.finished(request, on: self, loop)
        if inFlight.isEmpty && script != nil && !scriptIsRunning { startScript(on: loop) }
    }

    private func receiveOfScript(_ raw: OpaquePointer, on loop: isolated EventLoop) {
        guard let result = PQgetResult(raw) else {
            scriptIsRunning = false
            guard PQenterPipelineMode(raw) == 1 else {
                return fail(trimmed(PQerrorMessage(raw)), on: loop)
            }
            if let request = script.take() { pool.finished(request, on: self, loop) }
            return
        }
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_FATAL_ERROR:
            if let script, script.error == nil {
                script.error = ResultReading.error(result, statement: nil)
            }
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            fail("COPY is not supported", on: loop)
        default: break
        }
    }

    /// Whether the server holds a transaction open for us. Only meaningful with nothing under way.
    var isInTransaction: Bool {
        guard let raw else { return false }
        return PQtransactionStatus(raw) != PQTRANS_IDLE
    }
}
