internal import Glibc
internal import Reactor

/// A driver without a kernel: sockets are queues in memory, time is a ``ManualClock``, and a seeded
/// generator decides everything that a real network leaves open.
///
/// A socket's descriptor is a placeholder, so that ownership is as real as ever and a leak shows.
final class SimulatedDriver: Driver {
    let clock: ManualClock
    let faults: NetworkFaults
    var random: SeededGenerator
    var sockets: [Int32: SimulatedSocket] = [:]
    /// Descriptors in the order of their making: a dictionary's order is not the seed's.
    var order: [Int32] = []
    private var portLast: UInt16 = 10_000
    /// Watched descriptors, which are real.
    private var watches: [(descriptor: Int32, interest: Readiness, token: Token)] = []
    /// What happens to the forgotten.
    var orphaned: [Completion] = []
    var readyWatches: [Completion] = []
    var ready: [Int32] = []
    var lent: UnsafeMutableRawBufferPointer?
    private let placeholder: Int32

    init(seed: UInt64, clock: ManualClock, faults: NetworkFaults) throws(SystemError) {
        self.clock = clock
        self.faults = faults
        random = SeededGenerator(seed: seed)
        placeholder = try SimulatedDriver.makePlaceholder()
    }

    deinit {
        lent?.deallocate()
        close(placeholder)
        // Connections that nobody accepted; all others belong to the loop.
        for socket in sockets.values {
            for connection in socket.waiting { close(connection.descriptor) }
        }
    }

    private static func makePlaceholder() throws(SystemError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw SystemError("socket", code: errno) }
        return descriptor
    }

    /// Never readable: a simulated loop cannot be hosted by a real poll.
    var pollDescriptor: Int32 { placeholder }
    var now: Instant { clock.now }
    var nanoseconds: UInt64 { clock.now.nanoseconds }
    var isQuiet: Bool { orphaned.isEmpty && !sockets.values.contains { $0.late != nil } }

    func submit() {}

    // MARK: Sockets

    func add(_ socket: SimulatedSocket) throws(SystemError) -> Int32 {
        let descriptor = try SimulatedDriver.makePlaceholder()
        sockets[descriptor] = socket
        order.append(descriptor)
        return descriptor
    }

    func openSocket(
        for address: SocketAddress, options: ChannelOptions
    ) throws(SystemError) -> Int32 {
        try add(SimulatedSocket())
    }

    func openListener(
        on address: SocketAddress, options: ListenerOptions
    ) throws(SystemError) -> (descriptor: Int32, address: SocketAddress) {
        var real = address
        switch address {
        case .ipv4(let host, port: 0): real = .ipv4(host, port: nextPort())
        case .ipv6(let host, port: 0, let scope): real = .ipv6(host, port: nextPort(), scope: scope)
        case .ipv4, .ipv6, .unix: break
        }
        guard listener(at: real) == nil else { throw SystemError("bind", code: EADDRINUSE) }
        return (try add(SimulatedSocket(role: .listener(real))), real)
    }

    private func nextPort() -> UInt16 {
        portLast += 1
        return portLast
    }

    func listener(at address: SocketAddress) -> Int32? {
        order.first { sockets[$0]?.role == .listener(address) }
    }

    func configure(_ descriptor: Int32, _ options: ChannelOptions, isTCP: Bool) {}
    func resetOnClose(_ descriptor: Int32) { sockets[descriptor]?.resetsOnClose = true }

    // MARK: Registration

    func accept(on descriptor: Int32, token: Token) throws(SystemError) {
        enable(descriptor, token)
    }

    func receive(from descriptor: Int32, token: Token) throws(SystemError) {
        enable(descriptor, token)
    }

    private func enable(_ descriptor: Int32, _ token: Token) {
        sockets[descriptor]?.token = token
        sockets[descriptor]?.isEnabled = true
    }

    func setAccepting(_ enabled: Bool, on descriptor: Int32, token: Token) {
        sockets[descriptor]?.isEnabled = enabled
    }

    func setReceiving(_ enabled: Bool, on descriptor: Int32, token: Token) {
        sockets[descriptor]?.isEnabled = enabled
    }

    func watch(_ descriptor: Int32, for interest: Readiness, token: Token) throws(SystemError) {
        watches.append((descriptor, interest, token))
    }

    func update(_ descriptor: Int32, for interest: Readiness, token: Token) {
        guard let index = watches.firstIndex(where: { $0.token == token }) else { return }
        watches[index].interest = interest
    }

    // MARK: Waiting

    func wait(timeout: UInt64?) {
        giveBack()
        readyWatches = pollWatches(milliseconds: 0)
        // A turn takes its time: one that always has something to do must not stop the clock.
        if clock.advancesByItself { clock.advance(by: .microseconds(10)) }
        collect()
        guard ready.isEmpty, readyWatches.isEmpty, orphaned.isEmpty, timeout != 0 else { return }
        let start = nanoseconds
        let limit = timeout.map { start.addingReportingOverflow($0).partialValue }
        let next = [order.compactMap { due($0) }.min(), limit].compactMap { $0 }.min()
        if let next, clock.advancesByItself {
            clock.advance(to: Instant(nanoseconds: next))
        } else {
            // Another thread ends the wait: by a job, or by moving the clock.
            readyWatches = pollWatches(milliseconds: next == nil ? -1 : 1)
        }
        collect()
    }

    private func collect() {
        let now = nanoseconds
        ready = order.filter { descriptor in due(descriptor).map { $0 <= now } ?? false }
        ready.shuffle(using: &random)
    }

    private func pollWatches(milliseconds: Int32) -> [Completion] {
        var polled = watches.filter { !$0.interest.isEmpty }.map { watch in
            let events =
                (watch.interest.contains(.readable) ? POLLIN : 0)
                | (watch.interest.contains(.writable) ? POLLOUT : 0)
            return (watch.token, pollfd(fd: watch.descriptor, events: Int16(events), revents: 0))
        }
        var descriptors = polled.map(\.1)
        guard poll(&descriptors, nfds_t(descriptors.count), milliseconds) > 0 else { return [] }
        for index in polled.indices { polled[index].1 = descriptors[index] }
        return polled.compactMap { token, result in
            let events = Int32(result.revents)
            let broken = events & Int32(POLLERR | POLLHUP | POLLNVAL) != 0
            var ready: Readiness = []
            if broken || events & Int32(POLLIN) != 0 { ready.insert(.readable) }
            if broken || events & Int32(POLLOUT) != 0 { ready.insert(.writable) }
            return ready.isEmpty ? nil : Completion(token: token, event: .ready(ready))
        }
    }

    func isWatched(_ token: Token) -> Bool {
        watches.contains { $0.token == token && !$0.interest.isEmpty }
    }

    func forgetWatch(_ token: Token) { watches.removeAll { $0.token == token } }

    func latency() -> UInt64 {
        let most = UInt64(faults.latencyMax / .nanoseconds(1))
        return most == 0 ? 0 : UInt64.random(in: 0...most, using: &random)
    }
}
