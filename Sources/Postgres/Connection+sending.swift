internal import CPostgres
internal import Reactor

extension Connection: RequestTaker {
    /// A bound for servers' memory: statements beyond it are parsed each time.
    private static let preparedMax = 2_000

    /// Sends a request behind those under way.
    func take(_ request: Request, on loop: isolated EventLoop) {
        guard state == .ready else {
            return request.settle(PostgresError(.connectionLost, "the connection was lost"))
        }
        if let problem = request.problem { return request.settle(problem) }
        switch request.work {
        case .commands(let commands): send(commands, of: request, on: loop)
        case .script:
            guard script == nil else {
                return request.settle(PostgresError(.misuse, "a script is running already"))
            }
            script = request
            if inFlight.isEmpty { startScript(on: loop) }
        case .pin, .start, .close:
            request.settle(PostgresError(.misuse, "nothing to send"))
        }
    }

    private func send(
        _ commands: [Request.Command], of request: Request, on loop: isolated EventLoop
    ) {
        guard script == nil else {
            return request.settle(PostgresError(.misuse, "a script is running"))
        }
        for command in commands where command.statement.isPrepared {
            if let known = prepared[command.statement.name], known.sql != command.statement.sql {
                return request.settle(
                    PostgresError(
                        .misuse, "the name stands for another statement already",
                        statement: command.statement.name))
            }
        }
        inFlight.append(request)
        request.steps.reserveCapacity(commands.count + 1)
        var isSent = true
        if let begin = request.begin {
            isSent = sendUnprepared(begin, [])
            request.steps.append(.begin)
        }
        for (index, command) in commands.enumerated() where isSent {
            isSent = send(command, at: index, of: request)
        }
        // The sync also writes everything to the socket, as far as it takes it.
        guard isSent, let raw, PQpipelineSync(raw) == 1 else {
            return fail(raw.map { trimmed(PQerrorMessage($0)) } ?? "", on: loop)
        }
        flush(on: loop)
    }

    private func send(_ command: Request.Command, at index: Int, of request: Request) -> Bool {
        let statement = command.statement
        guard statement.isPrepared, let raw else {
            request.steps.append(.rows(command: index, nil))
            return sendUnprepared(statement.sql, command.parameters)
        }
        let known: PreparedStatement
        if let found = prepared[statement.name] {
            known = found
        } else if prepared.count >= Self.preparedMax {
            request.steps.append(.rows(command: index, nil))
            return sendUnprepared(statement.sql, command.parameters)
        } else {
            // A name is not used twice, since the server may know an outdated statement by it.
            preparedCount += 1
            known = PreparedStatement(statement, serverName: "\(statement.name)/\(preparedCount)")
            prepared[statement.name] = known
            request.steps.append(.prepare(known))
            guard PQsendPrepare(raw, known.serverName, known.sql, 0, nil) == 1 else {
                return false
            }
        }
        request.steps.append(.rows(command: index, known))
        parameters.encode(command.parameters)
        return parameters.withPointers { count, values, lengths, formats in
            PQsendQueryPrepared(raw, known.serverName, count, values, lengths, formats, 1)
        } == 1
    }

    private func sendUnprepared(_ sql: String, _ values: [PostgresValue]) -> Bool {
        guard let raw else { return false }
        parameters.encode(values)
        return parameters.withPointers { count, values, lengths, formats in
            PQsendQueryParams(raw, sql, count, nil, values, lengths, formats, 1)
        } == 1
    }

    /// Several statements in one text need the simple protocol, which the pipeline mode excludes.
    func startScript(on loop: isolated EventLoop) {
        guard let raw, let request = script, case .script(let text) = request.work else { return }
        scriptIsRunning = true
        let begin = request.begin.map { $0 + ";" } ?? ""
        guard PQexitPipelineMode(raw) == 1, PQsendQuery(raw, begin + text) == 1 else {
            return fail(trimmed(PQerrorMessage(raw)), on: loop)
        }
        flush(on: loop)
    }
}
