internal import CReactor
internal import Glibc

/// The portable backend: readiness from epoll(7), level-triggered, turned into completions.
///
/// Sends are tried at once and EPOLLOUT is armed only after EAGAIN; a readable socket is received
/// from once per event, at dispatch, into the one buffer of the loop. Level-triggered registration
/// was measured as fast as edge-triggered and cannot lose an event.
final class EpollDriver: Driver {
    private enum Role {
        case none, listener, stream, connecting, watch
    }

    /// What the kernel was told about a descriptor, by slot.
    private struct Registration {
        var role = Role.none
        var descriptor: Int32 = -1
        var generation: UInt32 = 0
        /// What epoll watches for now.
        var armed: UInt32 = 0
        /// Not in the epoll set: a hung-up socket that may not be read is reported for ever.
        var detached = false
        var inputEnded = false
    }

    private static let eventsMax = 512
    private static let acceptsMax = 64
    private static let bufferSize = 65536

    private let poll: Descriptor
    /// By slot; out of reach of run-time checks, since every event looks here.
    private let table = Owned<[Registration]>([])
    private var registrations: [Registration] {
        @inline(__always) _read { yield table.value }
        @inline(__always) _modify { yield &table.value }
    }
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private let buffer: UnsafeMutableRawPointer
    private var eventCount = 0
    private var nextEvent = 0
    /// What is left to report of the event at hand.
    private var pending: UInt32 = 0
    private var acceptsLeft = 0

    init() throws(SystemError) {
        poll = Descriptor(owning: try system("epoll_create1") { creactor_epoll_create() })
        events = .allocate(capacity: EpollDriver.eventsMax)
        events.initialize(repeating: epoll_event())
        buffer = .allocate(byteCount: EpollDriver.bufferSize, alignment: 64)
    }

    deinit {
        events.deallocate()
        buffer.deallocate()
    }

    static let summary = "epoll: level-triggered"

    var pollDescriptor: Int32 { poll.raw }
    var isQuiet: Bool { true }

    func submit() {}

    // MARK: Registration

    func accept(on descriptor: Int32, token: Token) throws(SystemError) {
        try add(descriptor, .listener, creactor_epollin, token)
    }

    func receive(from descriptor: Int32, token: Token) throws(SystemError) {
        let slot = Int(token.slot)
        if slot < registrations.count, registrations[slot].role == .connecting,
            registrations[slot].generation == token.generation
        {
            registrations[slot].role = .stream
            arm(creactor_epollin, descriptor, token)
        } else {
            try add(descriptor, .stream, creactor_epollin, token)
        }
    }

    func watch(_ descriptor: Int32, for interest: Readiness, token: Token) throws(SystemError) {
        try add(descriptor, .watch, EpollDriver.mask(interest), token)
        if interest.isEmpty { detach(descriptor, token) }
    }

    func update(_ descriptor: Int32, for interest: Readiness, token: Token) {
        let slot = Int(token.slot)
        let wanted = EpollDriver.mask(interest)
        if wanted == 0 {
            // Hang-ups are reported whatever is asked for, again and again.
            if !registrations[slot].detached { detach(descriptor, token) }
            registrations[slot].armed = 0
        } else if registrations[slot].detached {
            attach(wanted, descriptor, token)
        } else {
            arm(wanted, descriptor, token)
        }
    }

    func setAccepting(_ enabled: Bool, on descriptor: Int32, token: Token) {
        arm(enabled ? creactor_epollin : 0, descriptor, token)
    }

    func setReceiving(_ enabled: Bool, on descriptor: Int32, token: Token) {
        let slot = Int(token.slot)
        guard !registrations[slot].inputEnded else { return }
        let armed = registrations[slot].armed
        let wanted = enabled ? armed | creactor_epollin : armed & ~creactor_epollin
        if registrations[slot].detached {
            if enabled { attach(wanted, descriptor, token) }
        } else {
            arm(wanted, descriptor, token)
        }
    }

