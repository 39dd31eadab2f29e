internal import CReactor
internal import Glibc

/// Completions from io_uring(7).
///
/// Accepting and receiving are multishot requests: armed once, they complete for every connection
/// and for every arrival of bytes, the latter in buffers that the kernel takes from a pool. Changes
/// of what a descriptor should do are noted and applied once, before the loop sleeps; one system
/// call per turn submits everything and waits.
///
/// A paused stream keeps its receive request until bytes arrive: most pauses are short and cost
/// nothing so. What arrives nevertheless is held and delivered, in order, when it is resumed.
final class UringDriver: Driver {
    enum Role: UInt8 {
        case none, listener, stream, connecting, watch
    }

    /// A kind of request, in the four bits of `user_data` that a token leaves.
    enum Request: UInt64 {
        /// Cancellations and the like, whose completions mean nothing.
        case none, accept, receive, send, connect, poll, errors
        /// A poll for room in a socket that a file is sent to.
        case room

        func userData(_ token: Token) -> UInt64 { token.packed | rawValue << 60 }
    }

    struct State: OptionSet {
        let rawValue: UInt16
        /// The role's own request is with the kernel.
        static let active = State(rawValue: 1)
        /// It is being cancelled.
        static let cancelling = State(rawValue: 2)
        static let sending = State(rawValue: 4)
        /// A poll for errors is with the kernel.
        static let errors = State(rawValue: 8)
        /// Nothing more comes from a stream: FIN or failure.
        static let inputEnded = State(rawValue: 16)
        /// An error was told; there is no other.
        static let errorsEnded = State(rawValue: 32)
        /// Listed in `changed`.
        static let changed = State(rawValue: 64)
        /// Has an entry in `held`.
        static let held = State(rawValue: 128)
        /// Has received since it was armed.
        static let fed = State(rawValue: 256)
    }

    struct Slot {
        var role = Role.none
        var state: State = []
        var descriptor: Int32 = -1
        var generation: UInt32 = 0
        /// What is wanted: poll(2) events of a watch, else 0 (paused) or 1.
        var interest: UInt32 = 0
        /// The events that the watch's poll was armed with.
        var armed: UInt32 = 0
    }

    /// What nearly every completion touches, out of reach of run-time checks.
    struct Core: ~Copyable {
        var ring: UringRing
        var slots: [Slot] = []
        /// Slots whose requests may not be what is wanted of them.
        var changed: [Token] = []
        /// Those of them that come last, having used up the receive buffers of others.
        var changedLate: [Token] = []
        var applying: [Token] = []
        var held: [UInt32: HeldInput] = [:]
        /// Resumed streams with held input.
        var released: [Token] = []
        var lentBuffer: UInt16?
        var lentInput: HeldInput?
        /// How many completions the current round may still report.
        var remaining = 0
        /// Slots with a poll for room.
        var waitingForRoom: Set<UInt32> = []
        /// Requests that the kernel will complete, without cancellations.
        var requestsUnderWay = 0
        var waitCount = 0
        /// Receives that ended because all buffers were full.
        var starvedCount = 0

        init(_ ring: consuming UringRing) { self.ring = ring }

        mutating func beginApplying() {
            changed.append(contentsOf: changedLate)
            changedLate.removeAll(keepingCapacity: true)
            swap(&changed, &applying)
        }
    }

    let core: Owned<Core>

    var ring: UringRing {
        @inline(__always) _read { yield core.value.ring }
        @inline(__always) _modify { yield &core.value.ring }
    }

    var slots: [Slot] {
        @inline(__always) _read { yield core.value.slots }
        @inline(__always) _modify { yield &core.value.slots }
    }

    /// What is used of the kernel, for logs.
    let summary: String

