/// A worker's place in one stream.
struct StreamFollower: Sendable {
    enum Phase: Hashable {
        /// Not asked for on this connection yet.
        case idle
        /// Asked for; `POSITION` has not come.
        case catchingUp
        /// In the named dialect: a gap was noticed and what lies in it has been asked for. The main
        /// has not said yet that it begins there, so what comes belongs to the time before.
        case filling
        /// The main has said that it begins there, and the missing rows come in.
        case filled
        /// In step with the main.
        case live
    }

    /// What a line means for the worker.
    enum Outcome: Hashable {
        case nothing
        case rows([ReplicationRow])
        /// The main has started the stream again; then the rows.
        case resetThenRows([ReplicationRow])
        case position
        /// Everything up to the position was left out: read it from the database.
        case skipped
        /// The main has started the stream again, and it must be asked for once more from here.
        case resetThenReplicate(from: Int64)
        case reset
        /// Something is missing and must be asked for from here.
        case replicate(from: Int64)
        /// A row that has no place yet, or no stream.
        case ignored
        case tooLong
    }

    /// How many rows may share a token.
    static let batchRowsMax = 100_000

    let stream: StreamName
    /// The last token whose rows the worker has; nil until the first `POSITION` if it began NOW.
    var position: Int64?
    var phase = Phase.idle
    /// The next subscription must begin NOW, since the main refuses to catch up.
    var mustSkip = false
    private(set) var repeatedRows: UInt64 = 0
    private var pending: [ReplicationRow] = []
    private var recent = RecentLines()
    /// Whether what lies in a gap has been asked for on this connection. Once is enough: a main that
    /// does not understand the question answers with its position.
    private var hasAsked = false

    init(stream: StreamName, position: Int64?) {
        self.stream = stream
        self.position = position
    }

    /// Rows received whose token has not been completed.
    var pendingRows: Int { pending.count }

    mutating func connectionEnded() {
        phase = .idle
        hasAsked = false
        // The rows of an unfinished token come again.
        pending = []
    }

    /// What to ask for.
    mutating func subscription() -> Subscription {
        phase = .catchingUp
        guard let position, !mustSkip else { return .stream(stream, from: .now) }
        return .stream(stream, from: .token(position))
    }

    mutating func receive(_ data: RowData, digest: UInt64, _ dialect: Dialect) -> Outcome {
        // There, rows are sent whether they were asked for or not, and before the position has come
        // nobody knows what is missing in front of them.
        if dialect == .named, phase != .live, phase != .filled { return .ignored }
        guard case .number(let token) = data.token else {
            guard pending.count < Self.batchRowsMax else { return .tooLong }
            pending.append(data.row)
            return .nothing
        }
        var rows: [ReplicationRow]
        if pending.isEmpty {
            rows = [data.row]
        } else {
            rows = exchange(&pending, with: [])
            rows.append(data.row)
        }
        let isOld = position.map { token <= $0 } ?? false
        if isOld, recent.contains(digest) {
            repeatedRows += UInt64(rows.count)
            return .nothing
        }
        if stream.isInMemory, let current = position, token < current {
            recent = RecentLines()
            recent.insert(digest)
            position = token
            return .resetThenRows(rows)
        }
        recent.insert(digest)
        // Never back: a row with a low token is delivered where we are.
        position = max(position ?? token, token)
        return .rows(rows)
    }

    mutating func receive(
        _ message: Position, _ dialect: Dialect
    ) -> (unfinished: [ReplicationRow], Outcome) {
        let unfinished = exchange(&pending, with: [])
        guard dialect == .named else { return (unfinished, reach(message.token)) }
        return (unfinished, receiveNamed(message))
    }

    /// All rows up to `token` have been sent.
    private mutating func reach(_ token: Int64) -> Outcome {
        let wasCatchingUp = phase != .live
        phase = .live
        guard let current = position, !(mustSkip && wasCatchingUp) else {
            let skips = mustSkip
            mustSkip = false
            position = max(position ?? token, token)
            return skips ? .skipped : .position
        }
        if token < current, stream.isInMemory { return restart(at: token, .classic) }
        position = max(current, token)
        return wasCatchingUp || token > current ? .position : .nothing
    }

    /// In the named dialect a position says too where the sender was before, so that a gap shows.
    private mutating func receiveNamed(_ message: Position) -> Outcome {
        let previous = message.previousToken ?? message.token
        guard let current = position, !mustSkip else { return reach(message.token) }
        if phase == .filling {
            if previous == current, message.token == current {
                phase = .filled
                return .nothing
            }
            // What the main sent before it saw the question.
            guard previous == message.token else { return .nothing }
        }
        if message.token < current, stream.isInMemory {
            return restart(at: message.token, .named)
        }
        guard previous > current, message.token > current else { return reach(message.token) }
        if hasAsked {
            phase = .live
            position = message.token
            return .skipped
        }
        hasAsked = true
        phase = .filling
        return .replicate(from: current)
    }

    /// The main's process has probably been replaced: whatever its stream's token is now, our
    /// position says nothing about it. Returns whether that makes a difference.
    mutating func assumeRestart() -> Bool {
        guard let current = position, current > 0 else { return false }
        recent = RecentLines()
        position = 0
        return true
    }

    /// The main's new stream is at `token` and has told us nothing of what lies before it.
    private mutating func restart(at token: Int64, _ dialect: Dialect) -> Outcome {
        recent = RecentLines()
        guard token > 0 else {
            position = token
            phase = .live
            return .reset
        }
        position = 0
        phase = dialect == .named ? .filling : .catchingUp
        hasAsked = true
        return .resetThenReplicate(from: 0)
    }
}