    func connect(
        _ descriptor: Int32, to address: SocketAddress, token: Token
    ) throws(SystemError) {
        try address.withSockaddr { pointer, length throws(SystemError) in
            do throws(SystemError) {
                try system("connect") { Glibc.connect(descriptor, pointer, length) }
            } catch {
                guard error.code == EINPROGRESS else { throw error }
            }
        }
        try add(descriptor, .connecting, creactor_epollout, token)
    }

    func forget(_ descriptor: Int32, token: Token) {
        let slot = Int(token.slot)
        guard slot < registrations.count, registrations[slot].generation == token.generation,
            registrations[slot].role != .none
        else { return }
        if !registrations[slot].detached {
            // Closing would do, were it not for duplicates that a child process may hold.
            control(EPOLL_CTL_DEL, descriptor, 0, token)
        }
        registrations[slot] = Registration()
    }

    private func add(
        _ descriptor: Int32, _ role: Role, _ interest: UInt32, _ token: Token
    ) throws(SystemError) {
        let slot = Int(token.slot)
        while registrations.count <= slot { registrations.append(Registration()) }
        try system("epoll_ctl") {
            creactor_epoll_control(
                poll.raw, EPOLL_CTL_ADD, descriptor, interest, token.packed)
        }
        registrations[slot] = Registration(
            role: role, descriptor: descriptor, generation: token.generation, armed: interest)
    }

    private func arm(_ interest: UInt32, _ descriptor: Int32, _ token: Token) {
        let slot = Int(token.slot)
        guard registrations[slot].armed != interest else { return }
        registrations[slot].armed = interest
        guard !registrations[slot].detached else { return }
        control(EPOLL_CTL_MOD, descriptor, interest, token)
    }

    private func attach(_ interest: UInt32, _ descriptor: Int32, _ token: Token) {
        control(EPOLL_CTL_ADD, descriptor, interest, token)
        registrations[Int(token.slot)].detached = false
        registrations[Int(token.slot)].armed = interest
    }

    private func detach(_ descriptor: Int32, _ token: Token) {
        control(EPOLL_CTL_DEL, descriptor, 0, token)
        registrations[Int(token.slot)].detached = true
    }

    private func control(
        _ operation: Int32, _ descriptor: Int32, _ interest: UInt32, _ token: Token
    ) {
        let result = creactor_epoll_control(
            poll.raw, operation, descriptor, interest, token.packed)
        // A foreign descriptor may have been closed by its library before it was cancelled here;
        // ENOMEM alone could make a change fail otherwise, and the kernel does not fail those.
        precondition(
            result == 0 || registrations[Int(token.slot)].role == .watch, "epoll_ctl failed")
    }

    private static func mask(_ interest: Readiness) -> UInt32 {
        (interest.contains(.readable) ? creactor_epollin : 0)
            | (interest.contains(.writable) ? creactor_epollout : 0)
    }

    // MARK: Sending

