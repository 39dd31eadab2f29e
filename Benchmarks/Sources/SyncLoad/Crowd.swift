import Reactor

/// The users, their rooms and their clients.
final class Crowd {
    let options: Options
    let recorder = Recorder()
    private(set) var clients: [SyncClient] = []
    private(set) var rooms: [Room] = []
    private var accounts: [Account] = []
    private let padding: String

    /// A room, and the member who speaks there.
    struct Room {
        let id: String
        let speaker: Account
        let connection: Connection
        let members: Int
    }

    init(_ options: Options) {
        self.options = options
        padding = String(repeating: "x", count: options.bytes)
    }

    // MARK: Setting up

    /// Registers the users and has them create and join their rooms, some at a time.
    func gather(on loop: isolated EventLoop) async throws {
        let users = options.isShared ? options.members : options.members * options.rooms
        var made = [Account?](repeating: nil, count: users)
        try await eachOf(users, on: loop) { index, api in
            made[index] = try await Account.enter(
                "\(self.options.prefix)-\(index)", api, self.options.main, on: loop)
        }
        accounts = made.compactMap { $0 }
        var rooms = [Room?](repeating: nil, count: options.rooms)
        try await eachOf(options.rooms, on: loop) { index, api in
            let members = self.members(of: index)
            let speaker = self.accounts[members[0]]
            let id = try await speaker.createRoom(api, on: loop)
            rooms[index] = Room(
                id: id, speaker: speaker, connection: Connection(to: self.options.main),
                members: members.count)
            for member in members.dropFirst() {
                try await self.accounts[member].join(id, api, on: loop)
            }
        }
        self.rooms = rooms.compactMap { $0 }
    }

    private func members(of room: Int) -> [Int] {
        if options.isShared {
            // Everybody speaks somewhere.
            return (0..<options.members).map { ($0 + room) % options.members }
        }
        return Array(room * options.members..<(room + 1) * options.members)
    }

    /// Calls `body` for each number below `count`, eight at a time, each with a connection to the main.
    private func eachOf(
        _ count: Int, on loop: isolated EventLoop,
        _ body: @escaping (Int, Connection) async throws -> Void
    ) async throws {
        var next = 0
        var failure: (any Error)?
        let tasks = (0..<min(8, count)).map { _ in
            loop.spawn {
                let api = Connection(to: self.options.main)
                while next < count, failure == nil {
                    next += 1
                    do { try await body(next - 1, api) } catch { failure = error }
                }
                api.close(on: loop)
            }
        }
        for task in tasks { await task.value }
        if let failure { throw failure }
    }

    // MARK: Clients

    /// Makes a client for each user, connected.
    func makeClients(on loop: isolated EventLoop) async throws {
        for (index, account) in accounts.enumerated() {
            let client = SyncClient(
                account, at: options.sync[index % options.sync.count],
                query: query(timeout: 30_000), observer: recorder)
            clients.append(client)
        }
        try await connectAll(on: loop)
    }

    func query(timeout: Int) -> String {
        "timeout=\(timeout)" + (options.query.isEmpty ? "" : "&\(options.query)")
    }

    func connectAll(on loop: isolated EventLoop) async throws {
        for client in clients { try await client.connect(on: loop) }
    }

    /// Has each client sync until it has a token and nothing is left to be told, some at a time.
    func catchUp(on loop: isolated EventLoop) async throws {
        var next = 0
        var failure: (any Error)?
        let tasks = (0..<min(16, clients.count)).map { _ in
            loop.spawn {
                while next < self.clients.count, failure == nil {
                    next += 1
                    let client = self.clients[next - 1]
                    do {
                        client.setQuery(self.query(timeout: 0))
                        try await client.pollAndWait(on: loop)
                        try await client.pollAndWait(on: loop)
                        client.setQuery(self.query(timeout: 30_000))
                    } catch {
                        failure = error
                    }
                }
            }
        }
        for task in tasks { await task.value }
        if let failure { throw failure }
    }

    /// Has every client wait for news, and ask again whenever it got some.
    func park(on loop: isolated EventLoop) {
        for client in clients {
            client.keepsPolling = true
            client.poll(on: loop)
        }
    }

    func leave(on loop: isolated EventLoop) {
        for client in clients { client.close(on: loop) }
    }

    func say(_ room: Int, _ number: Int, on loop: isolated EventLoop) async throws {
        let place = rooms[room]
        try await place.speaker.say(
            .now(room, number), padding: padding, in: place.id, place.connection, on: loop)
    }
}
