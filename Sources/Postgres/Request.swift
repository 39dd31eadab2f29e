internal import Reactor

/// Takes requests over; settles each of them at some time.
protocol RequestTaker {
    func take(_ request: Request, on loop: isolated EventLoop)
}

/// Something that a task asks of a pool: it is queued, sent on a connection and settled once.
final class Request {
    typealias Command = (statement: Statement, parameters: [PostgresValue])

    enum Work {
        /// Sent as one segment of the pipeline, with a sync after the last.
        case commands([Command])
        /// Sent by itself, with the pipeline off.
        case script(String)
        /// Wants a connection for itself.
        case pin
        /// Waits until the pool is started.
        case start
        /// Waits until the pool is closed.
        case close(grace: Duration)
    }

    /// What the server answers, one after the other, to a segment.
    enum Step {
        case begin
        case prepare(PreparedStatement)
        case rows(command: Int, PreparedStatement?)
    }

    let work: Work
    /// Sent before the work, in the same segment.
    var begin: String?
    /// Whether it may be sent again when it surely did not happen.
    var isRepeatable = false
    var wasRepeated = false

    // While it waits.
    var timer: Timer?
    // While it is under way.
    var steps: [Step] = []
    var stepIndex = 0
    // Once it is settled.
    private(set) var isSettled = false
    var results: [Rows] = []
    var error: PostgresError?
    var connection: Connection?
    var wasRolledBack = false

    private var continuation: UnsafeContinuation<Void, Never>?

    init(_ work: Work) {
        self.work = work
    }

    /// Hands the request over and parks the task until it is settled.
    func run(by taker: any RequestTaker, on loop: isolated EventLoop) async {
        await withUnsafeContinuation(isolation: loop) { continuation in
            self.continuation = continuation
            taker.take(self, on: loop)
        }
    }

    /// Wakes the task; the first error stays.
    func settle(_ failure: PostgresError? = nil) {
        guard !isSettled else { return }
        isSettled = true
        if error == nil { error = failure }
        continuation.take()?.resume()
    }

    /// As before it was sent.
    func reset() {
        steps = []
        stepIndex = 0
        results = []
        error = nil
        isRepeatable = false
    }

    /// Whether it may be sent again though it may have happened: all of it begins with SELECT.
    var onlyReads: Bool {
        guard begin == nil, case .commands(let commands) = work else { return false }
        return commands.allSatisfy { $0.statement.sql.utf8.starts(with: "SELECT ".utf8) }
    }

    /// The name of the statement whose answer comes next.
    var currentStatement: String? {
        guard case .commands(let commands) = work, stepIndex < steps.count else { return nil }
        switch steps[stepIndex] {
        case .begin: return "BEGIN"
        case .prepare(let prepared): return prepared.name
        case .rows(let command, _): return commands[command].statement.name
        }
    }

    /// Why it cannot be sent at all.
    var problem: PostgresError? {
        switch work {
        case .commands(let commands):
            for command in commands {
                for value in command.parameters where value.holdsZeroByte {
                    return PostgresError(
                        .encoding, "text in PostgreSQL cannot hold a zero byte",
                        statement: command.statement.name)
                }
                if command.parameters.count > 65_535 || command.statement.sql.holdsZeroByte {
                    return PostgresError(
                        .encoding, "more than 65,535 parameters, or a zero byte in the statement",
                        statement: command.statement.name)
                }
            }
            return nil
        case .script(let script):
            return script.holdsZeroByte
                ? PostgresError(.encoding, "a zero byte in the script") : nil
        case .pin, .start, .close: return nil
        }
    }
}

/// A statement that one connection's server knows by a name.
final class PreparedStatement {
    let name: String
    let sql: String
    let serverName: String
    /// Known after the first result.
    var columns: Columns?

    init(_ statement: Statement, serverName: String) {
        name = statement.name
        sql = statement.sql
        self.serverName = serverName
    }
}
