import Foundation
import JSON
import ProcessControl
import Reactor
import Testing

@testable import Workers

@Suite("A synchrotron that is told to end")
struct LeavingTests {
    private static let v3 = "/_matrix/client/v3"

    /// A user with a connection to each synchrotron.
    private final class Person {
        let token: String
        let connections: [DemoConnection]
        var since = ""

        init(token: String, connections: [DemoConnection]) {
            self.token = token
            self.connections = connections
        }

        func sync(at worker: Int, on loop: isolated EventLoop) async throws -> JSON {
            let place = since.isEmpty ? "" : "&since=\(since)"
            let answer = try await connections[worker].json(
                "GET", "\(v3)/sync?timeout=50000&set_presence=offline\(place)", token: token,
                on: loop)
            since = try #require(answer["next_batch"]?.stringValue)
            return answer
        }
    }

    private static func bodies(_ answer: JSON, in roomID: String) -> [String] {
        (answer["rooms"]?["join"]?[roomID]?["timeline"]?["events"]?.arrayValue ?? [])
            .compactMap { $0["content"]?["body"]?.stringValue }
    }

    /// Waits until a worker's metrics say that so many clients wait.
    private static func parked(
        _ count: Int, at port: UInt16, on loop: isolated EventLoop
    ) async throws {
        let connection = DemoConnection(to: .loopback(port: port))
        defer { connection.close(on: loop) }
        while true {
            let answer = try await connection.request("GET", "/_synapse/metrics", on: loop)
            let text = String(decoding: answer.body, as: UTF8.self)
            if text.split(separator: "\n").contains("synapse_notifier_listeners \(count)") {
                return
            }
            await loop.sleep(for: .milliseconds(50))
        }
    }

    @Test(
        "answers all who wait, with a place from which they go on elsewhere",
        .timeLimit(.minutes(2)))
    func parkedClientsAreAnswered() throws {
        let fleet = try TestFleet.synchrotrons(2)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let mainPort = fleet.mainPort
        let ports = fleet.workers.map(\.port)
        let pid = try #require(fleet.pid(of: "synchrotron1"))
        try onLoop { loop in
            let main = DemoConnection(to: .loopback(port: mainPort))
            var people: [Person] = []
            for number in 0..<20 {
                let account = try await main.json(
                    "POST", Self.v3 + "/register",
                    body: [
                        "username": "user\(number)", "password": "secret",
                        "auth": ["type": "m.login.dummy"],
                    ], on: loop)
                people.append(
                    Person(
                        token: try #require(account["access_token"]?.stringValue),
                        connections: ports.map { DemoConnection(to: .loopback(port: $0)) }))
            }
            let room = try await main.json(
                "POST", Self.v3 + "/createRoom", token: people[0].token,
                body: ["preset": "public_chat"], on: loop)
            let roomID = try #require(room["room_id"]?.stringValue)
            for person in people.dropFirst() {
                _ = try await main.json(
                    "POST", Self.v3 + "/join/\(roomID)", token: person.token, body: [:], on: loop)
            }
            _ = try await main.json(
                "PUT", Self.v3 + "/rooms/\(roomID)/send/m.room.message/1", token: people[0].token,
                body: ["msgtype": "m.text", "body": "before"], on: loop)
            for person in people {
                while true {
                    let answer = try await person.sync(at: 0, on: loop)
                    if Self.bodies(answer, in: roomID).contains("before") { break }
                }
            }
            var waiting: [DetachedSync] = []
            for person in people { waiting.append(DetachedSync(person, at: 0, on: loop)) }
            try await Self.parked(people.count, at: ports[0], on: loop)
            try ProcessTable.signal(pid, SIGTERM)
            for sync in waiting {
                let answer = try await sync.value(on: loop)
                #expect(Self.bodies(answer, in: roomID).isEmpty)
            }
            _ = try await main.json(
                "PUT", Self.v3 + "/rooms/\(roomID)/send/m.room.message/2", token: people[0].token,
                body: ["msgtype": "m.text", "body": "after"], on: loop)
            for person in people {
                var heard: [String] = []
                while heard.isEmpty {
                    heard = Self.bodies(try await person.sync(at: 1, on: loop), in: roomID)
                }
                #expect(heard == ["after"])
            }
        }
        #expect(ProcessTable.waitForExit(of: pid, within: .seconds(30)))
        #expect(fleet.pid(of: "synchrotron1") == nil)
    }

    /// A request that goes on while others are sent.
    private final class DetachedSync {
        private var result: Result<JSON, any Error>?
        private var waiter: UnsafeContinuation<Void, Never>?

        init(_ person: Person, at worker: Int, on loop: isolated EventLoop) {
            loop.spawn {
                do {
                    self.result = .success(try await person.sync(at: worker, on: loop))
                } catch {
                    self.result = .failure(error)
                }
                self.waiter.take()?.resume()
            }
        }

        func value(on loop: isolated EventLoop) async throws -> JSON {
            if result == nil {
                await withUnsafeContinuation(isolation: loop) { waiter = $0 }
            }
            return try #require(result).get()
        }
    }
}
