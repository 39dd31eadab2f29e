public import Reactor
public import ReplicationWire

/// The `federation` stream of a main that leaves sending to a worker: what other servers are to be
/// told, in memory, until the worker has said with `FEDERATION_ACK` that it is dealt with.
///
/// Register it with a server only where the main sends nothing itself. Tokens start at 0 with the
/// process, as workers expect of this stream.
public final class FederationQueue: ReplicationSource {
    /// `federation`.
    public var stream: StreamName { .federation }
    /// The newest row's token.
    public private(set) var currentToken: Int64 = 0
    /// Rows that were dropped before anybody took them, since too many had gathered.
    public private(set) var rowsDropped: UInt64 = 0

    /// The server owns its sources.
    private weak var server: ReplicationServer?
    private let rowsMax: Int
    private var rows: [FederationStreamRow] = []
    /// Rows of `rows` before it are gone.
    private var first = 0

    /// An empty queue that keeps at most `rowsMax` rows, and registers itself with the server, which
    /// keeps it.
    public init(_ server: ReplicationServer, rowsMax: Int = 100_000) {
        self.server = server
        self.rowsMax = rowsMax
        server.register(self)
    }

    /// The rows that are kept.
    public var count: Int { rows.count - first }

    /// Adds a row and sends it to whoever follows the stream.
    public func append(_ row: FederationStreamRow, on loop: isolated EventLoop) {
        currentToken += 1
        rows.append(row)
        if count > rowsMax {
            rowsDropped += 1
            drop(1)
        }
        server?.publish(
            .federation, [ReplicationUpdate(token: currentToken, row: .federation(row))], on: loop)
    }

    /// Drops what a worker has dealt with.
    public func acknowledge(upTo token: Int64, on loop: isolated EventLoop) {
        let firstToken = currentToken - Int64(count) + 1
        guard token >= firstToken else { return }
        drop(Int(min(token, currentToken) - firstToken) + 1)
    }

    private func drop(_ number: Int) {
        first += number
        // Moved only once half of it is gone, so that a row costs the same however many there are.
        guard first * 2 >= rows.count else { return }
        rows.removeFirst(first)
        first = 0
    }

    /// The kept rows in a range of tokens.
    public func rows(
        from: Int64, upTo: Int64, limit: Int, on loop: isolated EventLoop
    ) async throws -> [ReplicationUpdate] {
        let before = currentToken - Int64(count)
        let start = max(from, before)
        let end = min(upTo, currentToken, start + Int64(limit))
        guard start < end else { return [] }
        return (start + 1...end).map { token in
            let row = rows[first + Int(token - before) - 1]
            return ReplicationUpdate(token: token, row: .federation(row))
        }
    }
}
