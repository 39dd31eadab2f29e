import JSON
import Reactor
import Testing

@testable import Workers

@Suite("People in a fleet")
struct PeopleTests {
    private static let v3 = "/_matrix/client/v3"

    /// An account with a device of a known name. Returns its token.
    private static func enter(
        _ name: String, at main: DemoConnection, on loop: isolated EventLoop
    ) async throws -> String {
        let account = try await main.json(
            "POST", v3 + "/register",
            body: [
                "username": .string(name), "password": "secret",
                "device_id": .string("\(name.uppercased())DEVICE"),
                "auth": ["type": "m.login.dummy"],
            ], on: loop)
        return try #require(account["access_token"]?.stringValue)
    }

    /// Asks again and again until an answer holds what is looked for.
    private static func poll(
        _ connection: DemoConnection, token: String, since: inout String,
        on loop: isolated EventLoop, until found: (JSON) -> Bool
    ) async throws {
        while true {
            let answer = try await connection.json(
                "GET", "\(v3)/sync?timeout=10000&since=\(since)", token: token, on: loop)
            since = try #require(answer["next_batch"]?.stringValue)
            if found(answer) { return }
        }
    }

    @Test(
        "who syncs at one worker is seen at another, gets messages there, and is remembered",
        .timeLimit(.minutes(2)))
    func acrossWorkers() throws {
        let fleet = try TestFleet.synchrotrons(2)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let ports = [fleet.mainPort] + fleet.workers.map(\.port)
        try onLoop { loop in
            let main = DemoConnection(to: .loopback(port: ports[0]))
            let first = DemoConnection(to: .loopback(port: ports[1]))
            let second = DemoConnection(to: .loopback(port: ports[2]))
            let alice = try await Self.enter("alice", at: main, on: loop)
            let bob = try await Self.enter("bob", at: main, on: loop)
            let room = try await main.json(
                "POST", Self.v3 + "/createRoom", token: alice,
                body: ["preset": "public_chat"], on: loop)
            let roomID = try #require(room["room_id"]?.stringValue)
            _ = try await main.json(
                "POST", Self.v3 + "/join/\(roomID)", token: bob, body: [:], on: loop)
            let start = try await second.json(
                "GET", Self.v3 + "/sync", token: bob, on: loop)
            var since = try #require(start["next_batch"]?.stringValue)

            // Alice appears at one worker: the main process hears of it and tells the other.
            _ = try await first.json("GET", Self.v3 + "/sync", token: alice, on: loop)
            try await Self.poll(second, token: bob, since: &since, on: loop) { answer in
                (answer["presence"]?["events"]?.arrayValue ?? []).contains {
                    $0["sender"] == "@alice:test.local" && $0["content"]?["presence"] == "online"
                }
            }

            // She uploads keys and sends a message to his device, which waits at the worker.
            _ = try await main.json(
                "POST", Self.v3 + "/keys/upload", token: alice,
                body: ["one_time_keys": ["signed_curve25519:A": ["key": "x"]]], on: loop)
            _ = try await main.json(
                "PUT", Self.v3 + "/sendToDevice/m.test/1", token: alice,
                body: ["messages": ["@bob:test.local": ["BOBDEVICE": ["body": "hello"]]]],
                on: loop)
            try await Self.poll(second, token: bob, since: &since, on: loop) { answer in
                answer["to_device"]?["events"]?[0]?["content"]?["body"] == "hello"
            }
            let hers = try await first.json("GET", Self.v3 + "/sync", token: alice, on: loop)
            #expect(hers["device_one_time_keys_count"]?["signed_curve25519"] == 1)

            // Her device has a name now, which he is told of.
            _ = try await main.json(
                "PUT", Self.v3 + "/devices/ALICEDEVICE", token: alice,
                body: ["display_name": "Phone"], on: loop)
            try await Self.poll(second, token: bob, since: &since, on: loop) { answer in
                answer["device_lists"]?["changed"]?.arrayValue?.contains("@alice:test.local")
                    == true
            }

            // The workers told the main process where the devices came from.
            while true {
                let devices = try await main.json(
                    "GET", Self.v3 + "/devices", token: bob, on: loop)
                if devices["devices"]?[0]?["last_seen_ip"] == "127.0.0.1" { break }
                await loop.sleep(for: .milliseconds(100))
            }
        }
    }
}
