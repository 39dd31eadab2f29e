/// A worker's place in one stream.
struct StreamFollower: Sendable {
    enum Phase: Hashable {
        /// Not asked for on this connection yet.
        case idle
        /// Asked for; `POSITION` has not come.
        case catchingUp
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

    init(stream: StreamName, position: Int64?) {
        self.stream = stream
        self.position = position
    }

    /// Rows received whose token has not been completed.
    var pendingRows: Int { pending.count }

    mutating func connectionEnded() {
        phase = .idle
        // The rows of an unfinished token come again.
        pending = []
    }

    /// What to ask for.
    mutating func subscription() -> Subscription {
        phase = .catchingUp
        guard let position, !mustSkip else { return .stream(stream, from: .now) }
        return .stream(stream, from: .token(position))
    }

    mutating func receive(_ data: RowData, digest: UInt64) -> Outcome {
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

    mutating func receive(_ message: Position) -> (unfinished: [ReplicationRow], Outcome) {
        let unfinished = exchange(&pending, with: [])
        let token = message.token
        let wasCatchingUp = phase == .catchingUp
        phase = .live
        guard let current = position, !(mustSkip && wasCatchingUp) else {
            let skips = mustSkip
            mustSkip = false
            position = max(position ?? token, token)
            return (unfinished, skips ? .skipped : .position)
        }
        if token < current, stream.isInMemory {
            return (unfinished, restart(at: token))
        }
        // Only the named dialect says where the sender was; a gap there must be filled.
        if let previous = message.previousToken, previous > current, token > current {
            position = token
            return (unfinished, .skipped)
        }
        position = max(current, token)
        return (unfinished, wasCatchingUp || token > current ? .position : .nothing)
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
    private mutating func restart(at token: Int64) -> Outcome {
        recent = RecentLines()
        guard token > 0 else {
            position = token
            return .reset
        }
        position = 0
        phase = .catchingUp
        return .resetThenReplicate(from: 0)
    }
}
