import Reactor
import Replication
import ReplicationWire

/// A main process of which only replication is there: its rows come from nowhere.
final class Publisher: ReplicationServerDelegate {
    private let server: ReplicationServer
    private let batch: Int
    private let window: Int64
    private let dialect: Dialect
    private let rows = (0..<1000).map { eventRow(number: $0) }
    private var published: Int64 = 0
    private var acknowledged: Int64 = -1
    private var waiter: UnsafeContinuation<Void, Never>?

    init(batch: Int, window: Int64, dialect: Dialect = .classic) {
        self.batch = batch
        self.window = window
        self.dialect = dialect
        var options = ReplicationServer.Options(serverName: "example.org")
        options.dialect = dialect
        server = ReplicationServer(options: options)
    }

    /// Makes rows that workers can catch up.
    func offer(rows: Int64) { server.register(SyntheticEvents(rows: rows)) }

    func listen(port: UInt16, on loop: isolated EventLoop) throws {
        server.delegate = self
        if dialect == .named { server.register(SyntheticEvents(rows: 0)) }
        try server.listen(on: .loopback(port: port), on: loop)
    }

    /// Publishes batch after batch, each in a turn of its own, as far as the window allows. Begins with the first
    /// acknowledgement.
    func publishAsAcknowledged(on loop: isolated EventLoop) async {
        while true {
            if acknowledged < 0 || published + Int64(batch) > acknowledged + window {
                await withUnsafeContinuation(isolation: loop) { waiter = $0 }
                continue
            }
            publish(count: batch, stampedAt: nil, on: loop)
            await loop.yield()
        }
    }

    /// Publishes rows that tell when, evenly but for the timer's millisecond.
    func publish(perSecond rate: Double, on loop: isolated EventLoop) async {
        let begin = wallTime()
        while true {
            await loop.sleep(for: .milliseconds(rate > 0 && rate < 500 ? Int(500 / rate) : 1))
            let due = Int64(Double(wallTime() - begin) / 1e9 * rate)
            if due > published {
                publish(count: Int(due - published), stampedAt: wallTime(), on: loop)
            }
        }
    }

    private func publish(count: Int, stampedAt time: UInt64?, on loop: isolated EventLoop) {
        // Where rows come from is not what is measured: they are made beforehand.
        let stamped = time.map(eventRow)
        let updates = (1...Int64(count)).map { index in
            let token = published + index
            return ReplicationUpdate(
                token: token, row: stamped ?? rows[Int(token) % rows.count])
        }
        published += Int64(count)
        server.publish(.events, updates, on: loop)
    }

    func received(
        _ command: ReplicationCommand, from peer: ReplicationPeer, on loop: isolated EventLoop
    ) {
        guard case .federationAck(let ack) = command else { return }
        acknowledged = max(acknowledged, ack.token)
        waiter.take()?.resume()
    }
}

/// The row of an event whose id holds a number; the same bytes as the peers' rows.
func eventRow(number: UInt64) -> ReplicationRow {
    let digits = String(number)
    let id = "$" + String(repeating: "0", count: max(0, 43 - digits.utf8.count)) + digits
    return .event(
        EventStreamRow(
            eventID: id, roomID: "!BeamlineBenchmarkRoom:example.org", type: "m.room.message"))
}

/// A table of events that needs no database.
final class SyntheticEvents: ReplicationSource {
    let stream = StreamName.events
    let currentToken: Int64

    init(rows: Int64) { currentToken = rows }

    func rows(
        from: Int64, upTo: Int64, limit: Int, on loop: isolated EventLoop
    ) async throws -> [ReplicationUpdate] {
        guard from < upTo else { return [] }
        return (from + 1...min(upTo, from + Int64(limit))).map {
            ReplicationUpdate(token: $0, row: eventRow(number: UInt64($0)))
        }
    }
}