    init(_ abilities: UringAbilities, sizes: UringSizes? = nil) throws(SystemError) {
        let sizes = sizes ?? .standard(abilities)
        core = Owned(Core(try UringRing(sizes, abilities: abilities)))
        summary =
            "io_uring: deferred task work, multishot accept and receive into "
            + "\(sizes.bufferCount) buffers of \(sizes.bufferSize) bytes, \(abilities.summary)"
    }

    /// A driver, if this process may use io_uring.
    static func probed() throws(SystemError) -> UringDriver {
        switch UringProbe.outcome {
        case .usable(let abilities): return try UringDriver(abilities)
        case .obstacle(let error): throw error
        }
    }

    var pollDescriptor: Int32 { ring.pollDescriptor }
    var isQuiet: Bool { core.value.requestsUnderWay == 0 }

    func begin(hosted: Bool) {
        if !ring.isEnabled { ring.enable(hosted: hosted) }
    }

    // MARK: Registration

    func accept(on descriptor: Int32, token: Token) throws(SystemError) {
        // Some kernels complete an accept on a non-blocking socket at once, with EAGAIN.
        let flags = fcntl(descriptor, F_GETFL)
        try system("fcntl") { fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
        register(.listener, descriptor, interest: 1, token)
    }

    func receive(from descriptor: Int32, token: Token) throws(SystemError) {
        register(.stream, descriptor, interest: 1, token)
    }

    func watch(_ descriptor: Int32, for interest: Readiness, token: Token) throws(SystemError) {
        let code = creactor_pollable(descriptor)
        precondition(code != EBADF, "a watch was given a descriptor that is not open")
        guard code == 0 else { throw SystemError("io_uring_prep_poll_add", code: code) }
        // Until the loop begins, the ring tells of nothing; this is the wake-up.
        if !ring.isEnabled { try ring.poll(descriptor) }
        register(.watch, descriptor, interest: UringDriver.events(interest), token)
    }

    func connect(
        _ descriptor: Int32, to address: SocketAddress, token: Token
    ) throws(SystemError) {
        register(.connecting, descriptor, interest: 1, token)
        let userData = Request.connect.userData(token)
        try address.withSockaddr { pointer, length throws(SystemError) in
            ring.queue { creactor_uring_connect($0, descriptor, pointer, length, userData) }
        }
        began(.active, Int(token.slot))
    }

    private func register(
        _ role: Role, _ descriptor: Int32, interest: UInt32, _ token: Token
    ) {
        let slot = Int(token.slot)
        while slots.count <= slot { slots.append(Slot()) }
        slots[slot] = Slot(
            role: role, state: slots[slot].state.intersection(.changed), descriptor: descriptor,
            generation: token.generation, interest: interest)
        change(token)
    }

    func update(_ descriptor: Int32, for interest: Readiness, token: Token) {
        slots[Int(token.slot)].interest = UringDriver.events(interest)
        change(token)
    }

    func setAccepting(_ enabled: Bool, on descriptor: Int32, token: Token) {
        slots[Int(token.slot)].interest = enabled ? 1 : 0
        change(token)
    }

    func setReceiving(_ enabled: Bool, on descriptor: Int32, token: Token) {
        let slot = Int(token.slot)
        slots[slot].interest = enabled ? 1 : 0
        if enabled, slots[slot].state.contains(.held) { core.value.released.append(token) }
        change(token)
    }

    func isCurrent(_ token: Token) -> Bool {
        let slot = Int(token.slot)
        return slot < slots.count && slots[slot].generation == token.generation
            && slots[slot].role != .none
    }

    private static func events(_ interest: Readiness) -> UInt32 {
        (interest.contains(.readable) ? UInt32(POLLIN) : 0)
            | (interest.contains(.writable) ? UInt32(POLLOUT) : 0)
    }

    // MARK: Sending

    func send(
        _ vector: UnsafeBufferPointer<iovec>, on descriptor: Int32, token: Token
    ) -> SendOutcome {
        guard let base = vector.baseAddress, !vector.isEmpty else { return .sent(0) }
        let userData = Request.send.userData(token)
        ring.queue { creactor_uring_send($0, descriptor, base, vector.count, userData) }
        began(.sending, Int(token.slot))
        return .inFlight
    }

    func sendFile(
        _ file: Int32, from offset: Int64, count: Int, on descriptor: Int32, token: Token
    ) -> SendOutcome {
        // A splice of the ring's would go through its worker threads and a pipe; the bytes are in
        // memory, so that the plain call does not wait either.
        let outcome = sendFile(file, from: offset, count: count, on: descriptor)
        if case .blocked = outcome, core.value.waitingForRoom.insert(token.slot).inserted {
            let userData = Request.room.userData(token)
            ring.queue { creactor_uring_poll($0, descriptor, UInt32(POLLOUT), userData) }
            core.value.requestsUnderWay += 1
        }
        return outcome
    }

    // MARK: Forgetting

    func forget(_ descriptor: Int32, token: Token) {
        guard isCurrent(token) else { return }
        let slot = slots[Int(token.slot)]
        slots[Int(token.slot)] = Slot(state: slot.state.intersection(.changed))
        if slot.state.contains(.held) { core.value.held[token.slot] = nil }
        if slot.state.contains(.sending) { end(.send, token) }
        if !core.value.waitingForRoom.isEmpty, core.value.waitingForRoom.remove(token.slot) != nil {
            end(.room, token)
        }
        if slot.state.contains(.errors) { end(.errors, token) }
        guard slot.state.contains(.active) else { return }
        switch slot.role {
        case .none: break
        case .stream: if !slot.state.contains(.cancelling) { end(.receive, token) }
        case .connecting: end(.connect, token)
        case .watch: if !slot.state.contains(.cancelling) { end(.poll, token) }
        case .listener:
            // A request keeps its socket open, and an address must be free once its listener is
            // closed.
            ring.queue { creactor_uring_cancel_all($0, descriptor) }
            ring.wait(0)
        }
    }

    private func end(_ request: Request, _ token: Token) {
        let userData = request.userData(token)
        // What has not been submitted yet must not be: its descriptor may soon name another file.
        if request == .send || request == .connect || ring.hasLeftOver, ring.revoke(userData) {
            return
        }
        ring.queue { creactor_uring_cancel($0, userData) }
    }

    // MARK: Waiting

    func submit() {
        recycle()
        applyChanges()
        if !core.value.released.isEmpty || ring.hasBacklog {
            // A host polls the ring alone, which must become readable for these.
            ring.queue { creactor_uring_cancel($0, 0) }
        }
        ring.submit()
    }

    func wait(timeout: UInt64?) {
        core.value.waitCount += 1
        recycle()
        applyChanges()
        let mayWait = core.value.released.isEmpty && !ring.hasBacklog
        let limit = timeout.map { Int64(clamping: $0) } ?? -1
        ring.wait(mayWait ? limit : 0)
        core.value.remaining = ring.completionCount
    }

    /// Notes that a slot's requests may not be what is wanted any more.
    func change(_ token: Token, late: Bool = false) {
        guard !slots[Int(token.slot)].state.contains(.changed) else { return }
        slots[Int(token.slot)].state.insert(.changed)
        if late {
            core.value.changedLate.append(token)
        } else {
            core.value.changed.append(token)
        }
    }

    private func applyChanges() {
        guard !core.value.changed.isEmpty || !core.value.changedLate.isEmpty else { return }
        core.value.beginApplying()
        for index in core.value.applying.indices {
            let token = core.value.applying[index]
            let slot = Int(token.slot)
            slots[slot].state.remove(.changed)
            // A slot that was reused is listed under its old token, once.
            apply(Token(slot: token.slot, generation: slots[slot].generation))
        }
        core.value.applying.removeAll(keepingCapacity: true)
    }

    func began(_ state: State, _ slot: Int) {
        slots[slot].state.insert(state)
        core.value.requestsUnderWay += 1
    }
}
