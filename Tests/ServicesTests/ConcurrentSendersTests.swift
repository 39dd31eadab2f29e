import JSON
import Postgres
import Reactor
import ReplicationWire
import Storage
import Testing

@testable import Services

@Suite struct ConcurrentSendersTests {
    private static let roomCount = 5
    private static let senderCount = 50
    private static let eventsPerSender = 8

    /// Fifty users in five rooms, each user in one.
    private static func settle(
        _ services: MainServices, on loop: isolated EventLoop
    ) async throws -> [(room: String, person: Person)] {
        let owner = try await services.register("owner", on: loop)
        var rooms: [String] = []
        for _ in 0..<roomCount {
            rooms.append(
                try await services.rooms.create(
                    ["preset": "public_chat"], creator: owner.sender(), on: loop
                ).roomID)
        }
        var settled: [(room: String, person: Person)] = []
        for index in 0..<senderCount {
            let person = try await services.register("u\(index)", on: loop)
            let room = rooms[index % roomCount]
            _ = try await services.rooms.join(
                room, reason: nil, sender: person.sender(), on: loop)
            settled.append((room, person))
        }
        return settled
    }

    @Test func eachRoomIsALineWithEveryEventOnce() throws {
        try withServices { services, loop in
            let settled = try await Self.settle(services, on: loop)
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            let commitsBefore = services.rooms.persister.commits
            let tasks = settled.map { room, person in
                loop.spawn {
                    var ids: [String] = []
                    for number in 0..<Self.eventsPerSender {
                        let id = try? await services.send(
                            "\(number)", to: room, by: person, transaction: "\(number)",
                            on: loop)
                        if let id { ids.append(id) }
                    }
                    return ids
                }
            }
            var sent: [String] = []
            for task in tasks { sent += await task.value }
            #expect(sent.count == Self.senderCount * Self.eventsPerSender)
            #expect(Set(sent).count == sent.count)
            let told = listener.rows.compactMap { item -> String? in
                guard case .event(let row) = item.row else { return nil }
                return row.eventID
            }
            #expect(told.count == sent.count)
            #expect(Set(told) == Set(sent))
            let tokens = listener.rows.map(\.token)
            #expect(tokens == tokens.sorted())
            #expect(services.rooms.persister.commits - commitsBefore < sent.count)
            try await Self.checkTables(services, events: sent.count, on: loop)
        }
    }

    @Test func aRoomThatIsReadAnewMeanwhileStaysALine() throws {
        try withServices { services, loop in
            let settled = try await Self.settle(services, on: loop)
            let tasks = settled.map { room, person in
                loop.spawn {
                    var sent = 0
                    for number in 0..<Self.eventsPerSender {
                        let id = try? await services.send(
                            "\(number)", to: room, by: person, on: loop)
                        if id != nil { sent += 1 }
                        guard number % 3 == 1 else { continue }
                        try? await services.rooms.rooms.exclusively(room, on: loop) { _ in
                            services.rooms.rooms.forget(room)
                        }
                    }
                    return sent
                }
            }
            var sent = 0
            for task in tasks { sent += await task.value }
            #expect(sent == Self.senderCount * Self.eventsPerSender)
            try await Self.checkTables(services, events: sent, on: loop)
        }
    }

    @Test func sendersOfOneRoomShareCommits() throws {
        try withServices { services, loop in
            let owner = try await services.register("owner", on: loop)
            let room = try await services.rooms.create(
                ["preset": "public_chat"], creator: owner.sender(), on: loop
            ).roomID
            let commitsBefore = services.rooms.persister.commits
            let tasks = (0..<200).map { number in
                loop.spawn {
                    // Each request comes twice.
                    try? await services.send(
                        "\(number / 2)", to: room, by: owner, transaction: "\(number / 2)",
                        on: loop)
                }
            }
            var ids: [String] = []
            for task in tasks { ids.append(try #require(await task.value)) }
            for number in 0..<100 { #expect(ids[2 * number] == ids[2 * number + 1]) }
            #expect(Set(ids).count == 100)
            #expect(services.rooms.persister.commits - commitsBefore < 20)
            try await Self.checkTables(services, events: 100, on: loop)
        }
    }

    @Test func equalStateSentAtOnceIsOneEvent() throws {
        try withServices { services, loop in
            let owner = try await services.register("owner", on: loop)
            let room = try await services.rooms.create(
                ["preset": "public_chat"], creator: owner.sender(), on: loop
            ).roomID
            let tasks = (0..<10).map { number in
                loop.spawn {
                    try? await services.rooms.send(
                        type: "m.room.topic", stateKey: "",
                        content: ["topic": .string("topic \(number / 5)")], to: room,
                        sender: owner.sender(), on: loop)
                }
            }
            var ids: [String] = []
            for task in tasks { ids.append(try #require(await task.value)) }
            #expect(Set(ids[..<5]).count == 1)
            #expect(Set(ids[5...]).count == 1)
            #expect(ids[0] != ids[9])
            try await Self.checkTables(services, events: 0, on: loop)
        }
    }

    private static func checkTables(
        _ services: MainServices, events: Int, on loop: isolated EventLoop
    ) async throws {
        let rows = try await services.pool.query(
            Statement(
                unprepared: """
                    SELECT
                    (SELECT count(*) FROM (SELECT room_id FROM event_forward_extremities
                        GROUP BY room_id HAVING count(*) <> 1) x),
                    (SELECT count(*) FROM (SELECT room_id FROM events GROUP BY room_id
                        HAVING count(DISTINCT depth) <> count(*) OR max(depth) <> count(*)) y),
                    (SELECT count(*) FROM event_edges a JOIN event_edges b
                        ON a.prev_event_id = b.prev_event_id AND a.event_id <> b.event_id),
                    (SELECT count(*) FROM events a JOIN events b ON a.room_id = b.room_id
                        WHERE a.depth < b.depth AND a.stream_ordering > b.stream_ordering),
                    (SELECT count(*) FROM events WHERE type = 'm.room.message')
                    """), [], on: loop)
        let row = try #require(rows.first)
        for column in 0..<4 {
            let wrong = try row.integer(column)
            #expect(wrong == 0, "check \(column)")
        }
        let stored = try row.integer(4)
        #expect(stored == Int64(events))
    }
}