    func send(
        _ vector: UnsafeBufferPointer<iovec>, on descriptor: Int32, token: Token
    ) -> SendOutcome {
        guard let base = vector.baseAddress else { return .sent(0) }
        while true {
            let count = creactor_send(descriptor, base, vector.count)
            if count >= 0 { return .sent(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                arm(registrations[Int(token.slot)].armed | creactor_epollout, descriptor, token)
                return .blocked
            case let code: return .failed(code)
            }
        }
    }

    func sendFile(
        _ file: Int32, from offset: Int64, count: Int, on descriptor: Int32, token: Token
    ) -> SendOutcome {
        let outcome = sendFile(file, from: offset, count: count, on: descriptor)
        if case .blocked = outcome {
            arm(registrations[Int(token.slot)].armed | creactor_epollout, descriptor, token)
        }
        return outcome
    }

    // MARK: Completions

    func wait(timeout: UInt64?) {
        nextEvent = 0
        pending = 0
        // Rounded up: waking a millisecond early would only mean to wait again.
        let milliseconds = timeout.map { Int32(clamping: ($0 + 999_999) / 1_000_000) } ?? -1
        let count = epoll_wait(
            poll.raw, events.baseAddress, Int32(EpollDriver.eventsMax), milliseconds)
        precondition(count >= 0 || errno == EINTR, "epoll_wait failed")
        eventCount = max(0, Int(count))
    }

    func next() -> Completion? {
        while nextEvent < eventCount {
            let token = Token(packed: events[nextEvent].data.u64)
            let slot = Int(token.slot)
            // Earlier completions of this round may have ended or replaced this descriptor.
            guard registrations[slot].generation == token.generation,
                registrations[slot].role != .none
            else {
                advance()
                continue
            }
            if pending == 0 {
                pending = events[nextEvent].events
                acceptsLeft = EpollDriver.acceptsMax
            }
            if let event = report(slot, token) {
                if pending == 0 { advance() }
                return Completion(token: token, event: event)
            }
            advance()
        }
        return nil
    }

    private func advance() {
        nextEvent += 1
        pending = 0
    }

    /// Reports one thing of `pending` and takes it out; `nil` when nothing is left to say.
    private func report(_ slot: Int, _ token: Token) -> Completion.Event? {
        let descriptor = registrations[slot].descriptor
        switch registrations[slot].role {
        case .none: return nil
        case .watch:
            var ready: Readiness = []
            if pending & (creactor_epollin | creactor_epollhup | creactor_epollerr) != 0 {
                ready.insert(.readable)
            }
            if pending & (creactor_epollout | creactor_epollhup | creactor_epollerr) != 0 {
                ready.insert(.writable)
            }
            pending = 0
            return registrations[slot].armed == 0 ? nil : .ready(ready)
        case .connecting:
            pending = 0
            arm(0, descriptor, token)
            return .connected(creactor_socket_error(descriptor))
        case .listener: return reportAccepted(descriptor)
        case .stream: return reportStream(slot, descriptor, token)
        }
    }

    private func reportAccepted(_ descriptor: Int32) -> Completion.Event? {
        while acceptsLeft > 0 {
            acceptsLeft -= 1
            let accepted = creactor_accept(descriptor)
            if accepted >= 0 { return .accepted(accepted) }
            switch errno {
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTDOWN, ENONET, EHOSTUNREACH,
                ENETUNREACH:
                // Errors of one connection that died in the backlog: accept(2), "Error handling".
                continue
            case EAGAIN:
                pending = 0
                return nil
            case let code:
                pending = 0
                return .acceptFailed(code)
            }
        }
        pending = 0
        return nil
    }

    private func reportStream(
        _ slot: Int, _ descriptor: Int32, _ token: Token
    ) -> Completion.Event? {
        if pending & creactor_epollout != 0 {
            pending &= ~creactor_epollout
            arm(registrations[slot].armed & ~creactor_epollout, descriptor, token)
            return .writable
        }
        let events = pending
        pending = 0
        let wantsInput = registrations[slot].armed & creactor_epollin != 0
        guard wantsInput else {
            // Paused, or its input has ended: epoll reports errors and hang-ups all the same.
            if events & creactor_epollerr != 0 {
                detach(descriptor, token)
                return .receiveFailed(creactor_socket_error(descriptor))
            }
            if events & creactor_epollhup != 0 { detach(descriptor, token) }
            return nil
        }
        while true {
            let count = creactor_receive(descriptor, buffer, EpollDriver.bufferSize)
            if count > 0 {
                return .received(UnsafeRawBufferPointer(start: buffer, count: count))
            }
            if count == 0 {
                registrations[slot].inputEnded = true
                arm(registrations[slot].armed & ~creactor_epollin, descriptor, token)
                return .endOfInput
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: return nil
            case let code: return .receiveFailed(code)
            }
        }
    }
}
