internal import Glibc

/// A race for a connection to a host, by the rules of ``HappyEyeballs``.
final class HostConnection: Dependant {
    typealias Outcome = Result<ConnectionAttempt, ConnectionError>

    private let host: String
    private let port: UInt16
    private let options: ChannelOptions
    private let eyeballs: HappyEyeballsOptions
    private let allows: ((SocketAddress) -> Bool)?
    /// The winner, or why there is none; `nil` while it is open.
    private(set) var outcome: Outcome?
    /// Where the winner is connected to.
    private(set) var winner: SocketAddress?
    /// Who waits for that.
    var waiter: UnsafeContinuation<Void, Never>?
    private var machine = HappyEyeballs()
    private var lookUps: [LookUp] = []
    private var resolver: (any Resolver)?
    private var running: [Int: ConnectionAttempt] = [:]
    private var attempts: [ConnectionError.Attempt] = []
    private var failures: [ResolutionError] = []
    private var deadline: Timer?
    private var attemptTimer: Timer?
    private var resolutionTimer: Timer?
    private var registration: UInt64?
    private var isOver = false

    init(
        _ host: String, _ port: UInt16, _ options: ChannelOptions, _ eyeballs: HappyEyeballsOptions,
        _ allows: ((SocketAddress) -> Bool)?
    ) {
        self.host = host
        self.port = port
        self.options = options
        self.eyeballs = eyeballs
        self.allows = allows
    }

    func start(timeout: Duration, registration: UInt64, on loop: isolated EventLoop) {
        self.registration = registration
        deadline = loop.schedule(after: timeout) { self.end(.timedOut, ETIMEDOUT, on: loop) }
        if let address = SocketAddress(host: host.withoutBrackets, port: port) {
            // Neither answer makes the machine give up before the other is in.
            act(on: machine.answered(.ipv6, [address]), on: loop)
            if !isOver { act(on: machine.answered(.ipv4, []), on: loop) }
            return
        }
        let resolver = loop.resolver
        self.resolver = resolver
        for family in [AddressFamily.ipv6, .ipv4] {
            let lookUp = resolver.lookUp(host, port: port, family: family, on: loop) { answer in
                self.resolved(family, answer, on: loop)
            }
            lookUps.append(lookUp)
        }
    }

    private func resolved(
        _ family: AddressFamily, _ answer: Result<[SocketAddress], ResolutionError>,
        on loop: isolated EventLoop
    ) {
        guard !isOver else { return }
        switch answer {
        case .success(let addresses): act(on: machine.answered(family, addresses), on: loop)
        case .failure(let error):
            failures.append(error)
            act(on: machine.answered(family, []), on: loop)
        }
    }

    private func act(on action: HappyEyeballs.Action, on loop: isolated EventLoop) {
        var action = action
        while !isOver {
            switch action {
            case .wait: return
            case .awaitResolution:
                resolutionTimer = loop.schedule(after: eyeballs.resolutionDelay) {
                    self.resolutionTimer = nil
                    self.act(on: self.machine.resolutionDelayElapsed(), on: loop)
                }
                return
            case .connect(let address):
                if begin(address, on: loop) { return armAttemptTimer(on: loop) }
                action = machine.attemptFailed()
            case .giveUp:
                return end(attempts.isEmpty ? .unresolved : .failed, ECANCELED, on: loop)
            }
        }
    }

    private func armAttemptTimer(on loop: isolated EventLoop) {
        if let attemptTimer { loop.cancel(attemptTimer) }
        attemptTimer = loop.schedule(after: eyeballs.attemptDelay) {
            self.attemptTimer = nil
            self.act(on: self.machine.attemptDelayElapsed(), on: loop)
        }
    }

    /// Starts an attempt; `false` if it has failed already.
    private func begin(_ address: SocketAddress, on loop: isolated EventLoop) -> Bool {
        let index = attempts.count
        // Until it is known better: what is under way when the time is up.
        attempts.append(.init(address: address, error: .timedOut("connect")))
        guard allows?(address) ?? true else {
            attempts[index].error = SystemError("connect", code: EACCES)
            return false
        }
        do throws(SystemError) {
            running[index] = try ConnectionAttempt.start(
                to: address, options: options, on: loop
            ) { code in self.attempt(index, endedWith: code, on: loop) }
            return true
        } catch {
            attempts[index].error = error
            return false
        }
    }

    private func attempt(_ index: Int, endedWith code: Int32, on loop: isolated EventLoop) {
        guard !isOver, let attempt = running.removeValue(forKey: index) else { return }
        guard code != 0 else {
            leave(on: loop)
            winner = attempts[index].address
            return finish(.success(attempt))
        }
        attempts[index].error = SystemError("connect", code: code)
        act(on: machine.attemptFailed(), on: loop)
    }

    private func end(
        _ code: ConnectionError.Code, _ running: Int32, on loop: isolated EventLoop
    ) {
        guard !isOver else { return }
        for index in self.running.keys {
            attempts[index].error = SystemError("connect", code: running)
        }
        leave(on: loop)
        finish(
            .failure(
                ConnectionError(
                    host: host, port: port, code: code, resolution: failures, attempts: attempts)))
    }

    func cancel(on loop: isolated EventLoop) { end(.cancelled, ECANCELED, on: loop) }

    func loopStops(_ loop: isolated EventLoop) { end(.cancelled, ECANCELED, on: loop) }

    /// Lets go of everything that is under way.
    private func leave(on loop: isolated EventLoop) {
        isOver = true
        for timer in [deadline, attemptTimer, resolutionTimer] {
            if let timer { loop.cancel(timer) }
        }
        for lookUp in lookUps { resolver?.cancel(lookUp, on: loop) }
        for attempt in running.values { attempt.cancel(on: loop) }
        running = [:]
        if let registration { loop.detach(registration) }
    }

    private func finish(_ outcome: Outcome) {
        self.outcome = outcome
        waiter.take()?.resume()
    }
}

extension String {
    /// `[::1]` as people write it next to a port.
    fileprivate var withoutBrackets: String {
        hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
    }
}
