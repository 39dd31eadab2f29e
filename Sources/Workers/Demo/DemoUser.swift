internal import JSON
internal import Reactor

/// One user of the demo: talks to the main process, and listens on a synchrotron.
final class DemoUser {
    let name: String
    private let sending: DemoConnection
    private let syncing: DemoConnection
    private let statistics: DemoStatistics
    private var token = ""
    private var nextBatch: String?
    private var sent = 0
    private(set) var isStopped = false

    init(name: String, main: SocketAddress, synchrotron: SocketAddress, statistics: DemoStatistics)
    {
        self.name = name
        sending = DemoConnection(to: main)
        syncing = DemoConnection(to: synchrotron)
        self.statistics = statistics
    }

    /// Registers, or logs in where an earlier demo has registered already.
    func enter(on loop: isolated EventLoop) async throws {
        let password = "password of \(name)"
        let registration: JSON = [
            "username": .string(name), "password": .string(password),
            "auth": ["type": "m.login.dummy"],
        ]
        let answer = try await sending.request(
            "POST", "/_matrix/client/v3/register", body: registration, on: loop)
        if answer.status == 200,
            let token = try JSON(parsing: answer.body)["access_token"]?.stringValue
        {
            self.token = token
            return
        }
        let login: JSON = [
            "type": "m.login.password", "password": .string(password),
            "identifier": ["type": "m.id.user", "user": .string(name)],
        ]
        let session = try await sending.json(
            "POST", "/_matrix/client/v3/login", body: login, on: loop)
        guard let token = session["access_token"]?.stringValue else {
            throw DemoConnection.Failure(description: "\(name): no access token in the answer")
        }
        self.token = token
    }

    func createRoom(named name: String, on loop: isolated EventLoop) async throws -> String {
        let room: JSON = ["preset": "public_chat", "name": .string(name)]
        let answer = try await sending.json(
            "POST", "/_matrix/client/v3/createRoom", token: token, body: room, on: loop)
        guard let id = answer["room_id"]?.stringValue else {
            throw DemoConnection.Failure(description: "createRoom: no room_id in the answer")
        }
        return id
    }

    func join(_ room: String, on loop: isolated EventLoop) async throws {
        _ = try await sending.json(
            "POST", "/_matrix/client/v3/join/\(escaped(room))", token: token, body: [:], on: loop)
    }

    /// Says something that carries the time, by which whoever reads it can tell how long it took.
    func say(in room: String, on loop: isolated EventLoop) async throws {
        sent += 1
        let time = Int64(Instant.now.nanoseconds / 1000)
        let content: JSON = [
            "msgtype": "m.text", "body": .string("\(name) says hello, number \(sent)"),
            "beamline.demo.sent_us": .integer(time),
        ]
        let transaction = "\(time)-\(sent)"
        _ = try await sending.json(
            "PUT",
            "/_matrix/client/v3/rooms/\(escaped(room))/send/m.room.message/\(transaction)",
            token: token, body: content, on: loop)
        statistics.sent += 1
    }

    /// One round of /sync; counts the messages that came in.
    func listen(on loop: isolated EventLoop) async throws {
        var target = "/_matrix/client/v3/sync?timeout=30000"
        if let nextBatch { target += "&since=\(nextBatch)" }
        let answer = try await syncing.json("GET", target, token: token, on: loop)
        let isFirst = nextBatch == nil
        guard let next = answer["next_batch"]?.stringValue else {
            throw DemoConnection.Failure(description: "/sync: no next_batch in the answer")
        }
        nextBatch = next
        statistics.answers += 1
        guard !isFirst, let rooms = answer["rooms"]?["join"]?.objectValue else { return }
        let now = Int64(Instant.now.nanoseconds / 1000)
        for room in rooms.values {
            for event in room["timeline"]?["events"]?.arrayValue ?? [] {
                guard let time = event["content"]?["beamline.demo.sent_us"]?.intValue else {
                    continue
                }
                statistics.delivered(after: now - time)
            }
        }
    }

    func stop(on loop: isolated EventLoop) {
        isStopped = true
        sending.close(on: loop)
        syncing.close(on: loop)
    }

    private func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let character = Character(UnicodeScalar(byte))
            if character.isLetter || character.isNumber || "-._~".contains(character) {
                result.append(character)
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
