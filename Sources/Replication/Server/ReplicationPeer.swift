public import Reactor

/// A worker's connection, as the main knows it.
public struct ReplicationPeer: Sendable, Hashable {
    /// A number that no other connection of this server has or had.
    public let id: Int
    /// What the worker calls itself; nil until it has said so.
    public internal(set) var name: String?
    /// Where it connected from.
    public let address: SocketAddress?
}

extension ReplicationPeer: CustomStringConvertible {
    /// The name and number, for logs.
    public var description: String { "\(name ?? "unnamed")-\(id)" }
}
