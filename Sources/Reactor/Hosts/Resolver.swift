/// A version of the Internet Protocol.
public enum AddressFamily: Sendable, Hashable, CaseIterable {
    /// 32 bits.
    case ipv4
    /// 128 bits.
    case ipv6
}

/// Finds the addresses of host names without blocking the loop it lives on.
///
/// ``EventLoop/resolver`` holds the one that a loop uses; tests put a scripted one there.
public protocol Resolver: AnyObject {
    /// Looks up the addresses of `host` in one family, for connecting to `port`, best first.
    ///
    /// Calls `answer` once, on the loop, and not before this call has returned; never after
    /// ``cancel(_:on:)``. An answer without addresses means that the family has none.
    func lookUp(
        _ host: String, port: UInt16, family: AddressFamily, on loop: isolated EventLoop,
        answer: @escaping (Result<[SocketAddress], ResolutionError>) -> Void
    ) -> LookUp

    /// Ends a look-up that nobody waits for any more; does nothing if it has been answered.
    func cancel(_ lookUp: LookUp, on loop: isolated EventLoop)
}

/// Names a look-up under way, among those of one resolver.
public struct LookUp: Sendable, Hashable {
    /// Its number.
    public let number: UInt64

    /// A look-up by its number, for resolvers.
    public init(number: UInt64) { self.number = number }
}

/// A host name that could not be resolved, with the resolver's own text.
public struct ResolutionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: Sendable, Hashable {
        /// Nobody knows the name (now), or it has no addresses.
        case unknown
        /// The resolver says that another try may succeed.
        case temporary
        /// No answer came in time.
        case timedOut
        /// Too many look-ups wait already.
        case overloaded
        /// The loop stopped, or whoever asked did not want to know any more.
        case cancelled
    }

    /// The name that was asked for.
    public var host: String
    /// What the resolver said.
    public var message: String
    /// What kind of failure it was.
    public var code: Code

    /// Describes why `host` was not resolved.
    public init(host: String, message: String, code: Code = .unknown) {
        self.host = host
        self.message = message
        self.code = code
    }

    /// The name and the resolver's text.
    public var description: String { "\(host): \(message)" }
}
