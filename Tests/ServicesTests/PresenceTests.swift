import Configuration
import JSON
import Reactor
import ReplicationWire
import Storage
import Testing

@testable import Services

@Suite struct PresenceTests {
    private func user(
        _ connections: [PresenceSource: PresenceConnection], lastActive: Int64
    ) -> PresenceUser {
        let user = PresenceUser(PresenceStates.Presence(userID: "@a:test", state: "offline"))
        user.connections = connections
        user.lastActive = lastActive
        return user
    }

    @Test func timeMakesPeopleIdleAndGone() {
        let timing = PresenceTiming()
        let open = PresenceConnection(state: .online, requests: 1, lastSeen: 0)
        let closed = PresenceConnection(state: .online, lastSeen: 1000)
        let away = PresenceConnection(state: .unavailable, requests: 1, lastSeen: 0)
        let cases: [([PresenceConnection], Int64, String, Bool, Int64?)] = [
            ([open], 0, "online", true, 60_000), ([open], 59_999, "online", true, 60_000),
            ([open], 60_000, "online", false, 300_000),
            ([open], 300_000, "unavailable", false, nil),
            ([closed], 30_000, "online", true, 31_000),
            ([closed], 31_000, "offline", false, nil),
            ([away], 10, "unavailable", false, nil), ([away, open], 10, "online", true, 60_000),
            ([], 0, "offline", false, nil),
        ]
        for (connections, now, state, isActive, next) in cases {
            let user = user(
                Dictionary(
                    uniqueKeysWithValues: connections.enumerated().map {
                        (PresenceSource.worker($0.offset), $0.element)
                    }), lastActive: 0)
            let found = user.current(at: now, timing)
            #expect(found.presence.state == state)
            #expect(found.presence.isCurrentlyActive == isActive)
            #expect(found.next == next)
        }
    }

    private static let quick: HomeserverSettings = {
        var settings = HomeserverSettings.test
        settings.presenceTiming.offline = .milliseconds(20)
        settings.presenceTiming.active = .milliseconds(20)
        settings.presenceTiming.idle = .milliseconds(40)
        return settings
    }()

    private func states(_ listener: Listener) -> [String] {
        listener.rows.compactMap { item in
            guard case .presence(let row) = item.row else { return nil }
            return row.isCurrentlyActive ? row.state + "!" : row.state
        }
    }

    @Test func onlyTransitionsAreToldAndTimersEndWhatNobodyRenews() throws {
        try withServices(settings: Self.quick) { services, loop in
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            let presence = services.presence
            for _ in 0..<3 {
                presence.workerSyncs("@a:test", peer: 1, isSyncing: true, at: 1, on: loop)
            }
            await listener.wait(for: 3, on: loop)
            #expect(states(listener) == ["online!", "online", "unavailable"])
            presence.isActive("@a:test", on: loop)
            await listener.wait(for: 6, on: loop)
            #expect(states(listener).suffix(3) == ["online!", "online", "unavailable"])
            presence.workerSyncs("@a:test", peer: 1, isSyncing: false, at: .max, on: loop)
            await listener.wait(for: 7, on: loop)
            #expect(states(listener).last == "offline")
            let stored = try await PresenceStates.presences(
                of: ["@a:test"], in: services.pool, on: loop)
            #expect(stored.map(\.state) == ["offline"])
            #expect(listener.rows.map(\.token) == listener.rows.map(\.token).sorted())
        }
    }

    @Test func aRestartFindsWhoWasThereAndForgetsWhoDoesNotComeBack() throws {
        try withServices(settings: Self.quick) { services, loop in
            var stale = PresenceStates.Presence(userID: "@a:test", state: "online")
            stale.isCurrentlyActive = true
            let id = try await services.ids.presence.next(1, from: services.pool, on: loop)[0]
            try await PresenceStates.store([(id, stale)], in: services.pool, on: loop)
            services.ids.presence.finish([id], on: loop)
            let later = try await MainServices(
                settings: Self.quick, pool: services.pool, on: loop)
            let listener = Listener()
            later.streams.subscribe(listener, on: loop)
            while states(listener).last != "offline" {
                await listener.wait(for: listener.rows.count + 1, on: loop)
            }
        }
    }

    @Test func whereItIsOffNothingHappens() throws {
        var settings = HomeserverSettings.test
        settings.isPresenceEnabled = false
        try withServices(settings: settings) { services, loop in
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            services.presence.workerSyncs("@a:test", peer: 1, isSyncing: true, at: 1, on: loop)
            try await services.presence.set(
                .online, message: nil, userID: "@a:test", deviceID: nil, on: loop)
            let seen = try await services.presence.presence(
                of: "@a:test", for: "@a:test", on: loop)
            #expect(seen == ["presence": "offline"])
            #expect(listener.rows.isEmpty)
        }
    }
}
