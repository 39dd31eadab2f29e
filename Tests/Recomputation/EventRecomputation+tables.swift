import JSON
import Matrix
import Postgres
import Reactor

/// The comparisons: each reads tables and holds them against what was recomputed.
extension EventRecomputation {
    private static func ids(_ events: [Stored]) -> PostgresValue {
        .textArray(events.map(\.event.eventID.text))
    }

    private static let edges = Statement(
        unprepared: """
            SELECT 0, event_id, prev_event_id FROM event_edges WHERE event_id = ANY($1::text[])
            UNION ALL SELECT 1, event_id, auth_id FROM event_auth WHERE event_id = ANY($1::text[])
            """)

    /// event_edges and event_auth have what the new events name.
    func compareGraph(
        _ new: [Stored], in database: PostgresConnection, on loop: isolated EventLoop
    ) async throws {
        var stored: [[String: Set<String>]] = [[:], [:]]
        for row in try await database.query(Self.edges, [Self.ids(new)], on: loop) {
            stored[Int(try row.integer(0))][try row.text(1), default: []].insert(try row.text(2))
        }
        for event in new.map(\.event) {
            let eventID = event.eventID.text
            if stored[0][eventID] ?? [] != Set(event.previousEventIDs.map(\.text)) {
                found("\(eventID): event_edges has other events than it follows")
            }
            if stored[1][eventID] ?? [] != Set(event.authEventIDs.map(\.text)) {
                found("\(eventID): event_auth has other events than allow it")
            }
        }
    }

    private static let groupsOfEvents = Statement(
        unprepared: """
            SELECT event_id, state_group FROM event_to_state_groups
            WHERE event_id = ANY($1::text[])
            """)
    private static let groupEdges = Statement(
        unprepared: """
            SELECT state_group, prev_state_group FROM state_group_edges
            WHERE state_group > $1 ORDER BY state_group
            """)
    private static let groupEntries = Statement(
        unprepared: """
            SELECT state_group, type, state_key, event_id FROM state_groups_state
            WHERE state_group > $1
            """)

    /// Each new event's state group, its deltas put together, is the recomputed state after the event.
    func compareGroups(
        _ new: [Stored], in database: PostgresConnection, on loop: isolated EventLoop
    ) async throws {
        // A group with a lower number may be stored after one with a higher: all are looked at that are not known.
        let known = groups.keys.max().map { max(0, $0 - 10_000) } ?? 0
        var entries: [Int64: StateMap<EventID>] = [:]
        for row in try await database.query(Self.groupEntries, [.integer(known)], on: loop) {
            let group = try row.integer(0)
            if groups[group] != nil { continue }
            let place = StateKey(try row.text(1), try row.text(2))
            entries[group, default: [:]][place] = EventID(trusted: try row.text(3))
        }
        var previous: [Int64: Int64] = [:]
        for row in try await database.query(Self.groupEdges, [.integer(known)], on: loop) {
            previous[try row.integer(0)] = try row.integer(1)
        }
        for group in entries.keys.sorted() {
            var state: StateMap<EventID> = [:]
            if let base = previous[group] {
                if groups[base] == nil { found("state group \(base): is not there") }
                state = groups[base] ?? [:]
            }
            groups[group] = state.merging(entries[group] ?? [:]) { $1 }
        }
        var groupOf: [String: Int64] = [:]
        for row in try await database.query(Self.groupsOfEvents, [Self.ids(new)], on: loop) {
            groupOf[try row.text(0)] = try row.integer(1)
        }
        var equal: [Int64: ObjectIdentifier] = [:]
        for stored in new {
            let eventID = stored.event.eventID.text
            guard let group = groupOf[eventID] else {
                found("\(eventID): has no state group")
                continue
            }
            let identity = ObjectIdentifier(stored.stateAfter)
            if equal[group] == identity { continue }
            if groups[group] != stored.stateAfter.entries {
                found("\(eventID): state group \(group) is not the state after it")
            }
            equal[group] = identity
        }
    }

    private static let extremities = Statement(
        unprepared: "SELECT room_id, event_id FROM event_forward_extremities")

    /// The forward extremities are the events that no other follows.
    func compareEnds(
        in database: PostgresConnection, on loop: isolated EventLoop
    ) async throws {
        var stored: [String: Set<EventID>] = [:]
        for row in try await database.query(Self.extremities, [], on: loop) {
            stored[try row.text(0), default: []].insert(EventID(trusted: try row.text(1)))
        }
        for roomID in Set(stored.keys).union(ends.keys) where stored[roomID] != ends[roomID] {
            found("\(roomID): the forward extremities are others than its newest events")
        }
    }

    private static let currentState = Statement(
        unprepared: """
            SELECT room_id, type, state_key, event_id, membership, event_stream_ordering
            FROM current_state_events
            """)

    /// current_state_events is the resolved state after the ends of each room.
    func compareCurrentState(
        in database: PostgresConnection, on loop: isolated EventLoop
    ) async throws {
        var stored: [String: StateMap<EventID>] = [:]
        for row in try await database.query(Self.currentState, [], on: loop) {
            let place = StateKey(try row.text(1), try row.text(2))
            let eventID = EventID(trusted: try row.text(3))
            stored[try row.text(0), default: [:]][place] = eventID
            guard let known = events[eventID] else {
                found("\(eventID): is current state and no event")
                continue
            }
            if try known.event.membership?.rawValue != (row.optionalText(4))
                || known.streamOrdering != (row.optionalInteger(5))
            {
                found("\(eventID): current_state_events has another membership or position")
            }
        }
        for roomID in Set(stored.keys).union(ends.keys) {
            let state = try currentState(of: roomID)
            for place in Set(state.keys).union(stored[roomID].map { Set($0.keys) } ?? [])
            where state[place] != stored[roomID]?[place] {
                found("\(roomID): \(place) is currently another event than recomputed")
            }
        }
    }

