package import CReactor

/// Names an operation's owner: a slot of the loop's table and the generation of its use, so that a
/// completion that arrives for a descriptor since closed and reused finds nobody.
package struct Token: Hashable, Sendable {
    package var slot: UInt32
    package var generation: UInt32

    /// The token in one number, as the kernel carries it. Generations use 28 bits, so that four
    /// remain for a driver's own purposes.
    package var packed: UInt64 { UInt64(generation & 0x0fff_ffff) << 32 | UInt64(slot) }

    package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation & 0x0fff_ffff
    }

    package init(packed: UInt64) {
        slot = UInt32(truncatingIfNeeded: packed)
        generation = UInt32(truncatingIfNeeded: packed >> 32) & 0x0fff_ffff
    }
}

/// What became of an operation.
package struct Completion {
    package enum Event {
        /// A listener has a new connection, whose descriptor now belongs to the receiver.
        case accepted(Int32)
        /// Accepting failed; `errno`.
        case acceptFailed(Int32)
        /// Bytes arrived. Lent until the driver is next called.
        case received(UnsafeRawBufferPointer)
        /// The peer will send nothing more.
        case endOfInput
        /// Receiving failed; `errno`. Nothing more will be received.
        case receiveFailed(Int32)
        /// A send that was `.blocked` can be tried again.
        case writable
        /// A send that was `.inFlight` took this many bytes.
        case sent(Int)
        /// A send that was `.inFlight` failed; `errno`.
        case sendFailed(Int32)
        /// A connection attempt ended: 0, or `errno`.
        case connected(Int32)
        /// A watched descriptor is ready.
        case ready(Readiness)
    }

    package var token: Token
    package var event: Event

    package init(token: Token, event: Event) {
        self.token = token
        self.event = event
    }
}

/// What became of a send at once.
package enum SendOutcome {
    /// The kernel took this many bytes, possibly fewer than offered.
    case sent(Int)
    /// The kernel takes nothing now; `.writable` will tell when to try again.
    case blocked
    /// The kernel reads the bytes until `.sent` or `.sendFailed`; keep them in place until then.
    case inFlight
    /// It failed; `errno`.
    case failed(Int32)
}

/// What the loop asks of a kernel interface, in the shape of completions.
///
/// A driver belongs to one loop and is called only on it. Operations name their owner by token;
/// accepting and receiving go on until ``forget(_:token:)``. Completions come only from
/// ``next()``, never from inside another call.
///
/// The package sees it, so that `ReactorTesting` can conform to it.
package protocol Driver: AnyObject {
    /// Readable when ``next()`` would have something: for hosts that poll.
    var pollDescriptor: Int32 { get }

    /// Called on the loop's thread before anything but ``watch(_:for:token:)`` is, and at will
    /// after that. `hosted`: somebody polls ``pollDescriptor``.
    func begin(hosted: Bool)

    /// The monotonic clock.
    var now: Instant { get }

    // MARK: Sockets, by default the kernel's

    /// A stream socket that can be connected to `address`, with its options.
    func openSocket(
        for address: SocketAddress, options: ChannelOptions
    ) throws(SystemError) -> Int32
    /// A listening socket, and where it listens. Accepted TCP sockets inherit its channel options.
    func openListener(
        on address: SocketAddress, options: ListenerOptions
    ) throws(SystemError) -> (descriptor: Int32, address: SocketAddress)
    /// Sets a socket's options.
    func configure(
        _ descriptor: Int32, _ options: ChannelOptions, isTCP: Bool) throws(SystemError)
    /// Sends a FIN behind what was sent.
    func shutdownOutput(_ descriptor: Int32)
    /// Makes closing send a reset.
    func resetOnClose(_ descriptor: Int32)
    /// Accepts what waits and closes it at once, with the help of a descriptor that is kept for
    /// this: given up first, opened again last (-1 if it could not be). Returns how many.
    func shed(_ listener: Int32, reserve: inout Int32) -> Int

    // MARK: Operations

    /// Accepts connections on a listening socket.
    func accept(on descriptor: Int32, token: Token) throws(SystemError)
    /// Suspends and resumes accepting.
    func setAccepting(_ enabled: Bool, on descriptor: Int32, token: Token)

    /// Receives from a connected socket.
    func receive(from descriptor: Int32, token: Token) throws(SystemError)
    /// Suspends and resumes receiving. Errors of the connection are told all the same.
    func setReceiving(_ enabled: Bool, on descriptor: Int32, token: Token)

    /// Sends a vector.
    func send(
        _ vector: UnsafeBufferPointer<iovec>, on descriptor: Int32, token: Token
    ) -> SendOutcome

    /// Sends bytes of a file that are in memory, without copying them; `.sent(0)` at its end. Fails
    /// with ENOSYS where this cannot be done.
    func sendFile(
        _ file: Int32, from offset: Int64, count: Int, on descriptor: Int32, token: Token
    ) -> SendOutcome

    /// Connects a socket. `.connected` tells the outcome, even when it is known at once.
    func connect(
        _ descriptor: Int32, to address: SocketAddress, token: Token)
        throws(SystemError)

    /// Tells when a foreign descriptor is ready, again and again while it is (level-triggered).
    func watch(_ descriptor: Int32, for interest: Readiness, token: Token) throws(SystemError)
    /// Changes the interest of a watched descriptor.
    func update(_ descriptor: Int32, for interest: Readiness, token: Token)

    /// Ends everything under way for a descriptor, which its owner closes next.
    func forget(_ descriptor: Int32, token: Token)

    /// Sends off what was queued, without waiting: a host may sleep in a poll of its own next.
    func submit()

    /// Whether the kernel has let go of everything that it was given. If not, completions follow.
    var isQuiet: Bool { get }

    /// Sends off what was queued and waits until something completes, at most `timeout`
    /// nanoseconds (`nil`: for ever, 0: not at all).
    func wait(timeout: UInt64?)

    /// The next completion that ``wait(timeout:)`` collected.
    func next() -> Completion?
}
