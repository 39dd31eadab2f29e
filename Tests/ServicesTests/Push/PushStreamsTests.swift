import JSON
import Matrix
import Reactor
import ReplicationWire
import Storage
import Testing

@testable import Services

/// What is announced of push rules and pushers, and what a worker that comes later finds in the tables.
@Suite struct PushStreamsTests {
    @Test func changesOfRulesAreAnnouncedAndFoundLater() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let bob = try await services.register("bob", on: loop)
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            let start = services.streams.position(of: .pushRules)
            let name = PushRule.Name(.content, "x")
            let rules = services.pushRules
            for person in [alice, bob] {
                try await rules.put(
                    name, ["actions": [], "pattern": "x"], before: nil, after: nil,
                    of: person.userID, on: loop)
            }
            try await rules.setEnabled(["enabled": false], name, of: alice.userID, on: loop)
            try await rules.setActions(["actions": ["notify"]], name, of: bob.userID, on: loop)
            try await rules.delete(name, of: alice.userID, on: loop)
            let refused = await services.code {
                try await rules.delete(name, of: alice.userID, on: loop)
            }
            #expect(refused == "M_NOT_FOUND")
            let users = [alice, bob, alice, bob, alice].map(\.userID)
            let announced = listener.rows.compactMap { item -> String? in
                guard case .pushRules(let row) = item.row else { return nil }
                return row.userID
            }
            #expect(announced == users)
            let end = services.streams.position(of: .pushRules)
            let found = try await PushRules.updates(
                from: start, to: end, limit: 100, in: services.pool, on: loop)
            #expect(found.map(\.userID) == users)
            #expect(found.map(\.streamID) == listener.rows.map(\.token))
            let page = try await PushRules.updates(
                from: start, to: end, limit: 2, in: services.pool, on: loop)
            #expect(page.map(\.streamID) == Array(found.map(\.streamID).prefix(2)))
        }
    }

    @Test func changesOfPushersAreAnnouncedAndFoundLater() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let bob = try await services.register("bob", on: loop)
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            let start = services.streams.position(of: .pushers)
            let body: JSON = [
                "app_id": "org.x", "pushkey": "the key", "kind": "http",
                "app_display_name": "X", "device_display_name": "Phone", "lang": "en",
                "data": ["url": "http://localhost:5000/_matrix/push/v1/notify"],
            ]
            try await services.pushers.set(body, owner: alice.owner, on: loop)
            try await services.pushers.set(body, owner: bob.owner, on: loop)
            // A gateway refuses it for good.
            try await services.pushers.remove(
                appID: "org.x", pushKey: "the key", userID: bob.userID, on: loop)
            let announced = listener.rows.compactMap { item -> PushersStreamRow? in
                guard case .pusher(let row) = item.row else { return nil }
                return row
            }
            #expect(announced.map(\.userID) == [alice, alice, bob, bob].map(\.userID))
            #expect(announced.map(\.isDeleted) == [false, true, false, true])
            #expect(announced.allSatisfy { $0.pushKey == "the key" && $0.appID == "org.x" })
            let found = try await Pushers.updates(
                from: start, to: services.streams.position(of: .pushers), limit: 100,
                in: services.pool, on: loop)
            // Of what is gone only that is left.
            #expect(found.map(\.key.userID) == [alice.userID, bob.userID])
            #expect(found.map(\.isDeleted) == [true, true])
            #expect(try await services.pushers.pushers(of: bob.userID, on: loop) == [])
        }
    }
}
