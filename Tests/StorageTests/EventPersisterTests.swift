import Postgres
import Reactor
import Testing

@testable import Storage

/// A line of events for the tables, without rules or signatures.
private struct Line {
    let roomID: String
    private(set) var events: [NewEvent] = []
    private(set) var groups: [NewStateGroup] = []
    private var group: Int64
    private var state: [String: String] = [:]

    init(roomID: String, firstGroup: Int64) {
        self.roomID = roomID
        group = firstGroup - 1
    }

    mutating func message(_ id: String) {
        events.append(event(id, type: "m.room.message", stateKey: nil))
    }

    mutating func state(_ id: String, type: String, key: String = "", membership: String? = nil) {
        group += 1
        groups.append(
            NewStateGroup(
                id: group, roomID: roomID, eventID: id, previous: groups.isEmpty ? nil : group - 1,
                entries: [.init(type: type, stateKey: key, eventID: id)]))
        var event = event(id, type: type, stateKey: key)
        event.replacesEventID = state[type + "/" + key]
        state[type + "/" + key] = id
        event.membership = membership.map {
            .init(
                userID: key, membership: $0, displayName: "Name", avatarURL: nil, isLocal: true)
        }
        events.append(event)
    }

    private func event(_ id: String, type: String, stateKey: String?) -> NewEvent {
        NewEvent(
            eventID: id, roomID: roomID, type: type, stateKey: stateKey, sender: "@a:x",
            depth: Int64(events.count + 1), originServerTimestamp: 1, receivedTimestamp: 2,
            containsURL: false, json: "{\"id\":\"\(id)\"}", internalMetadata: "{}",
            formatVersion: 3, previousEventIDs: events.last.map { [$0.eventID] } ?? [],
            authEventIDs: events.first.map { [$0.eventID] } ?? [], stateGroup: group)
    }

    /// The events from an index on, with the groups they start.
    func submission(from index: Int = 0) -> EventPersister.Submission {
        let part = Array(events[index...])
        let ids = Set(part.map(\.eventID))
        return .init(events: part, groups: groups.filter { ids.contains($0.eventID) })
    }
}

private final class Announced {
    var all: [Events.Announcement] = []
}

@Suite struct EventPersisterTests {
    private static func persister(
        _ pool: PostgresPool, _ announced: Announced, on loop: isolated EventLoop
    ) async throws -> EventPersister {
        let ids = try await StreamIDGenerators(pool: pool, on: loop)
        return EventPersister(pool: pool, ids: ids.events) { announced.all += $0 }
    }

