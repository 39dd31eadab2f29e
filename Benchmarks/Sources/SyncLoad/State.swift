import Glibc

/// What a load leaves for the next one on the same server: who is registered, which rooms there are, and how far each
/// user has read.
struct State {
    struct User {
        let name: String
        let token: String
        /// Empty for who has not synced.
        var since: String
    }

    private(set) var users: [User] = []
    private(set) var rooms: [String: String] = [:]

    /// Of a file that `write` has made; nothing if there is none.
    init(from file: String?) throws {
        guard let file, let stream = fopen(file, "r") else { return }
        defer { fclose(stream) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 {
            text += buffer[..<count]
        }
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: false).map(
                String.init)
            switch (words[0], words.count) {
            case ("user", 4): users.append(User(name: words[1], token: words[2], since: words[3]))
            case ("room", 3): rooms[words[1]] = words[2]
            default: throw Failure("\(file) is not of this program: \(line)")
            }
        }
    }

    /// Adds the users beyond those who are known.
    mutating func add(_ accounts: ArraySlice<Account>) {
        users += accounts.map { User(name: $0.name, token: $0.token, since: "") }
    }

    mutating func setPosition(_ since: [UInt8], of user: Int) {
        users[user].since = String(decoding: since, as: UTF8.self)
    }

    mutating func setRoom(_ id: String, _ key: String) { rooms[key] = id }

    func write(to file: String?) throws {
        guard let file else { return }
        guard let stream = fopen(file, "w") else { throw Failure("cannot write \(file)") }
        defer { fclose(stream) }
        let lines =
            users.map { "user \($0.name) \($0.token) \($0.since)\n" }
            + rooms.sorted { $0.key < $1.key }.map { "room \($0.key) \($0.value)\n" }
        for line in lines { fputs(line, stream) }
    }
}
