import JSON

/// The user-interactive authentications under way: bounded, in memory, forgotten after a while.
final class AuthenticationSessions {
    private let clock: WallClock
    private let sessionsMax = 10_000
    private let lifetimeMilliseconds: Int64 = 15 * 60 * 1000
    private var startedAt: [String: Int64] = [:]
    /// In order of their start.
    private var order: [String] = []

    init(clock: WallClock) {
        self.clock = clock
    }

    /// The answer that asks a client to authenticate by the dummy stage.
    func challenge() -> MatrixError {
        let session = RandomText.letters(24)
        startedAt[session] = clock.now
        order.append(session)
        prune()
        return MatrixError(
            401, "M_UNAUTHORIZED", "User-interactive authentication required",
            details: [
                "session": .string(session),
                "flows": [["stages": ["m.login.dummy"]]],
                "params": [:],
            ])
    }

    /// Throws a challenge unless `auth` (the request's member) passes the dummy stage. A client that knows
    /// the stage may do without a session. A session serves once.
    func requireDummy(_ auth: JSON?) throws(MatrixError) {
        guard let auth, auth.objectValue != nil else { throw challenge() }
        guard auth["type"]?.stringValue == "m.login.dummy" else {
            guard auth["type"] == nil else {
                throw MatrixError(400, "M_UNRECOGNIZED", "Unknown authentication stage")
            }
            throw challenge()
        }
        guard let session = auth["session"]?.stringValue else { return }
        prune()
        guard startedAt.removeValue(forKey: session) != nil else {
            throw MatrixError(400, "M_UNKNOWN", "Unknown session ID: \(session)")
        }
    }

    private func prune() {
        let oldest = clock.now - lifetimeMilliseconds
        var done = 0
        while done < order.count {
            let session = order[done]
            if let start = startedAt[session], start > oldest, order.count - done <= sessionsMax {
                break
            }
            startedAt[session] = nil
            done += 1
        }
        order.removeFirst(done)
    }
}
