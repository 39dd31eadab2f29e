import JSON
import Matrix
public import Postgres
public import Reactor

/// What the tables about events and rooms should say, computed anew from the events alone by the rules of `Matrix`.
///
/// It keeps what it computed, so that each look at a growing database costs what is new. It must have seen the
/// database from its first event on. Lives on a loop.
public final class EventRecomputation {
    /// An event as it is stored, with the state of its room after it.
    struct Stored {
        let event: Event
        let streamOrdering: Int64
        let stateAfter: RoomState
    }

    /// A state, numbered so that what was compared once need not be compared again.
    final class RoomState {
        let entries: StateMap<EventID>

        init(_ entries: StateMap<EventID>) { self.entries = entries }
    }

    var events: [EventID: Stored] = [:]
    /// The newest events of each room: those that no other follows.
    var ends: [String: Set<EventID>] = [:]
    /// The pieces of each room's state in the order in which they became current.
    var groups: [Int64: StateMap<EventID>] = [:]
    var position: Int64 = 0
    var findings: [String] = []
    private let server: String

    /// A recomputation for the database of a server with this name.
    public init(server: String) { self.server = server }

    /// The events seen so far, by position.
    public var streamOrderings: [String: Int64] {
        var orderings: [String: Int64] = [:]
        for (eventID, stored) in events { orderings[eventID.text] = stored.streamOrdering }
        return orderings
    }

    /// Reads what is new, recomputes, and compares with all the tables at one moment. Returns what differs, in
    /// words; nothing if all is well.
    public func check(in pool: PostgresPool, on loop: isolated EventLoop) async throws -> [String] {
        findings = []
        try await pool.transaction(isolation: .repeatableRead, on: loop) { database in
            let new = try await readEvents(in: database, on: loop)
            try await compareGraph(new, in: database, on: loop)
            try await compareGroups(new, in: database, on: loop)
            try await compareEnds(in: database, on: loop)
            try await compareCurrentState(in: database, on: loop)
            try await compareDeltas(new, in: database, on: loop)
            try await compareMemberships(new, in: database, on: loop)
            try await compareTransactions(new, in: database, on: loop)
        }
        return findings
    }

    func found(_ finding: String) { if findings.count < 50 { findings.append(finding) } }

    /// The state that a room has now, of its ends.
    func currentState(of roomID: String) throws -> StateMap<EventID> {
        let states = (ends[roomID] ?? []).compactMap { events[$0]?.stateAfter.entries }
        guard let version = ends[roomID]?.first.flatMap({ events[$0]?.event.version }) else {
            return [:]
        }
        if states.count == 1 { return states[0] }
        return try StateResolver.resolve(states, version: version) { self.events[$0]?.event }
    }

    func isLocal(_ userID: String) -> Bool { userID.hasSuffix(":\(server)") }

    // MARK: The events

    private static let newEvents = Statement(
        unprepared: """
            SELECT e.event_id, e.stream_ordering, e.depth, j.json, r.room_version, e.type,
                e.state_key, e.sender, e.room_id, e.rejection_reason
            FROM events e JOIN event_json j USING (event_id) JOIN rooms r ON r.room_id = e.room_id
            WHERE e.stream_ordering > $1 ORDER BY e.stream_ordering
            """)

    /// Reads the new events and computes the state after each.
    private func readEvents(
        in database: PostgresConnection, on loop: isolated EventLoop
    ) async throws -> [Stored] {
        var new: [Stored] = []
        let rows = try await database.query(Self.newEvents, [.integer(position)], on: loop)
        for row in rows {
            let eventID = try row.text(0)
            guard let version = RoomVersion(rawValue: try row.text(4)) else {
                found("\(eventID): unknown room version")
                continue
            }
            let event = try Event(
                parsing: try row.text(3), version: version, eventID: EventID(trusted: eventID))
            let streamOrdering = try row.integer(1)
            if try event.type != (row.text(5)) || event.stateKey != (row.optionalText(6))
                || event.sender.text != (row.text(7))
                || event.roomID.text != (row.text(8))
                || event.depth != (row.integer(2)) || !row.isNull(9)
            {
                found("\(eventID): table events does not say what the event says")
            }
            if version.eventIDFormat != .chosen,
                EventHash.eventID(of: event.json, version: version).text != eventID
            {
                found("\(eventID): is not the event's hash")
            }
            let stored = try place(event, at: streamOrdering)
            new.append(stored)
            position = streamOrdering
        }
        return new
    }

    /// Puts an event behind those that it follows.
    private func place(_ event: Event, at streamOrdering: Int64) throws -> Stored {
        let before = try stateBefore(event)
        var after = before
        if let place = event.statePlace {
            var entries = before.entries
            entries[place] = event.eventID
            after = RoomState(entries)
        }
        checkRules(event, against: before.entries)
        let deepest = event.previousEventIDs.compactMap { events[$0]?.event.depth }.max()
        if event.depth != (deepest ?? 0) + 1 { found("\(event.eventID): depth \(event.depth)") }
        let stored = Stored(event: event, streamOrdering: streamOrdering, stateAfter: after)
        events[event.eventID] = stored
        var ends = ends[event.roomID.text] ?? []
        ends.subtract(event.previousEventIDs)
        ends.insert(event.eventID)
        self.ends[event.roomID.text] = ends
        return stored
    }

    private func stateBefore(_ event: Event) throws -> RoomState {
        var states: [RoomState] = []
        for previous in event.previousEventIDs {
            guard let stored = events[previous], stored.event.roomID == event.roomID else {
                found("\(event.eventID): follows \(previous), which was not stored before it")
                continue
            }
            states.append(stored.stateAfter)
        }
        if states.isEmpty, event.type != EventType.create {
            found("\(event.eventID): follows nothing")
        }
        if states.count == 1 { return states[0] }
        if states.isEmpty { return RoomState([:]) }
        return RoomState(
            try StateResolver.resolve(states.map(\.entries), version: event.version) {
                self.events[$0]?.event
            })
    }

    /// Holds an event against the auth rules, by its auth events and by the state before it.
    private func checkRules(_ event: Event, against state: StateMap<EventID>) {
        let named = event.authEventIDs.compactMap { events[$0]?.event }
        if named.count != event.authEventIDs.count {
            found("\(event.eventID): an auth event is not there")
        }
        let wanted = Set(AuthRules.authEventPlaces(for: event).compactMap { state[$0] })
        if wanted != Set(event.authEventIDs) {
            found("\(event.eventID): names other auth events than the state before it has")
        }
        var deciding: StateMap<Event> = [:]
        for place in AuthRules.statePlaces(for: event) {
            deciding[place] = state[place].flatMap { events[$0]?.event }
        }
        do throws(AuthError) {
            try AuthRules.checkAuthEvents(of: event, named)
            try AuthRules.check(event, against: deciding, signedBy: nil)
        } catch {
            found("\(event.eventID): breaks rule \(error.rule): \(error.reason)")
        }
    }
}
