import JSON
import Postgres
import Reactor
import ReplicationWire
import Storage
import Testing

@testable import Services

@Suite struct LostConnectionsTests {
    private static let endConnections = Statement(
        unprepared: """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """)

    /// Senders who repeat what fails, as clients do, while connections to the database keep ending.
    @Test func everyEventIsStoredAndAnnouncedOnce() throws {
        try withServices { services, loop in
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            var people: [(Person, String)] = []
            for index in 0..<6 {
                let person = try await services.register("u\(index)", on: loop)
                let room = try await services.rooms.create(
                    [:], creator: person.sender(), on: loop)
                people.append((person, room.roomID))
            }
            listener.rows.removeAll()
            let progress = Progress()
            let tasks = people.map { person, room in
                loop.spawn {
                    var sent: [String] = []
                    for number in 0..<20 {
                        for _ in 0..<50 {
                            let id = try? await services.send(
                                "\(number)", to: room, by: person, transaction: "\(number)",
                                on: loop)
                            guard let id else { continue }
                            sent.append(id)
                            progress.count += 1
                            break
                        }
                    }
                    return sent
                }
            }
            // Again and again, whenever some more events were sent.
            let breaker = loop.spawn {
                var next = 0
                while progress.count < 100 {
                    if progress.count >= next {
                        _ = try? await services.pool.query(Self.endConnections, [], on: loop)
                        next = progress.count + 10
                    }
                    await loop.sleep(for: .milliseconds(1))
                }
            }
            var sent: [String] = []
            for task in tasks { sent += await task.value }
            await breaker.value
            #expect(sent.count == 120)
            #expect(Set(sent).count == 120)
            let told = listener.rows.compactMap { item -> String? in
                guard case .event(let row) = item.row else { return nil }
                return row.eventID
            }
            #expect(told.count == 120)
            #expect(Set(told) == Set(sent))
            let tokens = listener.rows.map(\.token)
            #expect(tokens == tokens.sorted())
            let stored = try await services.pool.query(
                Statement(
                    unprepared: "SELECT count(*) FROM events WHERE type = 'm.room.message'"),
                [], on: loop)
            let count = try stored.first?.integer(0)
            #expect(count == 120)
        }
    }

    private final class Progress {
        var count = 0
    }
}
