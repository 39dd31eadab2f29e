import JSON
import Matrix
import Postgres
import Reactor
import Storage

/// Collects what is told of an event's edits, its thread and its references together with the event.
///
/// Specification: client-server API, "Aggregations of child events".
struct Aggregations {
    let reader: EventRelations.Reader
    let renderer: EventRenderer
    let cache: EventCache
    let pool: PostgresPool

    /// How many references one answer names.
    private static let referencesMax = 1000

    /// `m.relations` of each of the events that has any, by event id. However many events, no more than nine
    /// queries; one, if nothing relates to any of them.
    func relations(
        of events: [StoredEvent], on loop: isolated EventLoop
    ) async throws -> [String: JSON] {
        // State has no aggregations, and edits are told with what they edit.
        let targets = events.filter { $0.stateKey == nil }
        let ids = targets.map(\.eventID)
        let kinds = try await EventRelations.kinds(of: ids, in: pool, on: loop)
        if kinds.isEmpty { return [:] }
        let threads =
            kinds.contains("m.thread")
            ? try await EventRelations.threads(of: ids, for: reader, in: pool, on: loop) : [:]
        // What relates to the newest event of a thread is told within the thread.
        let inner = threads.values.map(\.latestEventID)
        let all = ids + inner
        let edits = try await EventRelations.edits(of: all, for: reader, in: pool, on: loop)
        let references = try await EventRelations.references(
            to: all, for: reader, limit: Self.referencesMax, in: pool, on: loop)
        let found = try await visible(Array(edits.values) + inner, on: loop)
        let originals = events + found.values
        var relations = try await leaves(
            originals, edits: edits, references: references, found: found, on: loop)
        let latest = inner.compactMap { found[$0] }
        let rendered = try await renderer.render(
            latest, relations: relations, from: pool, on: loop)
        var texts: [String: JSON] = [:]
        for (event, text) in zip(latest, rendered) {
            texts[event.eventID] = try JSON(parsing: text)
        }
        for root in targets {
            guard let thread = threads[root.eventID], let newest = texts[thread.latestEventID]
            else { continue }
            var bundle = relations[root.eventID] ?? JSON([:])
            let isOwn = root.sender == renderer.reader.userID
            bundle["m.thread"] = [
                "latest_event": newest, "count": .integer(thread.count),
                "current_user_participated": .bool(isOwn || thread.isReaderAmongSenders),
            ]
            relations[root.eventID] = bundle
        }
        return relations
    }

    /// The edits and references of events, without their threads.
    private func leaves(
        _ events: [StoredEvent], edits: [String: String], references: [String: [String]],
        found: [String: StoredEvent], on loop: isolated EventLoop
    ) async throws -> [String: JSON] {
        var relations: [String: JSON] = [:]
        for (target, ids) in references {
            let chunk = ids.map { JSON(["event_id": .string($0)]) }
            relations[target] = ["m.reference": ["chunk": .array(chunk)]]
        }
        var pairs: [(target: String, edit: StoredEvent)] = []
        for event in events where event.redactedBy == nil {
            guard let edit = edits[event.eventID].flatMap({ found[$0] }),
                let newContent = edit.parsed, let original = event.parsed,
                EventRelation.isValidReplacement(newContent, of: original)
            else { continue }
            pairs.append((event.eventID, edit))
        }
        let rendered = try await renderer.render(pairs.map(\.edit), from: pool, on: loop)
        for (pair, text) in zip(pairs, rendered) {
            var bundle = relations[pair.target] ?? JSON([:])
            bundle["m.replace"] = try JSON(parsing: text)
            relations[pair.target] = bundle
        }
        return relations
    }

    /// Those of the events that the reader may see, by id.
    private func visible(
        _ ids: [String], on loop: isolated EventLoop
    ) async throws -> [String: StoredEvent] {
        if ids.isEmpty { return [:] }
        let events = try await Events.events(Array(Set(ids)), in: pool, on: loop)
        let visible = try await VisibilityFilter(
            userID: renderer.reader.userID, cache: cache, pool: pool
        ).visible(events, on: loop)
        return Dictionary(visible.map { ($0.eventID, $0) }, uniquingKeysWith: { $1 })
    }
}

extension RoomService {
    /// Renders events of a room for a reader, each with what relates to it.
    func renderBundled(
        _ events: [StoredEvent], of room: Room, for reader: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws -> [[UInt8]] {
        let renderer = EventRenderer(reader: reader, now: clock.now)
        let end = try await lastPlace(for: reader.userID, in: room, on: loop)
        let aggregations = Aggregations(
            reader: EventRelations.Reader(
                userID: reader.userID, upTo: end?.stream ?? persister.position),
            renderer: renderer, cache: cache, pool: pool)
        let relations = try await aggregations.relations(of: events, on: loop)
        return try await renderer.render(events, relations: relations, from: pool, on: loop)
    }
}
