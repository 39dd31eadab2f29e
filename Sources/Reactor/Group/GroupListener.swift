internal import Synchronization

/// An address on which a group's loops listen, until ``close()`` or the group stops.
public final class GroupListener: Sendable {
    final class Counter: Sendable {
        let accepted = Atomic(0)
    }

    /// What a loop has been given and has.
    public struct LoopStatistics: Sendable, Hashable {
        /// Connections to the listener that were this loop's.
        public var accepted: Int
        /// Open channels of the loop, whatever they came from.
        public var channels: Int
    }

    /// Where the group listens, with the real port where 0 was asked for.
    public let localAddress: SocketAddress
    private let group: EventLoopGroup
    private let member: LoopLocal<GroupMember>
    private let counters: [Counter]

    init(
        _ group: EventLoopGroup, _ address: SocketAddress, _ member: LoopLocal<GroupMember>,
        _ counters: [Counter]
    ) {
        self.group = group
        localAddress = address
        self.member = member
        self.counters = counters
    }

    /// Connections so far by loop, in the order of the group's loops. Any thread.
    public var accepted: [Int] { counters.map { $0.accepted.load(ordering: .relaxed) } }

    /// What each loop has, in the order of the group's loops. Asks every loop, so the group must
    /// not have stopped.
    public func statistics() async -> [LoopStatistics] {
        let channels = await group.onEach { $0.channelCount }
        return zip(accepted, channels).map { LoopStatistics(accepted: $0, channels: $1) }
    }

    /// Stops listening and frees the address. Channels that were accepted go on; a connection that
    /// is being handed from one loop to another is closed. The group must not have stopped.
    public func close() async { await group.leave(member) }
}
