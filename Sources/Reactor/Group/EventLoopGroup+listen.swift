internal import Glibc
internal import Synchronization

extension EventLoopGroup {
    /// How the connections to an address are spread over a group's loops.
    public enum Spreading: Sendable, Hashable {
        /// ``kernel`` for TCP, ``roundRobin`` for Unix sockets, whose connections the kernel
        /// does not spread.
        case automatic
        /// A listener per loop on one address (SO_REUSEPORT): no loop has to do with another's
        /// connections, and accepting scales with the loops. The kernel chooses by a hash of
        /// both ends' addresses: many connections come out even, a few do not, and a loop that is
        /// busy is given as many as one that is idle.
        case kernel
        /// One loop accepts and hands each connection to the next loop, itself included: even to
        /// the connection, for few and long ones. Costs a message per connection.
        case roundRobin
    }

    /// Listens on `address` with all loops.
    ///
    /// `acceptor` is called once on each loop and returns what makes the handlers of that loop's
    /// channels, as the closure of ``EventLoop/listen(on:options:accept:)`` does: it is formed on
    /// the loop, so it may hold what lives there. Throws what listening throws; no loop listens
    /// then. The group must not have stopped.
    public func listen(
        on address: SocketAddress, options: ListenerOptions = ListenerOptions(),
        spreading: Spreading = .automatic,
        acceptor: @escaping @Sendable (isolated EventLoop) -> (Channel) -> any ChannelHandler
    ) async throws(SystemError) -> GroupListener {
        let member = LoopLocal<GroupMember>()
        _ = await onEach { loop in
            member.set(GroupMember(address, options, acceptor(loop)), on: loop)
        }
        let counters = loops.map { _ in GroupListener.Counter() }
        let real: SocketAddress
        if loops.count > 1, isSharded(address, spreading) {
            real = try await listenOnEach(address, options, member, counters)
        } else {
            real = try await listenOnOne(address, options, member, counters)
        }
        return GroupListener(self, real, member, counters)
    }

    private func isSharded(_ address: SocketAddress, _ spreading: Spreading) -> Bool {
        if case .unix = address { return false }
        return spreading != .roundRobin
    }

    private func listenOnEach(
        _ address: SocketAddress, _ options: ListenerOptions, _ member: LoopLocal<GroupMember>,
        _ counters: [GroupListener.Counter]
    ) async throws(SystemError) -> SocketAddress {
        var options = options
        options.reusePort = true
        var real = address
        for (index, loop) in loops.enumerated() {
            let counter = counters[index]
            let outcome = await loop.submit { [real, options] loop in
                GroupMember.listen(on: real, options, member, loop) { descriptor in
                    counter.accepted.add(1, ordering: .relaxed)
                    member.get(on: loop)?.adopt(Descriptor(owning: descriptor), on: loop)
                }
            }.value
            switch outcome {
            // With port 0 the first listener finds the port that the others share.
            case .success(let bound): real = bound
            case .failure(let error):
                await leave(member)
                throw error
            }
        }
        return real
    }

    private func listenOnOne(
        _ address: SocketAddress, _ options: ListenerOptions, _ member: LoopLocal<GroupMember>,
        _ counters: [GroupListener.Counter]
    ) async throws(SystemError) -> SocketAddress {
        let loops = loops
        // Several listeners should not all have the same loop accept for them.
        let outcome = await next().submit { loop in
            var turn = 0
            return GroupMember.listen(on: address, options, member, loop) { descriptor in
                counters[turn].accepted.add(1, ordering: .relaxed)
                let target = loops[turn]
                turn = (turn + 1) % loops.count
                if target === loop {
                    member.get(on: loop)?.adopt(Descriptor(owning: descriptor), on: loop)
                } else {
                    let handOff = HandOff(descriptor)
                    target.post { loop in handOff.arrive(member, on: loop) }
                }
            }
        }.value
        do {
            return try outcome.get()
        } catch {
            await leave(member)
            throw error
        }
    }

    func leave(_ member: LoopLocal<GroupMember>) async {
        _ = await onEach { loop in
            member.get(on: loop)?.listener?.close(on: loop)
            member.set(nil, on: loop)
        }
    }
}

/// What one loop has of a group's listener.
final class GroupMember {
    fileprivate var listener: Listener?
    private let accept: (Channel) -> any ChannelHandler
    private let options: ListenerOptions
    private let isTCP: Bool

    fileprivate init(
        _ address: SocketAddress, _ options: ListenerOptions,
        _ accept: @escaping (Channel) -> any ChannelHandler
    ) {
        isTCP = address.isTCP
        self.options = options
        self.accept = accept
    }

    /// Makes a loop's listener give the descriptors that it accepts to `take`.
    fileprivate static func listen(
        on address: SocketAddress, _ options: ListenerOptions, _ member: LoopLocal<GroupMember>,
        _ loop: isolated EventLoop, take: @escaping (Int32) -> Void
    ) -> Result<SocketAddress, SystemError> {
        guard let own = member.get(on: loop) else {
            return .failure(SystemError("listen", code: ECANCELED))
        }
        do throws(SystemError) {
            let listener = try loop.listen(on: address, options: options, accept: own.accept)
            // Nothing is accepted before the loop's next turn.
            listener.divert = take
            own.listener = listener
            return .success(listener.localAddress)
        } catch {
            return .failure(error)
        }
    }

    fileprivate func adopt(_ descriptor: consuming Descriptor, on loop: isolated EventLoop) {
        loop.adopt(descriptor, isTCP: isTCP, options: options, accept: accept)
    }
}

/// A connection on its way from the loop that accepted it to the one that will serve it. Closed if
/// it never arrives.
private final class HandOff: Sendable {
    private let descriptor: Atomic<Int32>

    init(_ descriptor: Int32) { self.descriptor = Atomic(descriptor) }

    deinit { _ = take() }

    /// The descriptor with its new owner; `nil` if it has one already.
    private func take() -> Descriptor? {
        let raw = descriptor.exchange(-1, ordering: .relaxed)
        return raw < 0 ? nil : Descriptor(owning: raw)
    }

    func arrive(_ member: LoopLocal<GroupMember>, on loop: isolated EventLoop) {
        // The listener may have been closed, or the loop stopped, since it was sent.
        guard !loop.isStopped, let member = member.get(on: loop), let descriptor = take() else {
            return
        }
        member.adopt(descriptor, on: loop)
    }
}
