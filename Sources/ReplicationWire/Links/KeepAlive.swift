/// When to ping, and when to give a peer up.
struct KeepAlive: Sendable {
    let timing: LinkTiming
    private var lastSent: Duration
    private(set) var lastReceived: Duration
    /// A peer that never pinged is a person with netcat, who may be silent.
    private var peerPings: Bool

    /// Begins with the connection. `expectsGreeting` says that the peer speaks first, so that even one
    /// which never pinged is given up if it does not.
    init(timing: LinkTiming, openedAt now: Duration, expectsGreeting: Bool = false) {
        self.timing = timing
        peerPings = expectsGreeting
        lastSent = now
        lastReceived = now
    }

    mutating func sent(at now: Duration) { lastSent = max(lastSent, now) }

    /// The peer has said who it is; from now on only its pings oblige it.
    mutating func greeted() { peerPings = false }

    mutating func received(_ name: CommandName, at now: Duration) {
        lastReceived = max(lastReceived, now)
        if name == .ping { peerPings = true }
    }

    /// When ``isPingDue(at:)`` or ``hasTimedOut(at:)`` must be asked next.
    var deadline: Duration {
        let ping = lastSent + timing.pingInterval
        return peerPings ? min(ping, lastReceived + timing.silenceMax) : ping
    }

    func isPingDue(at now: Duration) -> Bool { now >= lastSent + timing.pingInterval }

    func hasTimedOut(at now: Duration) -> Bool {
        peerPings && now >= lastReceived + timing.silenceMax
    }
}