    @Test func aBatchFillsEveryTable() throws {
        try withDatabase { pool, loop in
            var line = Line(roomID: "!r:x", firstGroup: 1)
            line.state("$create", type: "m.room.create")
            line.state("$join", type: "m.room.member", key: "@a:x", membership: "join")
            line.state("$name1", type: "m.room.name")
            line.state("$name2", type: "m.room.name")
            line.message("$hello")
            let announced = Announced()
            let persister = try await Self.persister(pool, announced, on: loop)
            let positions = try await persister.persist(line.submission(), on: loop)
            #expect(positions == [1, 2, 3, 4, 5])
            #expect(announced.all.map(\.eventID) == line.events.map(\.eventID))
            #expect(persister.position == 5)

            let state = try await CurrentState.entries(roomID: "!r:x", in: pool, on: loop)
            #expect(Set(state.map(\.eventID)) == ["$create", "$join", "$name2"])
            let ends = try await EventGraph.extremities(roomID: "!r:x", in: pool, on: loop)
            #expect(ends.map(\.eventID) == ["$hello"])
            #expect(ends.first?.depth == 5)
            #expect(ends.first?.stateGroup == 4)
            let deltas = try await pool.table(
                """
                SELECT event_id, prev_event_id FROM current_state_delta_stream ORDER BY stream_id
                """, on: loop)
            #expect(
                deltas == [
                    ["$create", nil], ["$join", nil], ["$name1", nil], ["$name2", "$name1"],
                ])
            let group = try await StateGroups.entries(of: 3, in: pool, on: loop)
            #expect(Set(group.map(\.eventID)) == ["$create", "$join", "$name1"])
            #expect(try await StateGroups.hops(of: 4, in: pool, on: loop) == 3)
            let members = try await Memberships.memberships(userID: "@a:x", in: pool, on: loop)
            #expect(members.map(\.membership) == ["join"])
            #expect(members.map(\.streamOrdering) == [2])
            let stored = try await Events.events(["$hello"], in: pool, on: loop)
            #expect(stored.first?.json == "{\"id\":\"$hello\"}")
            #expect(stored.first?.stateGroup == 4)
        }
    }

    @Test func concurrentSendersShareCommits() throws {
        try withDatabase { pool, loop in
            let announced = Announced()
            let persister = try await Self.persister(pool, announced, on: loop)
            let tasks = (0..<100).map { index in
                loop.spawn {
                    var line = Line(roomID: "!r\(index):x", firstGroup: Int64(index * 10 + 1))
                    line.state("$create\(index)", type: "m.room.create")
                    line.message("$hello\(index)")
                    return (try? await persister.persist(line.submission(), on: loop)) ?? []
                }
            }
            var all: [Int64] = []
            for task in tasks { all += await task.value }
            #expect(all.sorted() == Array(1...200))
            #expect(announced.all.map(\.streamOrdering) == Array(1...200))
            #expect(persister.commits < 20)
            #expect(persister.eventsStored == 200)
            let stored = try await pool.number("SELECT count(*) FROM events", on: loop)
            #expect(stored == 200)
        }
    }

    @Test func aBadSubmissionTakesNoOtherAlong() throws {
        try withDatabase { pool, loop in
            let announced = Announced()
            let persister = try await Self.persister(pool, announced, on: loop)
            let tasks = (0..<10).map { index in
                loop.spawn {
                    // The fifth has the same event as the first.
                    let name = index == 5 ? 0 : index
                    var line = Line(roomID: "!r\(index):x", firstGroup: Int64(index * 10 + 1))
                    line.state("$create\(name)", type: "m.room.create")
                    return (try? await persister.persist(line.submission(), on: loop)) != nil
                }
            }
            var outcomes: [Bool] = []
            for task in tasks { outcomes.append(await task.value) }
            #expect(outcomes == (0..<10).map { $0 != 5 })
            let positions = announced.all.map(\.streamOrdering)
            #expect(positions == positions.sorted())
            #expect(positions.count == 9)
            let stored = try await pool.number("SELECT count(*) FROM state_groups", on: loop)
            #expect(stored == 9)
        }
    }

    @Test func whatBuildsOnABadSubmissionIsOrphaned() throws {
        try withDatabase { pool, loop in
            let announced = Announced()
            let persister = try await Self.persister(pool, announced, on: loop)
            var line = Line(roomID: "!r:x", firstGroup: 1)
            line.state("$create", type: "m.room.create")
            let first = persister.submit(line.submission(), on: loop) {}
            line.message("$hello")
            var bad = line.submission(from: 1)
            bad.events[0].eventID = "$create"
            line.message("$again")
            var other = Line(roomID: "!s:x", firstGroup: 10)
            other.state("$other", type: "m.room.create")
            var broken: [String] = []
            persister.failed = { broken.append($0) }
            var stored: [String] = []
            let second = persister.submit(bad, on: loop) { stored.append("bad") }
            let third = persister.submit(line.submission(from: 2), on: loop) {
                stored.append("again")
            }
            let fourth = persister.submit(other.submission(), on: loop) { stored.append("other") }
            #expect(try await first.positions(on: loop).count == 1)
            #expect(try await fourth.positions(on: loop).count == 1)
            await #expect(throws: PostgresError.self) { try await second.positions(on: loop) }
            await #expect(throws: EventPersister.Orphaned.self) {
                try await third.positions(on: loop)
            }
            #expect(broken == ["!r:x"])
            #expect(stored == ["other"])
            #expect(announced.all.map(\.eventID) == ["$create", "$other"])
            let ends = try await EventGraph.extremities(roomID: "!r:x", in: pool, on: loop)
            #expect(ends.map(\.eventID) == ["$create"])
        }
    }

    @Test func positionsGoOnAfterARestart() throws {
        try withDatabase { pool, loop in
            var line = Line(roomID: "!r:x", firstGroup: 1)
            line.state("$create", type: "m.room.create")
            let first = try await Self.persister(pool, Announced(), on: loop)
            _ = try await first.persist(line.submission(), on: loop)
            line.message("$hello")
            let second = try await Self.persister(pool, Announced(), on: loop)
            #expect(second.position == 1)
            let positions = try await second.persist(line.submission(from: 1), on: loop)
            #expect(positions[0] > 1)
            let ends = try await EventGraph.extremities(roomID: "!r:x", in: pool, on: loop)
            #expect(ends.map(\.eventID) == ["$hello"])
        }
    }

    @Test func pagesGoBothWays() throws {
        try withDatabase { pool, loop in
            var line = Line(roomID: "!r:x", firstGroup: 1)
            line.state("$0", type: "m.room.create")
            for index in 1..<10 { line.message("$\(index)") }
            let persister = try await Self.persister(pool, Announced(), on: loop)
            _ = try await persister.persist(line.submission(), on: loop)
            let back = try await Events.page(
                roomID: "!r:x", from: .end, to: .start, isBackwards: true, limit: 3, in: pool,
                on: loop)
            #expect(back.map(\.eventID) == ["$9", "$8", "$7"])
            let before = EventPlace(
                topological: back[2].topologicalOrdering, stream: back[2].streamOrdering - 1)
            let further = try await Events.page(
                roomID: "!r:x", from: before, to: .start, isBackwards: true, limit: 100,
                in: pool, on: loop)
            #expect(further.map(\.eventID) == (0..<7).reversed().map { "$\($0)" })
            let forward = try await Events.page(
                roomID: "!r:x", from: before, to: .end, isBackwards: false, limit: 2, in: pool,
                on: loop)
            #expect(forward.map(\.eventID) == ["$7", "$8"])
            let announced = try await Events.announcements(
                from: 8, to: 10, limit: 100, in: pool, on: loop)
            #expect(announced.map(\.eventID) == ["$8", "$9"])
        }
    }
}
