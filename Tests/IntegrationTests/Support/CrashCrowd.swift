import JSON
import Reactor
import Testing

@testable import Workers

/// Users who write into a few rooms, each on a connection of its own, and repeat what was not answered. Lives on a
/// loop.
final class CrashCrowd {
    private let main: SocketAddress
    private(set) var senders: [CrashSender] = []
    var isOver = false

    init(main: UInt16) { self.main = .loopback(port: main) }

    /// How many requests were answered with an event id.
    var acknowledged: Int { senders.map(\.acknowledged.count).reduce(0, +) }
    /// How many were made again after a connection broke, with the same transaction.
    var repeated: Int { senders.map(\.repeated).reduce(0, +) }

    func enter(_ count: Int, rooms roomCount: Int, on loop: isolated EventLoop) async throws {
        var rooms: [String] = []
        for index in 0..<count {
            let connection = DemoConnection(to: main)
            let registered = try await connection.json(
                "POST", "/_matrix/client/v3/register",
                body: [
                    "username": .string("sender\(index)"), "password": "secret",
                    "auth": ["type": "m.login.dummy"],
                ], on: loop)
            let token = try #require(registered["access_token"]?.stringValue)
            if rooms.count < roomCount {
                let created = try await connection.json(
                    "POST", "/_matrix/client/v3/createRoom", token: token,
                    body: [
                        "preset": "public_chat",
                        "power_level_content_override": ["events": ["test.counter": 0]],
                    ], on: loop)
                rooms.append(try #require(created["room_id"]?.stringValue))
            } else {
                _ = try await connection.json(
                    "POST", "/_matrix/client/v3/join/\(rooms[index % roomCount])", token: token,
                    body: [:], on: loop)
            }
            senders.append(
                CrashSender(
                    number: index, connection, token: token, room: rooms[index % roomCount],
                    isCreator: index < roomCount))
        }
    }
}

/// One user of a ``CrashCrowd``: numbered messages, one after the other, now and then a piece of state or a change of
/// membership.
final class CrashSender {
    private let number: Int
    private let connection: DemoConnection
    private let token: String
    private let room: String
    private let isCreator: Bool
    /// The events that were acknowledged, in the order of their sending.
    private(set) var acknowledged: [String] = []
    private(set) var repeated = 0
    private var checked = 0

    init(
        number: Int, _ connection: DemoConnection, token: String, room: String, isCreator: Bool
    ) {
        self.number = number
        self.connection = connection
        self.token = token
        self.room = room
        self.isCreator = isCreator
    }

    private var path: String { "/_matrix/client/v3/rooms/\(room)" }

    func speak(until crowd: CrashCrowd, on loop: isolated EventLoop) async {
        var count: Int64 = 0
        while !crowd.isOver, !loop.isStopped {
            count += 1
            if count % 17 == 0 {
                await put("\(path)/state/test.counter/\(number)", count, on: loop)
            } else {
                await put("\(path)/send/m.room.message/t\(count)", count, on: loop)
            }
            if count % 23 == 0, !isCreator {
                await change("leave", on: loop)
                await change("join", on: loop)
            }
        }
    }

    /// Sends something until it is acknowledged. After a crash what was acknowledged before is sent once more: the
    /// same transaction is the same event.
    private func put(_ path: String, _ count: Int64, on loop: isolated EventLoop) async {
        let content: JSON = ["msgtype": "m.text", "body": "", "number": .integer(count)]
        while !loop.isStopped {
            if let eventID = await self.eventID(path, content, on: loop) {
                return acknowledged.append(eventID)
            }
            repeated += 1
            await loop.sleep(for: .milliseconds(20))
            let last = "\(self.path)/send/m.room.message/t\(count - 1)"
            if (count - 1) % 17 != 0, let known = acknowledged.last {
                let content: JSON = [
                    "msgtype": "m.text", "body": "", "number": .integer(count - 1),
                ]
                if let again = await eventID(last, content, on: loop) {
                    #expect(again == known, "another event for the same transaction")
                }
            }
        }
    }

    private func eventID(
        _ path: String, _ content: JSON, on loop: isolated EventLoop
    ) async -> String? {
        guard
            let answer = try? await connection.request(
                "PUT", path, token: token, body: content, on: loop)
        else { return nil }
        let body = try? JSON(parsing: answer.body)
        #expect(answer.status == 200, "\(path): \(body ?? [:])")
        return answer.status == 200 ? body?["event_id"]?.stringValue : nil
    }

    /// Leaves or joins, whichever way the room is found: a request without a transaction may have been carried out
    /// although nobody said so.
    private func change(_ action: String, on loop: isolated EventLoop) async {
        while !loop.isStopped {
            let answer = try? await connection.request(
                "POST", "\(path)/\(action)", token: token, body: [:], on: loop)
            if answer?.status == 200 || answer?.status == 403 && action == "leave" { return }
            await loop.sleep(for: .milliseconds(20))
        }
    }

    /// What was acknowledged since the last look is stored, in the order in which it was sent.
    func expectKept(in stored: [String: Int64], round: Int?) {
        let positions = acknowledged.dropFirst(max(0, checked - 1)).map { stored[$0] }
        // What was acknowledged after the look at the tables is looked at next time.
        let known = round == nil ? positions.count : positions.prefix { $0 != nil }.count
        let kept = positions.prefix(known).compactMap { $0 }
        #expect(kept.count == known, "sender \(number): an acknowledged event is lost")
        #expect(kept == kept.sorted(), "sender \(number): out of order")
        checked = max(0, checked - 1) + known
    }
}