    private static let deltas = Statement(
        unprepared: """
            SELECT stream_id, room_id, type, state_key, event_id, prev_event_id
            FROM current_state_delta_stream ORDER BY stream_id
            """)
    private static let stateEvents = Statement(
        unprepared: """
            SELECT event_id, type, state_key FROM state_events WHERE event_id = ANY($1::text[])
            """)

    /// Played from the start, current_state_delta_stream leads to the current state, each change naming what it
    /// replaced; and state_events has every piece of state.
    func compareDeltas(
        _ new: [Stored], in database: PostgresConnection, on loop: isolated EventLoop
    ) async throws {
        var played: [String: StateMap<EventID>] = [:]
        for row in try await database.query(Self.deltas, [], on: loop) {
            let place = StateKey(try row.text(2), try row.text(3))
            let roomID = try row.text(1)
            let eventID = try row.optionalText(4).map { EventID(trusted: $0) }
            if played[roomID]?[place]?.text != (try row.optionalText(5)) {
                found("\(eventID?.text ?? roomID): its delta names another event before it")
            }
            if let eventID, events[eventID]?.streamOrdering != (try row.integer(0)) {
                found("\(eventID): its delta has another position")
            }
            played[roomID, default: [:]][place] = eventID
        }
        for roomID in ends.keys where try currentState(of: roomID) != played[roomID] {
            found("\(roomID): current_state_delta_stream leads to another state")
        }
        var places: [String: StateKey] = [:]
        for row in try await database.query(Self.stateEvents, [Self.ids(new)], on: loop) {
            places[try row.text(0)] = StateKey(try row.text(1), try row.text(2))
        }
        for event in new.map(\.event) where places[event.eventID.text] != event.statePlace {
            found("\(event.eventID): state_events has another place")
        }
    }

    private static let memberships = Statement(
        unprepared: """
            SELECT event_id, user_id, sender, room_id, membership, event_stream_ordering
            FROM room_memberships WHERE event_id = ANY($1::text[])
            """)
    private static let localMemberships = Statement(
        unprepared: """
            SELECT room_id, user_id, event_id, membership, event_stream_ordering
            FROM local_current_membership
            """)

    /// room_memberships has every membership event, local_current_membership what counts of our users now.
    func compareMemberships(
        _ new: [Stored], in database: PostgresConnection, on loop: isolated EventLoop
    ) async throws {
        var stored: [String: [String?]] = [:]
        for row in try await database.query(Self.memberships, [Self.ids(new)], on: loop) {
            stored[try row.text(0)] =
                try (1...4).map { try row.optionalText($0) }
                + [try row.optionalInteger(5).map { "\($0)" }]
        }
        for item in new {
            let event = item.event
            let expected = event.membership.map {
                [
                    event.stateKey, event.sender.text, event.roomID.text, $0.rawValue,
                    "\(item.streamOrdering)",
                ]
            }
            if stored[event.eventID.text] != expected {
                found("\(event.eventID): room_memberships has something else")
            }
        }
        var local: [String: [String: String]] = [:]
        for row in try await database.query(Self.localMemberships, [], on: loop) {
            let eventID = try row.text(2)
            local[try row.text(0), default: [:]][try row.text(1)] = eventID
            let known = events[EventID(trusted: eventID)]
            if try known?.event.membership?.rawValue != (row.text(3))
                || known?.streamOrdering != (row.optionalInteger(4))
            {
                found("\(eventID): local_current_membership has something else")
            }
        }
        for roomID in ends.keys {
            var expected: [String: String] = [:]
            for (place, eventID) in try currentState(of: roomID)
            where place.type == EventType.member && isLocal(place.key) {
                expected[place.key] = eventID.text
            }
            if local[roomID] ?? [:] != expected {
                found("\(roomID): local_current_membership is not the current state's")
            }
        }
    }

    private static let transactions = Statement(
        unprepared: """
            SELECT j.event_id, j.internal_metadata, t.txn_id, t.device_id, t.user_id, t.room_id
            FROM event_json j LEFT JOIN event_txn_id_device_id t USING (event_id)
            WHERE j.event_id = ANY($1::text[])
            """)

    /// event_txn_id_device_id has the transaction that each event was sent with.
    func compareTransactions(
        _ new: [Stored], in database: PostgresConnection, on loop: isolated EventLoop
    ) async throws {
        for row in try await database.query(Self.transactions, [Self.ids(new)], on: loop) {
            let eventID = try row.text(0)
            let metadata = try JSON(parsing: try row.text(1))
            let event = events[EventID(trusted: eventID)]?.event
            let transaction = metadata["txn_id"]?.stringValue
            let device = metadata["device_id"]?.stringValue
            if transaction != (try row.optionalText(2)) {
                found("\(eventID): its transaction is not the one that it was sent with")
            }
            guard transaction != nil else { continue }
            if try device != (row.optionalText(3)) || event?.sender.text != (row.text(4))
                || event?.roomID.text != (row.text(5))
            {
                found("\(eventID): its transaction is another's")
            }
        }
    }
}
