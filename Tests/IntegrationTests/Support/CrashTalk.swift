import JSON
import Reactor
import Testing

@testable import Workers

/// A speaker who repeats each message until it is acknowledged, and readers who follow the room. Lives on a loop.
final class CrashTalk {
    private let main: SocketAddress
    private let synchrotron: SocketAddress
    private var speaker: (connection: DemoConnection, token: String)?
    private var room = ""
    private(set) var readers: [CrashReader] = []
    /// Numbers of the messages that the main process has answered with an event id.
    private(set) var acknowledged: Set<Int64> = []
    private var hasSpoken = false

    init(main: UInt16, synchrotron: UInt16) {
        self.main = .loopback(port: main)
        self.synchrotron = .loopback(port: synchrotron)
    }

    /// Everybody has seen everything.
    var isFinished: Bool {
        hasSpoken && readers.allSatisfy { acknowledged.isSubset(of: $0.seen) }
    }

    func order(of seen: [Int64]) -> [Int64] { seen.sorted() }

    func enter(readers count: Int, on loop: isolated EventLoop) async throws {
        let connection = DemoConnection(to: main)
        let token = try await register("speaker", connection, on: loop)
        speaker = (connection, token)
        let created = try await connection.json(
            "POST", "/_matrix/client/v3/createRoom", token: token,
            body: ["preset": "public_chat"], on: loop)
        room = try #require(created["room_id"]?.stringValue)
        for number in 0..<count {
            let token = try await register("reader\(number)", connection, on: loop)
            _ = try await connection.json(
                "POST", "/_matrix/client/v3/join/\(room)", token: token, body: [:], on: loop)
            let reader = CrashReader(DemoConnection(to: synchrotron), token: token)
            try await reader.begin(on: loop)
            readers.append(reader)
        }
    }

    /// Sends numbered messages, each again and again with the same transaction until it is acknowledged.
    func speak(count: Int64, on loop: isolated EventLoop) async {
        guard let speaker else { return }
        for number in 1...count {
            let content: JSON = [
                "msgtype": "m.text", "body": "\(number)", "number": .integer(number),
            ]
            while true {
                let answer = try? await speaker.connection.request(
                    "PUT", "/_matrix/client/v3/rooms/\(room)/send/m.room.message/t\(number)",
                    token: speaker.token, body: content, on: loop)
                if answer?.status == 200 { break }
                await loop.sleep(for: .milliseconds(50))
            }
            acknowledged.insert(number)
        }
        hasSpoken = true
    }

    private func register(
        _ name: String, _ connection: DemoConnection, on loop: isolated EventLoop
    ) async throws -> String {
        let answer = try await connection.json(
            "POST", "/_matrix/client/v3/register",
            body: [
                "username": .string(name), "password": "secret", "auth": ["type": "m.login.dummy"],
            ], on: loop)
        return try #require(answer["access_token"]?.stringValue)
    }
}

/// Follows /sync from token to token, whatever happens to the connection.
final class CrashReader {
    private let connection: DemoConnection
    private let token: String
    private var nextBatch = ""
    /// Numbers of the messages, in the order in which they came.
    private(set) var seen: [Int64] = []
    private(set) var interruptions = 0

    init(_ connection: DemoConnection, token: String) {
        self.connection = connection
        self.token = token
    }

    func begin(on loop: isolated EventLoop) async throws {
        let answer = try await connection.json(
            "GET", "/_matrix/client/v3/sync", token: token, on: loop)
        nextBatch = try #require(answer["next_batch"]?.stringValue)
    }

    func read(on loop: isolated EventLoop) async {
        while !loop.isStopped {
            do {
                // A wide timeline: what gathered during a crash must not be cut.
                let filter = "%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:100%7D%7D%7D"
                let answer = try await connection.json(
                    "GET",
                    "/_matrix/client/v3/sync?timeout=30000&since=\(nextBatch)&filter=\(filter)",
                    token: token, on: loop)
                take(answer)
            } catch {
                interruptions += 1
                await loop.sleep(for: .milliseconds(50))
            }
        }
    }

    private func take(_ answer: JSON) {
        guard let next = answer["next_batch"]?.stringValue else { return }
        nextBatch = next
        for room in answer["rooms"]?["join"]?.objectValue?.values ?? [] {
            #expect(room["timeline"]?["limited"]?.boolValue != true)
            for event in room["timeline"]?["events"]?.arrayValue ?? [] {
                if let number = event["content"]?["number"]?.intValue { seen.append(number) }
            }
        }
    }
}
