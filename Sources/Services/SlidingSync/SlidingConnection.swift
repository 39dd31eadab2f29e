/// What a client of sliding sync has been told over one connection, for its last two positions: the one from which it
/// asks, and the one after, which may not have arrived.
final class SlidingConnection {
    /// What a client has been told up to a position.
    struct State {
        /// Up to where everything was looked at.
        var token: StreamToken
        var rooms: [String: SentRoom] = [:]
    }

    /// A room that the client knows.
    struct SentRoom {
        /// Up to where the client was told; nil if that is the state's token.
        var upTo: StreamToken?
        var configuration: SlidingRequest.RoomConfiguration
        /// Members that were told because they spoke.
        var members: Set<String> = []
    }

    /// The most members remembered per room; then they are told again.
    static let membersMax = 500

    /// Tells this connection's positions from those of others, and of other processes.
    let nonce: UInt64
    var lastUsed: UInt64 = 0
    private var states: [UInt64: State] = [:]
    private var number: UInt64 = 0

    init(nonce: UInt64) {
        self.nonce = nonce
    }

    /// The state at a position; nil if it is unknown. What came after it is void: the client has not got it.
    func state(at position: String) -> (number: UInt64, state: State)? {
        let parts = position.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = UInt64(parts[0]), UInt64(parts[1], radix: 16) == nonce,
            let state = states[number]
        else { return nil }
        states = [number: state]
        return (number, state)
    }

    /// Forgets everything: the client starts again.
    func reset() { states.removeAll() }

    /// Keeps a state beside the one that it follows. Returns its position.
    func append(_ state: State, after previous: UInt64?) -> String {
        number += 1
        states = states.filter { $0.key == previous }
        states[number] = state
        return "\(number)_\(String(nonce, radix: 16))"
    }
}

/// The connections of a process. Bounded: whose connection is forgotten starts again, as after a restart.
struct SlidingConnections {
    struct Owner: Hashable {
        let userID: String
        let deviceID: String?
    }

    static let ownersMax = 10_000
    /// Of one device.
    static let perDeviceMax = 20

    private var connections: [Owner: [String: SlidingConnection]] = [:]
    private var clock: UInt64 = 0
    private var generator = SystemRandomNumberGenerator()

    mutating func connection(_ name: String, of owner: Owner) -> SlidingConnection? {
        clock += 1
        let connection = connections[owner]?[name]
        connection?.lastUsed = clock
        return connection
    }

    /// A connection that knows nothing.
    mutating func open(_ name: String, of owner: Owner) -> SlidingConnection {
        if let connection = connection(name, of: owner) {
            connection.reset()
            return connection
        }
        makeRoom(for: owner)
        let connection = SlidingConnection(nonce: generator.next())
        connection.lastUsed = clock
        connections[owner, default: [:]][name] = connection
        return connection
    }

    private mutating func makeRoom(for owner: Owner) {
        if let own = connections[owner] {
            if own.count >= Self.perDeviceMax,
                let oldest = own.min(by: { $0.value.lastUsed < $1.value.lastUsed })
            {
                connections[owner]?[oldest.key] = nil
            }
            return
        }
        guard connections.count >= Self.ownersMax else { return }
        // A tenth at once, since finding the oldest costs a walk.
        let ages = connections.values.map { $0.values.map(\.lastUsed).max() ?? 0 }.sorted()
        let limit = ages[ages.count / 10]
        connections = connections.filter { $0.value.values.contains { $0.lastUsed > limit } }
    }
}
