import Matrix
import Postgres
import Reactor
import Storage

/// Parsed events by id: those that auth rules keep asking for. Lives on one loop, bounded.
final class EventCache {
    private let pool: PostgresPool
    private let eventsMax: Int
    // Two generations: what was used since the last turn, and what was used before it.
    private var young: [String: Event] = [:]
    private var old: [String: Event] = [:]

    init(pool: PostgresPool, eventsMax: Int = 20_000) {
        self.pool = pool
        self.eventsMax = eventsMax
    }

    func insert(_ event: Event) {
        if young.count >= eventsMax / 2 {
            old = young
            young = [:]
        }
        young[event.eventID.text] = event
    }

    func forget(_ eventID: String) {
        young[eventID] = nil
        old[eventID] = nil
    }

    /// The events with these ids, redacted where they were; unknown ones are left out.
    func events(_ ids: [String], on loop: isolated EventLoop) async throws -> [String: Event] {
        var found: [String: Event] = [:]
        var missing: [String] = []
        for id in ids {
            if let event = young[id] {
                found[id] = event
            } else if let event = old[id] {
                insert(event)
                found[id] = event
            } else {
                missing.append(id)
            }
        }
        guard !missing.isEmpty else { return found }
        for stored in try await Events.events(missing, in: pool, on: loop) {
            guard let event = stored.parsed else { continue }
            insert(event)
            found[stored.eventID] = event
        }
        return found
    }
}

extension StoredEvent {
    /// The event, redacted if it was; nil if it is none that we can read.
    var parsed: Event? {
        guard let version = RoomVersion(rawValue: roomVersion) else { return nil }
        // What the tables hold was checked when it was stored.
        let event = try? Event(
            parsing: json, version: version, eventID: EventID(trusted: eventID))
        return redactedBy == nil ? event : event?.redacted()
    }
}
