/// When to ping, and when to give a peer up.
struct KeepAlive: Sendable {
    let timing: LinkTiming
    private var lastSent: Duration
    private(set) var lastReceived: Duration
    /// A peer that never pinged is a person with netcat, who may be silent.
    private var peerPings = false

    init(timing: LinkTiming, openedAt now: Duration) {
        self.timing = timing
        lastSent = now
        lastReceived = now
    }

    mutating func sent(at now: Duration) { lastSent = max(lastSent, now) }

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
