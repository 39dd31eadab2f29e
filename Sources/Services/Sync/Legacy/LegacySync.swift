public import JSON
import Matrix
public import Postgres
public import Reactor
public import Storage

/// What there was before /sync: `/events`, `/initialSync` and their relatives, for clients that still ask so.
///
/// They are told what /sync would tell, in the older form, so that both agree about who may see what; their tokens
/// are those of /sync. In the main process and in synchrotrons alike, on the process's loop.
///
/// Specification: client-server API, "Syncing", the deprecated endpoints.
public final class LegacySync {
    let engine: SyncEngine
    let pool: PostgresPool
    let cache: EventCache

    /// Over an engine and its database.
    public init(engine: SyncEngine, pool: PostgresPool) {
        self.engine = engine
        self.pool = pool
        cache = EventCache(pool: pool)
    }

    var now: Int64 { engine.clock.now }

    /// An answer of /sync to a reader. Messages to devices are left alone: these endpoints do not tell them.
    func sync(
        _ filter: JSON, since: StreamToken?, timeout: Duration = .zero,
        for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> JSON {
        var request = SyncRequest(
            userID: reader.userID, deviceID: nil, since: since, timeout: timeout,
            affectsPresence: !reader.isGuest)
        request.filter = try SyncFilter(filter)
        let collector = SyncCollector()
        engine.sync(request, answering: collector, on: loop)
        return try await collector.body(on: loop)
    }

    /// One event, by its id alone. Throws M_NOT_FOUND, also for what the reader may not see.
    public func event(
        _ eventID: String, for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> JSON {
        let events = try await Events.events([eventID], in: pool, on: loop)
        guard let roomID = events.first?.roomID,
            try await RoomAccess.of(reader.userID, to: roomID, in: pool, on: loop) != nil,
            let event = try await visible(events, for: reader, on: loop).first
        else { throw MatrixError.notFound("Event not found.") }
        return try await render([event], for: reader, on: loop)[0]
    }

    /// Those of a room's events that a reader may see.
    func visible(
        _ events: [StoredEvent], for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> [StoredEvent] {
        try await VisibilityFilter(userID: reader.userID, cache: cache, pool: pool)
            .visible(events, on: loop)
    }

    func render(
        _ events: [StoredEvent], for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> [JSON] {
        // A redaction may have changed any of them since the cache saw it; rendering reads the tables.
        try await EventRenderer(reader: reader, now: now).render(events, from: pool, on: loop)
            .map { try JSON(parsing: $0) }
    }
}

extension JSON {
    /// An event of /sync, which leaves the room out, with its room.
    func inRoom(_ roomID: String) -> JSON {
        var event = self
        event["room_id"] = .string(roomID)
        return event
    }

    /// The events in a part of an answer of /sync.
    func events(_ part: String) -> [JSON] { self[part]?["events"]?.arrayValue ?? [] }
}
