import Glibc
import Reactor

/// The users, their rooms and their clients.
final class Crowd {
    let options: Options
    let recorder = Recorder()
    private(set) var clients: [SyncClient] = []
    private(set) var rooms: [Room] = []
    private var accounts: [Account] = []
    private var state: State
    /// Of each room's first message; higher than those of any load before.
    let firstNumber = time(nil) * 100_000
    private let padding: String

    /// A room, and the member who speaks there.
    struct Room {
        let id: String
        let speaker: Account
        let connection: Connection
        /// Clients of members.
        let readers: Int
    }

    init(_ options: Options) throws {
        self.options = options
        state = try State(from: options.state)
        padding = String(repeating: "x", count: options.bytes)
    }

    // MARK: Setting up

    /// Registers the users and has them create and join their rooms, some at a time.
    func gather(on loop: isolated EventLoop) async throws {
        let users = options.isShared ? options.members : options.members * options.rooms
        let known = state.users.prefix(users).map {
            Account($0.name, options.main, token: $0.token)
        }
        var made = [Account?](repeating: nil, count: users - known.count)
        try await eachOf(made.count, on: loop) { index, api in
            made[index] = try await Account.enter(
                "\(self.options.prefix)-\(known.count + index)", api, self.options.main, on: loop)
        }
        accounts = known + made.compactMap { $0 }
        state.add(accounts.dropFirst(known.count))
        var rooms = [Room?](repeating: nil, count: options.rooms)
        var joins: [(user: Int, room: String)] = []
        try await eachOf(options.rooms, on: loop) { index, api in
            let members = self.members(of: index)
            let speaker = self.accounts[members[0]]
            let key = self.key(of: index)
            var id = self.state.rooms[key]
            if id == nil {
                let made = try await speaker.createRoom(api, on: loop)
                id = made
                joins += members.dropFirst().map { ($0, made) }
                self.state.setRoom(made, key)
            }
            rooms[index] = Room(
                id: id ?? "", speaker: speaker, connection: Connection(to: self.options.main),
                readers: members.reduce(0) { $0 + self.clientCount(of: $1) })
        }
        try await eachOf(joins.count, on: loop) { index, api in
            let (user, room) = joins[index]
            try await self.accounts[user].join(room, api, on: loop)
        }
        self.rooms = rooms.compactMap { $0 }
        try state.write(to: options.state)
    }

    private func clientCount(of user: Int) -> Int {
        let (each, more) = (options.clients ?? accounts.count).quotientAndRemainder(
            dividingBy: accounts.count)
        return each + (user < more ? 1 : 0)
    }

    private func key(of room: Int) -> String {
        "\(options.rooms)x\(options.members)\(options.isShared ? "shared" : "")-\(room)"
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

    /// Makes each user's clients, connected. The first clients are of different users.
    func makeClients(on loop: isolated EventLoop) async throws {
        for index in 0..<(options.clients ?? accounts.count) {
            let user = index % accounts.count
            let client = SyncClient(
                accounts[user], at: options.sync[index % options.sync.count],
                since: Array(state.users[user].since.utf8), firstNumber: firstNumber,
                observer: recorder)
            client.setQuery(query(timeout: 30_000))
            clients.append(client)
        }
        for client in clients { try await client.connect(on: loop) }
    }

    /// Leaves what the next load on this server can use.
    func keepState() throws {
        for user in accounts.indices.prefix(clients.count) {
            state.setPosition(clients[user].since, of: user)
        }
        try state.write(to: options.state)
    }

    func query(timeout: Int) -> String {
        "timeout=\(timeout)" + (options.query.isEmpty ? "" : "&\(options.query)")
    }

    /// Has each client, or these, sync until it has a token and nothing is left to be told, some at a time.
    func catchUp(_ numbers: Range<Int>? = nil, on loop: isolated EventLoop) async throws {
        let numbers = numbers ?? clients.indices
        var next = numbers.lowerBound
        var failure: (any Error)?
        let tasks = (0..<min(16, numbers.count)).map { _ in
            loop.spawn {
                while next < numbers.upperBound, failure == nil {
                    next += 1
                    let client = self.clients[next - 1]
                    do {
                        if client.since.isEmpty, let more = self.options.firstQuery {
                            client.setQuery("timeout=0&\(more)")
                            try await client.pollAndWait(on: loop)
                        }
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
    func park(_ numbers: Range<Int>? = nil, on loop: isolated EventLoop) {
        for client in clients[numbers ?? clients.indices] {
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
            .now(room, firstNumber + number), padding: padding, in: place.id, place.connection,
            on: loop)
    }
}
