import Reactor

/// A user of the homeserver under load, and what is asked of the main process in his name.
final class Account {
    let name: String
    private(set) var token = ""
    private let main: SocketAddress
    private var sent = 0

    init(_ name: String, _ main: SocketAddress, token: String = "") {
        self.name = name
        self.main = main
        self.token = token
    }

    /// Registers a user, or logs in who is there already.
    static func enter(
        _ name: String, _ api: Connection, _ main: SocketAddress, on loop: isolated EventLoop
    )
        async throws -> Account
    {
        let account = Account(name, main)
        func register(_ session: String) async throws -> (status: Int, body: String) {
            try await api.request(
                "POST", "/_matrix/client/v3/register",
                body: """
                    {"username":"\(name)","password":"load of \(name)","inhibit_login":false,\
                    "auth":{"type":"m.login.dummy"\(session)}}
                    """, on: loop)
        }
        var answer = try await register("")
        if answer.status == 401, let session = answer.body.value(of: "session") {
            answer = try await register(",\"session\":\"\(session)\"")
        }
        if answer.body.contains("M_USER_IN_USE") {
            answer = try await api.request(
                "POST", "/_matrix/client/v3/login",
                body: """
                    {"type":"m.login.password","password":"load of \(name)",\
                    "identifier":{"type":"m.id.user","user":"\(name)"}}
                    """, on: loop)
        }
        guard let token = answer.body.value(of: "access_token") else {
            throw Failure("\(name) cannot enter: \(answer.status) \(answer.body)")
        }
        account.token = token
        return account
    }

    func createRoom(_ api: Connection, on loop: isolated EventLoop) async throws -> String {
        let answer = try await api.request(
            "POST", "/_matrix/client/v3/createRoom", token: token,
            body: "{\"preset\":\"public_chat\"}", on: loop)
        guard let room = answer.body.value(of: "room_id") else {
            throw Failure("createRoom: \(answer.status) \(answer.body)")
        }
        return room
    }

    func join(_ room: String, _ api: Connection, on loop: isolated EventLoop) async throws {
        let answer = try await api.request(
            "POST", "/_matrix/client/v3/join/\(room.escaped)", token: token, body: "{}", on: loop)
        guard answer.status == 200 else {
            throw Failure("\(name) cannot join: \(answer.status) \(answer.body)")
        }
    }

    /// Says something by which its readers know the room, the number and the moment.
    func say(
        _ marker: Marker, padding: String, in room: String, _ api: Connection,
        on loop: isolated EventLoop
    ) async throws {
        sent += 1
        let answer = try await api.request(
            "PUT",
            "/_matrix/client/v3/rooms/\(room.escaped)/send/m.room.message/\(marker.sentAt)-\(sent)",
            token: token,
            body: "{\"msgtype\":\"m.text\",\"body\":\"\(marker.text)\(padding)\"}", on: loop)
        guard answer.status == 200 else {
            throw Failure("send: \(answer.status) \(answer.body)")
        }
    }
}
