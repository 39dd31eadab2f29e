import Postgres
import Reactor
import ReplicationWire
import Storage

/// Announces rows in the order of their ids, whatever order their transactions end in. One per id generator.
final class OrderedAnnouncements {
    private let ids: StreamIDGenerator
    private let publisher: any StreamPublisher
    private var held: [Int64: (stream: StreamName, rows: [ReplicationRow])] = [:]

    init(ids: StreamIDGenerator, publisher: any StreamPublisher) {
        self.ids = ids
        self.publisher = publisher
    }

    /// Gives `id` back, whose transaction has ended, with what it stored (nothing if it failed), and
    /// announces all that may be announced now.
    func finish(
        _ id: Int64, _ stored: (stream: StreamName, rows: [ReplicationRow])?,
        on loop: isolated EventLoop
    ) {
        if let stored { held[id] = stored }
        guard let position = ids.finish([id], on: loop) else { return }
        for id in held.keys.filter({ $0 <= position }).sorted() {
            guard let (stream, rows) = held.removeValue(forKey: id) else { continue }
            publisher.publish(stream, token: id, rows: rows, on: loop)
        }
    }

    /// Runs `store` with a fresh id and announces the rows that it returns, if any.
    func store<Result>(
        from pool: PostgresPool, on loop: isolated EventLoop,
        _ store: (Int64) async throws -> (result: Result, StreamName, rows: [ReplicationRow])
    ) async throws -> Result {
        let id = try await ids.next(1, from: pool, on: loop)[0]
        do {
            let (result, stream, rows) = try await store(id)
            finish(id, rows.isEmpty ? nil : (stream, rows), on: loop)
            return result
        } catch {
            finish(id, nil, on: loop)
            throw error
        }
    }

    /// Runs `store` with as many fresh ids and announces one row with each of them.
    func storeEach<Element>(
        _ elements: [Element], from pool: PostgresPool, on stream: StreamName,
        loop: isolated EventLoop, row: (Element) -> ReplicationRow,
        _ store: ([(id: Int64, element: Element)]) async throws -> Void
    ) async throws {
        guard !elements.isEmpty else { return }
        let numbers = try await ids.next(elements.count, from: pool, on: loop)
        let numbered = Array(zip(numbers, elements)).map { (id: $0.0, element: $0.1) }
        do {
            try await store(numbered)
            for (id, element) in numbered { finish(id, (stream, [row(element)]), on: loop) }
        } catch {
            for id in numbers { finish(id, nil, on: loop) }
            throw error
        }
    }
}
